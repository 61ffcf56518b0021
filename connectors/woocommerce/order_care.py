"""What is done about an order after the sale: money back, notes for the customer and for the shop's people, parcels."""

from __future__ import annotations

import html
from urllib.parse import quote

from connectors.woocommerce import mapping_refund
from connectors.woocommerce.client import Call, WooClient
from connectors.woocommerce.mapping import JsonObject
from connectors.woocommerce.mapping_order import objects
from connectors.woocommerce.mapping_shipment import Language, Parcels, parcel_note
from syncd.channel.port import BuyerMessage, RefundOutcome, RefundRequest, RefundVerdict, Shipment
from syncd.errors import ChannelRefused

_REFUND_REFUSALS = ("woocommerce_rest_", "rest_invalid_param", "rest_missing_callback_param")
_ORDER_GONE = frozenset({"woocommerce_rest_shop_order_invalid_id", "woocommerce_rest_invalid_order_id"})


class OrderCare:
    """Through a client that the channel owns. `language` is that of the notes customers get about parcels."""

    def __init__(self, client: WooClient, source: str, language: Language) -> None:
        self._client = client
        self._source = source
        self._language = language

    async def order(self, order_id: str, operation: str) -> JsonObject | None:
        """The shop's record of an order; None if it knows no such order."""
        if not (order_id.isascii() and order_id.isdigit()):
            return None
        try:
            return await self._client.record(Call("GET", f"orders/{order_id}", operation))
        except ChannelRefused as refused:
            if refused.code in _ORDER_GONE:
                return None
            raise

    async def refunds(self, order_id: str, operation: str) -> list[JsonObject]:
        """An order's refunds, newest first."""
        return await self._client.rows(Call("GET", f"{_order(order_id)}/refunds", operation, {"per_page": "100"}))

    async def refund(self, request: RefundRequest) -> RefundOutcome:
        """By the payment gateway, or booked for a person; looks for an earlier one of the same reference first."""
        order = await self.order(request.order_id, "refund")
        if order is None:
            return RefundOutcome(RefundVerdict.REFUSED, message=f"the shop knows no order {request.order_id}")
        refunds = await self.refunds(request.order_id, "refund")
        earlier = mapping_refund.matching_refund(refunds, request)
        if earlier is not None:
            return mapping_refund.refund_outcome(earlier)
        problem = mapping_refund.problem_with(request, order, refunds)
        if problem is not None:
            return RefundOutcome(RefundVerdict.REFUSED, message=problem)
        query = {"_fields": "id,enabled,method_supports"}
        gateways = await self._client.rows(Call("GET", "payment_gateways", "refund", query))
        by_gateway = mapping_refund.gateway_refunds(gateways, str(order.get("payment_method") or ""))
        body = mapping_refund.refund_body(request, order, by_gateway=by_gateway)
        try:
            row = await self._client.record(Call("POST", f"{_order(request.order_id)}/refunds", "refund", body=body))
        except ChannelRefused as refused:
            if refused.code.startswith(_REFUND_REFUSALS):
                return RefundOutcome(RefundVerdict.REFUSED, message=refused.message)
            raise
        return mapping_refund.refund_outcome(row)

    async def find_refund(self, request: RefundRequest) -> RefundOutcome | None:
        """The refund row that carries the request's reference, whatever has become of it."""
        try:
            refunds = await self.refunds(request.order_id, "find_refund")
        except ChannelRefused as refused:
            if refused.code in _ORDER_GONE:
                return None
            raise
        row = mapping_refund.matching_refund(refunds, request)
        return None if row is None else mapping_refund.refund_outcome(row)

    async def message(self, message: BuyerMessage) -> None:
        """A note on the order that the shop mails to the customer."""
        text = message.body if not message.subject else f"{message.subject}\n\n{message.body}"
        await self._add_note(message.order_id, text, "message_buyer", to_customer=True)

    async def note(self, order_id: str, text: str, reference: str) -> None:
        """A note the shop's people see beside the order; it ends in its reference, by which it is known again."""
        mark = f"({reference})"
        notes = await self._notes(order_id, "note_order", "internal")
        if not any(_text(one).rstrip().endswith(mark) for one in notes):
            await self._add_note(order_id, f"{text.rstrip()} {mark}", "note_order", to_customer=False)

    async def acknowledge(self, shipment: Shipment) -> None:
        """Tell the customer of the parcel, write it into the order, and complete the order once all of it is sent.

        WooCommerce 9 knows no parcels: they are kept in meta data. The note goes first and is known by its text, so a
        repeat after any crash sends no second one.
        """
        operation = "acknowledge_shipment"
        order = await self.order(shipment.order_id, operation)
        if order is None:
            message = f"the shop knows no order {shipment.order_id}"
            raise ChannelRefused(self._source, operation, message, "unknown_order")
        parcels = Parcels.read(order).with_parcel(shipment)
        unknown = parcels.unknown_lines(order)
        if unknown:
            message = f"order {shipment.order_id} has no line {', '.join(unknown)}"
            raise ChannelRefused(self._source, operation, message, "unknown_line")
        text = parcel_note(shipment, order, self._language)
        notes = await self._notes(shipment.order_id, operation, "customer")
        if text and text not in map(_text, notes):
            await self._add_note(shipment.order_id, text, operation, to_customer=True)
        refunds = await self.refunds(shipment.order_id, operation) if objects(order.get("refunds")) else []
        body = parcels.changes(order, refunds)
        if body:
            await self._client.record(Call("PUT", _order(shipment.order_id), operation, body=body))

    async def _notes(self, order_id: str, operation: str, kind: str) -> list[JsonObject]:
        return await self._client.rows(Call("GET", f"{_order(order_id)}/notes", operation, {"type": kind}))

    async def _add_note(self, order_id: str, text: str, operation: str, *, to_customer: bool) -> None:
        # Mail and back office show the note as HTML.
        body = {"note": html.escape(text, quote=False), "customer_note": to_customer}
        await self._client.record(Call("POST", f"{_order(order_id)}/notes", operation, body=body))


def _order(order_id: str) -> str:
    return f"orders/{quote(order_id, safe='')}"


def _text(note: JsonObject) -> str:
    return html.unescape(str(note.get("note") or ""))

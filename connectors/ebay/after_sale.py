"""What is done about an order once it is sold: refunds, messages, invoices, parcels, the cancellation check."""

from __future__ import annotations

from collections import OrderedDict
from urllib.parse import quote

from connectors.ebay import mapping_invoice, mapping_refunds, mapping_shipment
from connectors.ebay.calls import Calls
from connectors.ebay.client_rest import RestCall
from connectors.ebay.mapping_errors import DUPLICATE_CODES
from connectors.ebay.mapping_xml import Reply, Unreadable, text
from syncd.channel.port import (
    BuyerMessage,
    Cancellability,
    InvoiceRequest,
    RefundOutcome,
    RefundRequest,
    Shipment,
)
from syncd.errors import ChannelRefused

REFUNDS_REMEMBERED_MAX = 10_000


class AfterSale:
    """One account's."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._refund_ids: OrderedDict[str, str] = OrderedDict()
        """The refund of each of our references, as far as this process has seen it; eBay keeps no reference."""

    async def refund(self, request: RefundRequest) -> RefundOutcome:
        """Fulfillment issue_refund; asynchronous at eBay, so PENDING is the usual good answer."""
        path = f"{_order_path(request.order_id)}/issue_refund"
        body = mapping_refunds.refund_request(request)
        answer = await self._calls.rest(RestCall("issue_refund", "POST", path, body, is_signed=True))
        if answer.error_ids:
            return mapping_refunds.refused_refund(answer.error_ids, answer.message)
        outcome = mapping_refunds.started_refund(answer.body)
        self._remember(request, outcome)
        return outcome

    async def find_refund(self, request: RefundRequest) -> RefundOutcome | None:
        """The refund in getOrder, by its id if this process knows it, else by lines and amounts.

        After a restart two equal refunds of one line count as the same: rather one too few than money paid twice.
        """
        answer = await self._calls.rest(RestCall("getOrder", "GET", _order_path(request.order_id)))
        if answer.error_ids:
            raise ChannelRefused(self._calls.name, "getOrder", answer.message, str(answer.error_ids[0]))
        mine = self._refund_ids.get(request.reference)
        of_others = set(self._refund_ids.values()) - {mine}
        try:
            outcome = mapping_refunds.found_refund(answer.body, request, mine=mine, of_others=of_others)
        except Unreadable as fault:
            self._calls.unreadable("getOrder", fault)
        if outcome is not None:
            self._remember(request, outcome)
        return outcome

    async def message_buyer(self, message: BuyerMessage) -> None:
        """AddMemberMessageAAQToPartner; a repeat with the same reference is recognised by eBay and counts as
        sent.
        """
        verb = "AddMemberMessageAAQToPartner"
        try:
            request = mapping_refunds.message_request(message)
        except Unreadable as fault:
            raise ChannelRefused(self._calls.name, verb, str(fault)) from None
        self._done(verb, await self._calls.call_for_outcomes(verb, request))

    async def acknowledge_shipment(self, shipment: Shipment) -> None:
        """CompleteSale for each line; what was said of it before is replaced."""
        for request in mapping_shipment.complete_sale_requests(shipment):
            self._done("CompleteSale", await self._calls.call_for_outcomes("CompleteSale", request))

    async def check_cancellation(self, order_id: str) -> Cancellability:
        """Post-Order check_eligibility; whether it serves every site is not settled: where not, it says so."""
        body = {"legacyOrderId": order_id}
        answer = await self._calls.rest(RestCall("check_eligibility", "POST", mapping_shipment.CHECK_PATH, body))
        if answer.error_ids:
            raise ChannelRefused(self._calls.name, "check_eligibility", answer.message, str(answer.error_ids[0]))
        try:
            return mapping_shipment.cancellability(answer)
        except Unreadable as fault:
            self._calls.unreadable("check_eligibility", fault)

    async def send_invoice(self, request: InvoiceRequest) -> None:
        """AddOrder unless the lines are together already, then SendInvoice; both repeats are recognised by eBay."""
        now = await self._standing(request)
        if now.invoiced:
            return
        if now.why_not:
            raise ChannelRefused(self._calls.name, "SendInvoice", now.why_not)
        order_id = now.order_id
        try:
            if order_id is None:
                reply = await self._calls.call("AddOrder", mapping_invoice.add_order_request(request))
                order_id = mapping_invoice.new_order_id(reply.root)
            await self._calls.call("SendInvoice", mapping_invoice.send_invoice_request(request, order_id))
        except Unreadable as fault:
            self._calls.unreadable("AddOrder", fault)

    async def is_invoiced(self, request: InvoiceRequest) -> bool:
        """Whether GetOrders shows the lines in one order with the time its invoice was sent."""
        return (await self._standing(request)).invoiced

    async def _standing(self, request: InvoiceRequest) -> mapping_invoice.Standing:
        reply = await self._calls.call("GetOrders", mapping_invoice.lines_request(request.line_ids))
        try:
            return mapping_invoice.standing(reply.root, request.line_ids)
        except Unreadable as fault:
            self._calls.unreadable("GetOrders", fault)

    def _done(self, verb: str, reply: Reply) -> None:
        """Returns if eBay has taken it, now or the time before."""
        if reply.ack != "Failure" or text(reply.root, "DuplicateInvocationDetails/Status") == "Success":
            return
        errors = [error for error in reply.errors if error.is_error]
        if errors and all(error.code in DUPLICATE_CODES for error in errors) and verb == "CompleteSale":
            return
        code = errors[0].code if errors else ""
        short = errors[0].short if errors else "the call failed without saying why"
        raise ChannelRefused(self._calls.name, verb, short, code)

    def _remember(self, request: RefundRequest, outcome: RefundOutcome) -> None:
        if outcome.refund_id:
            self._refund_ids[request.reference] = outcome.refund_id
            if len(self._refund_ids) > REFUNDS_REMEMBERED_MAX:
                self._refund_ids.popitem(last=False)


def _order_path(order_id: str) -> str:
    return f"/sell/fulfillment/v1/order/{quote(order_id, safe='')}"

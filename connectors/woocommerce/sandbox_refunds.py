"""Refunds and payment gateways of the stand-in: not idempotent, and refused with HTTP 500."""

from __future__ import annotations

import asyncio
from decimal import Decimal, InvalidOperation
from typing import Any

from aiohttp import web

from connectors.woocommerce.sandbox_json import refund_json
from connectors.woocommerce.sandbox_orders import find_order
from connectors.woocommerce.sandbox_rest import (
    PREFIX,
    RestError,
    answer,
    body_of,
    invalid_param,
    page_of,
    query_of,
    select,
)
from connectors.woocommerce.sandbox_shop import SHIPPING_ROW, Line, Order, Refund, Shop
from connectors.woocommerce.sandbox_stock import restock_refund

CARD = "testpay"
"""The one payment method that can pay money back."""

GATEWAYS: dict[str, tuple[bool, list[str]]] = {
    "bacs": (True, ["products"]),
    "cheque": (False, ["products"]),
    "cod": (True, ["products"]),
    CARD: (True, ["products", "refunds"]),
}


class RefundsApi:
    """The routes for refunds and payment gateways."""

    def __init__(self, shop: Shop, base: str) -> None:
        self._shop = shop
        self._base = base

    def routes(self) -> list[web.RouteDef]:
        """Everything about money."""
        refunds = rf"{PREFIX}/orders/{{id:\d+}}/refunds"
        return [
            web.get(refunds, self.index),
            web.post(refunds, self.create),
            web.get(f"{PREFIX}/payment_gateways", self.gateways),
        ]

    async def index(self, request: web.Request) -> web.Response:
        """An order's refunds, newest first, also those still on their way."""
        order, query = find_order(self._shop, request.match_info["id"]), query_of(request)
        page, headers = page_of(request, query, list(reversed(order.refunds)))
        rows = [refund_json(order, refund, self._base) for refund in page]
        return answer(select(query, rows), headers=headers)

    async def create(self, request: web.Request) -> web.Response:
        """Book a refund, ask the gateway, restock, save the meta data: in this order."""
        body = await body_of(request)
        order = self._shop.orders.get(int(request.match_info["id"]))
        if order is None:
            raise RestError(500, "woocommerce_rest_invalid_order_id", "Invalid order ID.", 404)
        refund = self._book(order, body)
        # Anything but a JSON boolean counts as true.
        if body.get("api_refund", True) is not False:
            await self._ask_gateway(order, refund)
        if body.get("api_restock", True) is not False:
            restock_refund(self._shop, order, refund)
        refund.meta += [self._shop.meta(meta["key"], meta["value"]) for meta in body.get("meta_data") or []]
        if order.refunded >= order.total and order.status != "refunded":
            order.status = "refunded"
        self._shop.touch_order(order)
        return answer(refund_json(order, refund, self._base), status=201)

    def _book(self, order: Order, body: dict[str, Any]) -> Refund:
        lines = [line for item in body.get("line_items") or [] if (line := self._line(order, item))]
        amount = body.get("amount")
        if amount is None:
            value = -sum((line.total + line.tax for line in lines), Decimal(0))
        elif not isinstance(amount, str):
            raise invalid_param("amount", "amount is not of type string.")
        else:
            value = _decimal(amount)
        if value < 0:
            message = "Refund amount must be greater than zero."
            raise RestError(400, "woocommerce_rest_invalid_order_refund", message, 400)
        if value > order.total - order.refunded:
            raise _refused("Invalid refund amount.")
        reason = str(body.get("reason") or "")
        refund = Refund(self._shop.next_post_id(), self._shop.now(), value, reason, lines=lines)
        order.refunds.append(refund)
        return refund

    def _line(self, order: Order, item: dict[str, Any]) -> Line | None:
        sold = next((line for line in _rows(order) if line.id == item.get("id")), None)
        if sold is None:
            return None
        total = Decimal(str(item.get("refund_total", 0)))
        tax = sum((Decimal(str(part["refund_total"])) for part in item.get("refund_tax") or []), Decimal(0))
        return Line(
            id=self._shop.next_row_id(),
            name=sold.name,
            product_id=sold.product_id,
            variation_id=sold.variation_id,
            quantity=-int(item.get("quantity", 0)),
            subtotal=-total,
            total=-total,
            tax=-tax,
            sku=sold.sku,
            meta=[self._shop.meta("_refunded_item_id", str(sold.id))],
        )

    async def _ask_gateway(self, order: Order, refund: Refund) -> None:
        try:
            if "refunds" not in GATEWAYS.get(order.payment_method, (False, []))[1]:
                raise _refused("The payment gateway for this order does not support automatic refunds.")
            if self._shop.switches.gateway_seconds:
                await asyncio.sleep(self._shop.switches.gateway_seconds)
            if self._shop.switches.gateway_declines:
                raise _refused("Testpay: refund declined by processor")
        except RestError:
            order.refunds.remove(refund)
            raise
        refund.paid = True

    async def gateways(self, request: web.Request) -> web.Response:
        """The payment methods and what each supports."""
        rows = [
            {"id": name, "title": name, "enabled": enabled, "method_supports": supports}
            for name, (enabled, supports) in GATEWAYS.items()
        ]
        return answer(select(query_of(request), rows))


def _rows(order: Order) -> list[Line]:
    """What an order's refund can name: its lines, and its shipping."""
    cost = order.shipping_cost
    if not cost:
        return order.lines
    row = Line(order.id + SHIPPING_ROW, "Corriere", 0, 0, 1, subtotal=cost, total=cost, tax=Decimal(0), sku=None)
    return [*order.lines, row]


def _refused(message: str) -> RestError:
    """A refusal for good, dressed as a server error with a bare number for data."""
    return RestError(500, "woocommerce_rest_cannot_create_order_refund", message, 500)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(0)

"""Orders and notes in the stand-in over REST: no stock check, empty lines, local and GMT times."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from aiohttp import web

from connectors.woocommerce.sandbox_coupons import apply_coupon
from connectors.woocommerce.sandbox_json import note_json, order_json
from connectors.woocommerce.sandbox_rest import (
    BATCH_ITEMS_MAX,
    PREFIX,
    RestError,
    answer,
    body_of,
    id_list,
    invalid_param,
    missing_param,
    moment_of,
    page_of,
    query_of,
    select,
)
from connectors.woocommerce.sandbox_shop import Line, Order, Product, Shop
from connectors.woocommerce.sandbox_stock import (
    STATUSES,
    complete_payment,
    make_line,
    reduced,
    set_status,
    take,
    tax_of,
)

_LISTED = frozenset({*STATUSES, "checkout-draft", "auto-draft"})
_NOTE_TYPES = {"any": (True, False), "customer": (True,), "internal": (False,)}
_ORDER_BY: dict[str, Callable[[Order], Any]] = {
    "id": lambda order: order.id,
    "include": lambda order: order.id,
    "title": lambda order: order.id,
    "slug": lambda order: order.id,
    "date": lambda order: (order.created, order.id),
    "modified": lambda order: (order.modified, order.id),
}


def find_order(shop: Shop, text: str, status: int = 404) -> Order:
    """The order, or WooCommerce's error for an unknown one."""
    order = shop.orders.get(int(text))
    if order is None:
        raise RestError(status, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
    return order


class OrdersApi:
    """The routes under orders, refunds excepted."""

    def __init__(self, shop: Shop, base: str) -> None:
        self._shop = shop
        self._base = base

    def routes(self) -> list[web.RouteDef]:
        """Everything below orders but the refunds."""
        one = rf"{PREFIX}/orders/{{id:\d+}}"
        return [
            web.get(f"{PREFIX}/orders", self.index),
            web.post(f"{PREFIX}/orders", self.create),
            web.post(f"{PREFIX}/orders/batch", self.batch),
            web.get(one, self.show),
            web.put(one, self.edit),
            web.delete(one, self.delete),
            web.get(f"{one}/notes", self.notes),
            web.post(f"{one}/notes", self.add_note),
        ]

    async def index(self, request: web.Request) -> web.Response:
        """A page of orders; by default carts are among them and the waste bin is not."""
        query = query_of(request)
        wanted = _statuses(query)
        include, exclude = id_list(query, "include"), set(id_list(query, "exclude") or ())
        limits = {name: moment_of(query, name) for name in ("after", "before", "modified_after", "modified_before")}
        rows = [
            order
            for order in self._shop.orders.values()
            if (order.status != "trash" if wanted is None else order.status in wanted)
            and (include is None or order.id in include)
            and order.id not in exclude
            and (limits["after"] is None or order.created > limits["after"])
            and (limits["before"] is None or order.created < limits["before"])
            and (limits["modified_after"] is None or order.modified > limits["modified_after"])
            and (limits["modified_before"] is None or order.modified < limits["modified_before"])
        ]
        by = query.get("orderby", "date")
        if by not in _ORDER_BY:
            raise invalid_param("orderby", f"orderby is not one of {', '.join(_ORDER_BY)}.")
        rows.sort(key=_ORDER_BY[by], reverse=query.get("order", "desc") != "asc")
        page, headers = page_of(request, query, rows)
        return answer(select(query, [order_json(order, self._base) for order in page]), headers=headers)

    async def show(self, request: web.Request) -> web.Response:
        """One order, also from the waste bin."""
        order = find_order(self._shop, request.match_info["id"])
        return answer(select(query_of(request), order_json(order, self._base)))

    async def create(self, request: web.Request) -> web.Response:
        """A new order; the stock is not looked at."""
        return answer(order_json(self._create(await body_of(request)), self._base), status=201)

    async def edit(self, request: web.Request) -> web.Response:
        """Change one order."""
        body = await body_of(request)
        order = find_order(self._shop, request.match_info["id"], 400)
        self._edit(order, body)
        return answer(order_json(order, self._base))

    async def delete(self, request: web.Request) -> web.Response:
        """Into the waste bin, or with force=true gone without an event; the stock stays taken either way."""
        order = find_order(self._shop, request.match_info["id"])
        shown = order_json(order, self._base)
        if query_of(request).get("force") == "true":
            del self._shop.orders[order.id]
        else:
            order.status, order.modified = "trash", self._shop.now()
            self._shop.on_change("order.deleted", order.id)
        return answer(shown)

    async def batch(self, request: web.Request) -> web.Response:
        """Update several; each on its own."""
        items = list((await body_of(request)).get("update") or [])
        if len(items) > BATCH_ITEMS_MAX:
            message = f"Unable to accept more than {BATCH_ITEMS_MAX} items for this request."
            raise RestError(413, "woocommerce_rest_request_entity_too_large", message)
        shown: list[dict[str, Any]] = []
        for item in items:
            try:
                order = find_order(self._shop, str(item.get("id") or 0), 400)
                self._edit(order, item)
                shown.append(order_json(order, self._base))
            except RestError as error:
                shown.append({"id": item.get("id"), "error": error.envelope()})
        return answer({"update": shown} if shown else [])

    async def notes(self, request: web.Request) -> web.Response:
        """The order's notes, newest first; `type` leaves those to the customer or the others."""
        order = find_order(self._shop, request.match_info["id"])
        kind = query_of(request).get("type", "any")
        if kind not in _NOTE_TYPES:
            raise invalid_param("type", f"type is not one of {', '.join(_NOTE_TYPES)}.")
        wanted = [note for note in reversed(order.notes) if note["customer_note"] in _NOTE_TYPES[kind]]
        return answer([note_json(order, note, self._base) for note in wanted])

    async def add_note(self, request: web.Request) -> web.Response:
        """A note; a customer's note is mailed."""
        order = find_order(self._shop, request.match_info["id"])
        body = await body_of(request)
        if not isinstance(body.get("note"), str) or not body["note"]:
            raise missing_param("note")
        note = self._shop.note(order, body["note"], customer=body.get("customer_note") is True)
        return answer(note_json(order, note, self._base), status=201)

    def _create(self, body: dict[str, Any]) -> Order:
        status = str(body.get("status", "pending"))
        _check_status(status)
        now = self._shop.now()
        order = Order(
            id=self._shop.next_post_id(),
            status="pending",
            created=now,
            modified=now,
            created_via="rest-api",
            payment_method=str(body.get("payment_method", "")),
            billing=dict(body.get("billing") or {}),
            shipping=dict(body.get("shipping") or {}),
        )
        for item in body.get("line_items") or []:
            order.lines.append(self._new_line(item))
        order.meta = [self._shop.meta(meta["key"], meta["value"]) for meta in body.get("meta_data") or []]
        for coupon in body.get("coupon_lines") or []:
            apply_coupon(self._shop, order, str(coupon.get("code", "")))
        self._shop.orders[order.id] = order
        self._shop.on_change("order.created", order.id)
        if body.get("set_paid") is True:
            complete_payment(self._shop, order)
        elif status != "pending":
            set_status(self._shop, order, status)
        return order

    def _new_line(self, item: dict[str, Any]) -> Line:
        line = make_line(self._shop, self._product(item), int(item.get("quantity", 1)))
        _price_line(self._shop, line, item)
        line.meta += [self._shop.meta(meta["key"], meta["value"]) for meta in item.get("meta_data") or []]
        return line

    def _product(self, item: dict[str, Any]) -> Product | None:
        if item.get("sku"):
            return self._shop.by_sku(str(item["sku"]))
        return self._shop.products.get(int(item.get("variation_id") or item.get("product_id") or 0))

    def _edit(self, order: Order, body: dict[str, Any]) -> None:
        if "status" in body:
            _check_status(str(body["status"]))
        for item in body.get("line_items") or []:
            self._edit_line(order, item)
        for meta in body.get("meta_data") or []:
            order.meta = [row for row in order.meta if row["key"] != meta["key"]]
            order.meta.append(self._shop.meta(meta["key"], meta["value"]))
        self._shop.touch_order(order)
        if body.get("set_paid") is True:
            complete_payment(self._shop, order)
        elif "status" in body:
            set_status(self._shop, order, str(body["status"]))

    def _edit_line(self, order: Order, item: dict[str, Any]) -> None:
        if "id" not in item:
            line = self._new_line(item)
            order.lines.append(line)
            if order.stock_reduced:
                take(self._shop, line, line.quantity)
            return
        found = next((line for line in order.lines if line.id == item["id"]), None)
        if found is None:
            raise RestError(
                400,
                "woocommerce_rest_invalid_item_id",
                "Order item ID provided is not associated with order.",
            )
        gone = item.get("quantity") == 0 or ("product_id" in item and item["product_id"] is None)
        quantity = 0 if gone else int(item.get("quantity", found.quantity))
        if order.stock_reduced:
            take(self._shop, found, quantity - reduced(found))
        if gone:
            order.lines.remove(found)
            return
        found.quantity = quantity
        _price_line(self._shop, found, item)


def _price_line(shop: Shop, line: Line, item: dict[str, Any]) -> None:
    """Totals stay as they are unless they are sent."""
    line.subtotal = Decimal(str(item.get("subtotal", line.subtotal)))
    if "total" in item:
        line.total = Decimal(str(item["total"]))
        line.tax = tax_of(shop, line.total)


def _check_status(status: str) -> None:
    if status not in (*STATUSES, "checkout-draft"):
        raise invalid_param("status", f"status is not one of {', '.join(STATUSES)}.")


def _statuses(query: dict[str, str]) -> set[str] | None:
    """The wanted ones; None for any, which wins over whatever stands beside it."""
    wanted = {part.strip() for part in query.get("status", "any").split(",")}
    unknown = wanted - _LISTED - {"any", "trash"}
    if unknown:
        raise invalid_param("status", f"status[0] is not one of any, trash, {', '.join(sorted(_LISTED))}.")
    return None if "any" in wanted else wanted

"""The stand-in's combined invoices: AddOrder puts unpaid lines of one buyer together, SendInvoice sends the price."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import Element

from connectors.ebay.mapping_xml import text
from connectors.ebay.sandbox_notify import Notifier
from connectors.ebay.sandbox_records import OrderVersion
from connectors.ebay.sandbox_state import Account
from connectors.ebay.sandbox_xml import put

LINES_MAX = 40
FIRST_COMBINED_ID = 8_400_000_001
REFUSED = "21916500"
"""What this refuses a combination with. eBay's own codes for it are not among the sources."""


class NotCombinable(Exception):
    """The lines cannot be put together; the text names the field."""


def combine(account: Account, line_ids: list[str], shipping: Decimal) -> OrderVersion:
    """One order of lines that were in several; the old orders are no longer there under any time."""
    if not 2 <= len(line_ids) <= LINES_MAX:
        raise NotCombinable("TransactionArray")
    found = [account.by_order_id.get(line_id) for line_id in line_ids]
    versions = [one for one in found if one is not None]
    newest = {one[-1].order_id: one[-1] for one in versions}
    lines = tuple(line for order in newest.values() for line in order.lines)
    if len(versions) < len(line_ids) or {line.line_item_id for line in lines} != set(line_ids):
        raise NotCombinable("OrderLineItemID")
    if any(one.paid_at or one.cancelled_at for one in newest.values()):
        raise NotCombinable("OrderLineItemID")
    if len({one.buyer.get("id", "") for one in newest.values()}) > 1:
        raise NotCombinable("OrderLineItemID")
    first = min(newest.values(), key=lambda one: one.created_at)
    now = account.now()
    whole = replace(
        first,
        order_id=str(account.issue("combined invoice", FIRST_COMBINED_ID)),
        lines=lines,
        modified_at=now,
        shipping=shipping,
    )
    account.orders = [one for one in account.orders if not any(one is old for old in versions)]
    one_order = [whole]
    account.orders.append(one_order)
    for order_id in (whole.order_id, *newest, *line_ids):
        account.by_order_id[order_id] = one_order
    return whole


def add_order(account: Account, notifier: Notifier, request: Element, root: Element) -> str | None:
    """AddOrder; returns the code it is refused with, or None."""
    lines = [text(one, "OrderLineItemID") or "" for one in request.findall("Order/TransactionArray/Transaction")]
    if text(request, "Order/Total") is None or text(request, "Order/CreatingUserRole") is None:
        return "10009"
    try:
        order = combine(account, lines, _cost(request, "Order/ShippingDetails/ShippingServiceOptions"))
    except NotCombinable:
        return REFUSED
    put(root, "OrderID", order.order_id)
    put(root, "CreatedTime", order.modified_at)
    return None


def send_invoice(account: Account, notifier: Notifier, request: Element, root: Element) -> str | None:
    """SendInvoice: of an unpaid order only; every call mails the buyer once more."""
    order_id = text(request, "OrderID") or text(request, "OrderLineItemID") or ""
    versions = account.by_order_id.get(order_id)
    if versions is None:
        return "20822"
    if versions[-1].paid_at or versions[-1].cancelled_at:
        return REFUSED
    cost = _cost(request, "ShippingServiceOptions")
    order = account.change_order(order_id, invoiced_at=account.now(), shipping=cost)
    account.invoices.append(
        {
            "order_id": order.order_id,
            "lines": [line.line_item_id for line in order.lines],
            "service": text(request, "ShippingServiceOptions/ShippingService"),
            "shipping": str(cost),
            "total": str(order.total),
        }
    )
    return None


def _cost(request: Element, path: str) -> Decimal:
    try:
        return Decimal(text(request, f"{path}/ShippingServiceCost") or "0")
    except InvalidOperation:
        return Decimal(0)

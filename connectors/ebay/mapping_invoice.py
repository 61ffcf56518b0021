"""Combined invoices between our words and eBay's: AddOrder puts unpaid lines together, SendInvoice prices and sends.

Pure. Neither call tells a repeat from a new one by itself; what was done is read from GetOrders: lines put together
are in one Order, and an invoice that was sent leaves InvoiceSentTime on its transactions.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from connectors.ebay.mapping_orders import order_status
from connectors.ebay.mapping_xml import Unreadable, needed, text
from syncd.channel.port import InvoiceRequest, OrderStatus
from syncd.identity import Money

INSTRUCTIONS_LENGTH_MAX = 500

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://api.ebay.com/ws/api.dll#SendInvoice")


@dataclass(frozen=True, slots=True)
class Standing:
    """How far lines have come. `order_id` is the one order that holds them all and nothing else, or None."""

    order_id: str | None
    invoiced: bool
    why_not: str = ""
    """Why they can no longer be invoiced together."""


def lines_request(line_ids: Sequence[str]) -> dict[str, Any]:
    """GetOrders for the orders these line items are in; an unpaid line's OrderLineItemID is taken as its OrderID."""
    return {"OrderIDArray": {"OrderID": list(line_ids)}, "OrderRole": "Seller", "DetailLevel": "ReturnAll"}


def standing(root: Element, line_ids: Sequence[str]) -> Standing:
    """What GetOrders tells of the lines. Raises Unreadable."""
    wanted, found = set(line_ids), dict[str, Element]()
    for element in root.findall("OrderArray/Order"):
        found[needed(element, "OrderID")] = element
    held = {order_id: _lines(element) for order_id, element in found.items()}
    missing = wanted - {line for lines in held.values() for line in lines}
    if missing:
        return Standing(None, False, f"eBay no longer knows line item {min(missing)}")
    whole = next((order_id for order_id, lines in held.items() if set(lines) == wanted), None)
    if whole is not None and all(text(one, "InvoiceSentTime") for one in _transactions(found[whole])):
        return Standing(whole, True)
    for order_id, element in found.items():
        if order_status(element) is not OrderStatus.UNPAID:
            return Standing(None, False, f"order {order_id} is no longer unpaid")
    return Standing(whole, False)


def add_order_request(request: InvoiceRequest) -> dict[str, Any]:
    """AddOrder: one order of these line items, at most 40, all unpaid and of one buyer."""
    lines = [{"OrderLineItemID": line_id} for line_id in request.line_ids]
    return {
        "InvocationID": _invocation("AddOrder", request),
        "Order": {
            "CreatingUserRole": "Seller",
            "ShippingDetails": {"ShippingServiceOptions": _shipping(request)},
            "Total": _amount(request.total),
            "TransactionArray": {"Transaction": lines},
        },
    }


def send_invoice_request(request: InvoiceRequest, order_id: str) -> dict[str, Any]:
    """SendInvoice for the combined order."""
    asked: dict[str, Any] = {
        "EmailCopyToSeller": "false",
        "InvocationID": _invocation(f"SendInvoice {order_id}", request),
        "OrderID": order_id,
        "ShippingServiceOptions": _shipping(request),
    }
    note = request.note[:INSTRUCTIONS_LENGTH_MAX]
    return {**asked, "CheckoutInstructions": note} if note else asked


def new_order_id(root: Element) -> str:
    """The OrderID AddOrder answered with. Raises Unreadable."""
    return needed(root, "OrderID")


def _shipping(request: InvoiceRequest) -> dict[str, Any]:
    return {
        "ShippingService": request.shipping_service,
        "ShippingServiceCost": _amount(request.shipping),
        "ShippingServicePriority": "1",
    }


def _amount(money: Money) -> dict[str, Any]:
    return {"@attrs": {"currencyID": money.currency}, "#text": f"{money.amount:.2f}"}


def _invocation(call: str, request: InvoiceRequest) -> str:
    return uuid.uuid5(_NAMESPACE, "\n".join((call, *sorted(request.line_ids)))).hex.upper()


def _transactions(order: Element) -> list[Element]:
    return order.findall("TransactionArray/Transaction")


def _lines(order: Element) -> list[str]:
    try:
        return [needed(one, "OrderLineItemID") for one in _transactions(order)]
    except Unreadable as fault:
        raise Unreadable(f"an order's lines cannot be read: {fault}") from None

"""A refund as WooCommerce wants it, and its refund rows as our verdicts. Pure.

The reference goes into `reason`, which the shop saves before it asks the payment gateway; meta data follows
only after the gateway has answered (facts §5.2). So a row without meta and without payment is still
running, or its request died.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal

from connectors.woocommerce.mapping import JsonObject, identifier, whole_number
from connectors.woocommerce.mapping_order import amount_of, meta_value, objects, refunded_quantities
from syncd.channel.port import RefundOutcome, RefundRequest, RefundVerdict
from syncd.identity import Money

REFERENCE_META = "_syncd_refund"
"""Refund meta that holds our reference once the shop has finished."""

_CENT = Decimal("0.01")


def marked_reason(request: RefundRequest) -> str:
    """The reason as the customer may read it, ending in our reference."""
    return f"{request.reason.strip()} {_mark(request)}".strip()


def _mark(request: RefundRequest) -> str:
    return f"(ref {request.reference})"


def gateway_refunds(gateways: Iterable[JsonObject], payment_method: str) -> bool:
    """Whether the payment method can pay money back by itself."""
    for gateway in gateways:
        if gateway.get("id") == payment_method:
            supports = gateway.get("method_supports")
            return isinstance(supports, list) and "refunds" in supports
    return False


def problem_with(request: RefundRequest, order: JsonObject, refunds: Sequence[JsonObject]) -> str | None:
    """Why the refund must not be sent: the shop itself drops unknown lines and checks no quantity."""
    currency = str(order.get("currency") or "")
    if request.amount.currency != currency:
        return f"the order is in {currency}, the refund in {request.amount.currency}"
    if request.amount.amount <= 0:
        return f"there is nothing to refund: the amount is {request.amount}"
    lines = {str(line.get("id")): line for line in objects(order.get("line_items"))}
    refunded = refunded_quantities(refunds)
    for wanted in request.lines:
        line = lines.get(wanted.line_id)
        if line is None:
            return f"the order has no line {wanted.line_id}"
        left = (whole_number(line.get("quantity")) or 0) - refunded[wanted.line_id]
        if wanted.quantity > left:
            return f"line {wanted.line_id} has {left} left to refund, not {wanted.quantity}"
        try:
            _split(wanted.amount, line)
        except ValueError as error:
            return f"the order cannot be read: {error}"
    return None


def refund_body(request: RefundRequest, order: JsonObject, *, by_gateway: bool) -> dict[str, object]:
    """The body of POST orders/{id}/refunds. Never restocks: what was refunded as sold out is not there."""
    lines = {str(line.get("id")): line for line in objects(order.get("line_items"))}
    return {
        "amount": f"{_cents(request.amount.amount)}",
        "reason": marked_reason(request),
        "api_refund": by_gateway,
        "api_restock": False,
        "meta_data": [{"key": REFERENCE_META, "value": request.reference}],
        "line_items": [
            {"id": int(line.line_id), "quantity": line.quantity, **_split(line.amount, lines[line.line_id])}
            for line in request.lines
        ]
        + _shipping_items(request, order),
    }


def _shipping_items(request: RefundRequest, order: JsonObject) -> list[dict[str, object]]:
    """What goes back beyond the lines is shipping: booked on the order's shipping lines, as far as these go."""
    left = _cents(request.amount.amount - sum((line.amount.amount for line in request.lines), Decimal(0)))
    items: list[dict[str, object]] = []
    for row in objects(order.get("shipping_lines")):
        paid = amount_of(row, "total", "shipping") + amount_of(row, "total_tax", "shipping")
        part = min(left, paid)
        if part > 0:
            items.append({"id": identifier(row), "quantity": 0, **_split(Money(part, request.amount.currency), row)})
            left -= part
    return items


def _split(amount: Money, line: JsonObject) -> dict[str, object]:
    """An amount with tax as the net total and the taxes by rate that the shop books."""
    taxes = [
        (identifier(tax), share)
        for tax in objects(line.get("taxes"))
        if (share := amount_of(tax, "total", f"{line.get('id')} (tax)")) > 0
    ]
    net = amount_of(line, "total", str(line.get("id")))
    gross = net + sum((share for _, share in taxes), Decimal(0))
    whole = _cents(amount.amount)
    parts = [(rate, _cents(whole * share / gross)) for rate, share in taxes] if gross > 0 else []
    booked_net = whole - sum((part for _, part in parts), Decimal(0))
    # The API wants JSON numbers here; a float of two decimals prints as exactly these two.
    split: dict[str, object] = {"refund_total": float(booked_net)}
    if parts:
        split["refund_tax"] = [{"id": rate, "refund_total": float(part)} for rate, part in parts]
    return split


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP)


def matching_refund(refunds: Iterable[JsonObject], request: RefundRequest) -> JsonObject | None:
    """The row made earlier for this request, known by its reference."""
    mark = _mark(request)
    for refund in refunds:
        reason = str(refund.get("reason") or "").rstrip()
        if reason.endswith(mark) or meta_value(refund, REFERENCE_META) == request.reference:
            return refund
    return None


def refund_outcome(refund: JsonObject) -> RefundOutcome:
    """What a refund row says about the money."""
    refund_id = str(refund.get("id") or "")
    if refund.get("refunded_payment") is True:
        return RefundOutcome(RefundVerdict.DONE, refund_id)
    if meta_value(refund, REFERENCE_META) is not None:
        message = "the shop has booked the refund, but its payment method pays nothing back: send the money by hand"
        return RefundOutcome(RefundVerdict.NEEDS_PERSON, refund_id, message)
    message = "the shop has booked the refund and not yet heard from the payment gateway; it must not be sent again"
    return RefundOutcome(RefundVerdict.PENDING, refund_id, message)

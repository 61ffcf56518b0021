"""The stand-in's REST side: Fulfillment orders and refunds, and the call meter of Developer Analytics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.ebay.mapping_xml import stamp
from connectors.ebay.sandbox_records import OrderVersion, Refund, SoldLine
from connectors.ebay.sandbox_state import Account
from connectors.ebay.sandbox_xml import SELLER

FIRST_REFUND_ID = 5_002_200_000
FIRST_LINE_ID = 10_041_404_231_411


class RestRefusal(Exception):
    """A REST call fails with this status and eBay error id."""

    def __init__(self, status: int, error_id: int, message: str, domain: str = "API_FULFILLMENT") -> None:
        super().__init__(message)
        self.status = status
        self.body = rest_error(error_id, domain, message)


def rest_error(error_id: int, domain: str, message: str) -> dict[str, Any]:
    """The body of a refused REST call."""
    return {"errors": [{"errorId": error_id, "domain": domain, "category": "REQUEST", "message": message}]}


@dataclass(frozen=True)
class Ask:
    """What issue_refund was asked: amounts by line item id, or one for the whole order."""

    amounts: Mapping[str, Decimal]
    amount: Decimal


def issue_refund(account: Account, order_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Start a refund; asynchronous, so PENDING."""
    order = newest(account, order_id, status=404, error_id=34913)
    if order.paid_at is None:
        raise RestRefusal(409, 34929, "The buyer's payment has not been settled yet.")
    states = [refund_status(account, refund) for refund in order.refunds]
    if "PENDING" in states:
        raise RestRefusal(409, 34922, "An earlier refund of this order is still in progress.")
    ask = _asked(order, body)
    given = [refund for refund in order.refunds if not refund.fails]
    refunded = sum((refund.amount for refund in given), Decimal(0))
    if refunded >= order.total:
        raise RestRefusal(400, 34917, "The order was refunded in full before.")
    if ask.amount <= 0 or refunded + ask.amount > order.total:
        raise RestRefusal(400, 34915, "The refund exceeds what is left of the order.")
    refund = Refund(
        refund_id=str(account.issue("refund", FIRST_REFUND_ID)),
        amount=ask.amount,
        amounts=ask.amounts,
        asked_at=account.now(),
        fails=account.switches.refund_fails,
    )
    account.change_order(order_id, refunds=(*order.refunds, refund))
    return {"refundId": refund.refund_id, "refundStatus": "PENDING"}


def get_order(account: Account, order_id: str) -> dict[str, Any]:
    """One order as the Fulfillment API tells it, without its buyer; unpaid orders are not there."""
    order = newest(account, order_id, status=404, error_id=32100)
    if order.paid_at is None:
        raise RestRefusal(404, 32100, "The order is not known to this API.")
    refunds = [_order_refund(account, order, refund) for refund in order.refunds]
    full = sum((refund.amount for refund in order.refunds), Decimal(0)) >= order.total
    return {
        "orderId": order.order_id,
        "legacyOrderId": order.order_id,
        "creationDate": stamp(order.created_at),
        "lastModifiedDate": stamp(order.modified_at),
        "orderFulfillmentStatus": "FULFILLED" if order.shipped_at else "NOT_STARTED",
        "orderPaymentStatus": ("FULLY_REFUNDED" if full else "PARTIALLY_REFUNDED") if refunds else "PAID",
        "sellerId": SELLER,
        "pricingSummary": {"total": _amount(order.total, order.currency)},
        "cancelStatus": {"cancelState": "CANCELED" if order.cancelled_at else "NONE_REQUESTED"},
        "paymentSummary": {"totalDueSeller": _amount(order.total, order.currency), "refunds": refunds},
        "lineItems": [_line_item(order, line) for line in order.lines],
    }


def rate_limits(account: Account) -> dict[str, Any]:
    """The Trading API's meter."""
    spent, limit = account.calls_today[account.day()], account.switches.calls_per_day
    now = account.now()
    resets_at = now.replace(hour=7, minute=0, second=0, microsecond=0)
    if resets_at <= now:
        resets_at += timedelta(days=1)
    rate = {
        "count": spent,
        "limit": limit,
        "remaining": max(limit - spent, 0),
        "reset": stamp(resets_at),
        "timeWindow": 86400,
    }
    resource = {"name": "tradingapi", "rates": [rate]}
    return {
        "rateLimits": [
            {"apiContext": "tradingapi", "apiName": "tradingapi", "apiVersion": "v1", "resources": [resource]}
        ]
    }


def check_eligibility(account: Account, body: Mapping[str, Any]) -> dict[str, Any]:
    """Post-Order: whether the seller may cancel."""
    order = newest(account, str(body.get("legacyOrderId", "")), status=404, error_id=1604)
    said = account.switches.cancellation_check
    reason = "SHIPPED_ORDER" if order.shipped_at else "PARTIAL_REFUNDED_ORDER" if order.refunds else ""
    reason = reason or ("" if said == "eligible" else said)
    answer: dict[str, Any] = {"legacyOrderId": order.order_id, "eligible": not reason}
    return {**answer, "failureReason": [reason]} if reason else answer


def refund_status(account: Account, refund: Refund) -> str:
    """PENDING for a while, then REFUNDED (or FAILED, if told so)."""
    if account.now() - refund.asked_at < timedelta(seconds=account.switches.refund_seconds):
        return "PENDING"
    return "FAILED" if refund.fails else "REFUNDED"


def newest(account: Account, order_id: str, *, status: int, error_id: int) -> OrderVersion:
    """The order now, or the refusal of the call that asked."""
    versions = account.by_order_id.get(order_id)
    if versions is None:
        raise RestRefusal(status, error_id, "The order was not found.")
    return versions[-1]


def _asked(order: OrderVersion, body: Mapping[str, Any]) -> Ask:
    items, whole = body.get("refundItems"), body.get("orderLevelRefundAmount")
    if not body.get("reasonForRefund"):
        raise RestRefusal(400, 34901, "reasonForRefund is missing.")
    if bool(items) == bool(whole):
        raise RestRefusal(400, 34903, "Give either refundItems or orderLevelRefundAmount.")
    if len(str(body.get("comment", ""))) > 100:
        raise RestRefusal(400, 34912, "The comment is too long.")
    try:
        if whole:
            return Ask({}, _value(order, whole))
        amounts = {_line_of(order, item).line_item_id: _value(order, item["refundAmount"]) for item in items or ()}
    except (KeyError, TypeError, InvalidOperation):
        raise RestRefusal(400, 34905, "A refund amount is not readable.") from None
    return Ask(amounts, sum(amounts.values(), Decimal(0)))


def _value(order: OrderVersion, amount: Mapping[str, Any]) -> Decimal:
    if amount["currency"] != order.currency:
        raise RestRefusal(400, 34908, "The currency is not the order's.")
    return Decimal(str(amount["value"]))


def _line_of(order: OrderVersion, item: Mapping[str, Any]) -> SoldLine:
    reference = item.get("legacyReference") or {}
    legacy = f"{reference.get('legacyItemId')}-{reference.get('legacyTransactionId')}"
    for line in order.lines:
        if item.get("lineItemId") == _line_id(line) or legacy == line.line_item_id:
            return line
    raise RestRefusal(400, 34904, "A line item is not part of the order.")


def _line_id(line: SoldLine) -> str:
    return str(FIRST_LINE_ID + int(line.transaction_id) % 1_000_000_000)


def _amount(value: Decimal, currency: str) -> dict[str, str]:
    return {"value": f"{value:.2f}", "currency": currency}


def _order_refund(account: Account, order: OrderVersion, refund: Refund) -> dict[str, Any]:
    return {
        "refundId": refund.refund_id,
        "refundDate": stamp(refund.asked_at),
        "amount": _amount(refund.amount, order.currency),
        "refundStatus": refund_status(account, refund),
    }


def _line_item(order: OrderVersion, line: SoldLine) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "lineItemId": _line_id(line),
        "legacyItemId": line.item_id,
        "title": line.title,
        "lineItemCost": _amount(line.price * line.quantity, order.currency),
        "quantity": line.quantity,
        "refunds": [
            {
                "refundId": refund.refund_id,
                "refundDate": stamp(refund.asked_at),
                "amount": _amount(refund.amounts[line.line_item_id], order.currency),
            }
            for refund in order.refunds
            if line.line_item_id in refund.amounts
        ],
    }
    sku = line.variation_sku or line.item_sku
    return {**shown, "sku": sku} if sku else shown

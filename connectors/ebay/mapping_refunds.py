"""Refunds and messages between our words and eBay's: Fulfillment issue_refund and getOrder,
AddMemberMessageAAQToPartner.

Pure. issue_refund has no idempotency key and getOrder does not return the comment, so an earlier refund is
recognised by order, line and amount.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.ebay.mapping import split_listing_id
from connectors.ebay.mapping_xml import Unreadable
from syncd.channel.port import BuyerMessage, RefundOutcome, RefundRequest, RefundVerdict
from syncd.identity import Money

COMMENT_LENGTH_MAX = 100
"""By the schema of issue_refund; its error text says 1000."""
MESSAGE_LENGTH_MAX = 2000

NEEDS_PERSON_CODES = frozenset(
    {34916, 34920, 34925, 34926, 34927, 34928, 34930}
)  # case open, too late, payment methods eBay cannot refund itself
ALREADY_CODES = frozenset({34917})

_MESSAGE_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://api.ebay.com/ws/api.dll#AddMemberMessageAAQToPartner")


def refund_request(request: RefundRequest) -> dict[str, Any]:
    """The body of issue_refund: per line where the lines add up to the amount, else for the order as a whole."""
    body: dict[str, Any] = {
        "reasonForRefund": "SELLER_CANCEL",
        "comment": request.reason[:COMMENT_LENGTH_MAX],
    }
    if is_by_line(request):
        body["refundItems"] = [
            {"refundAmount": _amount(line.amount), "legacyReference": _legacy_reference(line.line_id)}
            for line in request.lines
        ]
    else:
        body["orderLevelRefundAmount"] = _amount(request.amount)
    return body


def is_by_line(request: RefundRequest) -> bool:
    """Whether the lines explain the whole amount (shipping or goodwill beside them makes it an order-level
    refund).
    """
    return bool(request.lines) and sum(line.amount.amount for line in request.lines) == request.amount.amount


def started_refund(answer: Mapping[str, Any]) -> RefundOutcome:
    """The outcome of an accepted issue_refund: PENDING until getOrder says otherwise."""
    refund_id = str(answer.get("refundId") or "")
    if answer.get("refundStatus") == "FAILED" or not refund_id:
        return RefundOutcome(RefundVerdict.NEEDS_PERSON, refund_id, "eBay took the refund and reports it as failed")
    return RefundOutcome(_verdict(answer.get("refundStatus")), refund_id)


def refused_refund(codes: Iterable[int], message: str) -> RefundOutcome:
    """The outcome of a refused issue_refund."""
    seen = set(codes)
    if seen & ALREADY_CODES:
        return RefundOutcome(RefundVerdict.DONE, "", "eBay says this was refunded before")
    if seen & NEEDS_PERSON_CODES:
        return RefundOutcome(RefundVerdict.NEEDS_PERSON, "", message)
    return RefundOutcome(RefundVerdict.REFUSED, "", message)


def found_refund(
    order: Mapping[str, Any], request: RefundRequest, *, mine: str | None, of_others: Set[str]
) -> RefundOutcome | None:
    """The refund in a getOrder answer that is the request's: `mine` if known, else one of the same lines and amounts.

    `of_others` are refund ids known to belong to other requests. A failed refund counts only when nothing else fits.
    """
    try:
        states = {
            str(refund["refundId"]): str(refund["refundStatus"])
            for refund in order["paymentSummary"]["refunds"]
            if str(refund["refundId"]) == mine or (mine is None and _fits(order, refund, request))
        }
    except (KeyError, TypeError, InvalidOperation):
        raise Unreadable("the order's refunds are not written as the Fulfillment API writes them") from None
    free = [refund_id for refund_id in states if refund_id not in of_others]
    standing = [refund_id for refund_id in free if states[refund_id] != "FAILED"]
    chosen = next(iter(standing or free), None)
    return None if chosen is None else _state(chosen, states[chosen])


def message_request(message: BuyerMessage) -> dict[str, Any]:
    """AddMemberMessageAAQToPartner. The InvocationID follows from our reference, so eBay recognises a repeat.

    Raises Unreadable when the message names no listing: eBay ties it to an item.
    """
    if message.listing_id is None:
        raise Unreadable("a message to a buyer needs the listing he bought from")
    item_id, _ = split_listing_id(message.listing_id)
    return {
        "ItemID": item_id,
        "InvocationID": uuid.uuid5(_MESSAGE_NAMESPACE, message.reference).hex.upper(),
        "MemberMessage": {
            "Subject": message.subject,
            "Body": message.body[:MESSAGE_LENGTH_MAX],
            "QuestionType": "General",
            "RecipientID": message.buyer_id,
        },
    }


def _legacy_reference(line_id: str) -> dict[str, str]:
    item_id, _, transaction_id = line_id.partition("-")
    return {"legacyItemId": item_id, "legacyTransactionId": transaction_id}


def _amount(money: Money) -> dict[str, str]:
    return {"value": f"{money.amount:.2f}", "currency": money.currency}


def _fits(order: Mapping[str, Any], refund: Mapping[str, Any], request: RefundRequest) -> bool:
    """Whether a refund is of the request's lines with their amounts, or of its amount at order level."""
    told = Counter(
        (item["legacyItemId"], Decimal(str(part["amount"]["value"])))
        for item in order["lineItems"]
        for part in item.get("refunds") or ()
        if part["refundId"] == refund["refundId"]
    )
    if not told:
        return _same(refund["amount"], request.amount)
    asked = Counter((line.line_id.partition("-")[0], line.amount.amount) for line in request.lines)
    return is_by_line(request) and told == asked


def _same(amount: Mapping[str, Any], money: Money) -> bool:
    return Decimal(str(amount["value"])) == money.amount and amount["currency"] == money.currency


def _verdict(state: object) -> RefundVerdict:
    return RefundVerdict.DONE if state == "REFUNDED" else RefundVerdict.PENDING


def _state(refund_id: str, state: str) -> RefundOutcome:
    if state == "FAILED":
        return RefundOutcome(RefundVerdict.NEEDS_PERSON, refund_id, "eBay reports the refund as failed")
    return RefundOutcome(_verdict(state), refund_id)

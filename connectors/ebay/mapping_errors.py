"""What eBay's error codes mean: which fail the whole call and how, and what an item's code does to its push.

Pure tables. Sources: Trading API reference, KB 839, KB 534, KB 2137, KB 2161, the out-of-stock guide,
recorded replies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from connectors.ebay.mapping_xml import TradingError
from syncd.channel.port import PushVerdict


class CallFault(StrEnum):
    """Why a whole call failed, independent of the items in it."""

    AUTH = "auth"
    """Credentials or the account itself: pause the channel, ask a person."""
    DAY_QUOTA = "day_quota"
    """The application's calls of the day are used up."""
    SHORT_WINDOW = "short_window"
    """Too many calls of this seller within seconds."""
    TRANSIENT = "transient"
    """eBay's own trouble: try again later."""


AUTH_CODES = frozenset(
    {
        *("930", "931", "932"),  # token missing, invalid, hard-expired
        *("16110", "16118", "16119"),  # expired
        *("21917053", "21916984"),  # OAuth token expired, invalid
        *("17470", "21916013"),  # wrong account, revoked
        *("841", "21919028"),  # account suspended, restricted
    }
)
DAY_QUOTA_CODES = frozenset({"518", "18000", "218050"})
SHORT_WINDOW_CODES = frozenset({"21919144", "21919165"})
TRANSIENT_CODES = frozenset({"10007", "21359", "219255"})

NO_OP_CODES = frozenset({"21917091", "21917092"})
"""Warnings: the listing already shows this quantity (KB 2161, compared with the available number)."""
ENDED_CODES = frozenset({"21916750", "291", "1047"})
GONE_CODES = frozenset({"17", "231"})
"""Deleted, not found or not yours."""
LATER_CODES = frozenset(
    {
        *("21919188", "21916293"),  # monthly selling limit: lowering is still allowed
        "21916734",  # revising restricted for now: pending offer, ending soon
    }
)

SHORT_WINDOW_SECONDS = 15.0
"""eBay's own statement for ReviseInventoryStatus: the block clears after 15 s."""

_AGAIN_AFTER = re.compile(r"again after (\d{1,5}) second", re.IGNORECASE)

_ADVICE = {
    "515": "quantity 0 is refused while the account's out-of-stock control is off; switch it on in My eBay",
    "21919474": "the listing is managed by eBay's Inventory API and cannot be revised by the Trading API",
    "21919233": "the listing is managed by eBay's Inventory API and cannot be revised by the Trading API",
    "21916286": "the listing is not a fixed-price listing",
}


def call_fault(errors: Iterable[TradingError]) -> tuple[CallFault, TradingError] | None:
    """The first error that concerns the whole call, with its class; None when all concern items or the
    request.
    """
    for error in errors:
        if not error.is_error:
            continue
        fault = _fault_class(error)
        if fault is not None:
            return fault, error
    return None


def retry_after_seconds(error: TradingError) -> float:
    """How long to wait after a short-window refusal: what the text says, else 15 s."""
    found = _AGAIN_AFTER.search(error.sentence)
    return float(found.group(1)) if found else SHORT_WINDOW_SECONDS


def item_verdict(code: str, quantity: int) -> PushVerdict:
    """What an error with this code did to one update of a push.

    A listing that has ended already sells nothing: a push of 0 to it is satisfied. One that is not ours or
    never was (17, 231) is NOT_FOUND even then, because its link is wrong.
    """
    if code in NO_OP_CODES:
        return PushVerdict.ACCEPTED
    if code in ENDED_CODES:
        return PushVerdict.ACCEPTED if quantity == 0 else PushVerdict.NOT_FOUND
    if code in GONE_CODES:
        return PushVerdict.NOT_FOUND
    if code in LATER_CODES:
        return PushVerdict.DEFERRED
    return PushVerdict.REJECTED


def item_sentence(error: TradingError) -> str:
    """One readable sentence about an item's error, with what to do where we know it."""
    return _ADVICE.get(error.code, error.sentence)


def _fault_class(error: TradingError) -> CallFault | None:
    classes = (
        (AUTH_CODES, CallFault.AUTH),
        (DAY_QUOTA_CODES, CallFault.DAY_QUOTA),
        (SHORT_WINDOW_CODES, CallFault.SHORT_WINDOW),
        (TRANSIENT_CODES, CallFault.TRANSIENT),
    )
    for codes, fault in classes:
        if error.code in codes:
            return fault
    return CallFault.TRANSIENT if error.is_system else None

"""What eBay's error codes mean: one table from code to its one consequence, for calls and for the items in them.

Pure. Sources: Trading API reference, KB 839, KB 534, KB 2137, KB 2161, the out-of-stock guide, recorded replies, and
which codes other tools treat alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from connectors.ebay.mapping_xml import TradingError
from syncd.channel.port import PushVerdict


class CallFault(StrEnum):
    """Why a whole call failed, independent of the items in it."""

    TOKEN = "token"  # noqa: S105 - a kind of fault
    """The access token: renew it once and call again, then as CONSENT."""
    CONSENT = "consent"
    """The seller's consent is gone, no token can be renewed on it: pause the channel, ask a person."""
    ACCOUNT = "account"
    """The account is suspended or restricted: pause the channel, ask a person."""
    DAY_QUOTA = "day_quota"
    """The application's calls of the day are used up."""
    SHORT_WINDOW = "short_window"
    """Too many calls of this seller within seconds."""
    TRANSIENT = "transient"
    """eBay's own trouble: try again later."""


class ItemFault(StrEnum):
    """What an error says of one listing."""

    NO_OP = "no_op"
    """It shows this quantity already (compared with the available number, KB 2161)."""
    ENDED = "ended"
    """It has ended: a push of 0 has met its goal."""
    GONE = "gone"
    """Deleted, not found or not yours: the link is wrong."""
    ZERO_REFUSED = "zero_refused"
    """0 is refused while the account's out-of-stock control is off: the listing must be ended instead."""
    OTHER_API = "other_api"
    """Managed by the Inventory API: REST sets its number, Trading cannot."""
    SELLING_LIMIT = "selling_limit"
    """The month's selling limit: nothing rises until it is raised or the month turns; lowering is still allowed."""
    LATER = "later"
    """Revising is restricted for now: a pending offer, ending soon."""
    MAPPING = "mapping"
    """Its SKU or variation is not what we believe: the listing must be read again, a person mends the link."""
    TERMINAL = "terminal"
    """The listing itself is at fault: nothing changes until a person mends it on eBay."""
    OURS = "ours"
    """The request was wrong: a bug of this connector."""


CALL_CODES: dict[str, CallFault] = {
    **dict.fromkeys(("21917053", "21916984", "931", "930", "16118", "16119"), CallFault.TOKEN),
    **dict.fromkeys(("932", "16110", "21916013", "17470"), CallFault.CONSENT),
    **dict.fromkeys(("841", "21919028"), CallFault.ACCOUNT),
    **dict.fromkeys(("518", "18000", "218050"), CallFault.DAY_QUOTA),
    **dict.fromkeys(("21919144", "21919165"), CallFault.SHORT_WINDOW),
    **dict.fromkeys(("10007", "21359", "219255"), CallFault.TRANSIENT),
}
"""Codes that concern the call, whatever it was."""

ITEM_CODES: dict[str, ItemFault] = {
    **dict.fromkeys(("21917091", "21917092"), ItemFault.NO_OP),
    **dict.fromkeys(("21916750", "291", "1047"), ItemFault.ENDED),
    **dict.fromkeys(("17", "231"), ItemFault.GONE),
    "515": ItemFault.ZERO_REFUSED,
    **dict.fromkeys(("21919474", "21919233"), ItemFault.OTHER_API),
    **dict.fromkeys(("21919188", "21916293"), ItemFault.SELLING_LIMIT),
    "21916734": ItemFault.LATER,
    **dict.fromkeys(("21916799", "21916735", "21916736", "21916591", "21916635"), ItemFault.MAPPING),
    **dict.fromkeys(("21916664", "21916587", "21916585", "21916603", "21916582", "21916626"), ItemFault.MAPPING),
    **dict.fromkeys(("21916286", "21919301", "21919302", "21919303"), ItemFault.TERMINAL),
    **dict.fromkeys(("21919136", "21919137", "21916884", "21919067"), ItemFault.TERMINAL),
    **dict.fromkeys(("240", "37", "36", "70", "106"), ItemFault.TERMINAL),
    **dict.fromkeys(("21916254", "21916311"), ItemFault.OURS),
}
"""Codes that concern one listing of a push. A code that is not here is TERMINAL: a person looks."""

DUPLICATE_CODES = frozenset({"21919444", "488"})
"""Done before by us: the same InvocationID, or marked as paid or sent already."""

NO_OP_CODES = frozenset(code for code, fault in ITEM_CODES.items() if fault is ItemFault.NO_OP)
GONE_CODES = frozenset(code for code, fault in ITEM_CODES.items() if fault is ItemFault.GONE)

SHORT_WINDOW_SECONDS = 15.0
"""eBay's own statement for ReviseInventoryStatus: the block clears after 15 s."""

SELLING_LIMIT_SECONDS = 86_400.0
"""How long a number that the selling limit stopped is not tried again."""

_AGAIN_AFTER = re.compile(r"again after (\d{1,5}) second", re.IGNORECASE)

_VERDICTS = {
    ItemFault.NO_OP: PushVerdict.ACCEPTED,
    ItemFault.ENDED: PushVerdict.NOT_FOUND,
    ItemFault.GONE: PushVerdict.NOT_FOUND,
    ItemFault.SELLING_LIMIT: PushVerdict.DEFERRED,
    ItemFault.LATER: PushVerdict.DEFERRED,
}
"""The rest is REJECTED."""

_ADVICE = {
    ItemFault.ZERO_REFUSED: (
        "quantity 0 is refused while the account's out-of-stock control is off; switch it on in My eBay"
    ),
    ItemFault.OTHER_API: "the listing is managed by eBay's Inventory API, which could not be asked to set its number",
    ItemFault.SELLING_LIMIT: (
        "the month's selling limit is reached: numbers still fall, and rise again once eBay raises the limit "
        "(Seller Hub > Overview > Monthly limits)"
    ),
    ItemFault.MAPPING: "the listing's SKU or variation is not the one it was linked by; mend the SKU there or the link",
}


@dataclass(frozen=True, slots=True)
class ItemVerdict:
    """What an error with some code did to one update of a push; `wait_seconds` as the port has it."""

    verdict: PushVerdict
    wait_seconds: float | None = None


def call_fault(errors: Iterable[TradingError]) -> tuple[CallFault, TradingError] | None:
    """The first error that concerns the whole call, with its class; None when all concern items or the
    request.
    """
    for error in errors:
        if not error.is_error:
            continue
        fault = CALL_CODES.get(error.code)
        if fault is None and error.is_system and error.code not in ITEM_CODES:
            fault = CallFault.TRANSIENT
        if fault is not None:
            return fault, error
    return None


def retry_after_seconds(error: TradingError) -> float:
    """How long to wait after a short-window refusal: what the text says, else 15 s."""
    found = _AGAIN_AFTER.search(error.sentence)
    return float(found.group(1)) if found else SHORT_WINDOW_SECONDS


def item_fault(code: str) -> ItemFault:
    """What a code says of one listing."""
    return ITEM_CODES.get(code, ItemFault.TERMINAL)


def item_verdict(code: str, quantity: int) -> ItemVerdict:
    """What an error with this code did to one update of a push.

    A listing that has ended already sells nothing: a push of 0 to it is satisfied. One that is not ours or
    never was (17, 231) is NOT_FOUND even then, because its link is wrong.
    """
    fault = item_fault(code)
    if fault is ItemFault.ENDED and quantity == 0:
        return ItemVerdict(PushVerdict.ACCEPTED)
    waits = SELLING_LIMIT_SECONDS if fault is ItemFault.SELLING_LIMIT else None
    return ItemVerdict(_VERDICTS.get(fault, PushVerdict.REJECTED), waits)


def item_sentence(error: TradingError) -> str:
    """One readable sentence about an item's error, with what to do where we know it."""
    return _ADVICE.get(item_fault(error.code), error.sentence)

"""Why a listing may show what it need not: the likeliest cause that one reading can tell."""

from __future__ import annotations

from enum import StrEnum

from syncd.channel.port import ListingObservation
from syncd.listing.belief import Belief


class Cause(StrEnum):
    """The causes, in words for a person."""

    UNANSWERED_PUSH = "a number of ours whose answer was lost"
    RELISTED = "its sold counter began anew: relisted, or a sale was taken back"
    UNSEEN_SALE = "most likely a sale whose order is not in yet"
    RESTOCK = "most likely put back by the channel for a cancelled order"
    EDIT = "edited on the channel by hand"


def cause_of(drift: int, before: Belief, seen: ListingObservation, *, unsure: bool, restocks: bool) -> Cause | None:
    """Why a reading differs by `drift`, or None if it does not.

    `unsure`: a number of ours may or may not have arrived. `restocks`: the channel raises its own number when an order
    is cancelled. Where the channel counts its sales, no sale looks like drift; elsewhere orders explain it later.
    """
    if before.sold is not None and seen.sold is not None and seen.sold < before.sold:
        return Cause.RELISTED if before.fell_at is None else None
    if not drift:
        return None
    if unsure:
        return Cause.UNANSWERED_PUSH
    if seen.sold is None and drift < 0:
        return Cause.UNSEEN_SALE
    if drift > 0 and restocks:
        return Cause.RESTOCK
    return Cause.EDIT

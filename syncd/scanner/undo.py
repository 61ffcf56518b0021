"""Taking the last scan back: a pure decision from the scan's own movements, for a minute after it was made.

Movements are never deleted: each is answered by one the other way. What broke a promise is not taken back: its customer
is already being asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from syncd.ledger.movement import Movement, Reason, part_key
from syncd.reservation.hold import HoldStatus, Reservation
from syncd.scanner.scan import ScanResult, ScanVerdict

UNDO_MAX = timedelta(seconds=60)
"""How long after a scan it can be taken back, by the scanner's own times: it may have been offline all the while."""


@dataclass(frozen=True, slots=True)
class Undo:
    """The wish to take back the scan `of`."""

    of: str
    at: datetime
    actor: str

    @property
    def key(self) -> str:
        """The key of the first movement back; a scan is taken back once."""
        return f"undo:{self.of}"


@dataclass(frozen=True, slots=True)
class Posted:
    """A scan as it was posted, what it moved, and the promises of its orders that were fulfilled."""

    result: ScanResult
    actor: str
    happened_at: datetime
    movements: Sequence[Movement]
    fulfilled: Sequence[Reservation] = ()


@dataclass
class TakenBack:
    """What is to be written; with another verdict than posted, nothing."""

    result: ScanResult
    movements: list[Movement] = field(default_factory=list)
    reservations: list[Reservation] = field(default_factory=list)


def take_back(undo: Undo, posted: Posted) -> TakenBack:
    """Decide whether a scan is taken back, and by which movements."""
    objection = _objection(undo, posted)
    if objection:
        return TakenBack(replace(posted.result, verdict=ScanVerdict.REFUSED, sentence=objection))
    restored = _restored(posted)
    if restored is None:
        sentence = "the order has changed since: set the goods aside and ask who answers for it"
        return TakenBack(replace(posted.result, verdict=ScanVerdict.REFUSED, sentence=sentence))
    back = [
        Movement(
            part_key(undo.key, number),
            moved.sku,
            moved.quantity,
            moved.destination,
            moved.source,
            Reason.CORRECTION,
            undo.at,
            moved.reference,
            undo.actor,
        )
        for number, moved in enumerate(posted.movements)
    ]
    result = replace(posted.result, sentence=f"taken back: {posted.result.sentence}", levels=(), count=None)
    return TakenBack(result, back, restored)


def _objection(undo: Undo, posted: Posted) -> str:
    if posted.actor != undo.actor:
        return "only who made a scan takes it back"
    if undo.at - posted.happened_at > UNDO_MAX:
        return "a scan is taken back within a minute; now adjust the stock or count the shelf"
    if posted.result.broken:
        return "promises were broken by this scan and their customers are asked; it is not taken back"
    if not posted.movements:
        return "this scan moved nothing"
    return ""


def _restored(posted: Posted) -> list[Reservation] | None:
    """The promises that a pick fulfilled, open again; None where they are not as the pick left them."""
    left: dict[tuple[str, str], int] = {}
    for moved in posted.movements:
        if moved.reason is Reason.SHIPMENT:
            place = (moved.reference, moved.source.location)
            left[place] = left.get(place, 0) + moved.quantity
    found: list[Reservation] = []
    for one in posted.fulfilled:
        units = min(left.get((one.order_key, one.location), 0), one.fulfilled)
        if units:
            found.append(replace(one, fulfilled=one.fulfilled - units, status=HoldStatus.HELD))
            left[one.order_key, one.location] -= units
    return None if any(left.values()) else found

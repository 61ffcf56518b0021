"""What a scan does to stock: a pure decision from the scan, the balances and the promises at its location.

Physical truth wins: what a customer carries away or a count does not find is gone, even if it was promised. Such a
promise is broken explicitly, the newest first, and the order line becomes short in the same decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncd.attention.question import Question, Topic
from syncd.identity import ChannelName, Sku
from syncd.ledger.balance import Balances, StockLevel, stock_level
from syncd.ledger.count import CountVerdict, compare
from syncd.ledger.movement import (
    CUSTOMER,
    LOSS,
    SUPPLIER,
    Account,
    Movement,
    Reason,
    State,
    available,
    part_key,
    reserved,
)
from syncd.reservation.hold import Demand, Reservation, break_promises
from syncd.scanner.scan import Scan, ScanKind, ScanResult, ScanVerdict

SOLD_CAUSE = "sold over the counter"
COUNTED_CAUSE = "the shelf holds less than was promised"


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a scan is judged on, read inside the transaction; only a count needs `moved_since`, the net change since."""

    sku: Sku
    balances: Balances
    reservations: Sequence[Reservation]
    demands: Mapping[tuple[ChannelName, str], Demand]
    now: datetime
    moved_since: int = 0


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise broken by so many units."""

    reservation: Reservation
    units: int


@dataclass
class Judgement:
    """What is to be written for one scan. With a verdict other than posted only the question is written."""

    result: ScanResult
    movements: list[Movement] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    reservations: list[Reservation] = field(default_factory=list)
    demands: list[Demand] = field(default_factory=list)
    question: Question | None = None


def judge(scan: Scan, shelf: Shelf) -> Judgement:
    """Decide what a scan of a known SKU does."""
    if scan.kind is ScanKind.COUNTER_SALE:
        return _sell(scan, shelf)
    if scan.kind is ScanKind.COUNT:
        return _count(scan, shelf)
    return _move(scan, shelf)


def question_subject(scan: Scan, sku: Sku) -> str:
    """What a question about a count is about."""
    return f"{sku}@{scan.location}"


def _sell(scan: Scan, shelf: Shelf) -> Judgement:
    """Take what is free, and what is missing from the newest promises: the customer holds it in his hand."""
    free, promised = _free(scan, shelf), _promised(scan, shelf)
    missing = scan.quantity - free
    if missing > promised:
        sentence = (
            f"the books hold {free + promised} × {shelf.sku} at {scan.location} that can be sold, {scan.quantity} are "
            "wanted: count the shelf first, then scan the sale again"
        )
        return Judgement(_result(scan, shelf, ScanVerdict.REFUSED, sentence))
    steps = _Steps(scan, shelf)
    steps.move(min(free, scan.quantity), available(scan.location), CUSTOMER, Reason.SALE)
    steps.break_promises(missing, CUSTOMER, Reason.SALE, SOLD_CAUSE)
    return steps.judgement(f"sold {scan.quantity} × {shelf.sku} over the counter at {scan.location}")


def _count(scan: Scan, shelf: Shelf) -> Judgement:
    """Post the difference between the shelf and the books as of the moment of the count."""
    level = _level(scan, shelf)
    verdict = compare(
        scan.quantity, on_hand_now=level.on_hand, moved_since=shelf.moved_since, available_now=level.available
    )
    promised = _promised(scan, shelf)
    if verdict.broken > promised:
        return _ask(scan, shelf, verdict, verdict.broken - promised)
    steps = _Steps(scan, shelf)
    steps.move(verdict.surplus, LOSS, available(scan.location), Reason.CYCLE_COUNT)
    steps.move(verdict.from_available, available(scan.location), LOSS, Reason.CYCLE_COUNT)
    steps.break_promises(verdict.broken, LOSS, Reason.CYCLE_COUNT, COUNTED_CAUSE)
    difference = f"{verdict.difference:+d}" if verdict.difference else "no difference"
    sentence = f"counted {scan.quantity} × {shelf.sku} at {scan.location}, expected {verdict.expected}: {difference}"
    return steps.judgement(sentence, verdict)


def _ask(scan: Scan, shelf: Shelf, verdict: CountVerdict, left: int) -> Judgement:
    """Units sold on a channel whose order has not come, or set aside as damaged, are not written off by a machine."""
    level = _level(scan, shelf)
    sentence = (
        f"{shelf.sku} at {scan.location}: counted {scan.quantity}, expected {verdict.expected}; {left} of the missing "
        f"are in flight ({level.in_flight}) or damaged ({level.unavailable}) in the books: look for them, wait for "
        "the channel's orders, then count again"
    )
    result = replace(_result(scan, shelf, ScanVerdict.REFUSED, sentence), count=verdict)
    question = Question(Topic.COUNT, question_subject(scan, shelf.sku), sentence, shelf.now)
    return Judgement(result, question=question)


def _move(scan: Scan, shelf: Shelf) -> Judgement:
    """The plain kinds: one movement, or a refusal that says what to do."""
    here, units, reason = available(scan.location), abs(scan.quantity), scan.reason or Reason.OTHER
    at = f"{units} × {shelf.sku} at {scan.location}"
    match scan.kind:
        case ScanKind.RECEIPT:
            step = (SUPPLIER, here, Reason.RECEIPT, f"received {at}")
        case ScanKind.RETURN:
            step = (CUSTOMER, here, Reason.RETURN, f"took back {at}")
        case ScanKind.DAMAGED:
            step = (here, Account(scan.location, State.UNAVAILABLE), reason, f"set aside {at} as damaged")
        case ScanKind.TRANSFER:
            place = scan.to_location or scan.location
            step = (here, available(place), Reason.TRANSFER, f"carried {at} to {place}")
        case _ if scan.quantity > 0:
            step = (LOSS, here, reason, f"added {at} ({reason})")
        case _:
            step = (here, LOSS, reason, f"took away {at} ({reason})")
    source, destination, why, sentence = step
    held = shelf.balances.of(shelf.sku, source)
    if source.is_ours and held < units:
        sentence = (
            f"{source.location} holds {held} × {shelf.sku} free, {units} are wanted; "
            "count the shelf if more are there, or take less"
        )
        return Judgement(_result(scan, shelf, ScanVerdict.REFUSED, sentence))
    steps = _Steps(scan, shelf)
    steps.move(units, source, destination, why)
    return steps.judgement(sentence)


class _Steps:
    """The movements of one scan, and the promises they break."""

    def __init__(self, scan: Scan, shelf: Shelf) -> None:
        self._scan = scan
        self._shelf = shelf
        self._movements: list[Movement] = []
        self._broken: list[Broken] = []
        self._demands: dict[tuple[ChannelName, str], Demand] = {}

    def move(self, units: int, source: Account, destination: Account, reason: Reason, reference: str = "") -> None:
        if units <= 0:
            return
        scan = self._scan
        key = part_key(scan.key, len(self._movements))
        sku, actor = self._shelf.sku, scan.actor
        self._movements.append(Movement(key, sku, units, source, destination, reason, scan.at, reference, actor))

    def break_promises(self, units: int, destination: Account, reason: Reason, cause: str) -> None:
        """Take promised units; each order line they were promised to is short of them from now on."""
        for ending in break_promises(_promises_here(self._scan, self._shelf), max(0, units)):
            broken = ending.reservation
            self.move(ending.units, reserved(broken.location), destination, reason, broken.order_key)
            self._broken.append(Broken(broken, ending.units))
            line = (broken.channel, broken.line_id)
            demand = self._demands.get(line) or self._shelf.demands.get(line)
            if demand is None:
                raise LookupError(f"reservation {broken.reservation_id} serves no demand")
            self._demands[line] = replace(
                demand,
                short=demand.short + ending.units,
                cause=demand.cause if demand.short else cause,
                short_since=demand.short_since or self._shelf.now,
            )

    def judgement(self, sentence: str, count: CountVerdict | None = None) -> Judgement:
        """Everything together, with the stock as it is afterwards."""
        scan, shelf = self._scan, self._shelf
        units = sum(one.units for one in self._broken)
        if units:
            sentence += f"; orders were promised {units} of what is missing, and their customers will be asked"
        after = Balances({shelf.sku: dict(shelf.balances.by_sku.get(shelf.sku, {}))})
        after.apply(self._movements)
        result = _result(scan, replace(shelf, balances=after), ScanVerdict.POSTED, sentence)
        return Judgement(
            replace(result, count=count, broken=units),
            self._movements,
            self._broken,
            [one.reservation.release(one.units) for one in self._broken],
            list(self._demands.values()),
        )


def _result(scan: Scan, shelf: Shelf, verdict: ScanVerdict, sentence: str) -> ScanResult:
    accounts = shelf.balances.by_sku.get(shelf.sku, {})
    places = [scan.location] if scan.to_location is None else [scan.location, scan.to_location]
    levels = tuple(stock_level(shelf.sku, place, accounts) for place in places)
    return ScanResult(scan.scan_id, verdict, sentence, shelf.sku, levels)


def _level(scan: Scan, shelf: Shelf) -> StockLevel:
    return stock_level(shelf.sku, scan.location, shelf.balances.by_sku.get(shelf.sku, {}))


def _free(scan: Scan, shelf: Shelf) -> int:
    return shelf.balances.of(shelf.sku, available(scan.location))


def _promises_here(scan: Scan, shelf: Shelf) -> list[Reservation]:
    return [one for one in shelf.reservations if one.location == scan.location and one.open]


def _promised(scan: Scan, shelf: Shelf) -> int:
    return sum(one.open for one in _promises_here(scan, shelf))

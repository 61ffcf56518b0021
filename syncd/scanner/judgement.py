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
from syncd.reservation.hold import Demand, Ending, Reservation, break_promises, take_from
from syncd.scanner.scan import Scan, ScanKind, ScanResult, ScanVerdict

SOLD_CAUSE = "sold over the counter"
COUNTED_CAUSE = "the shelf holds less than was promised"
PICKED_CAUSE = "a pick found nothing on the shelf"


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a scan is judged on, read inside the transaction; only a count needs `moved_since`, the net change since."""

    sku: Sku
    balances: Balances
    reservations: Sequence[Reservation]
    demands: Mapping[tuple[ChannelName, str], Demand]
    now: datetime
    moved_since: int = 0


@dataclass
class Judgement:
    """What is to be written for one scan. With a verdict other than posted only the question is written.

    `broken` and `sent` are what became of promises by it; `reservations` are these as they stand afterwards.
    """

    result: ScanResult
    movements: list[Movement] = field(default_factory=list)
    broken: list[Ending] = field(default_factory=list)
    sent: list[Ending] = field(default_factory=list)
    reservations: list[Reservation] = field(default_factory=list)
    demands: list[Demand] = field(default_factory=list)
    question: Question | None = None


def judge(scan: Scan, shelf: Shelf) -> Judgement:
    """Decide what a scan of a known SKU does."""
    if scan.kind is ScanKind.COUNTER_SALE:
        return _sell(scan, shelf)
    if scan.kind is ScanKind.COUNT:
        return _count(scan, shelf)
    if scan.kind is ScanKind.PICK:
        return _pick(scan, shelf) if scan.quantity else _pick_nothing(scan, shelf)
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
    steps.break_promises(_newest(scan, shelf, missing), CUSTOMER, Reason.SALE, SOLD_CAUSE)
    return steps.judgement(f"sold {scan.quantity} × {shelf.sku} over the counter at {scan.location}")


def _count(scan: Scan, shelf: Shelf) -> Judgement:
    """Post the difference between the shelf and the books as of the moment of the count."""
    level = _level(scan, shelf)
    verdict = compare(
        scan.quantity, on_hand_now=level.on_hand, moved_since=shelf.moved_since, available_now=level.available
    )
    if scan.blind and verdict.difference:
        sentence = f"{shelf.sku} at {scan.location}: the books say something else: count once more"
        return Judgement(ScanResult(scan.scan_id, ScanVerdict.RECOUNT, sentence, shelf.sku))
    promised = _promised(scan, shelf)
    if verdict.broken > promised:
        return _ask(scan, shelf, verdict, verdict.broken - promised)
    steps = _Steps(scan, shelf)
    steps.move(verdict.surplus, LOSS, available(scan.location), Reason.CYCLE_COUNT)
    steps.move(verdict.from_available, available(scan.location), LOSS, Reason.CYCLE_COUNT)
    steps.break_promises(_newest(scan, shelf, verdict.broken), LOSS, Reason.CYCLE_COUNT, COUNTED_CAUSE)
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


def _pick(scan: Scan, shelf: Shelf) -> Judgement:
    """Units held for an order leave the house; what it still waits for stays held."""
    held = _held_for_order(scan, shelf)
    waiting = sum(one.open for one in held)
    if scan.quantity > waiting:
        return Judgement(_result(scan, shelf, ScanVerdict.REFUSED, _not_held(scan, shelf, waiting)))
    steps = _Steps(scan, shelf)
    steps.send(take_from(held, scan.quantity))
    left = waiting - scan.quantity
    sentence = f"sent {scan.quantity} × {shelf.sku} from {scan.location} for order {scan.order}"
    return steps.judgement(f"{sentence}; {left} more to pick" if left else sentence)


def _pick_nothing(scan: Scan, shelf: Shelf) -> Judgement:
    """The shelf is empty: this order's promise is broken, and what the books still call free there is not sold."""
    held = _held_for_order(scan, shelf)
    waiting = sum(one.open for one in held)
    if not waiting:
        return Judgement(_result(scan, shelf, ScanVerdict.REFUSED, _not_held(scan, shelf, 0)))
    free, place = _free(scan, shelf), scan.location
    steps = _Steps(scan, shelf)
    steps.break_promises(take_from(held, waiting), LOSS, Reason.SHRINKAGE, PICKED_CAUSE)
    steps.move(free, available(place), Account(place, State.UNAVAILABLE), Reason.SHRINKAGE)
    judgement = steps.judgement(f"found none of {waiting} × {shelf.sku} at {place} for order {scan.order}")
    if free:
        sentence = (
            f"a pick found no {shelf.sku} at {place}, where the books held {free} more free: they are set aside; count "
            f"with: syncd stock count {shelf.sku} N --location {place}; what is there is sold again after: syncd stock "
            f"post {shelf.sku} {free} --restock --location {place}"
        )
        judgement.question = Question(Topic.COUNT, question_subject(scan, shelf.sku), sentence, shelf.now)
    return judgement


def _held_for_order(scan: Scan, shelf: Shelf) -> list[Reservation]:
    return [one for one in _promises_here(scan, shelf) if one.order_key == scan.order]


def _not_held(scan: Scan, shelf: Shelf, waiting: int) -> str:
    """Why so many cannot be picked for an order, and where to look."""
    own = [one for one in shelf.reservations if one.order_key == scan.order and one.open]
    places = sorted({one.location for one in own} - {scan.location})
    elsewhere = f"; more is held for it at {', '.join(places)}: pick it there" if places else ""
    return f"order {scan.order} waits for {waiting} × {shelf.sku} at {scan.location}, not {scan.quantity}{elsewhere}"


def _move(scan: Scan, shelf: Shelf) -> Judgement:
    """The plain kinds: one movement, or a refusal that says what to do."""
    here, units, reason = available(scan.location), abs(scan.quantity), scan.reason or Reason.OTHER
    aside = Account(scan.location, State.UNAVAILABLE)
    at = f"{units} × {shelf.sku} at {scan.location}"
    match scan.kind:
        case ScanKind.RECEIPT:
            step = (SUPPLIER, here, Reason.RECEIPT, f"received {at}")
        case ScanKind.RETURN:
            step = (CUSTOMER, here, Reason.RETURN, f"took back {at}")
        case ScanKind.DAMAGED:
            step = (here, aside, reason, f"set aside {at} as damaged")
        case ScanKind.RESTOCK:
            step = (aside, here, Reason.RESTOCK, f"put {at} back on sale")
        case ScanKind.DISCARD:
            step = (aside, LOSS, Reason.DAMAGED, f"threw away {at}")
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
            f"{source.location} holds {held} × {shelf.sku} {_WORD[State(source.state)]}, {units} are wanted; "
            "count the shelf if more are there, or take less"
        )
        return Judgement(_result(scan, shelf, ScanVerdict.REFUSED, sentence))
    steps = _Steps(scan, shelf)
    steps.move(units, source, destination, why)
    return steps.judgement(sentence)


_WORD = {State.AVAILABLE: "free", State.UNAVAILABLE: "set aside"}


class _Steps:
    """The movements of one scan, and the promises they break."""

    def __init__(self, scan: Scan, shelf: Shelf) -> None:
        self._scan = scan
        self._shelf = shelf
        self._movements: list[Movement] = []
        self._broken: list[Ending] = []
        self._sent: list[Ending] = []
        self._demands: dict[tuple[ChannelName, str], Demand] = {}

    def move(self, units: int, source: Account, destination: Account, reason: Reason, reference: str = "") -> None:
        if units <= 0:
            return
        scan = self._scan
        key = part_key(scan.key, len(self._movements))
        sku, actor = self._shelf.sku, scan.actor
        self._movements.append(Movement(key, sku, units, source, destination, reason, scan.at, reference, actor))

    def send(self, endings: Sequence[Ending]) -> None:
        """Promised units leave for the customers they were promised to."""
        for ending in endings:
            held = ending.reservation
            self.move(ending.units, reserved(held.location), CUSTOMER, Reason.SHIPMENT, held.order_key)
            self._sent.append(ending)

    def break_promises(self, endings: Sequence[Ending], destination: Account, reason: Reason, cause: str) -> None:
        """Take promised units; each order line they were promised to is short of them from now on."""
        for ending in endings:
            broken = ending.reservation
            self.move(ending.units, reserved(broken.location), destination, reason, broken.order_key)
            self._broken.append(ending)
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
            self._sent,
            [
                *(one.reservation.release(one.units) for one in self._broken),
                *(one.reservation.fulfil(one.units) for one in self._sent),
            ],
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


def _newest(scan: Scan, shelf: Shelf, units: int) -> Sequence[Ending]:
    return break_promises(_promises_here(scan, shelf), max(0, units))


def _promised(scan: Scan, shelf: Shelf) -> int:
    return sum(one.open for one in _promises_here(scan, shelf))

"""Where an order is, as its customer is told: what its lines, promises, purchases, parcels and cases come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from syncd.channel.port import ChannelOrder, OrderLine, OrderStatus
from syncd.identity import Sku
from syncd.reservation.hold import Demand, Reservation
from syncd.supply.parcel import Parcel


class Place(StrEnum):
    """Where units of a line are, from the nearest to the customer to the farthest."""

    SENT = "sent"
    PACKING = "packing"
    """On our shelf with his name on it."""
    SUPPLIER = "supplier"
    """Bought for him; the supplier sends it."""
    PAID = "paid"
    """Paid; nothing else is known of it, as of a line that is not linked to stock."""
    UNPAID = "unpaid"
    """Waits for the payment."""
    MISSING = "missing"
    """Promised and not there: its case is the next step."""
    BACK = "back"
    """Cancelled or paid back: it is not coming."""


class Where(StrEnum):
    """Where the order as a whole is: what the page says first."""

    UNPAID = "unpaid"
    PACKING = "packing"
    SUPPLIER = "supplier"
    MISSING = "missing"
    PART_SENT = "part_sent"
    SENT = "sent"
    BACK = "back"
    """Nothing of it is coming any more."""


@dataclass(frozen=True, slots=True)
class Stock:
    """What we keep about the lines of one order. `titles` are of products; `per_unit` the base units of a SKU in one
    unit of a line's listing, 1 where it is not told."""

    demands: Sequence[Demand]
    reservations: Sequence[Reservation]
    parcels: Sequence[Parcel]
    titles: Mapping[Sku, str]
    per_unit: Mapping[tuple[str, Sku], int]


@dataclass(frozen=True, slots=True)
class Piece:
    """Listing units of one line that are in one place; `instead` is what he chose in its stead, '' for nothing."""

    title: str
    units: int
    place: Place
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the order's way: its name, and whether it is done, under way, or still to come."""

    name: str
    is_done: bool
    is_now: bool


STEPS = ("taken", "paid", "packed", "sent")

_NOW = {Where.UNPAID: "paid", Where.PACKING: "packed", Where.SUPPLIER: "packed", Where.MISSING: "packed"}


def pieces_of(order: ChannelOrder, stock: Stock) -> tuple[Piece, ...]:
    """Every line of the order, by where its units are; places that hold nothing are left out."""
    found: list[Piece] = []
    for line in order.lines:
        demands = [one for one in stock.demands if one.line_id == line.line_id]
        counts = _counts(line, order.status, demands, stock)
        title = line.title or next((stock.titles.get(one.sku, one.sku) for one in demands), line.sku or "")
        chosen = [stock.titles.get(one.sku, one.sku) for one in demands if one.instead_of and one.need]
        instead = ", ".join(chosen)
        for place, units in counts.items():
            if units:
                found.append(Piece(title, units, place, "" if place is Place.BACK else instead))
    return tuple(found)


def _counts(line: OrderLine, status: OrderStatus, demands: Sequence[Demand], stock: Stock) -> dict[Place, int]:
    """The listing units of a line in each place."""
    alive = max(0, line.quantity - line.cancelled) if status is not OrderStatus.CANCELLED else 0
    if not demands:
        return _untold(line, status, alive)
    reached = _reached(line, demands, stock, alive)
    if status is OrderStatus.SHIPPED:
        sent = max(reached[Place.MISSING], alive - line.refunded)  # some may never have been in our books
        return {Place.SENT: sent, Place.BACK: line.quantity - sent}
    counts, before = dict[Place, int](), 0
    for place, units in reached.items():
        counts[place], before = units - before, units
    if status is OrderStatus.UNPAID:
        counts = {Place.SENT: counts[Place.SENT], Place.UNPAID: before - counts[Place.SENT]}
    return {**counts, Place.BACK: line.quantity - before}


def _untold(line: OrderLine, status: OrderStatus, alive: int) -> dict[Place, int]:
    """A line of which we keep no stock: the channel's word is all there is."""
    places = {OrderStatus.UNPAID: Place.UNPAID, OrderStatus.SHIPPED: Place.SENT}
    coming = alive if status is OrderStatus.SHIPPED else max(0, alive - line.refunded)
    return {places.get(status, Place.PAID): coming, Place.BACK: line.quantity - coming}


def _reached(line: OrderLine, demands: Sequence[Demand], stock: Stock, alive: int) -> dict[Place, int]:
    """How many listing units have come at least so far. A bundle is as far as the last of its parts."""
    parts: dict[Sku, list[Demand]] = {}
    for one in demands:
        parts.setdefault(Sku(one.instead_of or one.sku), []).append(one)
    reached = dict.fromkeys((Place.SENT, Place.PACKING, Place.SUPPLIER, Place.MISSING), alive)
    for root, wanted in parts.items():
        per_unit = stock.per_unit.get((line.line_id, root), 1)
        base = dict.fromkeys(reached, 0)
        for demand in wanted:
            for place, units in _base_units(demand, stock).items():
                base[place] += units
        so_far = 0
        for place in reached:
            so_far += base[place]
            reached[place] = min(reached[place], so_far // per_unit)
    return reached


def _base_units(demand: Demand, stock: Stock) -> dict[Place, int]:
    """The base units of one demand in each place; they add up to what is needed."""
    own = [one for one in stock.reservations if (one.line_id, one.sku) == (demand.line_id, demand.sku)]
    posted = sum(one.quantity for one in stock.parcels if (one.line_id, one.sku) == (demand.line_id, demand.sku))
    posted = min(posted, demand.purchased)
    sent = min(demand.need, sum(one.fulfilled for one in own) + posted)
    packing = min(demand.need - sent, sum(one.open for one in own))
    supplier = min(demand.need - sent - packing, demand.purchased - posted)
    return {
        Place.SENT: sent,
        Place.PACKING: packing,
        Place.SUPPLIER: supplier,
        Place.MISSING: demand.need - sent - packing - supplier,
    }


def where(pieces: Sequence[Piece]) -> Where:
    """Where the order as a whole is."""
    places = {one.place for one in pieces} - {Place.BACK}
    if not places:
        return Where.BACK
    if Place.SENT in places:
        return Where.SENT if places == {Place.SENT} else Where.PART_SENT
    if Place.UNPAID in places:
        return Where.UNPAID
    if places & {Place.PACKING, Place.PAID}:
        return Where.PACKING
    return Where.SUPPLIER if Place.SUPPLIER in places else Where.MISSING


def steps(at: Where) -> tuple[Step, ...]:
    """The order's way; nothing is shown of a way that leads nowhere any more."""
    if at is Where.BACK:
        return ()
    if at is Where.SENT:
        return tuple(Step(name, is_done=True, is_now=False) for name in STEPS)
    now = STEPS.index(_NOW.get(at, "sent"))
    done = now if at is not Where.PART_SENT else now - 1  # the rest is still being packed
    return tuple(Step(name, is_done=i < done, is_now=i >= done and i <= now) for i, name in enumerate(STEPS))


@dataclass(frozen=True, slots=True)
class Due:
    """By when what has not left is to leave, and whether that day has passed. None: nobody stands for a day.

    `is_whole` is False where something is missing for which the day does not hold.
    """

    by: date | None
    is_late: bool
    is_whole: bool = True


def due(pieces: Sequence[Piece], promised: date, later: Sequence[date], today: date) -> Due:
    """The promised day, or the latest told since (`later`): by a supplier, or as a day he chose to wait for."""
    leaving = {Place.PACKING, Place.SUPPLIER, Place.PAID}
    misses = any(one.place is Place.MISSING for one in pieces)
    waits = misses and bool(later)
    if not waits and not any(one.place in leaving for one in pieces):
        return Due(None, is_late=False)
    by = max(promised, *later) if later else promised
    return Due(by, by < today, is_whole=waits or not misses)

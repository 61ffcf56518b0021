"""Reserving at once for a line that is short: what was ordered, found after all, or what its buyer took instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.identity import ListingId, Sku
from syncd.ledger.movement import Movement, Reason, part_key, reserved
from syncd.reservation.hold import Demand, HoldStatus, Reservation, allocate

ACTOR = "shortage"


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a line is short of and what lies where. `available` is of the SKU that is to be reserved, by location."""

    short: Demand
    others: Sequence[Demand]
    reservations: Sequence[Reservation]
    available: Mapping[str, int]
    locations: tuple[str, ...]
    listing_id: ListingId | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Covered:
    """Units reserved for the line, with everything that has to be written for it."""

    movements: tuple[Movement, ...]
    reservations: tuple[Reservation, ...]
    demands: tuple[Demand, ...]


def cover(shelf: Shelf, sku: Sku, units: int, key: str) -> Covered | None:
    """Reserve so many units of a SKU for a short line, all or none; `key` names the movements.

    What was ordered ends the shortage. A substitute takes its place: those units of what was ordered are forgone.
    """
    found = allocate(units, in_flight={}, available=shelf.available, locations=shelf.locations)
    if found.short or units < 1 or units > shelf.short.short:
        return None
    movements: list[Movement] = []
    held: list[Reservation] = []
    for number, taking in enumerate(found.takings):
        place = taking.account.location
        to = reserved(place)
        order_key = shelf.short.order_key
        one = part_key(key, number)
        movements.append(Movement(one, sku, taking.units, taking.account, to, Reason.SALE, shelf.now, order_key, ACTOR))
        held.append(_reservation(shelf, sku, place).more(taking.units))
    return Covered(tuple(movements), tuple(held), _demands(shelf, sku, units))


def _demands(shelf: Shelf, sku: Sku, units: int) -> tuple[Demand, ...]:
    left = shelf.short.short - units
    ordered = replace(shelf.short, short=left, short_since=shelf.short.short_since if left else None)
    if sku == ordered.sku:
        return (ordered,)
    ordered = replace(ordered, need=ordered.need - units, forgone=ordered.forgone + units)
    known = next((one for one in shelf.others if one.sku == sku), None)
    # Whatever replaces a substitute replaces what was ordered: there is no chain to follow.
    root = ordered.instead_of or ordered.sku
    taken = known or Demand(ordered.channel, ordered.line_id, sku, ordered.order_key, 0, instead_of=root)
    return (ordered, replace(taken, need=taken.need + units))


def _reservation(shelf: Shelf, sku: Sku, location: str) -> Reservation:
    line = shelf.short
    reservation_id = f"{line.channel}:{line.line_id}/{sku}@{location}"
    for one in shelf.reservations:
        if one.reservation_id == reservation_id:
            return one
    return Reservation(
        reservation_id,
        line.channel,
        line.line_id,
        line.order_key,
        sku,
        location,
        quantity=0,
        fulfilled=0,
        released=0,
        status=HoldStatus.HELD,
        held_at=shelf.now,
        listing_id=shelf.listing_id,
    )

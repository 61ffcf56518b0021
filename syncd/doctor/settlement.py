"""What makes the promises of one SKU agree with its stock again: compensating movements and renewed decisions.

The log is never touched. Units no promise or sale explains become free; promises no unit covers are taken from what is
free, and where nothing is free the newest of them are broken aloud: the order line is short, and its customer is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.identity import ChannelName, Sku
from syncd.ledger.balance import Balances
from syncd.ledger.movement import Account, Movement, Reason, State, available, in_flight, part_key, reserved
from syncd.reservation.hold import Demand, HoldStatus, Reservation, break_promises, give_back

Line = tuple[ChannelName, str]
"""A channel and one of its order lines."""

ACTOR = "doctor"
CAUSE = "the books held less than was promised"


@dataclass(frozen=True, slots=True)
class Flight:
    """A listing that waits for orders of some of its units; `units` of the SKU are in each."""

    channel: str
    listing_id: str
    waiting: int
    units: int


@dataclass(frozen=True, slots=True)
class Accounts:
    """Everything that was promised of one SKU and everything there is of it.

    `orders` are the keys of orders we know; `flights` the listings that wait for orders of it.
    """

    sku: Sku
    balances: Balances
    reservations: Sequence[Reservation]
    demands: Sequence[Demand]
    orders: frozenset[str]
    flights: Sequence[Flight]
    now: datetime


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is to be written."""

    movements: tuple[Movement, ...]
    reservations: tuple[Reservation, ...]
    demands: tuple[Demand, ...]
    flights: tuple[Flight, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is done, for the person who asked for it."""
        return (
            *(f"{one.quantity} × {one.sku}: {one.source} → {one.destination}" for one in self.movements),
            *(f"promise {one.reservation_id}: {one.open} of {one.quantity} open" for one in self.reservations),
            *(f"order line {one.line_id}: needs {one.need}, short of {one.short}" for one in self.demands),
            *(f"listing {one.channel}:{one.listing_id}: {one.waiting} in flight" for one in self.flights),
        )


def settle(accounts: Accounts) -> Settlement:
    """Decide what has to be written for one SKU; nothing where everything agrees."""
    settling = _Settling(accounts)
    settling.excesses()
    settling.orphans()
    settling.needs()
    for place in settling.places():
        settling.promises_at(place)
    settling.flights()
    settling.endings()
    return settling.settlement()


class _Settling:
    """The promises and balances of one SKU as they stand after the steps decided so far."""

    def __init__(self, accounts: Accounts) -> None:
        self._a = accounts
        self._held: dict[Account, int] = dict(accounts.balances.by_sku.get(accounts.sku, {}))
        self._promises = {one.reservation_id: one for one in accounts.reservations}
        self._demands: dict[Line, Demand] = {(one.channel, one.line_id): one for one in accounts.demands}
        self._movements: list[Movement] = []
        self._flights = list(accounts.flights)

    def excesses(self) -> None:
        """No more of a promise ends than was promised."""
        for one in list(self._promises.values()):
            if one.open < 0:
                sent = min(one.fulfilled, one.quantity)
                self._promises[one.reservation_id] = replace(one, fulfilled=sent, released=one.quantity - sent)

    def orphans(self) -> None:
        """What is promised to an order nobody knows is promised to nobody."""
        for one in list(self._promises.values()):
            if one.open > 0 and one.order_key not in self._a.orders:
                self._promises[one.reservation_id] = one.release(one.open)
        for line, demand in self._demands.items():
            if demand.order_key not in self._a.orders:
                need = demand.purchased + sum(one.quantity - one.released for one in self._of(line))
                self._demands[line] = replace(demand, need=need, short=0, short_since=None)

    def needs(self) -> None:
        """What an order line needs is held, bought or short; what is held beyond it is given back.

        A line that holds something and of which no need is known needs what it holds.
        """
        for one in self._promises.values():
            line = (one.channel, one.line_id)
            if one.open > 0 and line not in self._demands:
                need = sum(own.quantity - own.released for own in self._of(line))
                self._demands[line] = Demand(*line, one.sku, one.order_key, need)
        for line, demand in self._demands.items():
            own = self._of(line)
            if any(one.status is HoldStatus.EXPIRED for one in own):
                continue
            covered = sum(one.quantity - one.released for one in own) + demand.purchased + demand.short
            if covered < demand.need:
                self._short(line, demand.need - covered)
            elif covered > demand.need:
                surplus = covered - demand.need
                short = max(0, demand.short - surplus)
                surplus -= demand.short - short
                self._demands[line] = replace(demand, short=short, short_since=demand.short_since if short else None)
                for ending in give_back(own, surplus):
                    self._promises[ending.reservation.reservation_id] = ending.reservation.release(ending.units)

    def places(self) -> list[str]:
        """Where something is promised, or reserved in the books."""
        booked = {account.location for account, n in self._held.items() if n and account.state == State.RESERVED}
        return sorted(booked | {one.location for one in self._promises.values() if one.open})

    def promises_at(self, place: str) -> None:
        """What is reserved at a place is what is promised from it."""
        here = [one for one in self._promises.values() if one.location == place and one.open > 0]
        wanted, there = sum(one.open for one in here), self._held.get(reserved(place), 0)
        if there > wanted:
            self._move(there - wanted, reserved(place), available(place))
            return
        found = min(wanted - there, max(0, self._held.get(available(place), 0)))
        self._move(found, available(place), reserved(place))
        for ending in break_promises(here, wanted - there - found):
            broken = ending.reservation
            self._promises[broken.reservation_id] = broken.release(ending.units)
            self._short((broken.channel, broken.line_id), ending.units)

    def flights(self) -> None:
        """Units in flight are those that listings wait for orders of; where there are not as many, fewer are waited
        for. The channel's counter goes on telling of the sale, and its order will be short."""
        flying = {a.location: n for a, n in sorted(self._held.items()) if a.is_ours and a.state == State.IN_FLIGHT}
        free = (max(0, n) for a, n in self._held.items() if a.is_ours and a.state == State.AVAILABLE)
        there = sum(flying.values()) + sum(free)
        for number, one in enumerate(self._flights):
            covered = min(one.waiting, max(0, there) // one.units)
            self._flights[number] = replace(one, waiting=covered)
            there -= covered * one.units
        surplus = sum(flying.values()) - sum(one.waiting * one.units for one in self._flights)
        for place, units in flying.items():
            back = min(units, max(0, surplus))
            self._move(back, in_flight(place), available(place))
            surplus -= back
        for account, units in sorted(self._held.items()):
            if account.is_ours and account.state == State.AVAILABLE:
                found = min(max(0, units), max(0, -surplus))
                self._move(found, account, in_flight(account.location))
                surplus += found

    def endings(self) -> None:
        """A promise is held while something of it is open, and ended once nothing is."""
        for one in self._promises.values():
            if one.open > 0 and one.status is not HoldStatus.HELD:
                self._promises[one.reservation_id] = replace(one, status=HoldStatus.HELD)
            elif one.open == 0 and one.status is HoldStatus.HELD:
                ended = HoldStatus.FULFILLED if one.fulfilled else HoldStatus.RELEASED
                self._promises[one.reservation_id] = replace(one, status=ended)

    def settlement(self) -> Settlement:
        """The movements, and the rows that differ from what they were."""
        was = {one.reservation_id: one for one in self._a.reservations}
        needed = {(one.channel, one.line_id): one for one in self._a.demands}
        return Settlement(
            tuple(self._movements),
            tuple(one for key, one in self._promises.items() if one != was[key]),
            tuple(one for key, one in self._demands.items() if one != needed.get(key)),
            tuple(one for one, before in zip(self._flights, self._a.flights, strict=True) if one != before),
        )

    def _of(self, line: Line) -> list[Reservation]:
        return [one for one in self._promises.values() if (one.channel, one.line_id) == line]

    def _short(self, line: Line, units: int) -> None:
        demand = self._demands.get(line)
        if demand is not None:
            self._demands[line] = replace(
                demand,
                short=demand.short + units,
                cause=demand.cause if demand.short else CAUSE,
                short_since=demand.short_since or self._a.now,
            )

    def _move(self, units: int, source: Account, destination: Account) -> None:
        if units <= 0:
            return
        a = self._a
        key = part_key(f"settled:{a.sku}:{a.now.isoformat()}", len(self._movements))
        self._movements.append(
            Movement(key, a.sku, units, source, destination, Reason.CORRECTION, a.now, "doctor --settle", ACTOR)
        )
        self._held[source] = self._held.get(source, 0) - units
        self._held[destination] = self._held.get(destination, 0) + units

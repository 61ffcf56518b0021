"""Promises against stock: placing, giving back and breaking reservations, decided on balances and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from syncd.identity import ChannelName, ListingId, Sku
from syncd.ledger.movement import Account, State


class HoldStatus(StrEnum):
    """How a reservation stands. Each ends exactly once."""

    HELD = "held"
    FULFILLED = "fulfilled"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units of a SKU at a location promised to an order line. `quantity` = open + fulfilled + released.

    `expires_at` is set while the order is unpaid. `channel_holds`: the channel subtracts these units itself from what
    the listing `listing_id` offers, without lowering the number it stores (WooCommerce's pending checkouts). Its
    changes
    are by at least 1 unit and never end more than is open, else ValueError.
    """

    reservation_id: str
    channel: ChannelName
    line_id: str
    order_key: str
    sku: Sku
    location: str
    quantity: int
    fulfilled: int
    released: int
    status: HoldStatus
    held_at: datetime
    expires_at: datetime | None = None
    channel_holds: bool = False
    listing_id: ListingId | None = None

    @property
    def open(self) -> int:
        """Units promised and neither shipped nor given back."""
        return self.quantity - self.fulfilled - self.released

    def more(self, units: int) -> Reservation:
        """Promise further units."""
        self._at_least_one(units)
        return replace(self, quantity=self.quantity + units, status=HoldStatus.HELD)

    def fulfil(self, units: int) -> Reservation:
        """Ship some of it."""
        self._at_least_one(units)
        return replace(self, fulfilled=self.fulfilled + units)._ended(HoldStatus.FULFILLED)

    def release(self, units: int, as_status: HoldStatus = HoldStatus.RELEASED) -> Reservation:
        """Give some of it back."""
        self._at_least_one(units)
        return replace(self, released=self.released + units)._ended(as_status)

    def _at_least_one(self, units: int) -> None:
        if units < 1:
            raise ValueError(f"{self.reservation_id}: at least 1 unit is promised or ends, not {units}")

    def _ended(self, status: HoldStatus) -> Reservation:
        if self.open < 0:
            raise ValueError(f"{self.reservation_id}: more units end than are held")
        return self if self.open else replace(self, status=status)


@dataclass(frozen=True, slots=True)
class Taking:
    """Units to take out of one account for a promise."""

    account: Account
    units: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """What could be promised, from where, and what no stock covers."""

    takings: tuple[Taking, ...]
    short: int


def allocate(
    units: int, *, in_flight: Mapping[str, int], available: Mapping[str, int], locations: Sequence[str]
) -> Allocation:
    """Find `units`: first those already in flight for this very sale, then available ones, location by location."""
    takings: list[Taking] = []
    for held, state in ((in_flight, State.IN_FLIGHT), (available, State.AVAILABLE)):
        for location in dict.fromkeys(locations):
            take = min(units, max(0, held.get(location, 0)))
            if take:
                takings.append(Taking(Account(location, state), take))
                units -= take
    return Allocation(tuple(takings), units)


@dataclass(frozen=True, slots=True)
class Ending:
    """So many units of one reservation end."""

    reservation: Reservation
    units: int


def give_back(reservations: Iterable[Reservation], units: int) -> tuple[Ending, ...]:
    """Which reservations of a line to release for so many units: the newest first. Never more than is open."""
    return take_from(sorted(reservations, key=_newest_first), units)


def take_from(reservations: Iterable[Reservation], units: int) -> tuple[Ending, ...]:
    """So many units of these promises, in the order given. Never more than is open."""
    endings: list[Ending] = []
    for reservation in reservations:
        take = min(units, reservation.open)
        if take:
            endings.append(Ending(reservation, take))
            units -= take
    return tuple(endings)


def break_promises(reservations: Iterable[Reservation], units: int) -> tuple[Ending, ...]:
    """Whose promise breaks when a shelf holds fewer than was promised: the latest buyer's; the earliest is served."""
    return give_back(reservations, units)


def _newest_first(reservation: Reservation) -> tuple[float, str]:
    return (-reservation.held_at.timestamp(), reservation.reservation_id)


@dataclass(frozen=True, slots=True)
class Demand:
    """What one order line needs of one SKU, in base units.

    need = reserved (ever, less released) + purchased + short. `short` is what neither stock nor a supplier covers:
    the broken promise itself, written in the same transaction that found it; the shortage room opens its case from
    it. `forgone` are units of the order that are needed no more although the channel goes on naming them: refunded
    through a case, replaced by something else, or sent without ever having been in the books. `instead_of` is the SKU
    of the line that this one replaces with the customer's consent; '' for what was ordered.
    """

    channel: ChannelName
    line_id: str
    sku: Sku
    order_key: str
    need: int
    short: int = 0
    purchased: int = 0
    cause: str = ""
    short_since: datetime | None = None
    forgone: int = 0
    instead_of: str = ""

    def bought(self, units: int) -> Demand:
        """A supplier is asked for units it was short of; never more than that."""
        units = min(units, self.short)
        left = self.short - units
        return replace(
            self, purchased=self.purchased + units, short=left, short_since=self.short_since if left else None
        )

    def refused(self, units: int, cause: str, now: datetime) -> Demand:
        """A supplier does not send units bought for it: they are short from now on."""
        units = min(units, self.purchased)
        if not units:
            return self
        return replace(
            self,
            purchased=self.purchased - units,
            short=self.short + units,
            cause=cause,
            short_since=self.short_since or now,
        )

"""What an observed listing means: how the belief moves, and which units the channel's counter puts in flight."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from syncd.channel.port import ListingObservation, ListingStatus
from syncd.identity import Sku
from syncd.ledger.balance import Balances
from syncd.ledger.movement import LOSS, Movement, Reason, State, available, in_flight
from syncd.listing.belief import Belief, hinted, observe
from syncd.listing.drift import Cause, cause_of
from syncd.listing.listing import Listing

ACTOR = "observation"

HINT = "hint"
"""The actor where a channel's own call told of the sale: the movement then happened when that call was sent. A reading
tells only that something was sold since the one before; its movement happened when it came."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The belief to keep and the movements that make the ledger agree with the channel's sold counter.

    `drift`: shown minus what it had to show, with its likely `cause`. `held_short`: counted sales that no stock was
    left to hold for, in listing units.
    """

    belief: Belief
    movements: tuple[Movement, ...] = ()
    drift: int = 0
    held_short: int = 0
    cause: Cause | None = None

    def changes(self, before: Belief) -> bool:
        """Whether anything beyond the time of the reading is new."""
        same = replace(self.belief, shown_at=before.shown_at, read_at=before.read_at, hinted_at=before.hinted_at)
        return bool(self.movements) or same != before


@dataclass(frozen=True, slots=True)
class Manner:
    """How an observation came, and what the channel's policy makes of it. `at`: when the answer came.

    `trusted`: an authenticated reading; an unsigned body may only put more units in flight. `adopts_drift`: a
    number edited on the channel is taken as the merchant's own count (drift policy "adopt"). `unsure`: a number of
    ours may or may not have arrived, and is no edit of the seller's. `restocks`: the channel puts cancelled units back.
    `said_at`: when the channel said it.
    """

    at: datetime
    trusted: bool
    lag_seconds: int
    locations: tuple[str, ...]
    adopts_drift: bool = False
    unsure: bool = False
    restocks: bool = False
    said_at: datetime | None = None

    @property
    def actor(self) -> str:
        """Who moves stock on it."""
        return ACTOR if self.trusted else HINT

    @property
    def happened_at(self) -> datetime:
        """When what it tells of had happened at the latest."""
        return self.at if self.trusted or self.said_at is None else min(self.said_at, self.at)


def find(listing: Listing, seen: ListingObservation, manner: Manner, balances: Balances | None) -> Finding:
    """Judge one observation.

    Without `balances` (the listing's SKUs are not locked) the belief moves and no stock does; the next reading
    catches up.
    """
    before, cause = listing.belief, None
    if not manner.trusted:
        belief, drift = hinted(before, seen), 0
    else:
        reading = observe(before, seen, manner.at, lag_seconds=manner.lag_seconds)
        belief, drift = reading.belief, 0 if seen.status is ListingStatus.ENDED else reading.drift
        if belief != before:
            cause = cause_of(drift, before, seen, unsure=manner.unsure, restocks=manner.restocks)
    if balances is None or not listing.components:
        return Finding(belief, (), drift, cause=cause)
    wanted = belief.unexplained - belief.in_flight
    movements: list[Movement] = []
    moved = 0
    if wanted > 0:
        movements, moved = _fly(listing, wanted, manner, balances)
    elif wanted < 0:
        movements, moved = _land(listing, -wanted, manner, balances)
    if manner.adopts_drift and not manner.unsure and drift > 0:
        adopted = _adopt(listing, drift, manner)
        movements += adopted
        belief = replace(belief, drift=0) if adopted else belief
    belief = replace(belief, in_flight=belief.in_flight + moved)
    return Finding(belief, tuple(movements), drift, max(0, wanted - moved), cause)


def _adopt(listing: Listing, units: int, manner: Manner) -> list[Movement]:
    """Somebody raised the number on the channel and means it: what a listing of one SKU shows more is found stock.

    A lower number is never adopted: it may be a sale whose order has not come yet.
    """
    if len(listing.components) != 1:
        return []
    sku, per_unit = listing.components[0].sku, listing.components[0].units
    key = f"adopted:{listing.key}:{manner.at.isoformat()}"
    place = manner.locations[0]
    return [
        Movement(
            key, sku, units * per_unit, LOSS, available(place), Reason.CORRECTION, manner.at, str(listing.key), ACTOR
        )
    ]


def _fly(listing: Listing, units: int, manner: Manner, balances: Balances) -> tuple[list[Movement], int]:
    """Hold units the channel has sold: available → in-flight, as many listing units as every component allows."""
    free = {
        component.sku: {place: balances.of(component.sku, available(place)) for place in manner.locations}
        for component in listing.components
    }
    units = min([units, *(sum(free[c.sku].values()) // c.units for c in listing.components)])
    movements: list[Movement] = []
    for component in listing.components:
        left = units * component.units
        for place, held in free[component.sku].items():
            take = min(left, held)
            if take:
                left -= take
                key = f"flight:{_stem(listing, component.sku, place, manner)}"
                movements.append(
                    Movement(
                        key,
                        component.sku,
                        take,
                        available(place),
                        in_flight(place),
                        Reason.SALE,
                        manner.happened_at,
                        str(listing.key),
                        manner.actor,
                    )
                )
    return movements, units


def _land(listing: Listing, units: int, manner: Manner, balances: Balances) -> tuple[list[Movement], int]:
    """The channel does not confirm them sold: in-flight → available. Returns minus the listing units given back."""
    held_now = {c.sku: sum(balances.by_location(c.sku, State.IN_FLIGHT).values()) for c in listing.components}
    units = min([units, *(held_now[c.sku] // c.units for c in listing.components)])
    movements: list[Movement] = []
    for component in listing.components:
        left = units * component.units
        for place, held in balances.by_location(component.sku, State.IN_FLIGHT).items():
            take = min(left, held)
            if take:
                left -= take
                key = f"landing:{_stem(listing, component.sku, place, manner)}"
                movements.append(
                    Movement(
                        key,
                        component.sku,
                        take,
                        in_flight(place),
                        available(place),
                        Reason.CORRECTION,
                        manner.at,
                        str(listing.key),
                        ACTOR,
                    )
                )
    return movements, -units


def _stem(listing: Listing, sku: Sku, place: str, manner: Manner) -> str:
    """Two observations may come at the same moment; what was in flight before tells their movements apart."""
    return f"{listing.key}:{sku}@{place}:{manner.at.isoformat()}:{listing.belief.in_flight}"

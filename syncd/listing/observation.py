"""What an observed listing means: how the belief moves, and which units the channel's counter puts in flight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.channel.port import ListingObservation, ListingStatus
from syncd.ledger.balance import Balances
from syncd.ledger.movement import Movement, Reason, State, available, in_flight
from syncd.listing.belief import Belief, hinted, observe
from syncd.listing.listing import Listing

ACTOR = "observation"


@dataclass(frozen=True, slots=True)
class Finding:
    """The belief to keep and the movements that make the ledger agree with the channel's sold counter.

    `drift`: shown minus what it had to show. `held`: counted sales that no stock was left to hold for, in listing units.
    """

    belief: Belief
    movements: tuple[Movement, ...] = ()
    drift: int = 0
    held_short: int = 0

    def changes(self, before: Belief) -> bool:
        """Whether anything beyond the time of the reading is new."""
        same = replace(self.belief, shown_at=before.shown_at, hinted_at=before.hinted_at)
        return bool(self.movements) or same != before


def find(
    listing: Listing,
    seen: ListingObservation,
    *,
    at: datetime,
    trusted: bool,
    lag_seconds: int,
    balances: Balances | None,
    locations: Sequence[str],
) -> Finding:
    """Judge one observation. An untrusted one (an unsigned body) may only put more units in flight.

    Without `balances` (the listing's SKUs are not locked) the belief moves and no stock does; the next reading catches up.
    """
    if trusted:
        reading = observe(listing.belief, seen, at, lag_seconds=lag_seconds)
        belief, drift = reading.belief, reading.drift
    else:
        belief, drift = hinted(listing.belief, seen), 0
    if seen.status is ListingStatus.ENDED and trusted:
        drift = 0
    wanted = belief.unexplained - belief.in_flight
    if wanted == 0 or not listing.components or balances is None:
        return Finding(belief, (), drift)
    movements, moved = (
        _fly(listing, wanted, at, balances, locations) if wanted > 0 else _land(listing, -wanted, at, balances)
    )
    return Finding(replace(belief, in_flight=belief.in_flight + moved), movements, drift, max(0, wanted - moved))


def _fly(
    listing: Listing, units: int, at: datetime, balances: Balances, locations: Sequence[str]
) -> tuple[tuple[Movement, ...], int]:
    """Hold units the channel has sold: available → in-flight, as many listing units as every component allows."""
    free = {
        component.sku: {place: balances.of(component.sku, available(place)) for place in locations}
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
                key = f"flight:{listing.key}:{component.sku}@{place}:{at.isoformat()}"
                movements.append(
                    Movement(
                        key,
                        component.sku,
                        take,
                        available(place),
                        in_flight(place),
                        Reason.SALE,
                        at,
                        str(listing.key),
                        ACTOR,
                    )
                )
    return tuple(movements), units


def _land(listing: Listing, units: int, at: datetime, balances: Balances) -> tuple[tuple[Movement, ...], int]:
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
                key = f"landing:{listing.key}:{component.sku}@{place}:{at.isoformat()}"
                movements.append(
                    Movement(
                        key,
                        component.sku,
                        take,
                        in_flight(place),
                        available(place),
                        Reason.CORRECTION,
                        at,
                        str(listing.key),
                        ACTOR,
                    )
                )
    return tuple(movements), -units

"""A merchant's own last days as a season: what his customers bought are the wishes, what came in the deliveries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.channel.port import ListingStatus
from syncd.db import Database
from syncd.history.history import Order
from syncd.history.store import read_balances_at, read_log_size
from syncd.identity import ListingKey
from syncd.ledger.movement import Account, State
from syncd.ledger.store import RecordedMovement, position_at, read_movements
from syncd.listing.listing import Listing
from syncd.listing.store import read_listings
from syncd.orders.store_sales import Sold, read_sold
from syncd.testkit.simulation.wishes import Delivery, Offer, Season, Wish

OUTAGE_SECONDS = 3600.0
"""News later than this was no news but the end of an outage: in a replay nobody calls about such a sale."""

PAGE_MOVEMENTS = 5_000

NEAR_UNITS = 20
"""A SKU of which more than so many always lay free cannot have been oversold, nor dark for want of stock."""


@dataclass(frozen=True)
class Past:
    """What the store holds of a stretch of time. `opening`: free units by SKU when it began."""

    since: datetime
    until: datetime
    opening: Mapping[str, int]
    sold: Sequence[Sold]
    moved: Sequence[tuple[datetime, str, int]]
    listings: Mapping[ListingKey, Listing]

    @property
    def sales(self) -> int:
        """Order lines customers bought."""
        return len(self.sold)


@dataclass(frozen=True)
class Replay:
    """A season made of the past. `left_out`: lines of listings linked to nothing; `plenty`: SKUs that never ran low."""

    season: Season
    skus: int
    left_out: int
    plenty: int


async def read_past(db: Database, since: datetime, until: datetime, locations: Iterable[str]) -> Past:
    """Read a stretch of time from a store. Only what lies at these locations, those channels sell from, counts."""
    places = frozenset(locations)
    async with db.read_at_length() as conn:
        balances = await read_balances_at(conn, since, Order.RECORDED)
        opening = {
            str(sku): sum(units for account, units in held.items() if _is_free(account, places))
            for sku, held in balances.by_sku.items()
        }
        after, (_, last) = await position_at(conn, since), await read_log_size(conn)
        moved: list[tuple[datetime, str, int]] = []
        while page := await read_movements(conn, after=after, limit=PAGE_MOVEMENTS):
            moved += [(one.recorded_at, str(one.movement.sku), units) for one in page if (units := _came(one, places))]
            after = page[-1].position
            if after >= last:
                break
        return Past(since, until, opening, await read_sold(conn, since, until), moved, await read_listings(conn))


def season_of(past: Past, lag_seconds: Mapping[str, int], *, near: int = NEAR_UNITS) -> Replay:
    """The season of the SKUs that ran low. `lag_seconds`: how late each channel's order list is."""
    sellers = {one.key for one in past.sold}
    offers = {
        key: Offer(str(key), key.channel, {str(part.sku): part.units for part in one.components})
        for key, one in past.listings.items()
        if one.components and key.channel in lag_seconds and (one.status is ListingStatus.ACTIVE or key in sellers)
    }
    wished = [(one.key, one) for one in past.sold if one.key is not None and one.key in offers]
    low = _low(past, wished, offers, near)
    kept = {key: one for key, one in offers.items() if low & one.units.keys()}
    skus = {sku for one in kept.values() for sku in one.units}
    wishes = [_wish(offers[key].name, one, past.since, lag_seconds[key.channel]) for key, one in wished if key in kept]
    deliveries = [Delivery(_seconds(past.since, at), sku, units) for at, sku, units in past.moved if sku in skus]
    season = Season(
        list(kept.values()),
        {sku: max(0, past.opening.get(sku, 0)) for sku in skus},
        wishes,
        deliveries,
        _seconds(past.since, past.until),
    )
    every = {sku for one in offers.values() for sku in one.units}
    return Replay(season, len(skus), len(past.sold) - len(wished), len(every - skus))


def _low(
    past: Past, wished: Sequence[tuple[ListingKey, Sold]], offers: Mapping[ListingKey, Offer], near: int
) -> set[str]:
    """SKUs that sold and of which no more than `near` once lay free, with everything they are in one bundle with."""
    steps: list[tuple[datetime, str, int]] = list(past.moved)
    for key, one in wished:
        steps += [(one.sold_at, sku, -units * one.quantity) for sku, units in offers[key].units.items()]
    offered = {sku for one in offers.values() for sku in one.units}
    free = Counter(past.opening)
    low = {sku for sku in offered if free[sku] <= near}
    for _, sku, units in sorted(steps):
        free[sku] += units
        if free[sku] <= near:
            low.add(sku)
    low &= {sku for key, _ in wished for sku in offers[key].units}
    while more := {sku for one in offers.values() if low & one.units.keys() for sku in one.units} - low:
        low |= more
    return low


def _wish(name: str, sold: Sold, since: datetime, lag: int) -> Wish:
    """News of it comes as late as it came then."""
    at, late = _seconds(since, sold.sold_at), max(0.0, (sold.heard_at - sold.sold_at).total_seconds())
    if at < 0:
        at, late = _seconds(since, sold.heard_at), 0.0
    return Wish(at, name, sold.quantity, min(late, float(lag)), late if late <= OUTAGE_SECONDS else None)


def _seconds(since: datetime, at: datetime) -> float:
    return (at - since).total_seconds()


def _is_free(account: Account, places: frozenset[str]) -> bool:
    return account.location in places and account.state == State.AVAILABLE


def _came(one: RecordedMovement, places: frozenset[str]) -> int:
    """Units that became free to sell by it; below 0: that ceased to be. What a channel's order moved counts nothing."""
    source, destination = one.movement.source, one.movement.destination
    promised = (State.RESERVED, State.IN_FLIGHT)
    if any(account.is_ours and account.state in promised for account in (source, destination)):
        return 0
    return one.movement.quantity * (_is_free(destination, places) - _is_free(source, places))

"""Plays one season against whoever keeps the listings: lets customers buy what is shown and counts what came of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from syncd.channel.port import ChannelOrder, WebhookRequest
from syncd.clock import Clock
from syncd.identity import ListingId
from syncd.testkit.fake_webhook import webhook_from
from syncd.testkit.simulation.shop import SimulatedShop
from syncd.testkit.simulation.wishes import Delivery, Offer, Season, Wish

QUIET_SECONDS = 400.0
"""How long a keeper goes on after the last happening before he may sleep: longer than every lag and pause of his."""

AWAKE_SECONDS = 120.0
"""How long he is awake again before something happens."""


class Keeper(Protocol):
    """Whoever keeps the listings true. He learns of deliveries at once, and of sales as the channels tell."""

    async def deliver(self, sku: str, units: int) -> int:
        """Units have arrived on the shelf; below 0: are to leave it. Returns how many were booked."""
        ...

    async def hear(self, channel: str, order: ChannelOrder, request: WebhookRequest) -> None:
        """A channel calls about an order; `request` is what its webhook sends."""
        ...

    async def refused(self) -> Mapping[str, int]:
        """Base units of each SKU, so far, that were sold and that he had nothing for: their customers are refunded."""
        ...

    async def sleep_until(self, seconds: float) -> None:
        """Nothing happens until then (seconds of the simulation): he may sleep through it, as if nobody looked."""
        ...


@dataclass
class Tally:
    """What came of a season.

    `sold`: units customers were promised; `oversold`: of these, units that were not on the shelf any more at that
    moment, whether a later delivery covers them or their customers are refunded. `lost`: units wished for and not
    shown although they lay free; `unmet`: wished for when none were free. `dark_seconds`: time in which a listing
    showed 0 while it could have been sold, of `listing_seconds` altogether.
    """

    sold: int = 0
    oversold: int = 0
    lost: int = 0
    unmet: int = 0
    dark_seconds: float = 0.0
    listing_seconds: float = 0.0

    @property
    def oversold_per_thousand(self) -> float:
        """Per 1,000 units sold."""
        return 1000 * self.oversold / self.sold if self.sold else 0.0

    @property
    def dark_percent(self) -> float:
        """Of all listings' time."""
        return 100 * self.dark_seconds / self.listing_seconds if self.listing_seconds else 0.0

    def __add__(self, other: Tally) -> Tally:
        """Two seasons together."""
        return Tally(
            self.sold + other.sold,
            self.oversold + other.oversold,
            self.lost + other.lost,
            self.unmet + other.unmet,
            self.dark_seconds + other.dark_seconds,
            self.listing_seconds + other.listing_seconds,
        )


class Trade:
    """The world outside: customers, deliveries, the true shelf, and the shops' calls."""

    def __init__(
        self, season: Season, shops: Mapping[str, SimulatedShop], listings: Mapping[str, ListingId], clock: Clock
    ) -> None:
        self.tally = Tally()
        self._held = Counter(season.opening)
        self._refused: Mapping[str, int] = {}
        self._season = season
        self._offers = {one.name: one for one in season.offers}
        self._shops = shops
        self._listings = listings
        self._clock = clock
        self._began = self._seen = clock.monotonic()
        self._calls: set[asyncio.Task[None]] = set()

    async def play(self, keeper: Keeper, tell: Callable[[], None]) -> Tally:
        """The whole season; `tell` is called after everything that happened."""
        self._began = self._seen = self._clock.monotonic()
        for shop in self._shops.values():
            shop.changing.append(self._watch)
        happenings: list[Wish | Delivery] = [*self._season.wishes, *self._season.deliveries]
        for one in sorted(happenings, key=lambda one: one.at):
            await self._until(self._began + one.at, keeper)
            self._watch()
            self._refused = await keeper.refused()
            if isinstance(one, Wish):
                self._buy(one, keeper)
            else:
                await self._deliver(one, keeper)
            tell()
        await self._until(self._began + self._season.seconds, keeper)
        self._watch()
        for shop in self._shops.values():
            shop.changing.remove(self._watch)
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        return self.tally

    async def _until(self, moment: float, keeper: Keeper) -> None:
        if moment - self._clock.monotonic() > 2 * QUIET_SECONDS:
            await self._clock.sleep(QUIET_SECONDS)
            await keeper.sleep_until(moment - AWAKE_SECONDS)
        await self._clock.sleep(moment - self._clock.monotonic())

    async def _deliver(self, one: Delivery, keeper: Keeper) -> None:
        """What leaves the shelf past all channels is no more than lies there free."""
        free = max(0, self._held[one.sku] + self._refused.get(one.sku, 0))
        booked = await keeper.deliver(one.sku, max(one.units, -free))
        self._watch()
        self._held[one.sku] += booked

    def _buy(self, wish: Wish, keeper: Keeper) -> None:
        offer = self._offers[wish.offer]
        shop, listing_id = self._shops[offer.channel], self._listings[wish.offer]
        holds = self._holds(offer)
        if shop.offered(listing_id) < wish.quantity:
            self.tally.lost += min(holds, wish.quantity)
            self.tally.unmet += wish.quantity - min(holds, wish.quantity)
            return
        shop.order_list_lag_seconds = wish.listed_seconds
        order_id = shop.sell(listing_id, wish.quantity)
        for sku, units in offer.units.items():
            self._held[sku] -= units * wish.quantity
        self.tally.sold += wish.quantity
        self.tally.oversold += wish.quantity - min(holds, wish.quantity)
        if wish.told_seconds is not None:
            request = webhook_from(shop, order_id)
            order = shop.orders[order_id]
            call = asyncio.create_task(self._call(offer.channel, order, request, wish.told_seconds, keeper=keeper))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _call(
        self, channel: str, order: ChannelOrder, request: WebhookRequest, seconds: float, *, keeper: Keeper
    ) -> None:
        await self._clock.sleep(seconds)
        await keeper.hear(channel, order, replace(request, received_at=self._clock.now()))

    def _holds(self, offer: Offer) -> int:
        """How many of an offer the shelf could really give: what was delivered, less what was sold and not refused."""
        return max(0, min((self._held[sku] + self._refused.get(sku, 0)) // n for sku, n in offer.units.items()))

    def _watch(self) -> None:
        """Account for the time since this was last called; nothing has changed in it."""
        now = self._clock.monotonic()
        passed, self._seen = now - self._seen, now
        if not passed:
            return
        for name, listing_id in self._listings.items():
            offer = self._offers[name]
            self.tally.listing_seconds += passed
            if self._shops[offer.channel].offered(listing_id) < 1 <= self._holds(offer):
                self.tally.dark_seconds += passed

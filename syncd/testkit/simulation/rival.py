"""How listings are kept without a protocol: a plain push on each sale heard, and a poller that goes round now and then.

Both keep one number per SKU: what was delivered, less what they heard was sold, never below 0. That number is what they
write to every channel. They are what many tools do (sync-protocol §5.3), told simply and without ill will: nothing
fails, nothing is late beyond what the channels and the wire are.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from syncd.channel.port import Channel, ChannelOrder, QuantityUpdate, WebhookRequest
from syncd.clock import Clock
from syncd.identity import ListingId
from syncd.testkit.simulation.wishes import Offer, Season, Span


class Rival:
    """Hears orders and writes numbers. `poll_seconds`: pause between two looks at each channel's orders."""

    def __init__(
        self,
        season: Season,
        channels: Mapping[str, Channel],
        listings: Mapping[str, ListingId],
        clock: Clock,
        *,
        poll_seconds: float,
    ) -> None:
        self.free = dict(season.opening)
        self._offers = {one.name: one for one in season.offers}
        self._by_listing = {(one.channel, listings[one.name]): one for one in season.offers}
        self._channels = channels
        self._listings = listings
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._cursors: dict[str, str | None] = dict.fromkeys(channels)
        self._since: datetime = clock.now()
        self._refused: Counter[str] = Counter()
        self._heard: set[tuple[str, str]] = set()
        self._turns = {name: asyncio.Lock() for name in channels}
        self._writing: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Look for orders for ever."""
        while True:
            await self._clock.sleep(self._poll_seconds)
            await self.look()

    async def look(self) -> None:
        """Read every channel's new orders."""
        raise NotImplementedError

    async def _news(self, channel: str) -> list[ChannelOrder]:
        """Orders of a channel that were not heard of before."""
        found: list[ChannelOrder] = []
        while True:
            page = await self._channels[channel].fetch_orders(self._cursors[channel], since=self._since)
            self._cursors[channel] = page.cursor
            found += [one for one in page.orders if self._is_new(channel, one.order_id)]
            if not page.has_more:
                return found

    def _is_new(self, channel: str, order_id: str) -> bool:
        is_new = (channel, order_id) not in self._heard
        self._heard.add((channel, order_id))
        return is_new

    def _take(self, channel: str, order: ChannelOrder) -> set[str]:
        """Take an order off the number; returns the SKUs it changed."""
        changed: set[str] = set()
        for line in order.lines:
            offer = self._by_listing.get((channel, line.listing_id)) if line.listing_id else None
            for sku, units in (offer.units if offer else {}).items():
                wanted = units * line.quantity
                taken = min(wanted, max(0, self.free.get(sku, 0)))
                self.free[sku] = self.free.get(sku, 0) - taken
                self._refused[sku] += wanted - taken
                changed.add(sku)
        return changed

    async def refused(self) -> Mapping[str, int]:
        """Sold beyond the number."""
        return self._refused

    async def sleep_until(self, seconds: float) -> None:
        """He never sleeps: his looks cost nothing."""

    def _book(self, sku: str, units: int) -> int:
        """Units came, or went; returns how many did."""
        before = self.free.get(sku, 0)
        self.free[sku] = max(0, before + units)
        return self.free[sku] - before

    def _number(self, offer: Offer) -> int:
        return min(self.free.get(sku, 0) // units for sku, units in offer.units.items())

    async def _write(self, skus: set[str]) -> None:
        """Write the number to every channel that offers one of these SKUs, to all of them side by side."""
        due: dict[str, list[Offer]] = {}
        for offer in self._offers.values():
            if skus & offer.units.keys():
                due.setdefault(offer.channel, []).append(offer)
        await asyncio.gather(*(self._write_to(name, offers) for name, offers in due.items()))

    async def _write_to(self, channel: str, offers: Sequence[Offer]) -> None:
        size = self._channels[channel].capabilities.batch_size
        async with self._turns[channel]:
            for start in range(0, len(offers), size):
                part = offers[start : start + size]
                updates = [QuantityUpdate(self._listings[one.name], self._number(one)) for one in part]
                await self._channels[channel].push_quantities(updates)


class NaivePush(Rival):
    """Writes the new number to every channel on each sale it hears of: by polling, and by the channels' own calls."""

    async def look(self) -> None:
        """Each order is written by itself, as it is heard."""
        for channel in self._channels:
            for order in await self._news(channel):
                await self._write(self._take(channel, order))

    async def deliver(self, sku: str, units: int) -> int:
        """The new number goes out at once."""
        booked = self._book(sku, units)
        writing = asyncio.create_task(self._write({sku}))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)
        return booked

    async def hear(self, channel: str, order: ChannelOrder, request: WebhookRequest) -> None:
        """What was sold is in the call."""
        if self._is_new(channel, order.order_id):
            await self._write(self._take(channel, order))


class Poller(Rival):
    """Every so often: reads all new orders, then writes every number that changed since, `queue_seconds` later."""

    def __init__(
        self,
        season: Season,
        channels: Mapping[str, Channel],
        listings: Mapping[str, ListingId],
        clock: Clock,
        *,
        poll_seconds: float,
        queue_seconds: Span = (5.0, 60.0),
    ) -> None:
        super().__init__(season, channels, listings, clock, poll_seconds=poll_seconds)
        self._queue_seconds = queue_seconds
        self._draw = random.Random(0)  # noqa: S311  # waits, not secrets
        self._changed: set[str] = set()

    async def look(self) -> None:
        """One round."""
        for channel in self._channels:
            for order in await self._news(channel):
                self._changed |= self._take(channel, order)
        due, self._changed = self._changed, set()
        if due:
            await self._clock.sleep(self._draw.uniform(*self._queue_seconds))
            await self._write(due)

    async def deliver(self, sku: str, units: int) -> int:
        """Goes out with the next round."""
        self._changed.add(sku)
        return self._book(sku, units)

    async def hear(self, channel: str, order: ChannelOrder, request: WebhookRequest) -> None:
        """A poller does not listen."""

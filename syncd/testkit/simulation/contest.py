"""One season played by one contestant: the real rooms, a plain push, or a poller, each against shops of its own."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from syncd.channel.port import Capabilities, ChannelOrder, WebhookRequest
from syncd.identity import ChannelName, ListingId
from syncd.reservation.store import read_short
from syncd.testkit.simulation.channel import SimulatedChannel, Wire
from syncd.testkit.simulation.house import House, Story
from syncd.testkit.simulation.loop import SimulatedClock, simulate
from syncd.testkit.simulation.rival import NaivePush, Poller
from syncd.testkit.simulation.shop import MARKET, SimulatedShop
from syncd.testkit.simulation.trade import Tally, Trade
from syncd.testkit.simulation.wishes import Season, Span

Told = Callable[[], None]
"""Is called after everything that happened."""


def _silent() -> None:
    """For nobody."""


@dataclass
class DrawnWire:
    """How long each call travels to the shop is drawn, by operation; its answer takes `back_seconds`."""

    there_seconds: Mapping[str, Span]
    seed: int
    other_seconds: Span = (0.1, 0.5)
    back_seconds: float = 0.1
    _draw: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)  # noqa: S311  # journeys, not secrets

    async def there(self, channel: str, operation: str) -> None:
        """The request is on its way."""
        await asyncio.sleep(self._draw.uniform(*self.there_seconds.get(operation, self.other_seconds)))

    async def back(self, channel: str, operation: str) -> None:
        """The answer is on its way."""
        await asyncio.sleep(self.back_seconds)


@dataclass(frozen=True)
class Terms:
    """What all contestants meet alike: the channels' facts and how long a push travels.

    `hides_late_orders`: an order cannot be read by its id before it is listed.
    """

    capabilities: Mapping[str, Capabilities] = field(default_factory=dict)
    push_seconds: Span = (0.3, 6.0)
    hides_late_orders: bool = True
    seed: int = 0

    def facts(self, channel: str) -> Capabilities:
        """A channel's."""
        return self.capabilities.get(channel, MARKET)

    def wire(self) -> Wire:
        """Journeys of every call."""
        return DrawnWire({"push_quantities": self.push_seconds}, self.seed)


@dataclass
class Housed:
    """The rooms, as a keeper."""

    house: House

    async def deliver(self, sku: str, units: int) -> int:
        return units if units and await self.house.stock(sku, units) else 0

    async def sleep_until(self, seconds: float) -> None:
        await self.house.leap(seconds)

    async def hear(self, channel: str, order: ChannelOrder, request: WebhookRequest) -> None:
        answer = self.house.channels[channel].receive_webhook(request)
        await self.house.rooms.intakes[ChannelName(channel)].receive(answer, self.house.clock.now())

    async def refused(self) -> Mapping[str, int]:
        async with self.house.db.read() as conn:
            short = await read_short(conn)
        found: dict[str, int] = {}
        for one in short:
            found[one.sku] = found.get(one.sku, 0) + one.short
        return found


def rooms_keep(
    season: Season,
    terms: Terms,
    *,
    rooms: Mapping[str, BaseModel] | None = None,
    options: Mapping[ChannelName, Mapping[str, Any]] | None = None,
    tell: Told = _silent,
) -> Tally:
    """The real rooms keep the listings, with the daemon's own workers.

    `rooms` and `options` (of the channels) are sections of syncd.toml.
    """

    async def work() -> Tally:
        facts = {name: terms.facts(name) for name in season.channels}
        given = {
            name: {"poll_interval_seconds": 60.0} | dict((options or {}).get(ChannelName(name), {})) for name in facts
        }
        story = Story(facts, options=given, rooms=rooms or {}, idle_seconds=60)
        async with House(story, terms.wire()) as house:
            for shop in house.shops.values():
                shop.hides_late_orders = terms.hides_late_orders
            for sku, units in season.opening.items():
                if units:
                    await house.stock(sku, units)
            listings: dict[str, ListingId] = {}
            for one in season.offers:
                shown = min(season.opening.get(sku, 0) // units for sku, units in one.units.items())
                listings[one.name] = await house.offer(one.channel, next(iter(one.units)), shown, units=one.units)
            await house.start()
            await house.pass_time(120)
            return await Trade(season, house.shops, listings, house.clock).play(Housed(house), tell)

    return simulate(work)


def plainly(
    season: Season,
    terms: Terms,
    *,
    poll_seconds: float,
    pushes: bool,
    tell: Told = _silent,
) -> Tally:
    """A tool without a protocol keeps the listings: it `pushes` on each sale heard, or goes round every so often."""

    async def work() -> Tally:
        clock, wire = SimulatedClock(), terms.wire()
        shops = {name: SimulatedShop(name, clock, terms.facts(name)) for name in season.channels}
        channels = {name: SimulatedChannel(shop, wire, lambda _sentence: None) for name, shop in shops.items()}
        listings: dict[str, ListingId] = {}
        for one in season.offers:
            shown = min(season.opening.get(sku, 0) // units for sku, units in one.units.items())
            listings[one.name] = shops[one.channel].add_listing(next(iter(one.units)), shown)
        kind: type[NaivePush] | type[Poller] = NaivePush if pushes else Poller
        rival = kind(season, channels, listings, clock, poll_seconds=poll_seconds)
        looking = asyncio.create_task(rival.run())
        playing = asyncio.create_task(Trade(season, shops, listings, clock).play(rival, tell))
        await asyncio.wait([playing, looking], return_when=asyncio.FIRST_COMPLETED)
        if looking.done():
            looking.result()
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        return await playing

    return simulate(work)

"""A whole shop in one thread and in simulated time: the real rooms, writer and tables, over simulated channels.

The rooms are built by the composition root the daemon uses. They can be run as the daemon runs them (`start`, then let
time pass), or one by one (`step`, `settle`). Everything that happens is written to `trace`, so that two runs of the
same story can be compared line by line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

from pydantic import BaseModel

from syncd.app import Rooms, build_rooms, workers_of
from syncd.availability.ats import AvailabilityConfig
from syncd.channel.port import Capabilities, Channel, ChannelListing, ListingObservation, ListingStatus
from syncd.channel.registry import Connector
from syncd.clock import Clock
from syncd.config.sections import (
    ROOM_SECTIONS,
    ChannelConfig,
    ChannelOptions,
    Config,
    DaemonConfig,
    DatabaseConfig,
    HttpConfig,
    MqttConfig,
    SupplierConfig,
    SupplierOptions,
)
from syncd.identity import ChannelName, ListingId, ListingKey, Sku, SupplierName
from syncd.ledger.movement import LOSS, OPENING, Movement, Reason, available
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, Verdict, post
from syncd.listing.listing import Component
from syncd.listing.service import Observer
from syncd.listing.store import link, read_listings, seen
from syncd.product.store import mention
from syncd.push.store import mark_everything
from syncd.scanner.scan import Scan
from syncd.steering import policies_of
from syncd.testkit.fake_webhook import webhook_from
from syncd.testkit.simulation.channel import SimulatedChannel, TimedWire, Wire
from syncd.testkit.simulation.loop import START_AT, SimulatedClock
from syncd.testkit.simulation.shop import MARKET, WEBSHOP, SimulatedShop
from syncd.testkit.simulation.store import SimulatedStore
from syncd.testkit.simulation.supplier import SimulatedSupplier
from syncd.worker import Service, Worker

MAIN = "main"
"""Where the stock lies unless a story says otherwise."""

ROUNDS_MAX = 60
"""Rounds `settle` allows: whoever still finds work after so many is in a loop."""


@dataclass(frozen=True)
class Story:
    """How the house is furnished. Options are those of syncd.toml."""

    channels: Mapping[str, Capabilities] = field(default_factory=lambda: {"market": MARKET, "shop": WEBSHOP})
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rooms: Mapping[str, BaseModel] = field(default_factory=dict)
    suppliers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    build: Callable[[Config, SimulatedStore, Writer, Clock], Rooms] = build_rooms
    """How the rooms are built; a test that takes a defence away builds them otherwise."""
    idle_seconds: float = 15.0
    """How long a worker waits at most before it looks again by itself."""
    start_at: datetime = START_AT
    """When it begins."""


class NoSettings(BaseModel):
    """A simulated connector needs none."""


@dataclass(frozen=True)
class _Ready(Connector):
    """A connector whose channel or supplier exists already."""

    live: Any = None

    def connect_channel(self, settings: BaseModel, *, name: str, clock: Clock, capabilities: Capabilities) -> Channel:
        channel: Channel = self.live
        return channel

    def connect_supplier(self, settings: BaseModel, *, name: str, clock: Clock) -> Any:
        return self.live


class House:
    """Everything between customers and the ledger. Use as `async with House(story) as house` inside `simulate`."""

    def __init__(self, story: Story | None = None, wire: Wire | None = None) -> None:
        self.story = story or Story()
        self.clock = SimulatedClock(self.story.start_at)
        self.trace: list[str] = []
        self.wire = wire or TimedWire()
        self.db = SimulatedStore()
        self.shops = {name: SimulatedShop(name, self.clock, facts) for name, facts in self.story.channels.items()}
        self.channels = {name: SimulatedChannel(shop, self.wire, self.tell) for name, shop in self.shops.items()}
        self.suppliers = {name: SimulatedSupplier(name, clock=self.clock) for name in self.story.suppliers}
        self.config = self._config()
        self.policies = policies_of(self.config)
        self._workers: list[Worker] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self.build()
        for intake in self.rooms.intakes.values():
            await intake.begin(self.clock.now())
        await self.clock.sleep(1)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.crash()
        await self.db.aclose()

    def tell(self, sentence: str) -> None:
        """Note that something happened now."""
        self.trace.append(f"{self.clock.monotonic():.6f} {sentence}")

    # --- the process ---

    def build(self) -> None:
        """Build every room anew, as a process does that starts on an existing store."""
        self.writer = Writer(self.db, self.clock)
        self.rooms = self.story.build(self.config, self.db, self.writer, self.clock)
        self._writing = asyncio.create_task(self.writer.run())

    async def start(self) -> None:
        """Run every room's worker, as the daemon does."""
        for intake in self.rooms.intakes.values():
            await intake.begin(self.clock.now())
        await self.writer.write(mark_everything())
        idle = self.story.idle_seconds
        self._workers = workers_of(self.config, self.rooms, self.writer, self.clock, idle_seconds=idle)
        self._tasks = [asyncio.create_task(worker.run(), name=worker.name) for worker in self._workers]

    @property
    def is_running(self) -> bool:
        """Whether the workers run by themselves."""
        return bool(self._tasks)

    async def crash(self) -> None:
        """The process dies where it stands. What the shops were asked for goes on there."""
        tasks, self._workers, self._tasks = [*self._tasks, self._writing], [], []
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    async def restart(self) -> None:
        """Die, and start again on the same store."""
        self.tell("the process dies and starts again")
        await self.crash()
        self.build()
        await self.start()

    async def pass_time(self, seconds: float) -> None:
        """Let time pass with whatever runs running. Raises what a worker died of."""
        await asyncio.sleep(seconds)
        for task in self._tasks:
            if task.done():
                task.result()
                raise AssertionError(f"the worker {task.get_name()} has ended")

    async def leap(self, seconds: float) -> None:
        """Let it be so many seconds since the beginning, as if the machine had slept; not while a call is under way."""
        while busy := [call for one in self.channels.values() for call in one.calls]:
            await asyncio.wait(busy)
        self.clock.leap(seconds)

    async def step(self, *names: str) -> dict[str, int]:
        """One run of each room, in turn; returns what was done."""
        done: dict[str, int] = {}
        for service in self.services(names):
            for what, count in (await service.run_once(self.clock.now())).items():
                done[what] = done.get(what, 0) + count
        return done

    async def settle(self) -> None:
        """Run the rooms in turn until none finds anything to do."""
        for _ in range(ROUNDS_MAX):
            await self.clock.sleep(0.01)
            if not await self.step():
                return
        raise AssertionError("the rooms never come to rest")

    async def quiet(self, seconds: float = 300) -> None:
        """Let time pass with the rooms run in turn, until every gate, lag and pause is over."""
        await self.settle()
        for _ in range(int(seconds // 20)):
            await self.clock.sleep(20)
            await self.settle()

    def services(self, names: Sequence[str] = ()) -> list[Service]:
        """The rooms in the order in which `step` runs them, for some channels or all."""
        rooms, chosen = self.rooms, [ChannelName(name) for name in names or self.channels]
        return [
            *rooms.supplies.values(),
            *(rooms.intakes[name] for name in chosen),
            rooms.expiry,
            *(rooms.sweeps[name] for name in chosen),
            rooms.shortage,
            rooms.planner,
            *(rooms.pushers[name] for name in chosen),
        ]

    # --- the merchant ---

    async def stock(self, sku: str, units: int) -> bool:
        """Put units on the shelf, or take them off it. Says whether it was posted: only what lies there free can go."""
        here, key = available(MAIN), f"stock:{sku}:{self.clock.now().isoformat()}:{len(self.trace)}"
        source, destination = (OPENING, here) if units > 0 else (here, LOSS)
        movement = Movement(key, Sku(sku), abs(units), source, destination, Reason.RECEIPT, self.clock.now())
        outcome = await self.writer.submit(post([movement]))
        self.tell(f"stock {sku} {units:+d}: {outcome.verdict.value}")
        return outcome.verdict is Verdict.POSTED

    async def count(self, sku: str, counted: int) -> None:
        """Somebody counts what lies on the shelf, and scans it."""
        scan_id = f"count:{sku}:{len(self.trace)}"
        at = self.clock.now().isoformat()
        scan = self.rooms.desk.read({"scan_id": scan_id, "kind": "count", "code": sku, "quantity": counted, "at": at})
        if not isinstance(scan, Scan):
            raise AssertionError(str(scan))
        await self.rooms.desk.post(scan)
        self.tell(f"counted {counted} {sku}")

    async def offer(
        self, channel: str, sku: str, quantity: int, *, units: Mapping[str, int] | None = None
    ) -> ListingId:
        """List something on a channel, linked, and let the rooms read it once."""
        listing_id = self.shops[channel].add_listing(sku, quantity)
        there, key = self.shops[channel].listings[listing_id], ListingKey(ChannelName(channel), listing_id)
        told = ListingObservation(listing_id, there.stored, None, ListingStatus.ACTIVE, self.clock.now())
        found = ChannelListing(listing_id, sku, there.title, there.price, told)
        parts = [Component(Sku(name), count) for name, count in (units or {sku: 1}).items()]
        writes = (seen(ChannelName(channel), found, self.clock.now()), *link(key, parts))
        names = mention([(part.sku, part.sku) for part in parts])
        marks = frozenset(part.sku for part in parts)
        await self.writer.submit(Command(lambda _view: Plan(None, writes=(*writes, names), marks=marks)))
        await self.look(channel, listing_id)
        return listing_id

    async def look(self, channel: str, listing_id: ListingId) -> None:
        """Read one listing and take in what it shows."""
        key = ListingKey(ChannelName(channel), listing_id)
        observer = Observer(self.writer, self.rooms.lines[key.channel], (MAIN,), clock=self.clock)
        readings = await observer.read("look", [listing_id])
        async with self.db.read() as conn:
            listing = (await read_listings(conn, keys=[key]))[key]
        for observation in readings.seen:
            await observer.take(listing, observation, at=readings.at)

    async def both(self, units: int) -> tuple[ListingId, ListingId]:
        """So many X, listed on market and shop."""
        await self.stock("X", units)
        listings = await self.offer("market", "X", units), await self.offer("shop", "X", units)
        await self.quiet(60)
        return listings

    # --- the channels ---

    async def hint(self, channel: str, order_id: str) -> None:
        """The channel calls about an order, as it is now."""
        answer = self.channels[channel].receive_webhook(webhook_from(self.shops[channel], order_id))
        await self.rooms.intakes[ChannelName(channel)].receive(answer, self.clock.now())

    async def until_under_way(self, channel: str, operation: str) -> None:
        """Return once such a call is on its way to the channel."""
        for _ in range(100_000):
            if operation in self.channels[channel].under_way:
                return
            await asyncio.sleep(0.001)
        raise AssertionError(f"no {operation} is ever made on {channel}")

    def shown(self, channel: str, listing_id: ListingId) -> int:
        """What the channel shows."""
        return self.shops[channel].shown(listing_id)

    def later(self, seconds: float, happens: Callable[[], object]) -> None:
        """Let something happen outside after so much time, whatever the rooms do then."""
        asyncio.get_running_loop().call_later(seconds, happens)

    async def during(
        self, work: Awaitable[object], channel: str, operation: str, happens: Callable[[], object]
    ) -> None:
        """Let something happen while a call that `work` makes is on its way to the channel."""
        working = asyncio.ensure_future(work)
        await self.until_under_way(channel, operation)
        happens()
        await working

    # --- the configuration ---

    def _config(self) -> Config:
        channels = {ChannelName(name): self._channel_config(name) for name in self.channels}
        suppliers = {
            SupplierName(name): SupplierConfig(
                SupplierName(name),
                SupplierOptions(connector="simulated", **options),
                _ready(None, "supplier", self.suppliers[name]),
                NoSettings(),
            )
            for name, options in self.story.suppliers.items()
        }
        rooms = {name: self.story.rooms.get(name, model()) for name, model in ROOM_SECTIONS.items()}
        sections = DaemonConfig(), DatabaseConfig(), HttpConfig(), MqttConfig()
        return Config(Path("simulation"), *sections, channels, suppliers, rooms)

    def _channel_config(self, name: str) -> ChannelConfig:
        given = {"poll_interval_seconds": 10, "mode": "live"} | dict(self.story.options.get(name, {}))
        facts = self.story.channels[name]
        options = ChannelOptions(connector="simulated", **given)
        connector = _ready(facts, "channel", self.channels[name])
        return ChannelConfig(ChannelName(name), options, connector, NoSettings(), facts)


def _ready(facts: Capabilities | None, kind: Any, live: object) -> Connector:
    return _Ready("simulated", kind, "", facts, NoSettings, ModuleType("simulated"), live)


def scarce(units: int, home: str, **more: Any) -> AvailabilityConfig:
    """The last `units` of a SKU are shown on `home` only."""
    return AvailabilityConfig(scarce_units=units, home_channel=home, **more)

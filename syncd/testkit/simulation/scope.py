"""A small world in which everything that can happen is enumerated: one SKU, a market, a webshop, a few units.

An event is one thing that happens outside (a sale, a cancellation, units on or off the shelf) or one thing a room does
(reads the orders, looks at a listing, starts a push); a push under way goes on by events of its own: its request
arrives, its answer comes, or is lost. The planner runs after each event, as it does in the daemon, which wakes it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncd.channel.port import OrderStatus
from syncd.errors import ChannelUnavailable
from syncd.identity import ChannelName, ListingId
from syncd.testkit.simulation.house import House, Story
from syncd.testkit.simulation.shop import MARKET, WEBSHOP
from syncd.testkit.simulation.truth import standing, untruths

EVENT_SECONDS = 0.001
"""Time between two events: a whole story stays far below every limit the rooms know."""

CHANNELS = ("market", "shop")

SCOPE = Story(
    {"market": replace(MARKET, order_lag_seconds=5), "shop": WEBSHOP},
    options={name: {"poll_interval_seconds": 1e-6, "sweep_interval_seconds": 2} for name in CHANNELS},
)
"""A market with a late order list, a webshop without a counter; orders are read whenever the event says so."""

_gated: ContextVar[bool] = ContextVar("gated", default=False)


@dataclass
class Gates:
    """A wire on which the calls of pushers stop at each end until they are let go; all other calls take no time."""

    waiting: dict[str, deque[tuple[str, asyncio.Future[None]]]] = field(
        default_factory=lambda: {name: deque() for name in CHANNELS}
    )

    async def there(self, channel: str, operation: str) -> None:
        await self._stop(channel, f"{operation} arrives")

    async def back(self, channel: str, operation: str) -> None:
        await self._stop(channel, f"{operation} answered")

    async def _stop(self, channel: str, where: str) -> None:
        if _gated.get():
            gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.waiting[channel].append((where, gate))
            await gate


@dataclass(frozen=True)
class Loss:
    """A unit that is gone: who took it, whether the rooms have seen it, and which channels were pushed to since."""

    by: str
    seen: bool = False
    acted: frozenset[str] = frozenset()
    order_id: str = ""


@dataclass
class Flight:
    """A push under way: what it began from, what it knew, and what has happened to it since."""

    task: asyncio.Task[dict[str, int]]
    began: int
    knew: frozenset[int]
    steps: list[tuple[str, datetime, str]]


class Scope:
    """The world. `units` lie on the shelf at first, and both channels show them."""

    def __init__(self, house: House, gates: Gates, units: int) -> None:
        self.house = house
        self.gates = gates
        self.units = units
        self.losses: list[Loss] = []
        self.flights: dict[str, Flight] = {}
        self.listings: dict[str, ListingId] = {}
        self.complaints: list[str] = []
        self._woken = house.writer.listen()
        self._key = 0

    async def begin(self) -> None:
        """Everything is listed, read and true."""
        self.listings = dict(zip(CHANNELS, await self.house.both(self.units), strict=True))

    def events(self) -> dict[str, Callable[[], Awaitable[bool]]]:
        """What can happen, by what it is called; each says whether it did happen."""
        found: dict[str, Callable[[], Awaitable[bool]]] = {}
        for name in CHANNELS:
            found[f"{name} sells one"] = lambda name=name: self._sell(name)  # type: ignore[misc]
            found[f"{name}'s orders are read"] = lambda name=name: self._read_orders(name)  # type: ignore[misc]
            found[f"{name}'s pusher goes on"] = lambda name=name: self._push(name)  # type: ignore[misc]
        found["market is looked at"] = lambda: self._look("market")
        found["market loses an answer"] = lambda: self._lose("market")
        found["shop cancels"] = lambda: self._cancel("shop")
        found["one leaves the shelf"] = lambda: self._shelf(-1)
        found["one is put on the shelf"] = lambda: self._shelf(1)
        return found

    @property
    def is_still(self) -> bool:
        """Whether nobody is under way."""
        return not self.flights

    async def do(self, event: str, key: int) -> bool:
        """Let an event happen to the state `key`, if it can."""
        self._key = key
        await self.house.clock.sleep(EVENT_SECONDS)
        self._woken.clear()
        if not await self.events()[event]():
            return False
        if self._woken.is_set():
            await self.house.rooms.planner.run_once(self.house.clock.now())
        return True

    async def come_to_rest(self) -> None:
        """Let everything under way arrive."""
        while self.flights:
            await self._push(next(iter(self.flights)))

    async def abandon(self) -> None:
        """Forget everything under way, as if it had never begun: somebody returns to an earlier moment."""
        tasks = [flight.task for flight in self.flights.values()]
        self.flights.clear()
        for gates in self.gates.waiting.values():
            for _, gate in gates:
                gate.cancel()
            gates.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.house.clock.idle()

    async def untruths(self) -> list[str]:
        """What is wrong with a world at rest: a false number, a lost or doubled unit, a promise nothing covers."""
        wrong = await untruths(self.house)
        gone = sum(1 for loss in self.losses)
        short, needed = (await standing(self.house)).short(), max(0, gone - self.units)
        if short != needed:
            wrong.append(f"{short} units are said to be short, {needed} are")
        return wrong

    # --- outside ---

    async def _sell(self, name: str) -> bool:
        shop = self.house.shops[name]
        if shop.offered(self.listings[name]) < 1:
            return False
        if len(self.losses) >= self.units and all(name in loss.acted for loss in self.losses):
            self.complaints.append(f"{name} sold a unit everybody knew was gone")
        self.losses.append(Loss(name, order_id=shop.sell(self.listings[name], 1)))
        return True

    async def _cancel(self, name: str) -> bool:
        shop = self.house.shops[name]
        for at, loss in enumerate(self.losses):
            if loss.by == name and shop.orders[loss.order_id].status is not OrderStatus.CANCELLED and not self.flights:
                shop.cancel_order(loss.order_id)
                del self.losses[at]
                return True
        return False

    async def _shelf(self, units: int) -> bool:
        before = self.house.db.dump().get("balance")
        await self.house.stock("X", units)
        if self.house.db.dump().get("balance") == before:
            return False
        self.units += units
        return True

    # --- the rooms ---

    async def _read_orders(self, name: str) -> bool:
        shop = self.house.shops[name]
        now = self.house.clock.now()
        shop.order_changes[:] = [replace(one, listed_at=min(one.listed_at, now)) for one in shop.order_changes]
        await self.house.rooms.intakes[ChannelName(name)].run_once(now)
        self._saw(name)
        return True

    async def _look(self, name: str) -> bool:
        await self.house.look(name, self.listings[name])
        self._saw(name)
        return True

    async def _push(self, name: str) -> bool:
        flight = self.flights.get(name)
        if flight is None:
            await self._start(name)
        else:
            where, gate = self.gates.waiting[name].popleft()
            flight.steps.append((where, self.house.clock.now(), str(self.house.shown(name, self.listings[name]))))
            gate.set_result(None)
        await self.house.clock.idle()
        self._land(name)
        return True

    async def _lose(self, name: str) -> bool:
        gates = self.gates.waiting[name]
        if not gates or not gates[0][0].endswith("answered"):
            return False
        where, gate = gates.popleft()
        gate.set_exception(ChannelUnavailable(name, where, "no answer in time"))
        self.flights[name] = replace(self.flights[name], knew=frozenset())
        await self.house.clock.idle()
        self._land(name)
        return True

    async def _start(self, name: str) -> None:
        token = _gated.set(True)
        run = self.house.rooms.pushers[ChannelName(name)].run_once(self.house.clock.now())
        task = asyncio.create_task(run)
        _gated.reset(token)
        knew = frozenset(at for at, loss in enumerate(self.losses) if loss.seen)
        closed = self.house.rooms.lines[ChannelName(name)].closed_until(self.house.clock.now())
        self.flights[name] = Flight(task, self._key, frozenset() if closed else knew, [])

    def _land(self, name: str) -> None:
        """A push whose run has ended has acted on everything that was seen when it began; a read-back has seen more."""
        flight = self.flights[name]
        if self.house.shops[name].capabilities.sold_counter and any("read" in one[0] for one in flight.steps):
            self._saw_when_read(name, flight)
        if flight.task.done():
            flight.task.result()
            del self.flights[name]
            for at in flight.knew:
                self.losses[at] = replace(self.losses[at], acted=self.losses[at].acted | {name})

    def _saw(self, name: str) -> None:
        self.losses = [replace(one, seen=True) if one.by == name else one for one in self.losses]

    def _saw_when_read(self, name: str, flight: Flight) -> None:
        """A reading has seen what was sold before it was taken; later sales wait for the next."""
        if flight.steps[-1][0].endswith("answered"):
            taken_at = next(at for where, at, _ in reversed(flight.steps) if where.endswith("arrives"))
            sold_at = {order.order_id: order.created_at for order in self.house.shops[name].orders.values()}
            self.losses = [
                replace(one, seen=True) if one.by == name and sold_at[one.order_id] <= taken_at else one
                for one in self.losses
            ]

"""Keeps this node's leases: renews them, takes what is free, gives back what is more than its share.

Renewing goes past the writer, on a connection of its own, so that a long import costs nobody his leases; taking waits
for whoever is writing. A lease counts from the moment before its renewal was asked for, on this node's own monotonic
clock: it is given up here before the database gives it to anybody else, whatever the nodes' clocks say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.clock import Clock
from syncd.db import Database
from syncd.errors import LeaseLost
from syncd.fence import Fence, Fences
from syncd.lease.lease import BEAT_SECONDS, LEASE_SECONDS, Moves, moves
from syncd.lease.store import appear, give, leave, read_holdings, renew, take
from syncd.telemetry import Event, log

MARGIN_SECONDS = 0.5
"""So much earlier than the database a node gives its leases up by itself."""

GIVING_SECONDS_MAX = 20.0
"""How long a duty to be given back waits for the run in hand; then it goes on under whoever takes it, fenced."""


class Duty:
    """One part of the work, as this node sees it: held under a fence, or not."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fence: Fence | None = None
        self.is_closing = False
        self._at_work = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._listeners: list[asyncio.Event] = []

    def listen(self) -> asyncio.Event:
        """An event that is set whenever this node gets the duty."""
        event = asyncio.Event()
        self._listeners.append(event)
        return event

    @property
    def is_open(self) -> bool:
        """Whether a run may begin."""
        return self.fence is not None and not self.fence.is_lost and not self.is_closing

    def get(self, fence: Fence) -> None:
        """From now on it is this node's."""
        self.fence, self.is_closing = fence, False
        for event in self._listeners:
            event.set()

    def lose(self) -> None:
        """It is not this node's any more; a run under way can neither write nor send."""
        if self.fence is not None:
            self.fence.is_lost = True
        self.fence, self.is_closing = None, False

    async def idle(self) -> None:
        """Return once no run is under way."""
        await self._idle.wait()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """A run under way."""
        self._at_work += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._at_work -= 1
            if not self._at_work:
                self._idle.set()


class Keeper:
    """One node's leases. `who`: holder (unique for every start), name, host, pid."""

    def __init__(self, db: Database, clock: Clock, who: dict[str, Any], duties: Sequence[str]) -> None:
        self._db = db
        self._clock = clock
        self._who = who
        self.duties = {name: Duty(name) for name in duties}
        self._is_down = False
        self._giving: dict[str, asyncio.Task[None]] = {}
        self._taking: asyncio.Task[None] | None = None

    @property
    def holder(self) -> str:
        """This process's own name among all."""
        return str(self._who["holder"])

    async def run(self) -> None:
        """Keep leases until cancelled. While the store is away they run out, here first."""
        while True:
            try:
                async with self._db.each_alone() as conn:
                    await appear(conn, self._who, self.duties)
                    while True:
                        async with asyncio.timeout(LEASE_SECONDS):
                            await self._beat(conn)
                        await self._clock.sleep(BEAT_SECONDS)
            except (DBAPIError, TimeoutError) as fault:
                if not self._is_down:
                    log(Event.LEASES_UNKEPT, explanation=type(fault).__name__)
                self._is_down = True
            self.expire()
            await self._clock.sleep(BEAT_SECONDS)

    async def _beat(self, conn: AsyncConnection) -> None:
        asked_at = self._clock.monotonic()
        kept = await renew(conn, self._who)
        self._is_down = False
        self._take_in(kept, asked_at)
        holdings = await read_holdings(conn)
        alive = [one.holder for one in holdings.nodes if one.is_alive]
        todo = moves(holdings.leases, alive, self.holder, self.duties)
        self._move(todo)

    def _take_in(self, kept: dict[str, int], asked_at: float) -> None:
        until = asked_at + LEASE_SECONDS - MARGIN_SECONDS
        for name, duty in self.duties.items():
            fence = duty.fence
            if fence is None:
                if name in kept and name not in self._giving:  # taken before the connection broke
                    duty.get(Fence(name, kept[name], until))
            elif kept.get(name) == fence.token and not fence.is_lost:
                fence.until = until
            else:
                duty.lose()
                log(Event.LEASE_LOST, duty=name)

    def expire(self) -> None:
        """What could not be renewed in time is not this node's any more."""
        now = self._clock.monotonic()
        for name, duty in self.duties.items():
            if duty.fence is not None and (duty.fence.is_lost or now >= duty.fence.until):
                duty.lose()
                log(Event.LEASE_LOST, duty=name)

    def _move(self, todo: Moves) -> None:
        """Beside the beat: what waits for others must not keep the leases from being renewed."""
        for name in todo.give:
            if name in self.duties and name not in self._giving:
                self._giving[name] = asyncio.create_task(self._give(name))
        if todo.take and (self._taking is None or self._taking.done()):
            self._taking = asyncio.create_task(self._take(todo.take))

    async def _take(self, names: Sequence[str]) -> None:
        asked_at = self._clock.monotonic()
        try:
            async with self._db.each_alone() as conn:
                taken = await take(conn, self.holder, names)
        except DBAPIError:
            return  # whatever was taken after all is found at the next beat
        for name, token in taken.items():
            if self.duties[name].fence is None:  # a beat may have found it first
                self.duties[name].get(Fence(name, token, asked_at + LEASE_SECONDS - MARGIN_SECONDS))
            log(Event.LEASE_TAKEN, duty=name, number=token)

    async def _give(self, name: str) -> None:
        """Let the run in hand end, then give the duty back."""
        duty = self.duties[name]
        duty.is_closing = True
        try:
            async with asyncio.timeout(GIVING_SECONDS_MAX):
                await duty.idle()
        except TimeoutError:
            pass  # its fence ends it
        try:
            duty.lose()
            async with self._db.each_alone() as conn:
                await give(conn, self.holder, [name])
            log(Event.LEASE_GIVEN, duty=name)
        except DBAPIError:
            log(Event.LEASES_UNKEPT, explanation="a lease could not be given back and runs out by itself")
        finally:
            del self._giving[name]

    async def hold_open(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Do work without end whenever this node holds the duty, and break it off when it does not."""
        duty = self.duties[name]
        got = duty.listen()
        while True:
            if not duty.is_open:
                await got.wait()
                got.clear()
                continue
            work = asyncio.ensure_future(run())
            try:
                while duty.is_open and not work.done():
                    await asyncio.wait([work], timeout=BEAT_SECONDS)
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
            if not work.cancelled():
                work.result()

    async def give_all(self) -> None:
        """This node ends in order: whoever is there may go on at once."""
        beside = [*self._giving.values(), *([self._taking] if self._taking else [])]
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        for duty in self.duties.values():
            duty.lose()
        try:
            async with asyncio.timeout(LEASE_SECONDS), self._db.each_alone() as conn:
                await give(conn, self.holder, list(self.duties))
                await leave(conn, self.holder)
        except (DBAPIError, TimeoutError):
            log(Event.LEASES_UNKEPT, explanation="leases could not be given back and run out by themselves")


class Guard:
    """Which duties a worker's runs are done under: a run begins when one of them is open, under those that are."""

    def __init__(self, duties: Sequence[Duty]) -> None:
        self._duties = tuple(duties)
        self.wakes = tuple(duty.listen() for duty in duties)

    def open(self) -> list[Duty]:
        """The duties a run may begin under now."""
        return [duty for duty in self._duties if duty.is_open]

    @staticmethod
    @contextmanager
    def at_work(duties: Sequence[Duty]) -> Iterator[Fences]:
        """The fences of a run under these duties, which are not given back before it ends."""
        fences = tuple(duty.fence for duty in duties if duty.fence is not None)
        work = [duty.at_work() for duty in duties]
        for one in work:
            one.__enter__()
        try:
            yield fences
        finally:
            for one in work:
                one.__exit__(None, None, None)

    def lost(self, fault: LeaseLost) -> None:
        """A run was told that its lease is gone."""
        for duty in self._duties:
            if duty.name == fault.duty:
                duty.lose()

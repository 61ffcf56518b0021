"""An event loop whose time passes only when nobody has anything to do, and then at once: a day in a blink.

Everything that sleeps on the loop (`SimulatedClock`, `asyncio.sleep`, time-outs) wakes in the order of its deadline, so
the same program on the same seed does the same things in the same order, whatever the machine.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

T = TypeVar("T")

TURNS_MAX = 5_000
"""Turns of the loop in which no time passes, after which somebody is taken to run in a circle."""

START_AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""When a simulation starts: a Monday morning, away from midnight and month ends."""


class _NothingToWaitFor(selectors.BaseSelector):
    """Takes the place of the operating system's poll: instead of waiting, it lets the time pass that was asked for."""

    def __init__(self, wait: Callable[[float | None], None]) -> None:
        self._wait = wait
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = selectors.SelectorKey(fileobj, fileobj if isinstance(fileobj, int) else fileobj.fileno(), events, data)
        self._keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._wait(timeout)
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class SimulatedLoop(asyncio.SelectorEventLoop):
    """The loop. No thread, no socket and no child process belongs on it."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._turns = 0
        self._idlers: deque[asyncio.Future[None]] = deque()
        self._main: asyncio.Task[Any] | None = None
        self.trouble = ""
        super().__init__(_NothingToWaitFor(self._wait))

    def time(self) -> float:
        """Seconds since the simulation began."""
        return self._seconds

    async def idle(self) -> None:
        """Return once everybody else waits for time to pass or for somebody; no time passes meanwhile."""
        idler = self.create_future()
        self._idlers.append(idler)
        await idler

    def turn_back(self, seconds: float) -> None:
        """Make it so many seconds since the beginning again. Nobody may be asleep."""
        self._seconds = seconds

    def leap(self, seconds: float) -> None:
        """Let it be so many seconds since the beginning at once. Whoever was to wake before wakes now, once."""
        self._seconds = max(self._seconds, seconds)

    async def watch(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the simulation's own work; it is broken off with `trouble` set when nothing can come of it any more."""
        self._main = asyncio.current_task()
        return await work

    def _wait(self, seconds: float | None) -> None:
        if seconds is not None and seconds <= 0:
            self._turns += 1
            if self._turns > TURNS_MAX:
                self._break_off("somebody in the simulation runs in a circle: no time passes any more")
            return
        self._turns = 0
        while self._idlers:
            idler = self._idlers.popleft()
            if not idler.done():
                idler.set_result(None)
                return
        if seconds is None:
            self._break_off("everybody in the simulation waits for somebody else, for ever")
        else:
            self._seconds += seconds

    def _break_off(self, trouble: str) -> None:
        if self._main is None or self.trouble:
            raise RuntimeError(trouble)
        self._turns, self.trouble = 0, trouble
        self._main.cancel()


class SimulatedClock:
    """The `Clock` of a simulation: the loop's time. Make it inside the loop it is to tell."""

    def __init__(self, start_at: datetime = START_AT) -> None:
        self._loop = cast(SimulatedLoop, asyncio.get_running_loop())
        self._start_at = start_at

    def now(self) -> datetime:
        """The wall time."""
        return self._start_at + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        """Seconds since the simulation began."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Return after so much simulated time."""
        await asyncio.sleep(max(0.0, seconds))

    def turn_back(self, seconds: float) -> None:
        """Make it so many seconds since the beginning again. Nobody may be asleep."""
        self._loop.turn_back(seconds)

    def leap(self, seconds: float) -> None:
        """Let it be so many seconds since the beginning at once. Whoever was to wake before wakes now, once."""
        self._loop.leap(seconds)

    async def idle(self) -> None:
        """Return once everybody else waits; no time passes meanwhile."""
        await self._loop.idle()


def simulate(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `work` from beginning to end on a loop of its own."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        loop = cast(SimulatedLoop, runner.get_loop())
        try:
            return runner.run(loop.watch(work()))
        except asyncio.CancelledError:
            raise RuntimeError(loop.trouble or "the simulation was cancelled") from None

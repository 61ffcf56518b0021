"""Time that stands still until a test moves it: the double of `syncd.clock.SystemClock`."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta

START_AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""When a fake clock starts unless told otherwise: a Monday morning, away from midnight and month ends."""

LOOP_TURNS = 50
"""How often `tick` lets the other tasks run after it has woken one."""


TURNS_MAX = 10_000
"""After how many turns of the loop `until_asleep` gives up."""


class FakeClock:
    """A `Clock` whose time moves only by `advance`, `tick` and `step`.

    Sleepers wake in the order of their deadlines, equal deadlines in the order in which they fell asleep.
    """

    def __init__(self, start_at: datetime = START_AT) -> None:
        if start_at.utcoffset() != timedelta(0):
            raise ValueError("a clock starts at an aware moment in UTC")
        self._started_at = start_at
        self._elapsed_seconds = 0.0
        self._stepped_seconds = 0.0
        self._order = 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """The wall time: the start, plus what has passed, plus every step."""
        return self._started_at + timedelta(seconds=self._elapsed_seconds + self._stepped_seconds)

    def monotonic(self) -> float:
        """Seconds passed since the start; steps do not show here."""
        return self._elapsed_seconds

    async def sleep(self, seconds: float) -> None:
        """Return once that much time was let pass; a sleep of nothing only lets the other tasks run."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._order += 1
        heapq.heappush(self._sleepers, (self._elapsed_seconds + seconds, self._order, woken))
        await woken

    @property
    def sleepers(self) -> int:
        """How many are asleep now."""
        return sum(1 for _, _, woken in self._sleepers if not woken.done())

    async def until_asleep(self, count: int) -> None:
        """Let the other tasks run until so many of them sleep on this clock."""
        for _ in range(TURNS_MAX):
            if self.sleepers >= count:
                return
            await asyncio.sleep(0)
        raise TimeoutError(f"{self.sleepers} tasks sleep, not {count}")

    def advance(self, seconds: float) -> None:
        """Let time pass at once; whoever's sleep is over runs at the next turn of the loop, in order."""
        target = self._target(seconds)
        while self._wake_one(target):
            pass
        self._elapsed_seconds = target

    async def tick(self, seconds: float) -> None:
        """Let time pass, stopping at each deadline until the woken task has run.

        A task that sleeps in a loop wakes as often as it would in real time. Work in threads is not waited
        for.
        """
        target = self._target(seconds)
        await _let_others_run()
        while self._wake_one(target):
            await _let_others_run()
        self._elapsed_seconds = target
        await _let_others_run()

    def wake_next(self) -> bool:
        """Let pass exactly what the next sleeper waits for. False if nobody sleeps."""
        return self._wake_one(None)

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back, as a time server does: no time passes and nobody wakes."""
        self._stepped_seconds += seconds

    def _target(self, seconds: float) -> float:
        if seconds < 0:
            raise ValueError("time does not pass backwards; use step() to set the wall clock back")
        return self._elapsed_seconds + seconds

    def _wake_one(self, target: float | None) -> bool:
        while self._sleepers and (target is None or self._sleepers[0][0] <= target):
            deadline, _, woken = heapq.heappop(self._sleepers)
            if woken.done():  # its task was cancelled
                continue
            self._elapsed_seconds = max(self._elapsed_seconds, deadline)
            woken.set_result(None)
            return True
        return False


async def _let_others_run() -> None:
    for _ in range(LOOP_TURNS):
        await asyncio.sleep(0)

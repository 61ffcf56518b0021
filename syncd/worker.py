"""One loop for every background service: run, log what it did, wait until woken or until it is time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from syncd.clock import Clock
from syncd.errors import LeaseLost
from syncd.fence import Fences, fenced
from syncd.lease.service import Duty, Guard
from syncd.pulse import Pulse, beat, feel
from syncd.telemetry import Event, bound, log


class Service(Protocol):
    """A background service: all its work is in `run_once`."""

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Do what is due and return counts of what was done; empty means nothing was."""
        ...


@runtime_checkable
class TakesOver(Protocol):
    """A service that remembers things between its runs which another node may have changed."""

    def take_over(self) -> None:
        """Begin anew from what the store says: the work was somebody else's, or nobody's, until now."""
        ...


class Worker:
    """Runs one service until stopped: again at once when woken meanwhile, else when woken or after its interval.

    With a guard only while this node holds a lease for it; a run whose lease is lost ends there and then.
    """

    def __init__(
        self,
        name: str,
        service: Service,
        clock: Clock,
        *,
        wakes: Sequence[asyncio.Event],
        interval_seconds: float,
        guard: Guard | None = None,
    ) -> None:
        self.name = name
        self.pulse = Pulse()
        self.begun = asyncio.Event()
        """Set as soon as its first run is in hand."""
        self._service = service
        self._clock = clock
        self._guard = guard
        self._fences: Fences | None = None
        self._wakes = (*wakes, *(guard.wakes if guard else ()))
        self._interval_seconds = interval_seconds
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End after the run in hand."""
        self._stopping.set()

    async def run(self) -> None:
        """The loop; returns once stopped. Whatever the service raises ends it: the supervisor decides."""
        feel(self.pulse)
        while not self._stopping.is_set():
            for event in self._wakes:
                event.clear()
            ended = await self._run_once()
            if not ended or not any(event.is_set() for event in self._wakes):
                await self._pause()

    async def _run_once(self) -> bool:
        """Returns whether there was a run and it came to its end."""
        self.begun.set()  # also on a node that waits for its turn: it is there, and ready to take over
        duties = self._guard.open() if self._guard else []
        if self._guard and not duties:
            return False
        self.pulse.busy = True
        beat()  # a run begins: how long the last one took says nothing about it
        try:
            with bound(worker=self.name):
                return await (self._run_guarded(self._guard, duties) if self._guard else self._run())
        finally:
            self.pulse.busy = False

    async def _run(self) -> bool:
        started = self._clock.monotonic()
        counts = await self._service.run_once(self._clock.now())
        if counts:
            seconds = round(self._clock.monotonic() - started, 4)
            log(Event.RUN_COMPLETED, seconds=seconds, **counts)
        return True

    async def _run_guarded(self, guard: Guard, duties: Sequence[Duty]) -> bool:
        """A run under the leases this node holds now; returns whether it came to its end."""
        with guard.at_work(duties) as fences, fenced(fences):
            if fences != self._fences and isinstance(self._service, TakesOver):
                self._service.take_over()
            self._fences = fences
            try:
                return await self._run()
            except LeaseLost as fault:
                guard.lost(fault)
                log(Event.RUN_FENCED, duty=fault.duty)
                return False

    async def _pause(self) -> None:
        waits: list[asyncio.Task[object]] = [
            asyncio.create_task(event.wait()) for event in (*self._wakes, self._stopping)
        ]
        waits.append(asyncio.create_task(self._clock.sleep(self._interval_seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)


async def finish(workers: Sequence[Worker], tasks: Sequence[asyncio.Task[None]], *, grace_seconds: float) -> None:
    """Stop workers after the runs in hand; a run that takes longer than the grace is broken off.

    That is safe at any moment: whatever a run has not written is found again as undone by the next start.
    """
    for worker in workers:
        worker.stop()
    _, late = await asyncio.wait(tasks, timeout=grace_seconds)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)

"""One loop for every background service: run, log what it did, wait until woken or until it is time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from syncd.clock import Clock
from syncd.pulse import Pulse, beat, feel
from syncd.telemetry import Event, bound, log


class Service(Protocol):
    """A background service: all its work is in `run_once`."""

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Do what is due and return counts of what was done; empty means nothing was."""
        ...


class Worker:
    """Runs one service until stopped: again at once when woken meanwhile, else when woken or after its interval."""

    def __init__(
        self, name: str, service: Service, clock: Clock, *, wakes: Sequence[asyncio.Event], interval_seconds: float
    ) -> None:
        self.name = name
        self.pulse = Pulse()
        self.begun = asyncio.Event()
        """Set as soon as its first run is in hand."""
        self._service = service
        self._clock = clock
        self._wakes = tuple(wakes)
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
            await self._run_once()
            if not any(event.is_set() for event in self._wakes):
                await self._pause()

    async def _run_once(self) -> None:
        started = self._clock.monotonic()
        self.pulse.busy = True
        self.begun.set()
        beat()  # a run begins: how long the last one took says nothing about it
        try:
            with bound(worker=self.name):
                counts = await self._service.run_once(self._clock.now())
                if counts:
                    seconds = round(self._clock.monotonic() - started, 4)
                    log(Event.RUN_COMPLETED, seconds=seconds, **counts)
        finally:
            self.pulse.busy = False

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

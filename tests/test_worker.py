"""Workers end after the run in hand, and within a bound."""

from __future__ import annotations

import asyncio
from datetime import datetime

from syncd.fence import HOUSE, Fence
from syncd.lease.service import Duty, Guard
from syncd.testkit.fake_clock import FakeClock
from syncd.worker import Worker, finish


class Endless:
    """A service whose run does not end by itself."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.broken_off = False

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Begin, and wait for ever."""
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.broken_off = True
            raise
        return {}


async def test_a_run_that_does_not_end_is_broken_off() -> None:
    """A sweep of a hundred thousand listings does not hold up the daemon's end until systemd kills it."""
    service = Endless()
    worker = Worker("endless", service, FakeClock(), wakes=[], interval_seconds=1)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(worker.run())
        await service.began.wait()
        await asyncio.wait_for(finish([worker], [task], grace_seconds=0.01), 10)
    assert service.broken_off


async def test_a_node_that_holds_no_lease_is_there_and_does_nothing() -> None:
    """Its heart counts the worker as begun; the first run begins when the duty is this node's, under its fence."""
    service, duty = Endless(), Duty(HOUSE)
    worker = Worker("house", service, FakeClock(), wakes=[], interval_seconds=1e9, guard=Guard([duty]))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(worker.run())
        await worker.begun.wait()
        assert not worker.pulse.busy
        assert not service.began.is_set()
        duty.get(Fence(HOUSE, 1, until=1e9))
        await asyncio.wait_for(service.began.wait(), 10)
        assert worker.pulse.busy
        await asyncio.wait_for(finish([worker], [task], grace_seconds=0.01), 10)

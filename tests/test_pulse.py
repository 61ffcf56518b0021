"""A worker that hangs is found out, one that works for long is not."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from syncd.heartbeat import Heartbeat
from syncd.pulse import Pulse, Vigil, beat, feel
from syncd.telemetry import Event, counts
from syncd.testkit.fake_clock import FakeClock
from syncd.worker import Worker
from tests.support.systemd import manager


def test_who_takes_no_step_for_too_long_hangs() -> None:
    """A run without a step is found after the limit; one step, or the end of the run, clears it."""
    vigil, pulse = Vigil(10), Pulse(busy=True)
    pulses = {"push": pulse}
    assert vigil.stalled(pulses, 0) == []
    assert vigil.stalled(pulses, 9.9) == []
    assert vigil.stalled(pulses, 10) == ["push"]
    pulse.beats += 1
    assert vigil.stalled(pulses, 11) == []
    assert vigil.stalled(pulses, 21) == ["push"]
    pulse.busy = False
    assert vigil.stalled(pulses, 22) == []


def test_who_waits_for_work_does_not_hang() -> None:
    """Idle for a day is well."""
    vigil, pulses = Vigil(10), {"push": Pulse()}
    assert [vigil.stalled(pulses, at) for at in (0, 86_400)] == [[], []]


async def test_steps_of_started_tasks_count_for_their_run() -> None:
    """A push runs its calls side by side: each of them is a step of the same run, and of no other."""
    mine, other = Pulse(), Pulse()

    async def run(pulse: Pulse, calls: int) -> None:
        feel(pulse)

        async def call() -> None:
            beat()

        await asyncio.gather(*(call() for _ in range(calls)))

    await asyncio.gather(run(mine, 3), run(other, 1))
    beat()  # outside a run: nobody's
    assert (mine.beats, other.beats) == (3, 1)


class Hanging:
    """A service whose run never ends."""

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Wait for what never comes."""
        await asyncio.Event().wait()
        return {}


async def test_no_sign_of_life_while_a_worker_hangs(tmp_path: Path) -> None:
    """systemd hears WATCHDOG while all is well, and nothing but the reason once a run hangs; said once in the log."""
    clock, before = FakeClock(), counts()[Event.WORKER_STALLED]
    worker = Worker("push ebay", Hanging(), clock, wakes=(), interval_seconds=1)
    with manager(tmp_path) as systemd:
        heartbeat = Heartbeat([], clock, {"NOTIFY_SOCKET": systemd.address}, stall_seconds=600)
        running = asyncio.create_task(worker.run())
        try:
            await heartbeat.begin([worker], "http://127.0.0.1:1")
            systemd.until("READY")
            heartbeat.beat()
            systemd.until("WATCHDOG")
            clock.advance(601)
            heartbeat.beat()
            heartbeat.beat()
            assert heartbeat.stalled == ["push ebay"]
            assert systemd.until("STATUS") == {
                "STATUS": "serving http://127.0.0.1:1, 0 channels, the worker 'push ebay' hangs"
            }
            assert sum("WATCHDOG" in one for one in systemd.heard) == 1
            assert counts()[Event.WORKER_STALLED] == before + 1
        finally:
            running.cancel()


async def test_a_systemd_that_is_gone_is_complained_of_once() -> None:
    """The notification socket vanishes: the daemon works on, and says so once."""
    before = counts()[Event.SYSTEMD_UNREACHED]
    heartbeat = Heartbeat([], FakeClock(), {"NOTIFY_SOCKET": "/nowhere/notify"})
    await heartbeat.begin([], "http://127.0.0.1:1")
    heartbeat.beat()
    assert counts()[Event.SYSTEMD_UNREACHED] == before + 1

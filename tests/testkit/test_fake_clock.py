"""The fake clock moves only when told, wakes sleepers in order, and keeps steps apart from time."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest

from syncd.clock import Clock
from syncd.testkit.fake_clock import START_AT, FakeClock


def test_time_stands_still() -> None:
    """Neither reading moves by itself."""
    clock: Clock = FakeClock()
    assert (clock.now(), clock.monotonic()) == (START_AT, 0.0)
    assert (clock.now(), clock.monotonic()) == (START_AT, 0.0)


def test_advance_moves_both_readings() -> None:
    """Passing time shows on the wall and on the monotonic clock."""
    clock = FakeClock()
    clock.advance(90)
    assert (clock.now(), clock.monotonic()) == (START_AT + timedelta(seconds=90), 90.0)


@pytest.mark.parametrize("seconds", [3600, -3600])
async def test_a_step_moves_the_wall_alone(seconds: int) -> None:
    """A wall clock set forward or back lets no time pass and wakes nobody."""
    clock = FakeClock()
    sleeper = asyncio.ensure_future(clock.sleep(60))
    await clock.until_asleep(1)
    clock.step(seconds)
    await asyncio.sleep(0)
    assert (clock.now(), clock.monotonic()) == (START_AT + timedelta(seconds=seconds), 0.0)
    assert not sleeper.done()
    await clock.tick(60)
    assert sleeper.done()
    assert clock.now() == START_AT + timedelta(seconds=seconds + 60)


async def test_sleepers_wake_in_order_at_their_own_time() -> None:
    """tick stops at every deadline: each sleeper sees its own moment, equal deadlines first come first."""
    clock = FakeClock()
    woken: list[tuple[str, float]] = []

    async def sleep(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic()))

    sleeping = [asyncio.ensure_future(sleep(name, s)) for name, s in (("c", 30), ("a", 10), ("b", 10), ("d", 99))]
    await clock.until_asleep(4)
    await clock.tick(60)
    assert woken == [("a", 10.0), ("b", 10.0), ("c", 30.0)]
    assert (clock.monotonic(), clock.sleepers) == (60.0, 1)
    sleeping[3].cancel()
    with suppress(asyncio.CancelledError):
        await sleeping[3]


async def test_a_loop_wakes_as_often_as_in_real_time() -> None:
    """A task that sleeps ten seconds at a time wakes six times in a minute."""
    clock = FakeClock()
    moments: list[float] = []

    async def beat() -> None:
        while True:
            await clock.sleep(10)
            moments.append(clock.monotonic())

    beating = asyncio.ensure_future(beat())
    await clock.tick(60)
    beating.cancel()
    with suppress(asyncio.CancelledError):
        await beating
    assert moments == [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]


async def test_advance_wakes_in_order_too() -> None:
    """advance moves on at once; whoever's time is over runs afterwards, in the order of the deadlines."""
    clock = FakeClock()
    woken: list[int] = []

    async def sleep(seconds: int) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    sleeping = [asyncio.ensure_future(sleep(seconds)) for seconds in (3, 1, 2)]
    await clock.until_asleep(3)
    clock.advance(3)
    assert woken == []
    await asyncio.gather(*sleeping)
    assert woken == [1, 2, 3]


async def test_a_cancelled_sleeper_is_passed_over() -> None:
    """A cancelled sleep neither counts nor holds up the next one."""
    clock = FakeClock()
    first, second = (asyncio.ensure_future(clock.sleep(seconds)) for seconds in (5, 9))
    await clock.until_asleep(2)
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    assert clock.sleepers == 1
    assert clock.wake_next()
    await second
    assert clock.monotonic() == 9.0
    assert not clock.wake_next()


@pytest.mark.parametrize("seconds", [0, -1])
async def test_a_sleep_of_nothing_only_yields(seconds: float) -> None:
    """Sleeping zero or less needs no passing of time."""
    clock = FakeClock()
    await clock.sleep(seconds)
    assert clock.monotonic() == 0.0


async def test_waiting_for_sleepers_that_never_come_ends() -> None:
    """Waiting until somebody sleeps fails with the count instead of hanging."""
    with pytest.raises(TimeoutError, match="0 tasks sleep, not 1"):
        await FakeClock().until_asleep(1)


def test_time_does_not_run_back() -> None:
    """Negative time is refused, as is a start without UTC."""
    with pytest.raises(ValueError, match="backwards"):
        FakeClock().advance(-1)
    with pytest.raises(ValueError, match="UTC"):
        FakeClock(datetime(2026, 3, 2, tzinfo=timezone(timedelta(hours=1))))

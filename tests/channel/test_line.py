"""The line to a channel: closed while it makes no sense to call, open again as soon as it does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from syncd.channel.service import BACKOFF_LONGEST_SECONDS, BACKOFF_SHUT_OUT_LONGEST_SECONDS, ChannelLine
from syncd.channel.throttle import Urgency
from syncd.errors import ChannelAuthFailed, ChannelBlocked, ChannelRefused, ChannelUnavailable, RateLimited, RemoteError
from syncd.identity import ChannelName
from syncd.telemetry import Event, counts
from syncd.testkit.fake_channel import FakeChannel
from syncd.testkit.fake_clock import FakeClock
from syncd.testkit.fake_shop import FakeShop
from syncd.testkit.shop_record import EVERYTHING


def line_to(clock: FakeClock, **facts: object) -> ChannelLine:
    """A line to a channel with these limits."""
    shop = FakeShop(clock, replace(EVERYTHING, **facts))  # type: ignore[arg-type]
    return ChannelLine(ChannelName("fake"), FakeChannel(shop), clock)


def failing(fault: RemoteError) -> Callable[[], Awaitable[None]]:
    """Work that meets this fault."""

    async def work() -> None:
        raise fault

    return work


async def fine() -> str:
    """Work that succeeds."""
    return "done"


DOWN = ChannelUnavailable("fake", "check", "no answer")


async def test_calls_pass_through() -> None:
    """An open line returns what the connector returns."""
    assert await line_to(FakeClock()).call("check", fine) == "done"


async def test_failures_close_the_line_longer_and_longer() -> None:
    """Each failure doubles the pause up to a bound; meanwhile nothing is called."""
    clock = FakeClock()
    line = line_to(clock)
    pauses = []
    for _ in range(9):
        with pytest.raises(ChannelUnavailable):
            await line.call("check", failing(DOWN))
        until = line.closed_until(clock.now())
        assert until is not None
        pauses.append((until - clock.now()).total_seconds())
        with pytest.raises(RateLimited):
            await line.call("check", fine)
        clock.advance(pauses[-1])
    assert pauses == [1, 2, 4, 8, 16, 32, BACKOFF_LONGEST_SECONDS, BACKOFF_LONGEST_SECONDS, BACKOFF_LONGEST_SECONDS]


async def pauses_after(line: ChannelLine, clock: FakeClock, fault: RemoteError, times: int) -> list[float]:
    """How long the line stays closed after each of so many failures in a row."""
    found = []
    for _ in range(times):
        with pytest.raises(type(fault)):
            await line.call("check", failing(fault))
        until = line.closed_until(clock.now())
        assert until is not None
        found.append((until - clock.now()).total_seconds())
        clock.advance(found[-1])
    return found


@pytest.mark.parametrize("kind", [ChannelBlocked, ChannelAuthFailed])
async def test_who_is_not_let_in_knocks_ever_more_rarely(kind: type[RemoteError]) -> None:
    """A firewall's page or a refused key is met with pauses up to a quarter of an hour: hosts block who goes on."""
    clock = FakeClock()
    line = line_to(clock)
    pauses = await pauses_after(line, clock, kind("fake", "check", "no"), 12)
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, BACKOFF_SHUT_OUT_LONGEST_SECONDS]
    assert await line.call("check", fine) == "done"
    assert await pauses_after(line, clock, DOWN, 1) == [1]


async def test_limits_without_a_time_grow_until_a_call_succeeds() -> None:
    """A host that limits us again and again without saying for how long is left alone for longer each time."""
    clock = FakeClock()
    line = line_to(clock)
    limited = RateLimited("fake", "check", "slow down")
    assert await pauses_after(line, clock, limited, 7) == [30, 60, 120, 240, 480, 900, 900]
    assert await line.call("check", fine) == "done"
    assert await pauses_after(line, clock, limited, 1) == [30]


async def test_down_and_back_are_said_once_each() -> None:
    """However often it fails, the log tells of going down once and of coming back once."""
    clock = FakeClock()
    line = line_to(clock)
    before = counts()
    for _ in range(3):
        with pytest.raises(ChannelUnavailable):
            await line.call("check", failing(DOWN))
        clock.advance(BACKOFF_LONGEST_SECONDS)
    assert line.down_since is not None
    await line.call("check", fine)
    await line.call("check", fine)
    after = counts()
    assert (line.down_since, line.closed_until(clock.now())) == (None, None)
    assert [after[e] - before[e] for e in (Event.CHANNEL_UNAVAILABLE, Event.CHANNEL_RECOVERED)] == [1, 1]


async def test_calls_failing_side_by_side_count_as_one_failure() -> None:
    """Four calls that break with one connection must not look like four outages in a row."""
    clock = FakeClock()
    line = line_to(clock)

    async def hang() -> None:
        await clock.sleep(1)
        raise DOWN

    calls = asyncio.gather(*(line.call("check", hang) for _ in range(4)), return_exceptions=True)
    await clock.tick(1)
    await calls
    until = line.closed_until(clock.now())
    assert until is not None
    assert (until - clock.now()).total_seconds() == 1


@pytest.mark.parametrize(("told", "wait"), [(17.0, 17), (None, 30), (1e12, 86_400), (float("inf"), 86_400)])
async def test_rate_limit_is_waited_for_exactly(told: float | None, wait: float) -> None:
    """The line stays closed as long as the channel says, a day at most, or the usual window where it does not say."""
    clock = FakeClock()
    line = line_to(clock)
    with pytest.raises(RateLimited):
        await line.call("check", failing(RateLimited("fake", "check", "slow down", told)))
    clock.advance(wait - 0.5)
    with pytest.raises(RateLimited):
        await line.call("check", fine)
    clock.advance(0.5)
    assert await line.call("check", fine) == "done"


async def test_a_call_begun_before_the_limit_does_not_open_the_line() -> None:
    """The late success of an earlier call proves nothing about the time since the channel asked us to slow down."""
    clock = FakeClock()
    line = line_to(clock)

    async def slow() -> None:
        await clock.sleep(2)

    early = asyncio.create_task(line.call("check", slow))
    await clock.tick(1)
    with pytest.raises(RateLimited):
        await line.call("check", failing(RateLimited("fake", "check", "slow down", 17)))
    await clock.tick(1)
    await early
    assert line.closed_until(clock.now()) is not None


async def test_bad_credentials_close_the_line() -> None:
    """With credentials that are refused the channel is not hammered."""
    clock = FakeClock()
    line = line_to(clock)
    with pytest.raises(ChannelAuthFailed):
        await line.call("check", failing(ChannelAuthFailed("fake", "check", "no")))
    assert line.closed_until(clock.now()) is not None


async def test_a_refused_item_closes_nothing() -> None:
    """A refusal concerns one item, not the channel."""
    clock = FakeClock()
    line = line_to(clock)
    with pytest.raises(ChannelRefused):
        await line.call("check", failing(ChannelRefused("fake", "check", "no such thing")))
    assert (line.closed_until(clock.now()), line.down_since) == (None, None)


async def test_pace_holds_for_calls_side_by_side() -> None:
    """Calls made in the same moment are spread so that no second holds more than the channel allows."""
    clock = FakeClock()
    line = line_to(clock, calls_per_second=2.0)
    began: list[float] = []

    async def note() -> None:
        began.append(clock.monotonic())

    calls = asyncio.gather(*(line.call("check", note) for _ in range(4)), return_exceptions=True)
    await clock.tick(5)
    results = await calls
    assert began == [0, 0, 1, 1]
    assert not any(isinstance(one, Exception) for one in results)


async def test_own_daily_budget_keeps_a_reserve() -> None:
    """Our own budget refuses calm calls before it is empty, and lets urgent ones pass."""
    line = line_to(FakeClock(), calls_per_day=10)
    for _ in range(8):
        await line.call("check", fine)
    with pytest.raises(RateLimited):
        await line.call("check", fine)
    assert await line.call("check", fine, Urgency.FIRST) == "done"


async def test_work_of_several_calls_is_counted_as_several() -> None:
    """What costs the channel four calls leaves four fewer of the day."""
    line = line_to(FakeClock(), calls_per_day=100)
    await line.call("read_quantities", fine, calls=4)
    assert line.budget.left_today == 96


async def test_a_channel_that_tells_is_asked_less_often_when_calls_are_short() -> None:
    """While webhooks come in, looking for orders uses less of what is left of the day; silent again, it uses more."""
    clock = FakeClock()
    line = line_to(clock, calls_per_day=1000)
    for _ in range(750):
        line.budget.spend(clock.now())
    silent = line.poll_seconds(10, clock.now())
    line.tell(clock.now())
    told = line.poll_seconds(10, clock.now())
    assert told == pytest.approx(2 * silent)
    clock.advance(901)
    assert line.poll_seconds(10, clock.now()) == pytest.approx(silent, rel=0.1)
    assert line.sweep_seconds(3600, clock.now(), calls=5) > 3600
    assert line_to(clock).sweep_seconds(3600, clock.now(), calls=5000) == 3600

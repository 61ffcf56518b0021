"""The simulator itself: time, store, shops and calls behave as told, and the same story always runs the same way."""

from __future__ import annotations

import asyncio
import random

import pytest

from syncd.channel.port import QuantityUpdate
from syncd.errors import ChannelUnavailable
from syncd.testkit.simulation.channel import Mishap
from syncd.testkit.simulation.house import House, Story
from syncd.testkit.simulation.loop import SimulatedClock, simulate
from syncd.testkit.simulation.store import Rows
from syncd.testkit.simulation.truth import standing, untruths


def test_sleepers_wake_in_the_order_of_their_deadlines() -> None:
    """A day of sleeping passes at once, and everybody wakes at exactly his time."""

    async def work() -> list[tuple[str, float]]:
        clock, woken = SimulatedClock(), []

        async def sleep(name: str, seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append((name, clock.monotonic()))

        await asyncio.gather(sleep("late", 86_400), sleep("early", 1.5), sleep("middle", 60))
        return woken

    assert simulate(work) == [("early", 1.5), ("middle", 60.0), ("late", 86_400.0)]


def test_idle_waits_for_everybody_and_lets_no_time_pass() -> None:
    """Whoever waits until the others are idle sees all they could do at this moment."""

    async def work() -> tuple[list[int], float]:
        clock, done = SimulatedClock(), []

        async def busy() -> None:
            for number in range(5):
                await asyncio.sleep(0)
                done.append(number)
            await clock.sleep(10)

        other = asyncio.create_task(busy())
        await clock.idle()
        seen, at = list(done), clock.monotonic()
        await other
        return seen, at

    assert simulate(work) == ([0, 1, 2, 3, 4], 0.0)


def test_waiting_for_nobody_is_said() -> None:
    """A program in which nobody can ever go on ends with a sentence instead of hanging."""

    async def work() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="for ever"):
        simulate(work)


def test_a_store_can_be_put_back_to_an_earlier_state() -> None:
    """What `dump` gave, `restore` brings back exactly, also where rows were added, changed and taken away."""

    async def work() -> tuple[dict[str, Rows], dict[str, Rows], dict[str, Rows]]:
        async with House() as house:
            market, _ = await house.both(5)
            before = house.db.dump()
            house.shops["market"].sell(market, 1)
            await house.quiet(60)
            changed = house.db.dump()
            house.db.restore(before)
            return before, changed, house.db.dump()

    before, changed, after = simulate(work)
    assert before != changed
    assert after == before


async def _a_busy_hour(seed: int) -> tuple[list[str], dict[str, Rows]]:
    """Sales, stock and lost answers at random moments, with the daemon's own workers running."""
    chance = random.Random(seed)  # a story, no secret
    async with House() as house:
        listings = dict(zip(("market", "shop"), await house.both(40), strict=True))
        await house.start()
        for _ in range(12):
            await house.pass_time(chance.expovariate(1 / 20))
            name = chance.choice(["market", "shop"])
            if chance.random() < 0.2:
                house.channels[name].mishaps.append(Mishap("push_quantities", answer_lost=True))
            if chance.random() < 0.3:
                await house.stock("X", chance.choice([-1, 2]))
            elif house.shops[name].offered(listings[name]):
                order_id = house.shops[name].sell(listings[name], 1)
                if chance.random() < 0.5:
                    await house.hint(name, order_id)
        await house.pass_time(200)
        assert await untruths(house) == []
        return house.trace, house.db.dump()


def test_the_same_seed_tells_the_same_story_to_the_last_row() -> None:
    """Two runs of one seed agree in every line of the trace and every row of the store; another seed does not."""
    first, again, other = (simulate(lambda seed=seed: _a_busy_hour(seed)) for seed in (7, 7, 8))  # type: ignore[misc]
    assert first == again
    assert first != other
    assert len(first[0]) > 60


def test_a_call_goes_on_in_the_shop_when_nobody_waits_for_it_any_more() -> None:
    """A batch that timed out overwrites, once it is done, what was written since: as a real webshop's does."""

    async def work() -> tuple[int, int]:
        async with House() as house:
            _, listing = await house.both(5)
            channel = house.channels["shop"]
            channel.mishaps.append(Mishap("push_quantities", late_seconds=40))
            with pytest.raises(ChannelUnavailable):
                await channel.push_quantities([QuantityUpdate(listing, 111)])
            await channel.push_quantities([QuantityUpdate(listing, 222)])
            between = house.shown("shop", listing)
            await house.clock.sleep(30)
            return between, house.shown("shop", listing)

    assert simulate(work) == (222, 111)


def test_a_stale_reading_tells_the_past_and_customers_see_the_present() -> None:
    """A replica that lags tells number and counter as they were; the shop itself sells from what it has."""

    async def work() -> list[tuple[int | None, int | None]]:
        async with House() as house:
            market, _ = await house.both(5)
            shop, channel, told = house.shops["market"], house.channels["market"], []
            shop.stale_seconds = 10
            shop.sell(market, 2)
            assert shop.offered(market) == 3
            for _ in range(2):
                (seen,) = await channel.read_quantities([market])
                told.append((seen.available, seen.sold))
                await house.clock.sleep(10)
            return told

    assert simulate(work) == [(5, 0), (3, 2)]


def test_a_process_that_dies_in_the_middle_of_a_call_finds_its_way() -> None:
    """Killed while its push is on the way, the next process on the same store ends with every listing true."""

    async def work() -> tuple[list[str], dict[str, int]]:
        async with House() as house:
            market, _ = await house.both(5)
            await house.start()
            house.shops["market"].sell(market, 1)
            await house.stock("X", -1)
            await house.until_under_way("market", "push_quantities")
            await house.restart()
            await house.pass_time(300)
            return await untruths(house), (await standing(house)).held()

    assert simulate(work) == ([], {"available": 3, "reserved": 1})


def test_what_was_read_is_sent_at_once() -> None:
    """A delivery raises the number in the run behind the reading, not when the pusher next looks by itself."""

    async def story() -> None:
        async with House(Story(idle_seconds=600)) as house:
            market, _ = await house.both(2)
            await house.start()
            await house.pass_time(30)
            await house.stock("X", 3)
            await house.pass_time(10)
            assert house.shown("market", market) == 5

    simulate(story)

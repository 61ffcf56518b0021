"""A hint lowers the other channels at once, whatever its own channel's calls are doing; in simulated time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from syncd.identity import ChannelName
from syncd.testkit.fake_webhook import webhook_from
from syncd.testkit.simulation.channel import Mishap
from syncd.testkit.simulation.house import House
from syncd.testkit.simulation.loop import simulate
from syncd.testkit.simulation.truth import standing, untruths


def played(tale: Callable[[House], Awaitable[None]]) -> None:
    """Play a story to its end, which must be true."""

    async def work() -> None:
        async with House() as house:
            await tale(house)
            await house.pass_time(400)
            assert await untruths(house) == []

    simulate(work)


def test_a_hint_is_believed_while_the_intake_waits_for_its_channel() -> None:
    """The order list is 25 s late with its answer; the sale told meanwhile is off the other channel within two."""

    async def tale(house: House) -> None:
        market, shop = await house.both(5)
        house.channels["market"].mishaps.append(Mishap("fetch_orders", late_seconds=25))
        await house.start()
        await house.until_under_way("market", "fetch_orders")
        await house.hint("market", house.shops["market"].sell(market, 2))
        await house.pass_time(2)
        assert "fetch_orders" in house.channels["market"].under_way
        assert house.shown("shop", shop) == 3

    played(tale)


def test_a_hint_is_believed_while_no_call_is_made_to_its_channel() -> None:
    """A channel that does not answer us still calls; what it tells goes out to the others, however long the pause."""

    async def tale(house: House) -> None:
        market, shop = await house.both(5)
        await house.start()
        house.shops["market"].down = True
        line = next(one for name, one in house.rooms.lines.items() if name == "market")
        for _ in range(120):
            await house.pass_time(1)
            if line.closed_until(house.clock.now() + timedelta(seconds=5)) is not None:
                break
        await house.hint("market", house.shops["market"].sell(market, 2))
        await house.pass_time(2)
        assert line.closed_until(house.clock.now()) is not None
        assert house.shown("shop", shop) == 3
        house.shops["market"].down = False

    played(tale)


def test_a_hint_is_believed_once() -> None:
    """Whoever looks again while it waits to be followed writes nothing more."""

    async def tale(house: House) -> None:
        market, _ = await house.both(5)
        await house.hint("market", house.shops["market"].sell(market, 2))
        hints = next(one.hints for name, one in house.rooms.intakes.items() if name == "market")
        assert await hints.run_once(house.clock.now()) == {"believed": 1}
        before = house.db.dump()
        assert await hints.run_once(house.clock.now()) == {}
        assert house.db.dump() == before
        await house.start()

    played(tale)


def test_the_highest_counter_of_a_listing_is_believed() -> None:
    """Two calls came in the wrong order before anybody looked: a sold counter never falls."""

    async def work() -> None:
        async with House() as house:
            market, _ = await house.both(5)
            first = house.shops["market"].sell(market, 1)
            early = webhook_from(house.shops["market"], first)
            second = house.shops["market"].sell(market, 2)
            intake = house.rooms.intakes[ChannelName("market")]
            for call in (webhook_from(house.shops["market"], second), early):
                await intake.receive(house.channels["market"].receive_webhook(call), house.clock.now())
            await intake.hints.run_once(house.clock.now())
            assert await _in_flight(house) == 3

    simulate(work)


def test_a_hint_met_by_a_fault_of_the_store_is_believed_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever could not write it down has not taken it."""

    async def broken(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    async def work() -> None:
        async with House() as house:
            market, _ = await house.both(5)
            await house.hint("market", house.shops["market"].sell(market, 2))
            hints = house.rooms.intakes[ChannelName("market")].hints
            with monkeypatch.context() as patch:
                patch.setattr(hints._observer, "take", broken)
                with pytest.raises(OSError, match="disk"):
                    await hints.run_once(house.clock.now())
            assert await hints.run_once(house.clock.now()) == {"believed": 1}
            assert await _in_flight(house) == 2

    simulate(work)


async def _in_flight(house: House) -> int:
    return sum(one.belief.in_flight for one in (await standing(house)).listings.values())

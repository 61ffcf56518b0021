"""The pusher against a channel: what is sent, when, and what is computed at the last moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.channel.port import PushOutcome, QuantityUpdate
from syncd.identity import ChannelName, ListingId, ListingKey
from syncd.push.store import mark_pending
from syncd.testkit.channel_rig import Fault
from tests.support.rooms import MARKET, ONE, WEBSHOP, Rooms, Setup


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A market alone."""
    async with Rooms(tmp_path, ONE) as made:
        yield made


async def test_decrease_goes_out_at_once(rooms: Rooms) -> None:
    """One round after a counter sale the channel shows less, without any reading before."""
    market = await rooms.at_rest(9)
    rooms.clock.advance(600)
    reads = rooms.reads("market")
    await rooms.stock("X", -2)
    await rooms.step()
    assert (rooms.shown("market", market), rooms.reads("market")) == (7, reads)


async def test_increase_is_read_first(rooms: Rooms) -> None:
    """A rise rests on a fresh reading: read, then sent."""
    market = await rooms.at_rest(9)
    rooms.clock.advance(600)
    await rooms.stock("X", 3)
    assert (await rooms.step())["read"] == 1
    assert rooms.shown("market", market) == 9
    await rooms.settle()
    assert rooms.shown("market", market) == 12


async def test_increase_right_after_an_accepted_number_is_read_first(rooms: Rooms) -> None:
    """That the channel took a number a moment ago does not say what it sold since the last reading."""
    market = await rooms.at_rest(19)
    rooms.clock.advance(600)
    await rooms.stock("X", -1)
    await rooms.settle()
    rooms.shops["market"].order_list_lag_seconds = 120
    rooms.shops["market"].sell(market, 1)
    await rooms.stock("X", 5)
    await rooms.settle()
    assert rooms.shown("market", market) == 22


async def test_a_disagreement_waits_for_the_watermark(tmp_path: Path) -> None:
    """What was lower than it had to be is raised only when the orders up to that reading are in."""
    async with Rooms(tmp_path, Setup({"market": replace(MARKET, order_lag_seconds=120)})) as rooms:
        market = await rooms.at_rest(9)
        rooms.shops["market"].edit_quantity(market, 4)
        await rooms.look("market", market)
        await rooms.settle()
        rooms.clock.advance(100)
        await rooms.settle()
        assert rooms.shown("market", market) == 4
        rooms.clock.advance(40)
        await rooms.settle()
        assert rooms.shown("market", market) == 9


@pytest.mark.parametrize("counter", [True, False], ids=["counter", "no counter"])
async def test_no_echo_after_importing_its_own_sale(tmp_path: Path, counter: bool) -> None:
    """The channel lowered itself: after the import nothing is pushed to it, and nothing read."""
    async with Rooms(tmp_path, Setup({"market": MARKET if counter else WEBSHOP})) as rooms:
        market = await rooms.at_rest(9)
        rooms.clock.advance(5)
        pushes, reads = rooms.pushes("market"), rooms.reads("market")
        rooms.shops["market"].sell(market, 2)
        rooms.clock.advance(1)
        await rooms.quiet(60)
        assert (rooms.pushes("market"), rooms.reads("market")) == (pushes, reads)
        await rooms.assert_true()


async def test_own_sale_and_another_change_count_once_each(rooms: Rooms) -> None:
    """A sale imported before and one scanned after: the numbers that follow are never believed twice as low."""
    market = await rooms.at_rest(20)
    rooms.shops["market"].sell(market, 1)
    await rooms.settle()
    for left in (18, 17, 16):
        await rooms.stock("X", -1)
        await rooms.settle()
        assert rooms.shown("market", market) == left


async def test_targets_are_computed_when_they_are_sent(tmp_path: Path) -> None:
    """A movement posted while earlier batches are on their way changes what the later ones carry."""
    slow = replace(MARKET, batch_size=1, calls_in_flight=1)
    async with Rooms(tmp_path, Setup({"market": slow})) as rooms:
        listings = [await rooms.at_rest(9, f"S{n}") for n in range(3)]
        for n in range(3):
            await rooms.stock(f"S{n}", -1 - n)
        await rooms.planner.run_once(rooms.clock.now())
        channel = rooms.channels["market"]
        sent: list[tuple[ListingId, int]] = []
        real = channel.push_quantities

        async def noting(updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
            if not sent:
                await rooms.stock("S0", -5)
            sent.extend((one.listing_id, one.quantity) for one in updates)
            return await real(updates)

        channel.push_quantities = noting  # type: ignore[method-assign]
        await rooms.pushers["market"].run_once(rooms.clock.now())
        assert dict(sent) == {listings[0]: 3, listings[1]: 7, listings[2]: 6}
        assert len(sent) == 3


async def test_a_mark_made_while_a_request_is_on_its_way_is_kept(rooms: Rooms) -> None:
    """Stock that moves while its listing's push is under way is pushed after it."""
    market = await rooms.at_rest(9)
    channel = rooms.channels["market"]
    channel.answer_seconds = 5
    await rooms.stock("X", -1)
    await rooms.planner.run_once(rooms.clock.now())
    run = asyncio.create_task(rooms.pushers["market"].run_once(rooms.clock.now()))
    await rooms.until_waiting()
    await rooms.stock("X", -3)
    await rooms.planner.run_once(rooms.clock.now())
    while not run.done():
        rooms.clock.wake_next()
        await asyncio.sleep(0)
    await run
    channel.answer_seconds = 0
    assert rooms.shown("market", market) == 8
    assert (await rooms.state("market", market)).pending
    await rooms.settle()
    assert rooms.shown("market", market) == 5


async def test_one_request_in_flight_per_listing(tmp_path: Path) -> None:
    """However the answers are delayed or lost, no listing is ever in two requests at once."""
    async with Rooms(tmp_path, Setup({"market": replace(MARKET, batch_size=1, calls_in_flight=3)})) as rooms:
        listings = [await rooms.at_rest(5, f"S{n}") for n in range(4)]
        channel = rooms.channels["market"]
        under_way: list[ListingId] = []
        real = channel.push_quantities

        async def watching(updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
            ids = [one.listing_id for one in updates]
            assert not set(ids) & set(under_way)
            under_way.extend(ids)
            try:
                for _ in range(20):
                    await asyncio.sleep(0)
                return await real(updates)
            finally:
                for one in ids:
                    under_way.remove(one)

        channel.push_quantities = watching  # type: ignore[method-assign]
        rooms.shops["market"].fail_next(Fault.SERVER_ERROR, operation="read_quantities")
        for n in range(4):
            await rooms.stock(f"S{n}", -1)
        await rooms.step()
        assert not under_way
        await rooms.quiet(60)
        assert [rooms.shown("market", one) for one in listings] == [4, 4, 4, 4]


async def test_lost_read_back_is_made_up_for(rooms: Rooms) -> None:
    """A sale our number has overwritten is found even if the first reading back fails."""
    market = await rooms.at_rest(5)
    rooms.shops["market"].order_list_lag_seconds = 100_000
    channel, shop = rooms.channels["market"], rooms.shops["market"]
    real = channel.push_quantities

    async def with_a_sale_before(updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        channel.push_quantities = real  # type: ignore[method-assign]
        shop.sell(market, 1)
        return await real(updates)

    channel.push_quantities = with_a_sale_before  # type: ignore[method-assign]
    shop.fail_next(Fault.SERVER_ERROR, operation="read_quantities")
    await rooms.stock("X", -1)
    await rooms.step()
    assert rooms.shown("market", market) == 4
    await rooms.quiet(60)
    assert rooms.shown("market", market) == 3


async def test_plan_shows_and_sends_nothing(rooms: Rooms) -> None:
    """What would be pushed can be looked at without anything being sent or written."""
    market = await rooms.at_rest(9)
    await rooms.stock("X", -2)
    await rooms.planner.run_once(rooms.clock.now())
    state = await rooms.state("market", market)
    (decision,) = await rooms.pushers["market"].plan(rooms.clock.now(), [state])
    assert (decision.intent.quantity, decision.derivation.target, decision.intent.why) == (7, 7, "lower")
    assert (rooms.shown("market", market), await rooms.state("market", market)) == (9, state)


async def test_planner_keeps_a_mark_made_while_it_planned(rooms: Rooms) -> None:
    """A SKU touched again between the planner's reading and its writing is planned again."""
    market = await rooms.at_rest(9)
    key = ListingKey(ChannelName("market"), market)
    await rooms.stock("X", -2)
    real = rooms.writer.write

    async def meanwhile(*writes, lazy):  # type: ignore[no-untyped-def]
        rooms.writer.write = real  # type: ignore[method-assign]
        await rooms.stock("X", -3)
        await real(*writes, lazy=lazy)

    rooms.writer.write = meanwhile  # type: ignore[method-assign]
    await rooms.planner.run_once(rooms.clock.now())
    assert (await rooms.planner.run_once(rooms.clock.now()))["skus"] == 1
    assert (await rooms.state("market", market)).target == 4
    await rooms.settle()
    assert rooms.shown("market", key.listing_id) == 4


async def test_needless_mark_costs_no_call(rooms: Rooms) -> None:
    """A listing marked although it shows its target is settled without a call."""
    market = await rooms.at_rest(9)
    calls = rooms.pushes("market"), rooms.reads("market")
    await rooms.writer.write(mark_pending({ListingKey(ChannelName("market"), market): 9}, rooms.clock.now()))
    assert (await rooms.settle())["settled"] == 1
    assert (rooms.pushes("market"), rooms.reads("market")) == calls

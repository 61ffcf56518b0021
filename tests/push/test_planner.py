"""The planner takes SKUs in turn; what an oversell would come from goes out first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.availability.ats import AvailabilityConfig
from syncd.availability.store import read_delays
from syncd.availability.velocity import Way
from syncd.channel.port import PushOutcome, QuantityUpdate
from syncd.channel.throttle import Urgency
from syncd.identity import ChannelName, ListingId, ListingKey, Sku
from syncd.ledger.store import mark_touched, read_touched
from syncd.push import service as push_service
from syncd.push import service_planner
from syncd.push.plan import Hold, PushConfig
from syncd.push.store import hold_channel, mark_pending, read_pending, release_channel, step_back
from tests.support.rooms import MARKET, ONE, Rooms, Setup


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A market alone."""
    async with Rooms(tmp_path, ONE) as made:
        yield made


async def test_touched_skus_are_read_in_turn(rooms: Rooms) -> None:
    """Behind where the last reading ended, then from the beginning; never one twice."""
    await rooms.writer.write(mark_touched([Sku(name) for name in "ABCD"]))
    async with rooms.db.read() as conn:
        assert list(await read_touched(conn, 2)) == ["A", "B"]
        assert list(await read_touched(conn, 2, after="B")) == ["C", "D"]
        assert list(await read_touched(conn, 3, after="C")) == ["D", "A", "B"]
        assert list(await read_touched(conn, 9, after="Z")) == ["A", "B", "C", "D"]


async def test_no_sku_waits_behind_busy_ones(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the first SKUs are touched again before every run, the last one gets its turn."""
    monkeypatch.setattr(service_planner, "PLANNED_SKUS_MAX", 2)
    market = await rooms.at_rest(9, "Z")
    await rooms.stock("Z", -1)
    for _ in range(3):
        await rooms.writer.write(mark_touched([Sku(name) for name in "ABCD"]))
        await rooms.planner.run_once(rooms.clock.now())
    assert (await rooms.state("market", market)).target == 8


async def test_risk_comes_first_however_long_others_wait(tmp_path: Path) -> None:
    """Of many listings that are due the crossing to zero is sent first, then few, then more, then rises."""
    slow = replace(MARKET, batch_size=1, calls_in_flight=1)
    async with Rooms(tmp_path, Setup({"market": slow})) as rooms:
        stock = {"UP": 9, "SOME": 30, "FEW": 20, "ZERO": 9}
        ids = {sku: await rooms.at_rest(units, sku) for sku, units in stock.items()}
        rooms.clock.advance(1)
        for listing_id in ids.values():
            await rooms.look("market", listing_id)
        sent: list[ListingId] = []
        channel = rooms.channels["market"]
        real = channel.push_quantities

        async def noting(updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
            sent.extend(one.listing_id for one in updates)
            return await real(updates)

        channel.push_quantities = noting  # type: ignore[method-assign]
        for sku, change in (("UP", 1), ("SOME", -5), ("FEW", -17), ("ZERO", -9)):
            await rooms.stock(sku, change)
            await rooms.planner.run_once(rooms.clock.now())
        async with rooms.db.read() as conn:
            due = await read_pending(conn, ChannelName("market"), rooms.clock.now(), 10)
        assert [one.key.listing_id for one in due] == [ids[sku] for sku in ("ZERO", "FEW", "SOME", "UP")]
        await rooms.settle()
        assert sent == [ids[sku] for sku in ("ZERO", "FEW", "SOME", "UP")]


async def test_who_only_waits_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More gated rises than one run looks at keep no other rise from going out."""
    monkeypatch.setattr(push_service, "LOOKED_AT_MAX", 2)
    late = replace(MARKET, order_lag_seconds=3600, batch_size=1, calls_in_flight=1)
    async with Rooms(tmp_path, Setup({"market": late}, push=PushConfig(brake_listings_min=1, brake_share=1))) as rooms:
        gated = [await rooms.at_rest(9, f"A{n}") for n in range(3)]
        free = await rooms.at_rest(9, "Z")
        for one in gated:
            rooms.shops["market"].edit_quantity(one, 4)
            await rooms.look("market", one)
        await rooms.planner.run_once(rooms.clock.now())
        await rooms.stock("Z", 3)
        await rooms.settle_for(6)
        assert rooms.shown("market", free) == 12
        assert [rooms.shown("market", one) for one in gated] == [4, 4, 4]


async def test_a_new_mark_ends_the_waiting(rooms: Rooms) -> None:
    """A listing that made room is looked at at once when its stock moves again."""
    market = await rooms.at_rest(9)
    key, now = ListingKey(ChannelName("market"), market), rooms.clock.now()
    await rooms.writer.write(mark_pending({key: 9}, now))
    state = await rooms.state("market", market)
    await rooms.writer.write(step_back([state], now.replace(year=now.year + 1)))
    async with rooms.db.read() as conn:
        assert await read_pending(conn, key.channel, now, 10) == []
    await rooms.stock("X", -1)
    await rooms.settle()
    assert rooms.shown("market", market) == 8


async def test_time_held_is_no_latency(rooms: Rooms) -> None:
    """The delay measured begins when numbers may go out: a night on hold is not how long news takes."""
    market = await rooms.at_rest(9)
    held = Hold(ChannelName("market"), "a person looks", rooms.clock.now())
    await rooms.writer.write(hold_channel(held))
    await rooms.stock("X", -2)
    await rooms.settle()
    rooms.clock.advance(36_000)
    await rooms.settle()
    await rooms.writer.write(release_channel(held.channel, rooms.clock.now()))
    await rooms.settle()
    async with rooms.db.read() as conn:
        delay = (await read_delays(conn))[held.channel, Way.TOLD]
    assert rooms.shown("market", market) == 7
    assert delay.mean_seconds < 5


async def test_a_listing_that_ends_frees_the_others(tmp_path: Path) -> None:
    """When the home of the last units is gone, they are shown where the SKU is still offered."""

    config = AvailabilityConfig(scarce_units=3, home_channel="fair")
    async with Rooms(tmp_path, Setup({"market": MARKET, "fair": MARKET}, availability=config)) as rooms:
        await rooms.stock("X", 2)
        market, fair = await rooms.offer("market", "X", 5), await rooms.offer("fair", "X", 5)
        await rooms.quiet(60)
        assert (rooms.shown("market", market), rooms.shown("fair", fair)) == (0, 2)
        rooms.shops["fair"].end_listing(fair)
        await rooms.stock("X", -1)
        await rooms.quiet(60)
        assert rooms.shown("market", market) == 1


async def test_a_crossing_to_zero_overtakes_a_long_run(tmp_path: Path) -> None:
    """Marked while many other numbers are on their way, it goes out with the next call, not after all of them."""
    slow = replace(MARKET, batch_size=1, calls_in_flight=1)
    async with Rooms(tmp_path, Setup({"market": slow})) as rooms:
        others = [await rooms.at_rest(30, f"A{n}") for n in range(6)]
        last = await rooms.at_rest(5, "Z")
        sent: list[tuple[ListingId, int]] = []
        channel = rooms.channels["market"]
        real = channel.push_quantities

        async def noting(updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
            sent.extend((one.listing_id, one.quantity) for one in updates)
            if len(sent) == 2:
                await rooms.stock("Z", -5)
                await rooms.planner.run_once(rooms.clock.now())
            return await real(updates)

        channel.push_quantities = noting  # type: ignore[method-assign]
        for n in range(6):
            await rooms.stock(f"A{n}", -5)
        await rooms.planner.run_once(rooms.clock.now())
        await rooms.pushers["market"].run_once(rooms.clock.now())
        assert sent[2] == (last, 0)
        assert sorted(one for one, _ in sent) == sorted([*others, last])


async def test_many_crossings_at_once_ask_the_brake_first(tmp_path: Path) -> None:
    """Numbers that all fall to 0 while a run is under way end it before they are too many, and the next one asks."""
    slow = replace(MARKET, batch_size=1, calls_in_flight=1)
    config = PushConfig(brake_listings_min=3, brake_share=0.3)
    async with Rooms(tmp_path, Setup({"market": slow}, push=config)) as rooms:
        listings = {f"A{n}": await rooms.at_rest(30, f"A{n}") for n in range(8)}
        channel = rooms.channels["market"]
        real = channel.push_quantities

        async def emptying(updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
            channel.push_quantities = real  # type: ignore[method-assign]
            for n in range(3, 8):
                await rooms.stock(f"A{n}", -30)
            await rooms.planner.run_once(rooms.clock.now())
            return await real(updates)

        channel.push_quantities = emptying  # type: ignore[method-assign]
        for n in range(2):
            await rooms.stock(f"A{n}", -5)
        await rooms.planner.run_once(rooms.clock.now())
        await rooms.pushers["market"].run_once(rooms.clock.now())
        await rooms.settle()
        emptied = [n for n in range(3, 8) if rooms.shown("market", listings[f"A{n}"]) == 0]
        assert len(emptied) < config.brake_listings_min
        assert [one.topic for one in await rooms.questions()] == ["brake"]


async def test_calls_kept_for_lower_numbers_are_not_spent_on_rises(tmp_path: Path) -> None:
    """Once the calls that rises may use are spent a rise rests, and a decrease and a crossing to zero still go out."""
    few = replace(MARKET, calls_per_day=100, batch_size=1, calls_in_flight=1)
    async with Rooms(tmp_path, Setup({"market": few})) as rooms:
        ids = {sku: await rooms.at_rest(20, sku) for sku in ("UP", "DOWN", "ZERO")}
        line = rooms.lines["market"]
        now = rooms.clock.now()
        while line.budget.wait_seconds(now, Urgency.RAISE) == 0:
            line.budget.spend(now)
        for sku, change in (("UP", 5), ("DOWN", -5), ("ZERO", -20)):
            await rooms.stock(sku, change)
        await rooms.settle()
        assert [rooms.shown("market", ids[sku]) for sku in ("UP", "DOWN", "ZERO")] == [20, 15, 0]
        async with rooms.db.read() as conn:
            assert await read_pending(conn, ChannelName("market"), rooms.clock.now(), 10) == []
        rooms.clock.advance(86_400)
        await rooms.quiet(60)
        assert rooms.shown("market", ids["UP"]) == 25

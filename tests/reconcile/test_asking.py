"""Drift policy "ask": about what no order explains once the orders are in, never about a sale that was only late."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.availability.ats import ChannelPolicy
from syncd.identity import ChannelName
from syncd.reconcile.plan import DriftPolicy, ReconcileConfig, SweepOptions
from syncd.reconcile.service import SweepService
from syncd.telemetry import Event, counts
from tests.support.rooms import MAIN, WEBSHOP, Rooms, Setup

LATE = replace(WEBSHOP, order_lag_seconds=60)


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A webshop without a counter, whose orders come a minute late, and which asks about drift."""
    made = Rooms(tmp_path, Setup({"shop": LATE}))
    asking = ChannelPolicy(ChannelName("shop"), (MAIN,), None, LATE.quantity_max, asks_before_raising=True)
    made.policies = replace(made.policies, channels={ChannelName("shop"): asking})
    async with made as begun:
        begun.shops["shop"].order_list_lag_seconds = 60
        yield begun


def sweeper(rooms: Rooms) -> SweepService:
    """The shop's sweep, which looks every ten minutes."""
    options = SweepOptions(600.0, 60.0, (MAIN,), DriftPolicy.ASK)
    line = rooms.lines["shop"]
    return SweepService(rooms.db, rooms.writer, line, options=options, config=ReconcileConfig(), clock=rooms.clock)


async def at_rest(rooms: Rooms, units: int) -> str:
    """So many on the shelf and in the shop."""
    await rooms.stock("X", units)
    listing_id = await rooms.offer("shop", "X", units)
    await rooms.quiet(120)
    return listing_id


async def pass_time(rooms: Rooms, sweep: SweepService, seconds: int) -> None:
    """The daemon at work, sweep included."""
    for _ in range(seconds // 20):
        rooms.clock.advance(20)
        await rooms.settle()
        await sweep.run_once(rooms.clock.now())


async def test_a_sale_that_was_only_late_asks_nobody(rooms: Rooms) -> None:
    """The sweep sees the number fall before the order is listed: no question is asked, and a rise goes out later."""
    shop = await at_rest(rooms, 5)
    sweep, found = sweeper(rooms), counts()[Event.DRIFT_FOUND]
    rooms.shops["shop"].sell(shop, 1)
    await sweep.run_once(rooms.clock.now())
    assert counts()[Event.DRIFT_FOUND] == found + 1
    assert await rooms.questions() == []
    await pass_time(rooms, sweep, 300)
    assert await rooms.questions() == []
    await rooms.stock("X", 3)
    await pass_time(rooms, sweep, 60)
    assert rooms.shown("shop", shop) == 7


async def test_an_edit_by_hand_is_asked_about_once_orders_are_in(rooms: Rooms) -> None:
    """Only when the orders up to the reading do not explain it; put back by hand, the question closes by itself."""
    shop = await at_rest(rooms, 5)
    sweep = sweeper(rooms)
    rooms.shops["shop"].edit_quantity(shop, 2)
    await sweep.run_once(rooms.clock.now())
    assert await rooms.questions() == []
    await pass_time(rooms, sweep, 120)
    [question] = await rooms.questions()
    assert "shows 3 fewer than it had to, and no order explains it" in question.sentence
    assert rooms.shown("shop", shop) == 2
    rooms.shops["shop"].edit_quantity(shop, 5)
    await pass_time(rooms, sweep, 660)
    assert await rooms.questions() == []

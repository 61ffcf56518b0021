"""What a channel ended for want of stock: a person is asked to relist it once there is stock, and until it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from syncd.attention.question import Topic
from syncd.attention.store import open_subjects
from syncd.reconcile.plan import DriftPolicy, ReconcileConfig, SweepOptions
from syncd.reconcile.service import SweepService
from syncd.testkit.fake_clock import FakeClock
from tests.support.http_rooms import EBAY, HttpRooms, http_rooms


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[HttpRooms]:
    """eBay and a webshop."""
    async with http_rooms(tmp_path) as opened:
        yield opened


async def test_stock_that_comes_back_asks_for_a_new_listing(rooms: HttpRooms) -> None:
    """eBay with its out-of-stock control off: ended at 0, asked about when stock is back, settled by a relisting."""
    clock = rooms.clock
    assert isinstance(clock, FakeClock)
    rooms.market.switch(out_of_stock_control=False)
    item = rooms.market.add_listing(sku="GLOVE-X", quantity=3)["item_id"]
    await rooms.stock("GLOVE-X", 3)
    await rooms.learn()
    await rooms.settle()
    options = SweepOptions(600, 600, ("main",), DriftPolicy.ENFORCE)
    line = rooms.lines[EBAY]
    sweep = SweepService(rooms.db, rooms.writer, line, options=options, config=ReconcileConfig(), clock=clock)

    async def swept() -> set[str]:
        await clock.tick(700)
        await sweep.run_once(clock.now())
        async with rooms.db.read() as conn:
            return await open_subjects(conn, Topic.ENDED_LISTING)

    async def pushed() -> None:
        await rooms.planner.run_once(clock.now())
        await rooms.pushers[EBAY].run_once(clock.now())

    await rooms.stock("GLOVE-X", -3)
    await pushed()
    assert rooms.market.account.items[item].listing_status == "Completed"
    assert await swept() == set()
    await rooms.stock("GLOVE-X", 5)
    await pushed()
    assert await swept() == {f"ebay:{item}"}
    again = rooms.market.add_listing(sku="GLOVE-X", quantity=1)["item_id"]
    assert await swept() == set()
    await rooms.settle()
    assert rooms.market.account.items[again].available == 5

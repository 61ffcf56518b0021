"""Listings that changed on a channel are looked for between sweeps: what was sold there is held for every other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from syncd.identity import Sku
from syncd.reconcile.plan import DriftPolicy, SweepOptions
from syncd.reconcile.service_changes import ChangesService
from syncd.testkit.fake_clock import FakeClock
from tests.support.http_rooms import EBAY, SHOP, HttpRooms, http_rooms

GLOVES = Sku("GLOVE-X")


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[HttpRooms]:
    """eBay and a webshop."""
    async with http_rooms(tmp_path) as opened:
        yield opened


def watching(rooms: HttpRooms, channel: str) -> ChangesService:
    """The worker that looks for changes."""
    options = SweepOptions(3600, 60, ("main",), DriftPolicy.ENFORCE)
    line = rooms.lines[channel]
    return ChangesService(rooms.db, rooms.writer, line, options=options, clock=rooms.clock)


async def test_a_sale_whose_order_does_not_come_lowers_the_shop(rooms: HttpRooms) -> None:
    """eBay's order list is silent for an hour; its counter is not: the shop falls within minutes, orders unread."""
    clock = rooms.clock
    assert isinstance(clock, FakeClock)
    item = rooms.market.add_listing(sku=GLOVES, quantity=6)["item_id"]
    product = rooms.web.add_product(GLOVES, "Gloves", quantity=6)
    rooms.market.switch(order_lag_seconds=3600)
    await rooms.stock(GLOVES, 6)
    await rooms.learn()
    await rooms.settle()
    await clock.tick(700)
    changes = watching(rooms, EBAY)
    assert await changes.run_once(clock.now()) == {}
    rooms.market.sell([{"item_id": item, "quantity": 2}])
    spent = rooms.lines[EBAY].budget.unmetered
    told = []
    for _ in range(10):
        await clock.tick(60)
        told.append(await changes.run_once(clock.now()))
    assert {"changed": 1} in told
    made = [call for call in rooms.market.account.calls if call["call"] == "GetSellerEvents"]
    assert rooms.lines[EBAY].budget.unmetered - spent == len(made) < 10
    await rooms.planner.run_once(clock.now())
    await rooms.pushers[SHOP].run_once(clock.now())
    assert rooms.web.product(product[0]).quantity == 4


async def test_a_channel_that_does_not_tell_is_not_asked(rooms: HttpRooms) -> None:
    """The shop has no such list."""
    changes = watching(rooms, SHOP)
    for _ in range(2):
        assert await changes.run_once(rooms.clock.now()) == {}


async def test_a_fault_is_told_and_the_look_comes_again(rooms: HttpRooms) -> None:
    """A web page in eBay's place: the cursor stays, and what happened meanwhile is told later."""
    clock = rooms.clock
    assert isinstance(clock, FakeClock)
    item = rooms.market.add_listing(sku=GLOVES, quantity=6)["item_id"]
    await rooms.learn()
    await clock.tick(700)
    changes = watching(rooms, EBAY)
    await changes.run_once(clock.now())
    rooms.market.sell([{"item_id": item, "quantity": 2}])
    await clock.tick(600)
    rooms.market.fail("code:10012", call="GetSellerEvents")
    assert await changes.run_once(clock.now()) == {}
    assert rooms.lines[EBAY].last_fault
    await clock.tick(600)
    assert await changes.run_once(clock.now()) == {"changed": 1}

"""A backlog after an outage: taken in page by page, and nothing else waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.rooms import Rooms


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A market and a webshop."""
    async with Rooms(tmp_path) as made:
        yield made


async def test_a_backlog_does_not_keep_numbers_from_going_out(rooms: Rooms) -> None:
    """Hundreds of orders come page by page: a shelf emptied meanwhile is shown before they are all in."""
    await rooms.stock("X", 700)
    await rooms.stock("Y", 5)
    shop, other = await rooms.offer("shop", "X", 700), await rooms.offer("shop", "Y", 5)
    await rooms.settle()
    for _ in range(600):
        rooms.shops["shop"].sell(shop, 1)
    importing = asyncio.create_task(rooms.intakes["shop"].run_once(rooms.clock.now()))
    await rooms.stock("Y", -5)
    while rooms.shown("shop", other):
        assert not importing.done(), "the backlog was taken in first"
        await rooms.planner.run_once(rooms.clock.now())
        await rooms.pushers["shop"].run_once(rooms.clock.now())
        await asyncio.sleep(0)
    assert (await importing)["accepted"] == 600
    assert (await rooms.held())["reserved"] == 600

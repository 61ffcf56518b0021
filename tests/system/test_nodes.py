"""Several daemons on one PostgreSQL: work is shared out, taken over, and fenced."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator

import pytest

from syncd.demo.stage import SHOP
from tests.support.nodes import House, opened_house
from tests.support.postgres import new_database

OPENING = 50


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """Two nodes at work, the duties shared out among them."""
    with new_database(empty=True) as url:
        async with opened_house(url, OPENING) as house:
            anna, bruno = house.nodes[0], house.node("bruno")
            await anna.start()
            await bruno.start()
            await house.until(lambda: house.all_held_by(anna, bruno), "both nodes to hold a part")
            await house.settle(OPENING)
            yield house


async def assert_sound(house: House) -> None:
    """The doctor finds nothing, and no node had a fault."""
    assert (await house.command("doctor"))["findings"] == []
    for node in house.nodes:
        assert node.events("worker.failed") == []
        assert node.events("request.failed") == []


async def test_a_node_that_was_paused_pushes_nothing_stale(house: House) -> None:
    """SIGSTOP: its work is taken over and goes on; when it wakes, nothing of what it meant to do is sent or written."""
    paused = await house.holder_of(f"channel {SHOP}")
    assert paused is not None
    left = next(one for one in house.nodes if one is not paused)
    await house.stage.drive(SHOP, "faults", mode="hang_after", method="POST", match="batch")
    await left.scan("one")  # its number may be on its way when it is stopped
    paused.signal(signal.SIGSTOP)
    await house.until(lambda: house.all_held_by(left), "the paused node's duties to be taken over")
    assert (await left.scan("two", 9))["verdict"] == "posted"
    await house.settle(OPENING - 10)
    calls = len((await house.stage.state(SHOP))["calls"])
    assert calls
    paused.signal(signal.SIGCONT)
    await house.until(lambda: house.all_held_by(paused, left), "the woken node to get a part again")
    assert paused.events("lease.lost")
    await house.settle(OPENING - 10)
    await assert_sound(house)

"""Several daemons on one PostgreSQL: work is shared out, taken over, fenced, and nothing is lost or doubled."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator

import pytest

from syncd.demo.stage import EBAY, SHOP
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


async def test_a_killed_nodes_channels_are_taken_over(house: House) -> None:
    """SIGKILL: whoever is left soon holds everything, scans at any node count, sales go on."""
    killed = await house.holder_of(f"channel {EBAY}")
    assert killed is not None
    left = next(one for one in house.nodes if one is not killed)
    await killed.scan("before")
    await killed.end(signal.SIGKILL)
    await house.until(lambda: house.all_held_by(left), "the killed node's duties to be taken over")
    await left.scan("after")
    await house.sell(EBAY)
    await house.sell(SHOP)
    await house.settle(OPENING - 4)
    await killed.start()
    await house.until(lambda: house.all_held_by(*house.nodes), "the duties to be shared out again")
    await assert_sound(house)


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


async def test_a_rolling_restart_loses_nothing(house: House) -> None:
    """Each node in turn ends in order and comes back, while scans and sales go on: everything is counted once."""
    told = 0
    for number, node in enumerate(list(house.nodes)):
        other = house.nodes[1 - number]
        await house.sell(EBAY)
        assert await node.end(signal.SIGTERM) == 0
        await house.until(lambda one=other: house.all_held_by(one), "its duties to be taken over at once")
        await house.sell(SHOP)
        assert (await other.scan(f"during-{number}"))["verdict"] == "posted"
        told += 3
        await node.start()
        await house.until(lambda: house.all_held_by(*house.nodes), "the duties to be shared out again")
    await house.settle(OPENING - told)
    assert all(not node.events("lease.lost") for node in house.nodes)
    await assert_sound(house)

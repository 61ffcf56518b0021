"""Many variations of one listing change at once: one push of the group, where that costs fewer calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from syncd.identity import ChannelName, ListingId, ListingKey
from syncd.push.plan import Intent, Move, PushState
from syncd.push.run import Batching, Decision, batched
from syncd.testkit.fake_clock import FakeClock
from tests.support.http_rooms import EBAY, HttpRooms, http_rooms

MARKET = ChannelName("market")


def decision(listing_id: str, quantity: int = 5, move: Move = Move.SEND) -> Decision:
    """A number to send; nothing else of a decision matters here."""
    key = ListingKey(MARKET, ListingId(listing_id))
    nothing: Any = None
    return Decision(nothing, PushState(key), nothing, Intent(key, move, "lower", quantity, expected=9))


def ids(batches: list[list[Decision]]) -> list[list[str]]:
    """What is pushed together."""
    return [[str(one.state.key.listing_id) for one in batch] for batch in batches]


BY_ITEM = Batching(4, 250, 2, lambda listing_id: listing_id.partition("/")[0])


def test_a_group_goes_together_from_nine_on() -> None:
    """Eight variations are two calls either way; nine would be three."""
    eight = [decision(f"A/{number}") for number in range(8)]
    assert [len(batch) for batch in batched(eight, BY_ITEM)] == [4, 4]
    nine = [*eight, decision("A/8")]
    assert [len(batch) for batch in batched(nine, BY_ITEM)] == [9]


def test_other_listings_are_batched_as_ever() -> None:
    """A group takes nobody else's place, and what is not sent is in no batch."""
    some = [*(decision(f"A/{number}") for number in range(9)), *(decision(f"B{number}") for number in range(5))]
    some.append(decision("A/9", move=Move.WAIT))
    assert sorted(len(batch) for batch in batched(some, BY_ITEM)) == [1, 4, 9]
    assert not any("A/9" in batch for batch in ids(batched(some, BY_ITEM)))


def test_a_crossing_to_zero_goes_before_a_group() -> None:
    """The most urgent of a batch says when it goes."""
    some = [*(decision(f"A/{number}", 7) for number in range(9)), decision("B", 0)]
    assert ids(batched(some, BY_ITEM))[0] == ["B"]


def test_a_group_larger_than_one_push_takes_is_divided() -> None:
    """Never more than the channel takes; the rest goes as other listings do."""
    small = Batching(4, 10, 2, lambda listing_id: "A")
    batches = batched([decision(f"A/{number}") for number in range(23)], small)
    assert sorted(len(batch) for batch in batches) == [3, 10, 10]


def test_a_channel_without_groups_knows_none() -> None:
    """So many at a time, the most urgent first."""
    batches = batched([decision(f"A/{number}", number) for number in range(10)], Batching(4))
    assert ids(batches)[0] == ["A/0", "A/1", "A/2", "A/3"]
    assert Batching(4).calls(4) == 1


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[HttpRooms]:
    """eBay and a webshop."""
    async with http_rooms(tmp_path) as opened:
        yield opened


async def test_a_delivery_of_all_sizes_is_one_revision(rooms: HttpRooms) -> None:
    """Over HTTP: twelve sizes come in at once, eBay sees a read of the prices and one revision, and all are true."""
    clock = rooms.clock
    assert isinstance(clock, FakeClock)
    variations = [{"sku": f"SIZE-{number}", "quantity": 3, "price": "19.90"} for number in range(12)]
    item_id = rooms.market.add_listing(title="Guanti", variations=variations)["item_id"]
    for number in range(12):
        await rooms.stock(f"SIZE-{number}", 3)
    await rooms.learn()
    await rooms.settle()
    for number in range(12):
        await rooms.stock(f"SIZE-{number}", -1)
    seen = len(rooms.market.account.calls)
    spent = rooms.lines[EBAY].budget.unmetered
    await rooms.planner.run_once(clock.now())
    await rooms.pushers[EBAY].run_once(clock.now())
    calls = [call["call"] for call in list(rooms.market.account.calls)[seen:]]
    assert calls[:2] == ["GetItem", "ReviseFixedPriceItem"]
    assert "ReviseInventoryStatus" not in calls
    item = rooms.market.account.items[item_id]
    assert [offer.available for offer in item.offers.values()] == [2] * 12
    assert rooms.lines[EBAY].budget.spent_today - spent >= 2


async def test_what_a_group_refuses_goes_four_at_a_time(rooms: HttpRooms) -> None:
    """A picture at fault refuses the group, not its stock: each call is counted, and for a day no group is tried."""
    clock = rooms.clock
    assert isinstance(clock, FakeClock)
    variations = [{"sku": f"SIZE-{number}", "quantity": 90, "price": "19.90"} for number in range(12)]
    item_id = rooms.market.add_listing(title="Guanti", variations=variations, fault_code="21919137")["item_id"]
    for number in range(12):
        await rooms.stock(f"SIZE-{number}", 90)
    await rooms.learn()
    await rooms.settle()
    budget, item = rooms.lines[EBAY].budget, rooms.market.account.items[item_id]
    revisions = ["ReviseInventoryStatus"] * 3

    async def one_less() -> list[str]:
        for number in range(12):
            await rooms.stock(f"SIZE-{number}", -1)
        await clock.tick(5)
        seen, spent = len(rooms.market.account.calls), budget.unmetered
        await rooms.planner.run_once(clock.now())
        await rooms.pushers[EBAY].run_once(clock.now())
        made = [call["call"] for call in list(rooms.market.account.calls)[seen:]]
        assert budget.unmetered - spent >= len(made)
        return [call for call in made if call != "GetItem"]

    assert await one_less() == ["ReviseFixedPriceItem", *revisions]
    assert [offer.available for offer in item.offers.values()] == [89] * 12
    assert await one_less() == revisions
    assert [offer.available for offer in item.offers.values()] == [88] * 12
    await clock.tick(86_401)
    assert (await one_less())[0] == "ReviseFixedPriceItem"

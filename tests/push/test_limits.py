"""A month's selling limit: numbers rest for a day, a person knows, and what falls goes out all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from syncd.attention.question import Topic
from syncd.identity import ListingId
from tests.support.http_rooms import EBAY, HttpRooms, http_rooms


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[HttpRooms]:
    """Ten X on eBay and in the shop, all true."""
    async with http_rooms(tmp_path) as opened:
        await opened.settle()
        yield opened


def shown(rooms: HttpRooms) -> int:
    """What eBay shows of X."""
    (item,) = rooms.market.account.items.values()
    return item.available


async def raised_and_limited(rooms: HttpRooms) -> ListingId:
    """Five more X come in, and eBay refuses to show them: the limit is reached."""
    (item_id,) = rooms.market.account.items
    await rooms.poll(200)  # raising rests on fresh orders
    rooms.market.fail("item:21919188", call="ReviseInventoryStatus", times=1)
    await rooms.stock("X", 5)
    await rooms.settle()
    assert shown(rooms) == 10
    return ListingId(item_id)


def revisions(rooms: HttpRooms) -> int:
    """How often eBay was asked to revise."""
    return sum(1 for call in rooms.market.account.calls if call["call"] == "ReviseInventoryStatus")


async def test_the_number_rests_and_a_person_knows(rooms: HttpRooms) -> None:
    """Not tried again for a day; asked about in eBay's terms."""
    await raised_and_limited(rooms)
    tried = revisions(rooms)
    for _ in range(20):
        rooms.clock.advance(3600)
        await rooms.settle()
    assert revisions(rooms) == tried
    (question,) = [one for one in await rooms.questions() if one.topic is Topic.CHANNEL_LIMIT]
    assert question.subject == EBAY
    assert "selling limit" in question.sentence


async def test_after_a_day_it_is_tried_and_the_question_closes(rooms: HttpRooms) -> None:
    """The limit was raised meanwhile: the number goes out, and nobody is asked any more."""
    await raised_and_limited(rooms)
    rooms.clock.advance(86_400 + 60)
    await rooms.poll(200)
    await rooms.settle()
    assert shown(rooms) == 15
    assert [one for one in await rooms.questions() if one.topic is Topic.CHANNEL_LIMIT] == []


async def test_a_lower_number_does_not_wait(rooms: HttpRooms) -> None:
    """While the raise rests, the shelf is emptied: eBay shows 0 at once."""
    await raised_and_limited(rooms)
    await rooms.stock("X", -15)
    await rooms.settle()
    assert shown(rooms) == 0

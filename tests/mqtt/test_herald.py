"""What a broker is told without being asked: retained values that become true again, and every movement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from syncd.identity import Sku
from syncd.mqtt.herald import Herald, Message, Publish
from syncd.mqtt.topics import Topics, told_payload
from tests.support.doors import GLOVE, House, open_house, until
from tests.support.heard import Heard

TOPICS = Topics("shop")
SHELF = "shop/v1/availability/GLOVE-X"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Ten gloves at main."""
    async with open_house(tmp_path, gloves=10) as opened:
        yield opened


def herald(house: House) -> Herald:
    """A new one, as after a start of the daemon."""
    return Herald(house.db, house.writer, TOPICS, house.clock)


async def test_an_empty_broker_is_told_what_there_is(house: House) -> None:
    """Every SKU, retained; no old movements; and a note of how far it was told."""
    heard = Heard()
    async with heard.telling(herald(house)):
        await until(lambda: "shop/v1/attention" in heard.retained, "the first round")
    assert heard.retained[SHELF]["available"] == 10
    assert heard.retained[SHELF]["stock"][0]["location"] == "main"
    assert heard.retained["shop/v1/attention"] == {"questions": 0, "cases": 0}
    assert heard.retained[TOPICS.told] == {"position": 1}
    assert heard.events == []


async def test_a_movement_is_told_at_once_with_what_it_left(house: House) -> None:
    """One event for each movement, in order, and the shelf as it is after it."""
    heard = Heard()
    async with heard.telling(herald(house)):
        await until(lambda: "shop/v1/attention" in heard.retained, "the first round")
        await house.scan("counter_sale", quantity=2)
        await house.scan("damaged")
        await until(lambda: heard.retained[TOPICS.told] == {"position": 3}, "two movements")
    assert [(one["id"], one["quantity"], one["reason"]) for one in heard.events] == [(2, 2, "sale"), (3, 1, "damaged")]
    assert heard.retained[SHELF]["available"] == 7
    assert heard.retained[SHELF]["position"] == 3


async def test_what_happened_while_the_broker_was_down_is_told_afterwards(house: House) -> None:
    """It goes on from the note the broker kept, whatever happened meanwhile."""
    heard = Heard()
    async with heard.telling(herald(house)):
        await until(lambda: "shop/v1/attention" in heard.retained, "the first round")
    for _ in range(3):
        await house.scan("counter_sale")
    async with heard.telling(herald(house)):
        await until(lambda: len(heard.events) == 3, "three events")
    assert [one["id"] for one in heard.events] == [2, 3, 4]
    assert heard.retained[SHELF]["available"] == 7


async def test_a_broker_that_came_back_with_an_older_state_hears_again_what_it_forgot(house: House) -> None:
    """A crash took its last seconds: the note is as old as everything else it holds, so all of it is said again."""
    heard = Heard()
    async with heard.telling(herald(house)):
        await until(lambda: "shop/v1/attention" in heard.retained, "the first round")
        kept = dict(heard.retained)
        await house.scan("counter_sale")
        await until(lambda: heard.retained[TOPICS.told] == {"position": 2}, "a movement")
    heard.retained = kept
    async with heard.telling(herald(house)):
        await until(lambda: len(heard.events) == 2, "the event again")
    assert [one["id"] for one in heard.events] == [2, 2]
    assert heard.retained[SHELF]["available"] == 9


async def test_a_broker_that_came_back_empty_hears_what_was_never_told(house: House) -> None:
    """No note: everything there is, and the movements since our own side's note."""
    async with (first := Heard()).telling(herald(house)):
        await until(lambda: "shop/v1/attention" in first.retained, "the first round")
    await house.scan("counter_sale")
    async with (second := Heard()).telling(herald(house)):
        await until(lambda: len(second.events) == 1, "an event")
    assert second.retained[SHELF]["available"] == 9


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"position": -1}', b'{"position": true}', told_payload(10**9)])
async def test_a_note_that_cannot_be_ours_means_none(house: House, note: bytes) -> None:
    """Unreadable, or beyond the end of the log (the store was restored from a copy): everything is told."""
    heard = Heard()
    async with heard.telling(herald(house), note):
        await until(lambda: SHELF in heard.retained, "the shelf")


async def test_a_broker_lost_in_the_middle_is_told_the_rest_later(house: House) -> None:
    """The connection breaks at every message in turn; in the end it knows every movement, and the truth."""
    heard = Heard()
    for _ in range(5):
        await house.scan("counter_sale")
    for messages in range(12):
        await _tell_and_break(herald(house), heard, messages)
    async with heard.telling(herald(house)):
        await house.scan("counter_sale")
        await until(lambda: heard.retained[SHELF]["available"] == 4, "the last sale")
    assert {one["id"] for one in heard.events} >= {7}
    assert heard.retained[TOPICS.told]["position"] == 7


async def test_what_waits_for_a_person_is_told_when_it_changes(house: House) -> None:
    """A broken promise opens a question or a case; a display shows how many wait."""
    heard = Heard()
    async with heard.telling(herald(house)):
        await until(lambda: "shop/v1/attention" in heard.retained, "the first round")
        await house.scan("damaged", quantity=4)
        await house.scan("count", quantity=1)  # four lie set aside: a machine may not write those off
        await until(lambda: heard.retained["shop/v1/attention"]["questions"] == 1, "a question")


def test_a_sku_with_signs_of_topics_in_it_has_one_topic() -> None:
    """A slash is no level, a plus no wildcard."""
    assert TOPICS.availability(GLOVE) == SHELF
    assert TOPICS.availability(Sku("A/B+C#1 %")) == "shop/v1/availability/A%2FB%2BC%231 %25"


async def _tell_and_break(one: Herald, heard: Heard, messages: int) -> None:
    """A connection that lasts for so many messages."""
    left = messages

    async def publish(message: Message) -> None:
        nonlocal left
        if left == 0:
            raise ConnectionError
        left -= 1
        await heard.take(message)

    said: Publish = publish
    running = asyncio.create_task(one.run(heard.note, said))
    caught_up = asyncio.create_task(_until_told(heard))
    await asyncio.wait([running, caught_up], return_when=asyncio.FIRST_COMPLETED)
    for task in (running, caught_up):
        task.cancel()
    await asyncio.gather(running, caught_up, return_exceptions=True)


async def _until_told(heard: Heard) -> None:
    await until(lambda: heard.retained.get(TOPICS.told, {}).get("position") == 6, "everything")

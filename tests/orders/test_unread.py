"""Orders nobody can read: few are asked about one by one, many by one question, and none is forgotten."""

from __future__ import annotations

from pathlib import Path

from syncd.attention.question import Topic
from syncd.attention.store import open_subjects
from syncd.identity import ChannelName
from syncd.orders.unread.service import RETRIES_MAX, UnreadOrders
from syncd.orders.unread.unread import ASKED_SINGLY_MAX, PAUSE_LONGEST_SECONDS
from tests.support.rooms import Rooms

SHOP = ChannelName("shop")
TOGETHER = f"{SHOP}/unread"


async def asked(rooms: Rooms) -> set[str]:
    """Subjects of the open questions about unread orders."""
    async with rooms.db.read() as conn:
        return await open_subjects(conn, Topic.UNREAD_ORDER)


async def test_beyond_a_few_one_question_tells_how_many(tmp_path: Path) -> None:
    """Many unreadable orders do not bury what else waits; as they are read the one question follows and closes."""
    async with Rooms(tmp_path) as rooms:
        unread = UnreadOrders(rooms.db, rooms.writer, SHOP, rooms.clock)
        ids = [f"{number:04d}" for number in range(ASKED_SINGLY_MAX + 2)]
        for order_id in ids:
            await unread.keep(order_id, f"order {order_id} has no lines")
        singly = {f"{SHOP}:{order_id}" for order_id in ids[:ASKED_SINGLY_MAX]}
        assert await asked(rooms) == singly | {TOGETHER}
        (together,) = [one for one in await rooms.questions() if one.subject == TOGETHER]
        assert together.sentence.startswith("22 orders of shop cannot be taken in; the newest: order 0021 has no lines")
        await unread.drop(ids[0])
        (together,) = [one for one in await rooms.questions() if one.subject == TOGETHER]
        assert together.sentence.startswith("21 orders of shop cannot be taken in; something changed")
        await unread.drop(ids[1])
        assert await asked(rooms) == singly - {f"{SHOP}:{ids[0]}", f"{SHOP}:{ids[1]}"}
        rooms.clock.advance(PAUSE_LONGEST_SECONDS)
        await unread.keep(ids[-1], "order 0021 has no lines")
        assert f"{SHOP}:{ids[-1]}" in await asked(rooms)


async def test_a_new_process_knows_them_all_and_asks_for_a_few_at_a_time(tmp_path: Path) -> None:
    """What could not be read stands in the store, due when its pause is over."""
    async with Rooms(tmp_path) as rooms:
        before = UnreadOrders(rooms.db, rooms.writer, SHOP, rooms.clock)
        for number in range(RETRIES_MAX + 1):
            await before.keep(str(number), "unreadable")
        after = UnreadOrders(rooms.db, rooms.writer, SHOP, rooms.clock)
        await after.remember()
        assert all(str(number) in after for number in range(RETRIES_MAX + 1))
        assert not after.due(rooms.clock.now())
        rooms.clock.advance(PAUSE_LONGEST_SECONDS)
        assert len(after.due(rooms.clock.now())) == RETRIES_MAX

"""Taking orders in: hints at once, polls with overlap, questions, and no bad order that stops another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from syncd.attention.question import Topic
from syncd.channel.port import ChannelOrder, Hint, OrderStatus, WebhookAnswer
from syncd.errors import ChannelProtocolError
from syncd.identity import ChannelName, Sku
from syncd.ledger.store import read_movements
from syncd.orders.order import waves
from syncd.orders.store import channels_of, order_line, read_cursor, read_orders, save_order
from syncd.product.store import mention
from syncd.supply.purchase_order import PurchaseStatus
from syncd.supply.store import read_purchase_orders
from syncd.testkit.channel_rig import Fault
from syncd.testkit.fake_channel import FakeChannel
from tests.support.rooms import ACME, MARKET, WEBSHOP, Rooms, Setup, telling
from tests.support.situations import T0, line, order


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A market and a webshop."""
    async with Rooms(tmp_path) as made:
        yield made


async def movements(rooms: Rooms) -> int:
    """How many movements the log holds."""
    async with rooms.db.read() as conn:
        return len(await read_movements(conn))


async def test_polled_order_is_kept_whole(rooms: Rooms) -> None:
    """What the channel told comes back from the store as it was: lines, buyer, address, money."""
    await rooms.stock("X", 5)
    market = await rooms.offer("market", "X", 5)
    order_id = rooms.shops["market"].sell(market, 2)
    await rooms.settle()
    async with rooms.db.read() as conn:
        (key, kept), *more = (await read_orders(conn)).items()
        assert (await channels_of(conn, [key]), more) == ({key: ChannelName("market")}, [])
    told = rooms.shops["market"].orders[order_id]
    assert kept == replace(told, lines=tuple(replace(one, decremented=None) for one in told.lines))


async def test_polling_again_writes_nothing(rooms: Rooms) -> None:
    """The overlap brings the same orders again and again: the log does not grow."""
    await rooms.stock("X", 5)
    market = await rooms.offer("market", "X", 5)
    rooms.shops["market"].sell(market, 2)
    await rooms.settle()
    before = await movements(rooms)
    await rooms.quiet(100)
    assert await movements(rooms) == before


async def test_pages_are_followed_to_the_end(tmp_path: Path) -> None:
    """More orders than one page holds are taken in by one run."""
    async with Rooms(tmp_path) as rooms:
        await rooms.stock("X", 200)
        shop = await rooms.offer("shop", "X", 200)
        for _ in range(120):
            rooms.shops["shop"].sell(shop, 1)
        done = await rooms.step()
        assert done["accepted"] == 120
        assert (await rooms.held())["reserved"] == 120


async def test_cursor_moves_only_after_its_page(rooms: Rooms) -> None:
    """A poll cut short after a page goes on from there; nothing is left out."""
    await rooms.stock("X", 200)
    shop = await rooms.offer("shop", "X", 200)
    await rooms.settle()
    for _ in range(120):
        rooms.shops["shop"].sell(shop, 1)
    real = rooms.channels["shop"].fetch_orders
    pages = [0]

    async def breaking(cursor, *, since):  # type: ignore[no-untyped-def]
        pages[0] += 1
        if pages[0] == 2:
            rooms.shops["shop"].fail_next(Fault.CONNECTION_CUT, operation="fetch_orders")
        return await real(cursor, since=since)

    rooms.channels["shop"].fetch_orders = breaking  # type: ignore[method-assign]
    assert (await rooms.intakes["shop"].run_once(rooms.clock.now()))["interrupted"] == 1
    taken = (await rooms.held())["reserved"]
    assert 0 < taken < 120
    await rooms.quiet(60)
    assert (await rooms.held())["reserved"] == 120


async def test_start_is_remembered(rooms: Rooms) -> None:
    """When syncd began to answer for a channel never changes, whatever is polled later."""
    async with rooms.db.read() as conn:
        first = await read_cursor(conn, ChannelName("market"))
    await rooms.quiet(60)
    async with rooms.db.read() as conn:
        later = await read_cursor(conn, ChannelName("market"))
    assert first is not None
    assert later is not None
    assert first.since == later.since
    assert later.watermark_at is not None


async def test_hint_brings_the_order_at_once(rooms: Rooms) -> None:
    """A call about an order has it in the books in the same run, however late the list is."""
    await rooms.stock("X", 5)
    market, shop = await rooms.offer("market", "X", 5), await rooms.offer("shop", "X", 5)
    await rooms.settle()
    rooms.shops["market"].order_list_lag_seconds = 600
    await rooms.hint("market", rooms.shops["market"].sell(market, 2))
    await rooms.step()
    assert await rooms.held() == {"available": 3, "reserved": 2}
    await rooms.settle()
    assert rooms.shown("shop", shop) == 3


async def test_hint_lowers_even_while_the_order_cannot_be_fetched(rooms: Rooms) -> None:
    """A call that tells of a sale holds its units although the channel then does not answer."""
    await rooms.stock("X", 5)
    market, shop = await rooms.offer("market", "X", 5), await rooms.offer("shop", "X", 5)
    await rooms.settle()
    order_id = rooms.shops["market"].sell(market, 2)
    rooms.shops["market"].down = True
    await rooms.hint("market", order_id)
    await rooms.settle()
    assert (await rooms.held(), rooms.shown("shop", shop)) == ({"available": 3, "in-flight": 2}, 3)
    rooms.shops["market"].down = False
    await rooms.quiet(120)
    assert await rooms.held() == {"available": 3, "reserved": 2}
    await rooms.assert_true()


async def test_forged_hint_is_given_back(rooms: Rooms) -> None:
    """A call that tells of sales which never happened lowers for a moment and raises nothing, ever."""
    await rooms.stock("X", 5)
    market, shop = await rooms.offer("market", "X", 5), await rooms.offer("shop", "X", 5)
    await rooms.settle()
    listing = await rooms.listing("market", market)
    told = replace(
        (await rooms.channels["market"].read_quantities([market]))[0], sold=3, available=2, asked_at=rooms.clock.now()
    )
    assert listing.belief.sold == 0
    await rooms.intakes["market"].receive(WebhookAnswer(200, hints=(Hint(observation=told),)), rooms.clock.now())
    rooms.clock.advance(1)
    await rooms.quiet(60)
    assert await rooms.held() == {"available": 5}
    assert (rooms.shown("market", market), rooms.shown("shop", shop)) == (5, 5)


async def test_an_unreadable_order_stops_no_other(rooms: Rooms) -> None:
    """One hinted order the channel answers with nonsense keeps neither other hints nor the poll from being followed."""
    await rooms.stock("X", 5)
    market = await rooms.offer("market", "X", 5)
    await rooms.settle()
    bad, good = rooms.shops["market"].sell(market, 1), rooms.shops["market"].sell(market, 2)
    real = rooms.channels["market"].fetch_order

    async def picky(order_id: str) -> ChannelOrder | None:
        if order_id == bad:
            raise ChannelProtocolError("market", "fetch_order", "not XML")
        return await real(order_id)

    rooms.channels["market"].fetch_order = picky  # type: ignore[method-assign]
    await rooms.hint("market", bad)
    await rooms.hint("market", good)
    await rooms.settle()
    assert (await rooms.held())["reserved"] == 3


async def test_deliveries_without_a_name_are_all_kept(rooms: Rooms) -> None:
    """A channel that does not name its deliveries has each of its calls followed, not only the first ever."""
    await rooms.stock("X", 5)
    market = await rooms.offer("market", "X", 5)
    await rooms.settle()
    rooms.shops["market"].order_list_lag_seconds = 100_000
    for _ in range(2):
        order_id = rooms.shops["market"].sell(market, 1)
        answer = WebhookAnswer(200, hints=(Hint(order_id=order_id),))
        await rooms.intakes["market"].receive(answer, rooms.clock.now())
        await rooms.settle()
    assert (await rooms.held())["reserved"] == 2


async def test_unlinked_line_asks_and_is_reserved_once_linked(rooms: Rooms) -> None:
    """The order is kept and asked about; once the listing is linked its units are reserved and the question closes."""
    await rooms.stock("X", 5)
    market = await rooms.offer("market", None, 5)
    rooms.shops["market"].sell(market, 2)
    await rooms.settle()
    (question,) = await rooms.questions()
    assert (question.topic, await rooms.held()) == (Topic.UNLINKED_ORDER_LINE, {"available": 5})
    await rooms.link("market", market, {"X": 1})
    await rooms.quiet(60)
    assert (await rooms.questions(), await rooms.held()) == ([], {"available": 3, "reserved": 2})
    await rooms.assert_true()


async def test_waiting_line_does_not_keep_the_daemon_busy(rooms: Rooms) -> None:
    """A line that waits to be linked is not judged over and over: nothing is written while nothing changes."""
    market = await rooms.offer("market", None, 5)
    rooms.shops["market"].listings[market].sku = "X"
    rooms.shops["market"].sell(market, 2)
    await rooms.settle()
    woken = rooms.writer.listen()
    await rooms.intakes["market"].run_once(rooms.clock.now())  # saves its cursor
    async with rooms.db.read() as conn:
        before = (await conn.execute(select(order_line.c.revision, order_line.c.linked))).all()
    await rooms.stock("X", 5)
    await rooms.writer.write(mention([(Sku("X"), "Gloves")]))
    await rooms.settle()
    async with rooms.db.read() as conn:
        after = (await conn.execute(select(order_line.c.revision, order_line.c.linked))).all()
    assert woken.is_set()
    assert before == [(1, False)]
    assert after == [(2, True)]
    await rooms.quiet(60)
    async with rooms.db.read() as conn:
        assert (await conn.execute(select(order_line.c.revision, order_line.c.linked))).all() == after


async def test_dropped_line_of_another_sku_is_given_back(rooms: Rooms) -> None:
    """An edit that removes the only line of a SKU frees it, although the order no longer names that SKU."""
    await rooms.stock("X", 5)
    await rooms.stock("Y", 5)
    one, two = await rooms.offer("market", "X", 5), await rooms.offer("market", "Y", 5)
    now = (rooms.clock.now() - T0).total_seconds()
    telling(rooms, order(line("l1", listing_id=one), line("l2", listing_id=two), created=now))
    await rooms.settle()
    assert await rooms.held("Y") == {"available": 4, "reserved": 1}
    telling(rooms, order(line("l1", listing_id=one), created=now, modified=now + 5))
    done = await rooms.step()
    assert (done.get("refused"), await rooms.held("Y")) == (None, {"available": 5})
    await rooms.assert_sound()


async def test_split_and_merged_orders_in_one_page(rooms: Rooms) -> None:
    """Fragments and the order that merges them come in one page: everything is held once, under one order."""
    await rooms.stock("X", 5)
    market = await rooms.offer("market", "X", 5)
    now = (rooms.clock.now() - T0).total_seconds()
    lines = line("l1", listing_id=market), line("l2", listing_id=market)
    telling(
        rooms,
        order(lines[0], order_id="a", created=now),
        order(lines[1], order_id="b", created=now),
        order(*lines, order_id="c", created=now, modified=now + 1),
    )
    await rooms.step()
    assert await rooms.held() == {"available": 3, "reserved": 2}
    telling(rooms, order(*lines, order_id="c", status=OrderStatus.SHIPPED, created=now, modified=now + 9))
    await rooms.settle()
    assert (await rooms.held(), await rooms.sent()) == ({"available": 3}, 2)
    async with rooms.db.read() as conn:
        assert len(await read_orders(conn)) == 1
    await rooms.assert_sound()


async def test_missing_units_are_bought_once(tmp_path: Path) -> None:
    """What the shelf does not hold becomes a purchase order; a later change becomes another, never the same again."""
    async with Rooms(tmp_path, Setup({"market": MARKET}, supplier=ACME)) as rooms:
        await rooms.supply("X", 5)
        market = await rooms.offer("market", "X", 5)
        await rooms.settle()
        now = (rooms.clock.now() - T0).total_seconds()

        def told(first: int, second: int, modified: float) -> ChannelOrder:
            lines = line("l1", first, market), line("l2", second, market)
            return order(*lines, created=now, modified=now + modified)

        for first, second, modified in ((1, 1, 0), (2, 1, 5), (2, 2, 9)):
            telling(rooms, told(first, second, modified))
            await rooms.settle()
        async with rooms.db.read() as conn:
            bought = await read_purchase_orders(conn)
        assert len({one.reference for one in bought}) == 3
        assert sorted(sum(p.quantity for p in one.purchases) for one in bought) == [1, 1, 2]
        assert {one.ship_to for one in bought} == {order().ship_to}
        targets = await rooms.targets()
        assert [target for target, _ in targets.values()] == [1]
        await rooms.assert_sound()


async def test_channel_down_is_no_error_and_comes_back(rooms: Rooms) -> None:
    """While a channel is down the other one goes on; afterwards everything sold meanwhile is taken in."""
    await rooms.stock("X", 5)
    market, shop = await rooms.offer("market", "X", 5), await rooms.offer("shop", "X", 5)
    await rooms.settle()
    rooms.shops["market"].down = True
    rooms.shops["market"].sell(market, 1)
    rooms.shops["shop"].sell(shop, 1)
    await rooms.quiet(60)
    assert (rooms.shown("shop", shop), rooms.shown("market", market)) == (4, 4)
    rooms.shops["market"].down = False
    await rooms.quiet(200)
    assert (rooms.shown("shop", shop), rooms.shown("market", market)) == (3, 3)
    await rooms.assert_true()


async def test_refused_credentials_are_a_question_until_orders_come_again(rooms: Rooms) -> None:
    """Whoever notices first, a person is told that no orders come in; the first good page closes the question."""
    intake, line, clock = rooms.intakes["market"], rooms.lines["market"], rooms.clock
    good = line.channel
    line.channel = FakeChannel(rooms.shops["market"], name="market", api_key="wrong")
    for _ in range(3):
        clock.advance(120)
        await intake.run_once(clock.now())
    assert [(q.topic, q.subject) for q in await rooms.questions()] == [(Topic.CHANNEL_PAUSED, "market/orders")]
    line.channel = good
    clock.advance(120)
    await intake.run_once(clock.now())
    assert await rooms.questions() == []


async def test_orders_from_before_the_start_are_kept_and_move_nothing(tmp_path: Path) -> None:
    """What was sold before syncd's watch is the merchant's: it is listed, and touches no stock."""
    async with Rooms(tmp_path, Setup({"shop": WEBSHOP})) as rooms:
        await rooms.stock("X", 5)
        shop = await rooms.offer("shop", "X", 5)
        telling(rooms, order(line(listing_id=shop), created=-3600, modified=5), name="shop")
        await rooms.settle()
        async with rooms.db.read() as conn:
            assert len(await read_orders(conn)) == 1
        assert await rooms.held() == {"available": 5}


def test_waves_keep_what_belongs_together_in_order() -> None:
    """Orders that share a line or an id are judged one after the other, all others side by side."""
    a, b = order(line("l1"), order_id="a"), order(line("l2"), order_id="b")
    merged, other = order(line("l1"), line("l2"), order_id="c"), order(line("l9"), order_id="d")
    again = order(line("l1"), order_id="a", modified=50)
    assert waves([a, b, merged, other, again]) == [[a, b, other], [merged], [again]]
    assert waves([]) == []


async def test_orders_asked_for_by_key_all_come(rooms: Rooms) -> None:
    """However many are named: who carries out 600 letters needs 600 orders, not the newest 500."""
    market, now = ChannelName("market"), rooms.clock.now()
    orders = {f"market:o{n}": order(order_id=f"o{n}") for n in range(600)}
    await rooms.writer.write(
        *(save_order(market, one, key, before_start=False, now=now) for key, one in orders.items())
    )
    async with rooms.db.read() as conn:
        assert set(await read_orders(conn, orders)) == set(orders)


async def test_an_unreadable_listing_stops_neither_hints_nor_polls(rooms: Rooms) -> None:
    """A channel calls about a listing that cannot be read: its order is taken in, and the list is read as ever."""
    market = await rooms.at_rest(5)
    shop = rooms.shops["market"]

    async def unreadable(_ids: object) -> object:
        raise ChannelProtocolError("market", "read_quantities", "a page came instead of an answer")

    rooms.channels["market"].read_quantities = unreadable  # type: ignore[assignment,method-assign]
    await rooms.hint("market", shop.sell(market, 1))
    shop.sell(market, 1)
    for _ in range(3):
        await rooms.intakes["market"].run_once(rooms.clock.now())
        rooms.clock.advance(300)
    assert (await rooms.held())["reserved"] == 2
    calls = len(shop.calls)
    assert await rooms.intakes["market"].run_once(rooms.clock.now()) == {}
    assert [call.operation for call in list(shop.calls)[calls:]] == ["fetch_orders"]


async def test_a_supplier_is_asked_once_the_customer_has_paid(tmp_path: Path) -> None:
    """An order no shelf covers waits for its payment before anything is bought for it."""
    async with Rooms(tmp_path, Setup({"market": MARKET}, supplier=ACME)) as rooms:
        await rooms.supply("X", 3)
        market = await rooms.offer("market", "X", 3)
        await rooms.settle()
        order_id = rooms.shops["market"].sell(market, 1, paid=False)
        await rooms.quiet()
        async with rooms.db.read() as conn:
            assert [one.status for one in await read_purchase_orders(conn)] == [PurchaseStatus.UNPAID]
        rooms.shops["market"].pay_order(order_id)
        await rooms.quiet()
        async with rooms.db.read() as conn:
            assert [one.status for one in await read_purchase_orders(conn)] == [PurchaseStatus.DRAFT]

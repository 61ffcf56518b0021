"""Races around orders (R9 to R18), first sights, restarts: each ends with every listing true and no phantom unit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.testkit.channel_rig import Fault
from tests.support.rooms import MARKET, TWO, WEBSHOP, Rooms, Setup

LATE = replace(MARKET, order_lag_seconds=120)
"""A market whose order list is two minutes late, as eBay's."""


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A market and a webshop."""
    async with Rooms(tmp_path) as made:
        yield made


@pytest.fixture
async def late(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A market with a late order list, and a webshop."""
    async with Rooms(tmp_path, Setup({"market": LATE, "shop": WEBSHOP})) as made:
        yield made


@pytest.mark.parametrize("falls", [False, True])
async def test_r9_cancelled_before_it_was_ever_imported(late: Rooms, falls: bool) -> None:
    """A sale and its cancellation that both happen before the first import leave no unit behind, held or phantom."""
    late.shops["market"].sold_falls_on_cancel = falls
    market, shop = await late.both(5)
    order_id = late.shops["market"].sell(market, 2)
    await late.look("market", market)
    await late.settle()
    assert late.shown("shop", shop) == 3
    late.shops["market"].cancel_order(order_id, restock=True)
    await late.quiet()
    await late.look("market", market)
    await late.quiet()
    await late.look("market", market)
    await late.quiet()
    assert await late.held() == {"available": 5}
    assert (late.shown("market", market), late.shown("shop", shop)) == (5, 5)
    await late.assert_true()


async def test_r9_next_sale_after_a_forgotten_one_is_seen(late: Rooms) -> None:
    """A sale the channel no longer counts must not hide the next one from the other channel."""
    late.shops["market"].sold_falls_on_cancel = True
    market, shop = await late.both(5)
    late.shops["market"].cancel_order(late.shops["market"].sell(market, 1), restock=True)
    for _ in range(3):
        await late.quiet()
        await late.look("market", market)
    await late.quiet()
    late.shops["market"].sell(market, 1)
    await late.look("market", market)
    await late.settle()
    assert late.shown("shop", shop) == 4
    await late.quiet()
    await late.assert_true()


async def test_r10_unpaid_order_reserves_everywhere(rooms: Rooms) -> None:
    """An unpaid order the webshop only holds lowers the market; the webshop itself is not lowered twice."""
    market, shop = await rooms.both(5)
    order_id = rooms.shops["shop"].sell(shop, 2, paid=False)
    await rooms.quiet(60)
    assert (rooms.shown("market", market), rooms.shops["shop"].offered(shop)) == (3, 3)
    await rooms.assert_true()
    rooms.shops["shop"].pay_order(order_id)
    await rooms.quiet(60)
    assert (rooms.shown("market", market), rooms.shown("shop", shop)) == (3, 3)
    await rooms.assert_true()


async def test_r10_unpaid_order_of_one_listing_lowers_the_other(rooms: Rooms) -> None:
    """The webshop holds an unpaid single from the single's offer only: the pack of the same SKU must show less."""
    await rooms.stock("X", 9)
    single = await rooms.offer("shop", "X", 9)
    pack = await rooms.offer("shop", "X3", 3, units={"X": 3})
    await rooms.quiet(60)
    rooms.shops["shop"].sell(single, 1, paid=False)
    await rooms.quiet(60)
    assert (rooms.shops["shop"].offered(single), rooms.shops["shop"].offered(pack)) == (8, 2)
    await rooms.assert_true()


async def test_r10_unpaid_order_that_lapses_comes_back(tmp_path: Path) -> None:
    """When the webshop gives up an unpaid order its units are free everywhere again."""
    webshop = replace(WEBSHOP, unpaid_expires_seconds=600)
    async with Rooms(tmp_path, Setup({"market": MARKET, "shop": webshop})) as rooms:
        market, shop = await rooms.both(5)
        rooms.shops["shop"].sell(shop, 2, paid=False)
        await rooms.quiet(60)
        assert rooms.shown("market", market) == 3
        await rooms.quiet(700)
        assert (rooms.shown("market", market), rooms.shops["shop"].offered(shop)) == (5, 5)
        await rooms.assert_true()


async def test_r11_repair_does_not_undo_a_fresh_sale(rooms: Rooms) -> None:
    """A number found lower than expected is not "repaired" before the orders up to then are in."""
    _, shop = await rooms.both(5)
    rooms.shops["shop"].order_list_lag_seconds = 60
    rooms.shops["shop"].sell(shop, 1)
    rooms.shops["shop"].capabilities = replace(rooms.shops["shop"].capabilities, order_lag_seconds=60)
    await rooms.look("shop", shop)
    before = rooms.pushes("shop")
    await rooms.settle()
    assert (rooms.shown("shop", shop), rooms.pushes("shop")) == (4, before)
    await rooms.quiet(200)
    assert (rooms.shown("shop", shop), rooms.pushes("shop")) == (4, before)
    await rooms.assert_true()


async def test_r11_an_edited_number_is_repaired_once_the_orders_are_in(rooms: Rooms) -> None:
    """A number somebody lowered by hand comes back to its target when no order explains it."""
    market, shop = await rooms.both(5)
    for name, listing_id in (("market", market), ("shop", shop)):
        rooms.shops[name].edit_quantity(listing_id, 2)
        await rooms.look(name, listing_id)
    await rooms.quiet(120)
    assert (rooms.shown("market", market), rooms.shown("shop", shop)) == (5, 5)
    await rooms.assert_true()


async def test_r14_webhook_and_poll_bring_the_same_order(rooms: Rooms) -> None:
    """Told by hint, by poll, and by the same delivery twice, an order takes its units once."""
    market, shop = await rooms.both(5)
    order_id = rooms.shops["market"].sell(market, 2)
    await rooms.hint("market", order_id)
    await rooms.hint("market", order_id)
    await rooms.quiet(60)
    assert await rooms.held() == {"available": 3, "reserved": 2}
    assert rooms.shown("shop", shop) == 3
    await rooms.assert_true()


async def test_r14_a_late_list_does_not_revive_a_cancelled_order(late: Rooms) -> None:
    """The list tells an older version after a hint brought the newer one: it takes no stock again."""
    market, _ = await late.both(1)
    order_id = late.shops["market"].sell(market, 1)
    sold_at = late.clock.now()
    late.clock.advance(1)
    late.shops["market"].cancel_order(order_id, restock=True)
    await late.hint("market", order_id)
    await late.settle()
    late.clock.advance(120.5 - (late.clock.now() - sold_at).total_seconds())
    await late.step()
    assert (await late.held()).get("reserved", 0) == 0
    await late.quiet()
    await late.look("market", market)
    await late.quiet()
    await late.assert_true()


async def test_r15_orders_the_list_shows_late_are_not_lost(late: Rooms) -> None:
    """Polled while still missing, an order is taken in as soon as the list has it."""
    market, shop = await late.both(5)
    for _ in range(3):
        late.shops["market"].sell(market, 1)
        late.clock.advance(50)
        await late.settle()
    await late.quiet()
    assert await late.held() == {"available": 2, "reserved": 3}
    assert (late.shown("market", market), late.shown("shop", shop)) == (2, 2)
    await late.assert_true()


async def test_r16_packs_and_bundles_of_one_sku_move_together(rooms: Rooms) -> None:
    """A sale of a pack lowers the single and the bundle, each in its own units."""
    await rooms.stock("X", 9)
    await rooms.stock("Y", 9)
    single = await rooms.offer("market", "X", 9)
    pack = await rooms.offer("market", "X3", 3, units={"X": 3})
    bundle = await rooms.offer("shop", "XY", 4, units={"X": 2, "Y": 1})
    await rooms.quiet(60)
    rooms.shops["market"].sell(pack, 1)
    await rooms.quiet(60)
    assert [rooms.shown("market", single), rooms.shown("market", pack), rooms.shown("shop", bundle)] == [6, 2, 3]
    rooms.shops["shop"].sell(bundle, 1)
    await rooms.quiet(60)
    assert [rooms.shown("market", single), rooms.shown("market", pack), rooms.shown("shop", bundle)] == [4, 1, 2]
    await rooms.assert_true()


async def test_r17_a_cap_is_filled_up_again(tmp_path: Path) -> None:
    """A capped listing that sold one shows its cap again: legal, and not taken for a phantom unit."""
    async with Rooms(tmp_path, replace(TWO, caps={"market": 5})) as rooms:
        await rooms.stock("X", 20)
        market, shop = await rooms.offer("market", "X", 5), await rooms.offer("shop", "X", 20)
        await rooms.quiet(60)
        rooms.shops["market"].sell(market, 1)
        await rooms.quiet(60)
        assert (rooms.shown("market", market), rooms.shown("shop", shop)) == (5, 19)
        await rooms.assert_true()


async def test_r17_a_change_the_cap_hides_is_not_pushed(tmp_path: Path) -> None:
    """Behind a cap a sale elsewhere costs the channel no call."""
    async with Rooms(tmp_path, replace(TWO, caps={"market": 5})) as rooms:
        await rooms.stock("X", 20)
        await rooms.offer("market", "X", 5)
        shop = await rooms.offer("shop", "X", 20)
        await rooms.quiet(60)
        before = rooms.pushes("market")
        rooms.shops["shop"].sell(shop, 1)
        await rooms.quiet(60)
        assert rooms.pushes("market") == before
        await rooms.assert_true()


async def test_r18_edited_order_posts_the_difference(rooms: Rooms) -> None:
    """An order edited on the channel after its import moves the difference, up and down."""
    market, shop = await rooms.both(6)
    order_id = rooms.shops["shop"].sell(shop, 3)
    await rooms.quiet(60)
    there = rooms.shops["shop"]
    for quantity in (1, 4):
        (line,) = there.orders[order_id].lines
        there.listings[shop].stored += line.quantity - quantity
        rooms.clock.advance(1)
        there._keep(replace(there.orders[order_id], lines=(replace(line, quantity=quantity, decremented=quantity),)))
        await rooms.quiet(60)
        assert await rooms.held() == {"available": 6 - quantity, "reserved": quantity}
        assert (rooms.shown("market", market), rooms.shown("shop", shop)) == (6 - quantity, 6 - quantity)
        await rooms.assert_true()


@pytest.mark.parametrize("counted", [False, True], ids=["after the counter was read", "before it was read"])
async def test_sale_while_a_listing_is_first_read(rooms: Rooms, counted: bool) -> None:
    """A sale between asking for the first reading and its answer is neither held for ever nor shown again."""
    await rooms.stock("X", 5)
    shop = await rooms.offer("shop", "X", 5)
    there = rooms.shops["market"]
    market = there.add_listing("X", 5)
    await rooms.know("market", market)
    await rooms.link("market", market, {"X": 1})
    rooms.clock.advance(10)
    channel = rooms.channels["market"]
    real = channel.read_quantities

    async def with_a_sale(ids):  # type: ignore[no-untyped-def]
        channel.read_quantities = real  # type: ignore[method-assign]
        asked_at = rooms.clock.now()
        rooms.clock.advance(0.1)
        if counted:
            there.sell(market, 1)
        answer = await real(ids)
        if not counted:
            there.sell(market, 1)
        rooms.clock.advance(0.1)
        return [replace(one, asked_at=asked_at) for one in answer]

    channel.read_quantities = with_a_sale  # type: ignore[method-assign]
    await rooms.quiet(60)
    await rooms.look("market", market)
    await rooms.quiet(60)
    assert await rooms.held() == {"available": 4, "reserved": 1}
    there.sell(market, 1)
    await rooms.look("market", market)
    assert await rooms.held() == {"available": 3, "reserved": 1, "in-flight": 1}
    await rooms.quiet(60)
    assert rooms.shown("shop", shop) == 3
    await rooms.assert_true()


async def test_two_customers_want_the_last_one(rooms: Rooms) -> None:
    """Sold in both places in the same instant: one order is served, the other is short, both listings show 0."""
    market, shop = await rooms.both(1)
    rooms.shops["market"].sell(market, 1)
    rooms.shops["shop"].sell(shop, 1)
    await rooms.quiet(60)
    _, demands = await rooms.promises()
    assert sorted(demand.short for demand in demands) == [0, 1]
    assert (rooms.shown("market", market), rooms.shown("shop", shop)) == (0, 0)
    await rooms.assert_true()


async def test_restart_loses_and_doubles_nothing(rooms: Rooms) -> None:
    """A process killed after its push went out and before the answer came finds out what became of it."""
    market, shop = await rooms.both(5)
    rooms.shops["market"].sell(market, 1)
    await rooms.stock("X", -1)
    await rooms.intakes["market"].run_once(rooms.clock.now())
    await rooms.planner.run_once(rooms.clock.now())
    rooms.shops["market"].fail_next(Fault.TIMEOUT_AFTER_APPLYING, operation="push_quantities")
    await rooms.pushers["market"].run_once(rooms.clock.now())
    await rooms.writer.stop()
    rooms.start()
    await rooms.quiet(60)
    assert (rooms.shown("market", market), rooms.shown("shop", shop)) == (3, 3)
    await rooms.assert_true()

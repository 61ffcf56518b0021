"""The races of the echo protocol, end to end: each ends with every listing true and no phantom unit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.identity import SupplierName
from syncd.supply.offer import SupplierPolicy
from syncd.telemetry import Event, counts
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


async def both(rooms: Rooms, units: int) -> tuple[str, str]:
    """So many X, listed on both channels, at rest."""
    await rooms.stock("X", units)
    listings = await rooms.offer("market", "X", units), await rooms.offer("shop", "X", units)
    await rooms.quiet(60)
    await rooms.assert_true()
    return listings


async def test_r1_push_before_import(late: Rooms) -> None:
    """A sale whose order the list does not show yet is not painted over by a push computed without it."""
    market, shop = await both(late, 5)
    late.shops["market"].sell(market, 1)
    await late.stock("X", 3)
    await late.settle()
    assert late.shown("market", market) <= 7
    assert late.shown("shop", shop) <= 8
    await late.quiet()
    assert (late.shown("market", market), late.shown("shop", shop)) == (7, 7)
    await late.assert_true()


async def test_r1_sold_counter_lowers_the_other_channel_before_the_order_comes(late: Rooms) -> None:
    """What the counter tells of is held at once: the webshop falls although no order has been seen."""
    market, shop = await both(late, 5)
    late.shops["market"].sell(market, 2)
    await late.look("market", market)
    await late.settle()
    assert (late.shown("shop", shop), await late.held()) == (3, {"available": 3, "in-flight": 2})
    await late.quiet()
    assert await late.held() == {"available": 3, "reserved": 2}
    await late.assert_true()


async def test_r1_sale_of_what_only_a_supplier_has_is_not_put_back(tmp_path: Path) -> None:
    """No shelf can hold a unit the supplier will send: until its order is in, no channel offers it once more."""
    trusted = SupplierPolicy(SupplierName("maker"), stale_after_seconds=86400)
    setup = Setup({"market": LATE, "shop": WEBSHOP}, supplier=trusted)
    async with Rooms(tmp_path, setup) as rooms:
        await rooms.supply("X", 5)
        market, shop = await rooms.offer("market", "X", 5), await rooms.offer("shop", "X", 5)
        await rooms.quiet(60)
        rooms.shops["market"].sell(market, 1)
        await rooms.look("market", market)
        await rooms.settle()
        assert (rooms.shown("market", market), rooms.shown("shop", shop)) == (4, 4)
        await rooms.quiet()
        assert (rooms.shown("market", market), rooms.shown("shop", shop)) == (4, 4)
        await rooms.assert_true()


@pytest.mark.parametrize("units", [5, 20])
async def test_r2_sale_while_a_push_is_on_its_way(rooms: Rooms, units: int) -> None:
    """A sale between computing and applying is erased by our number; it is found and put right."""
    market, _ = await both(rooms, units)
    await rooms.stock("X", -1)
    channel, shop = rooms.channels["market"], rooms.shops["market"]
    real = channel.push_quantities

    async def with_a_sale_before(updates):  # type: ignore[no-untyped-def]
        channel.push_quantities = real  # type: ignore[method-assign]
        shop.sell(market, 1)
        return await real(updates)

    channel.push_quantities = with_a_sale_before  # type: ignore[method-assign]
    before = counts()[Event.PUSH_CORRECTED]
    await rooms.settle()
    assert rooms.shown("market", market) == units - 2
    assert counts()[Event.PUSH_CORRECTED] - before == (1 if units == 5 else 0)
    await rooms.quiet(60)
    await rooms.assert_true()


async def test_r2_on_a_channel_without_counter(rooms: Rooms) -> None:
    """The webshop's own sale erased by our push is put right as soon as its order is in."""
    _, shop_listing = await both(rooms, 5)
    await rooms.stock("X", -1)
    channel, shop = rooms.channels["shop"], rooms.shops["shop"]
    real = channel.push_quantities

    async def with_a_sale_before(updates):  # type: ignore[no-untyped-def]
        channel.push_quantities = real  # type: ignore[method-assign]
        shop.sell(shop_listing, 1)
        return await real(updates)

    channel.push_quantities = with_a_sale_before  # type: ignore[method-assign]
    await rooms.quiet(60)
    assert rooms.shown("shop", shop_listing) == 3
    await rooms.assert_true()


async def test_r3_a_newer_change_goes_out_instead_of_the_older_one(rooms: Rooms) -> None:
    """What waited behind a channel that was down goes out as it is now: no number of the past is ever sent."""
    market, _ = await both(rooms, 9)
    rooms.shops["market"].down = True
    for left in (7, 4, 2):
        await rooms.stock("X", left - sum((await rooms.held()).values()))
        await rooms.settle()
    rooms.shops["market"].down = False
    before = rooms.pushes("market")
    await rooms.quiet(120)
    assert (rooms.shown("market", market), rooms.pushes("market") - before) == (2, 1)
    await rooms.assert_true()


@pytest.mark.parametrize("fault", [Fault.TIMEOUT_AFTER_APPLYING, Fault.TIMEOUT_BEFORE_APPLYING])
@pytest.mark.parametrize("name", ["market", "shop"])
async def test_r4_timeout_is_read_never_guessed(rooms: Rooms, fault: Fault, name: str) -> None:
    """A push without an answer is followed by a reading; applied or not, the listing ends true."""
    listings = dict(zip(("market", "shop"), await both(rooms, 5), strict=True))
    rooms.shops[name].fail_next(fault, operation="push_quantities")
    await rooms.stock("X", -2)
    await rooms.settle()
    assert (await rooms.state(name, listings[name])).uncertain
    before = len(rooms.shops[name].calls)
    await rooms.quiet(60)
    calls = [call.operation for call in list(rooms.shops[name].calls)[before:] if call.operation != "fetch_orders"]
    assert calls[0] == "read_quantities"
    assert ("push_quantities" in calls) is (fault is Fault.TIMEOUT_BEFORE_APPLYING)
    assert rooms.shown(name, listings[name]) == 3
    await rooms.assert_true()


async def test_r5_a_shown_number_is_never_posted(rooms: Rooms) -> None:
    """A sale seen as a lower number and then as an order takes its units once."""
    market, shop = await both(rooms, 5)
    rooms.shops["shop"].sell(shop, 2)
    await rooms.look("shop", shop)
    await rooms.quiet(60)
    assert await rooms.held() == {"available": 3, "reserved": 2}
    assert rooms.shown("market", market) == 3
    await rooms.assert_true()


async def test_r6_our_own_write_is_no_outside_edit(rooms: Rooms) -> None:
    """Reading what we wrote ourselves is no drift and causes no push."""
    market, shop = await both(rooms, 5)
    await rooms.stock("X", -2)
    await rooms.settle()
    before = rooms.pushes("market"), rooms.pushes("shop")
    for name, listing_id in (("market", market), ("shop", shop)):
        await rooms.look(name, listing_id)
        assert (await rooms.listing(name, listing_id)).belief.disagreed_at is None
    await rooms.quiet(60)
    assert (rooms.pushes("market"), rooms.pushes("shop")) == before


@pytest.mark.parametrize("falls", [False, True])
async def test_r9_cancelled_before_it_was_ever_imported(late: Rooms, falls: bool) -> None:
    """A sale and its cancellation that both happen before the first import leave no unit behind, held or phantom."""
    late.shops["market"].sold_falls_on_cancel = falls
    market, shop = await both(late, 5)
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
    market, shop = await both(late, 5)
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
    market, shop = await both(rooms, 5)
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
        market, shop = await both(rooms, 5)
        rooms.shops["shop"].sell(shop, 2, paid=False)
        await rooms.quiet(60)
        assert rooms.shown("market", market) == 3
        await rooms.quiet(700)
        assert (rooms.shown("market", market), rooms.shops["shop"].offered(shop)) == (5, 5)
        await rooms.assert_true()


async def test_r11_repair_does_not_undo_a_fresh_sale(rooms: Rooms) -> None:
    """A number found lower than expected is not "repaired" before the orders up to then are in."""
    _, shop = await both(rooms, 5)
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
    market, shop = await both(rooms, 5)
    for name, listing_id in (("market", market), ("shop", shop)):
        rooms.shops[name].edit_quantity(listing_id, 2)
        await rooms.look(name, listing_id)
    await rooms.quiet(120)
    assert (rooms.shown("market", market), rooms.shown("shop", shop)) == (5, 5)
    await rooms.assert_true()


async def test_r14_webhook_and_poll_bring_the_same_order(rooms: Rooms) -> None:
    """Told by hint, by poll, and by the same delivery twice, an order takes its units once."""
    market, shop = await both(rooms, 5)
    order_id = rooms.shops["market"].sell(market, 2)
    await rooms.hint("market", order_id)
    await rooms.hint("market", order_id)
    await rooms.quiet(60)
    assert await rooms.held() == {"available": 3, "reserved": 2}
    assert rooms.shown("shop", shop) == 3
    await rooms.assert_true()


async def test_r14_a_late_list_does_not_revive_a_cancelled_order(late: Rooms) -> None:
    """The list tells an older version after a hint brought the newer one: it takes no stock again."""
    market, _ = await both(late, 1)
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
    market, shop = await both(late, 5)
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
    market, shop = await both(rooms, 6)
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


async def test_two_customers_want_the_last_one(rooms: Rooms) -> None:
    """Sold in both places in the same instant: one order is served, the other is short, both listings show 0."""
    market, shop = await both(rooms, 1)
    rooms.shops["market"].sell(market, 1)
    rooms.shops["shop"].sell(shop, 1)
    await rooms.quiet(60)
    _, demands = await rooms.promises()
    assert sorted(demand.short for demand in demands) == [0, 1]
    assert (rooms.shown("market", market), rooms.shown("shop", shop)) == (0, 0)
    await rooms.assert_true()


async def test_restart_loses_and_doubles_nothing(rooms: Rooms) -> None:
    """A process killed after its push went out and before the answer came finds out what became of it."""
    market, shop = await both(rooms, 5)
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

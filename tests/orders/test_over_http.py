"""Orders taken in over HTTP from both stand-in servers: eBay's lag and renamed orders, WooCommerce's statuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.woocommerce.client import Call
from connectors.woocommerce.sandbox_checkout import CUSTOMER
from syncd.attention.question import Topic
from syncd.identity import ListingId
from syncd.orders.copy import BY_HAND, OWN
from syncd.orders.kin.store import mark_copy
from syncd.orders.store import read_orders
from tests.support.http_rooms import SHOP, HttpRooms, http_rooms

UNITS = 10


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[HttpRooms]:
    """Both servers, ten X on the shelf and shown on each."""
    async with http_rooms(tmp_path) as made:
        yield made


def item(rooms: HttpRooms) -> str:
    """The eBay listing of X."""
    return next(iter(rooms.market.account.items))


def buy(rooms: HttpRooms, quantity: int = 1, *, paid: bool = True, buyer: dict[str, str] | None = None) -> str:
    """Somebody buys X on eBay; returns the order's id at that moment."""
    line = {"item_id": item(rooms), "quantity": quantity}
    return str(rooms.market.sell([line], buyer, paid)["order_id"])


async def refund(rooms: HttpRooms, order_id: str, quantity: int, *, restock: bool) -> None:
    """The merchant refunds units in the shop's own back office."""
    line_id = rooms.web.shop.orders[int(order_id)].lines[0].id
    body: dict[str, Any] = {
        "amount": "1.00",
        "api_refund": False,
        "api_restock": restock,
        "line_items": [{"id": line_id, "quantity": quantity, "refund_total": 1.0}],
    }
    await rooms.shop._client.record(Call("POST", f"orders/{order_id}/refunds", "test", body=body))


async def edit(rooms: HttpRooms, order_id: str, quantity: int) -> None:
    """The merchant changes how many were ordered."""
    line_id = rooms.web.shop.orders[int(order_id)].lines[0].id
    body = {"line_items": [{"id": line_id, "quantity": quantity}]}
    await rooms.shop._client.record(Call("PUT", f"orders/{order_id}", "test", body=body))


async def test_ebay_order_is_taken_in_once_its_list_shows_it(rooms: HttpRooms) -> None:
    """R15: polled at once the list does not have the sale yet; later it is taken in, once, and nothing is lost."""
    buy(rooms, 2)
    await rooms.poll(1)
    assert "reserved" not in await rooms.held()
    for _ in range(4):
        await rooms.poll(50)
    assert await rooms.held() == {"available": UNITS - 2, "reserved": 2}
    await rooms.assert_sound()


async def test_an_unpaid_order_reserves_and_keeps_its_promise_when_ebay_renames_it(rooms: HttpRooms) -> None:
    """R10: unpaid it holds; paid, under another id, it is the same promise; sent, its units have left the house."""
    order_id = buy(rooms, 2, paid=False)
    await rooms.poll()
    assert await rooms.held() == {"available": UNITS - 2, "reserved": 2}
    rooms.market.change_order(order_id, "pay")
    await rooms.poll()
    assert await rooms.held() == {"available": UNITS - 2, "reserved": 2}
    rooms.market.change_order(order_id, "ship")
    await rooms.poll()
    assert (await rooms.held(), await rooms.sent()) == ({"available": UNITS - 2}, 2)
    assert len((await rooms.promises())[0]) == 1
    await rooms.assert_sound()


@pytest.mark.parametrize("restock", [False, True])
async def test_ebay_gives_up_an_unpaid_order(rooms: HttpRooms, restock: bool) -> None:
    """R8: whether or not eBay puts the units back on its own number, they are free here, once."""
    order_id = buy(rooms, 2, paid=False)
    await rooms.poll()
    rooms.market.change_order(order_id, "cancel", restock=restock)
    for _ in range(3):
        await rooms.poll()
    assert await rooms.held() == {"available": UNITS}
    await rooms.assert_sound()


async def test_cancelled_before_it_was_ever_read(rooms: HttpRooms) -> None:
    """R9: bought and cancelled between two polls, on both channels: nothing was held, so nothing is given back."""
    rooms.market.change_order(buy(rooms, 2), "cancel")
    rooms.web.set_order_status(await rooms.web.sell(sku="X", quantity=3), "cancelled")
    for _ in range(3):
        await rooms.poll()
    assert await rooms.held() == {"available": UNITS}
    await rooms.assert_sound()


async def test_a_hint_and_the_list_bring_the_same_order(rooms: HttpRooms) -> None:
    """R14: eBay's list, an order fetched by its id before and after payment, and the shop's list: each counts once."""
    order_id = buy(rooms, 1, paid=False)
    acceptance = rooms.intakes["ebay"]._acceptance
    for _ in range(2):
        order = await rooms.ebay.fetch_order(order_id)
        assert order is not None
        await acceptance.accept(order)
    rooms.market.change_order(order_id, "pay")
    paid = await rooms.ebay.fetch_order(order_id)
    assert paid is not None
    await acceptance.accept(paid)
    for _ in range(3):
        await rooms.poll(60)
        assert await rooms.held() == {"available": UNITS - 1, "reserved": 1}
    await rooms.assert_sound()


async def test_the_list_shows_an_older_version_under_an_older_id(rooms: HttpRooms) -> None:
    """Paid, then cancelled, and read so by its id: the late list still tells of the unpaid one and revives nothing."""
    order_id = buy(rooms, 2, paid=False)
    rooms.clock.advance(100)
    paid = rooms.market.change_order(order_id, "pay")["order_id"]
    rooms.clock.advance(1)
    rooms.market.change_order(paid, "cancel")
    cancelled = await rooms.ebay.fetch_order(paid)
    assert cancelled is not None
    await rooms.intakes["ebay"]._acceptance.accept(cancelled)
    await rooms.poll(25)
    assert "reserved" not in await rooms.held()
    await rooms.poll()
    assert await rooms.held() == {"available": UNITS}


@pytest.mark.parametrize(
    ("path", "held"),
    [
        (["failed"], {"available": UNITS}),
        (["cancelled"], {"available": UNITS}),
        (["processing"], {"available": UNITS - 2, "reserved": 2}),
        (["on-hold"], {"available": UNITS - 2, "reserved": 2}),
        (["on-hold", "processing", "cancelled"], {"available": UNITS}),
        (["processing", "pending"], {"available": UNITS - 2, "reserved": 2}),
        (["processing", "failed"], {"available": UNITS}),
        (["processing", "trash"], {"available": UNITS}),
        (["cancelled", "processing"], {"available": UNITS - 2, "reserved": 2}),
        (["processing", "completed"], {"available": UNITS - 2}),
        (["processing", "completed", "cancelled"], {"available": UNITS - 2}),
    ],
    ids=" then ".join,
)
@pytest.mark.parametrize("polled", [True, False], ids=["polled between", "polled at the end"])
async def test_woo_statuses(rooms: HttpRooms, path: list[str], held: dict[str, int], polled: bool) -> None:
    """R8: whatever the shop put back by itself or kept, the shelf ends where the last status says."""
    order_id = await rooms.web.sell(sku="X", quantity=2, paid=False)
    for status in path:
        if polled:
            await rooms.poll(20)
        rooms.clock.advance(2)
        rooms.web.set_order_status(order_id, status)
    await rooms.poll(70)
    await rooms.poll(70)
    if path == ["processing", "completed", "cancelled"] and not polled:
        held = {"available": UNITS}  # nobody saw it sent: cancelled is all we know
    assert await rooms.held() == held
    await rooms.assert_sound()


async def test_a_plugins_own_status_counts_as_paid_once_the_shop_lowered_its_stock(rooms: HttpRooms) -> None:
    """A status WooCommerce does not know itself keeps the promise."""
    order_id = await rooms.web.sell(sku="X", quantity=2)
    await rooms.poll(20)
    order = rooms.web.shop.orders[int(order_id)]
    order.status = "awaiting-parcel"
    rooms.web.shop.touch_order(order)
    await rooms.poll(20)
    assert await rooms.held() == {"available": UNITS - 2, "reserved": 2}


async def test_a_checkout_never_paid_comes_back_by_itself(rooms: HttpRooms) -> None:
    """R8, R10: pending it is held elsewhere; the shop cancels it after an hour and never lowered its number for it."""
    await rooms.web.sell(sku="X", quantity=2, paid=False)
    await rooms.poll(20)
    assert (await rooms.held())["reserved"] == 2
    await rooms.poll(3700)
    await rooms.web.site_visited()
    await rooms.poll(70)
    await rooms.expiry.run_once(rooms.clock.now())
    assert (await rooms.held(), rooms.web.shop.by_sku("X").quantity) == ({"available": UNITS}, UNITS)  # type: ignore[union-attr]
    await rooms.assert_sound()


async def test_an_edited_order_moves_the_difference(rooms: HttpRooms) -> None:
    """R18: three, then one, then four, then the line is taken out: each time the difference is moved."""
    order_id = await rooms.web.sell(sku="X", quantity=3)
    await rooms.poll(20)
    for quantity in (1, 4, 0):
        await edit(rooms, order_id, quantity)
        await rooms.poll(20)
        expected = {"available": UNITS - quantity, "reserved": quantity}
        assert await rooms.held() == {state: units for state, units in expected.items() if units}
    await rooms.assert_sound()


async def test_a_new_address_and_a_new_price_move_nothing_and_are_kept(rooms: HttpRooms) -> None:
    """Where it goes matters to whoever packs it: the address is kept, and no stock moves."""
    order_id = await rooms.web.sell(sku="X", quantity=2)
    await rooms.poll(20)
    order = rooms.web.shop.orders[int(order_id)]
    order.shipping["address_1"] = "Via Nuova 9"
    rooms.web.shop.touch_order(order)
    await rooms.poll(20)
    assert await rooms.held() == {"available": UNITS - 2, "reserved": 2}
    async with rooms.db.read() as conn:
        (kept,) = (await read_orders(conn)).values()
    assert kept.ship_to is not None
    assert kept.ship_to.street == "Via Nuova 9"


async def test_refunded_with_restocking_before_it_was_sent_is_free_again(rooms: HttpRooms) -> None:
    """One of three is refunded and put back there: it is for sale again here too."""
    order_id = await rooms.web.sell(sku="X", quantity=3)
    await rooms.poll(20)
    await refund(rooms, order_id, 1, restock=True)
    await rooms.poll(20)
    assert await rooms.held() == {"available": UNITS - 2, "reserved": 2}
    await rooms.assert_sound()


async def test_refunded_without_restocking_lies_aside(rooms: HttpRooms) -> None:
    """Who refunds a unit and does not put it back says that it is not for sale: it is set aside, not shown again."""
    order_id = await rooms.web.sell(sku="X", quantity=3)
    await rooms.poll(20)
    await refund(rooms, order_id, 1, restock=False)
    for _ in range(2):
        await rooms.poll(20)
        assert await rooms.held() == {"available": UNITS - 3, "reserved": 2, "unavailable": 1}
    rooms.web.set_order_status(order_id, "cancelled")
    await rooms.poll(20)
    assert await rooms.held() == {"available": UNITS - 1, "unavailable": 1}
    await rooms.assert_sound()


async def test_refunded_after_it_was_sent(rooms: HttpRooms) -> None:
    """Money back moves no stock; put back by the shop it is a return somebody is asked about, once."""
    order_id = await rooms.web.sell(sku="X", quantity=3)
    await rooms.poll(20)
    rooms.web.set_order_status(order_id, "completed")
    await rooms.poll(20)
    await refund(rooms, order_id, 1, restock=False)
    await rooms.poll(20)
    assert (await rooms.held(), await rooms.sent(), await rooms.questions()) == ({"available": UNITS - 3}, 3, [])
    await refund(rooms, order_id, 1, restock=True)
    await rooms.poll(20)
    assert (await rooms.held(), await rooms.sent()) == ({"available": UNITS - 3}, 3)
    (question,) = await rooms.questions()
    assert question.topic is Topic.RETURN
    assert "syncd stock post X 1 --return" in question.sentence


async def test_r7_a_marked_copy_takes_no_stock(tmp_path: Path) -> None:
    """An eBay order that a plug-in wrote into the shop: the sale is counted once, whatever becomes of the copy."""
    async with http_rooms(tmp_path, copied_created_via=["ebay-bridge"], copied_meta_keys=["_ebay_order_id"]) as rooms:
        buy(rooms, 2)
        first = await rooms.web.carry(sku="X", quantity=1, created_via="ebay-bridge")
        await rooms.web.carry(sku="X", quantity=1, meta={"_ebay_order_id": "24-1"})
        await rooms.poll()
        assert await rooms.held() == {"available": UNITS - 2, "reserved": 2}
        for status in ("completed", "cancelled"):
            rooms.clock.advance(2)
            rooms.web.set_order_status(first, status)
            await rooms.poll()
            assert await rooms.held() == {"available": UNITS - 2, "reserved": 2}
        assert await rooms.questions() == []
        await rooms.assert_sound()


async def test_r7_a_likely_copy_is_asked_about(rooms: HttpRooms) -> None:
    """Written by a program, same address, same things: both hold stock until a person has said which is true."""

    home = {"name": "Giulia Bianchi", "street": "Via dei Mille 7", "city": "Torino", "postcode": "10123"}
    buy(rooms, 1, buyer={"id": "giulia", **home})
    copied = await rooms.web.carry(sku="X", quantity=1, billing=CUSTOMER, created_via="rest-api")
    await rooms.web.sell(sku="X", quantity=1, billing=CUSTOMER)  # the same customer again, at the shop's own till
    await rooms.poll()
    await rooms.poll()
    (question,) = await rooms.questions()
    assert (question.topic, question.subject) == (Topic.COPIED_ORDER, f"{SHOP}:{copied}")
    assert await rooms.held() == {"available": UNITS - 3, "reserved": 3}
    await rooms.writer.write(*mark_copy(f"{SHOP}:{copied}", BY_HAND))
    await rooms.poll()
    assert await rooms.held() == {"available": UNITS - 2, "reserved": 2}
    await rooms.writer.write(*mark_copy(f"{SHOP}:{copied}", OWN))
    await rooms.poll()
    assert await rooms.held() == {"available": UNITS - 3, "reserved": 3}
    await rooms.assert_sound()


async def test_placed_before_our_start_and_paid_after_it(tmp_path: Path) -> None:
    """The shop lowers its number at the payment, so the sale is ours; eBay lowered it at the sale, so it is not."""
    async with http_rooms(tmp_path) as rooms:
        web, now = rooms.web, rooms.clock.now()
        pending = await web.sell(sku="X", quantity=2, paid=False)
        transfer = await web.sell(sku="X", quantity=1, payment_method="bacs")
        ebay_order = buy(rooms, 1, paid=False)
        for order_id in (pending, transfer):
            web.shop.orders[int(order_id)].created = now.replace(microsecond=0, hour=now.hour - 1)
        versions = rooms.market.account.by_order_id[ebay_order]
        versions[-1] = replace(versions[-1], created_at=now.replace(hour=now.hour - 1))
        rooms.clock.advance(60)
        web.pay_order(pending)
        web.set_order_status(transfer, "processing")
        rooms.market.change_order(ebay_order, "pay")
        await rooms.poll()
        await rooms.poll()
        assert await rooms.held() == {"available": UNITS - 2, "reserved": 2}
        await rooms.assert_sound()


async def test_an_order_that_cannot_be_kept_stops_no_other(rooms: HttpRooms) -> None:
    """It is kept by its number, asked about once, and taken in as soon as it can be read."""
    bad = await rooms.web.sell(sku="X", quantity=1, billing={**CUSTOMER, "first_name": "Gi\0ulia"})
    huge = await rooms.web.sell(sku="X", quantity=1)
    rooms.web.shop.orders[int(huge)].lines[0].quantity = 10**12
    unreadable = await rooms.web.sell(sku="X", quantity=1)
    rooms.web.shop.orders[int(unreadable)].lines[0].quantity = -1
    await rooms.web.sell(sku="X", quantity=2)
    for _ in range(3):
        await rooms.poll(20)
    assert (await rooms.held())["reserved"] == 2
    asked = {one.subject: one.topic for one in await rooms.questions()}
    assert asked == dict.fromkeys((f"{SHOP}:{bad}", f"{SHOP}:{huge}", f"{SHOP}:{unreadable}"), Topic.UNREAD_ORDER)
    assert not any("Gi" in one.sentence for one in await rooms.questions())
    await rooms.writer.stop()
    rooms.start()  # a new process remembers them
    order = rooms.web.shop.orders[int(unreadable)]
    order.lines[0].quantity = 1
    await rooms.poll(3600)
    assert (await rooms.held())["reserved"] == 3
    assert {one.subject for one in await rooms.questions()} == {f"{SHOP}:{bad}", f"{SHOP}:{huge}"}
    await rooms.assert_sound()


async def test_a_sale_without_its_order_is_asked_about_only_after_the_lag(rooms: HttpRooms) -> None:
    """eBay counts a sale at once and lists its order two minutes later: nobody is asked unless it never comes."""
    listing_id = ListingId(item(rooms))
    buy(rooms, 2)
    await rooms.look("ebay", listing_id)
    assert await rooms.held() == {"available": UNITS - 2, "in-flight": 2}
    for _ in range(6):
        await rooms.poll(30)
        assert await rooms.questions() == []
    assert await rooms.held() == {"available": UNITS - 2, "reserved": 2}
    rooms.market.switch(order_lag_seconds=10_000)  # this one's order does not come
    lost = buy(rooms, 1)
    await rooms.look("ebay", listing_id)
    for _ in range(12):
        await rooms.poll(60)
    (question,) = await rooms.questions()
    assert (question.topic, question.subject) == (Topic.UNEXPLAINED_SALE, f"ebay:{listing_id}")
    assert (await rooms.held())["in-flight"] == 1
    rooms.market.switch(order_lag_seconds=120)
    order = await rooms.ebay.fetch_order(lost)
    assert order is not None
    await rooms.intakes["ebay"]._acceptance.accept(order)
    assert (await rooms.questions(), await rooms.held()) == ([], {"available": UNITS - 3, "reserved": 3})

"""The channel against the stand-in, beyond what every connector has to do: variations, silent refusals, refunds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.woocommerce import sandbox as stand_in
from connectors.woocommerce.channel import WooCommerceChannel
from connectors.woocommerce.sandbox import Sandbox
from connectors.woocommerce.sandbox_auth import READ_ONLY
from connectors.woocommerce.sandbox_faults import Fault
from syncd.channel.port import (
    ChannelOrder,
    OrderStatus,
    PushVerdict,
    QuantityUpdate,
    WebhookCare,
)
from syncd.clock import Clock
from syncd.errors import ChannelAuthFailed
from syncd.identity import ListingId
from syncd.testkit.fake_clock import START_AT, FakeClock
from tests.connectors.woocommerce.conftest import Connect

SHIRT = [{"sku": "TS-S", "title": "S", "quantity": 3}, {"sku": "TS-M", "title": "M", "quantity": 4}]
CAP = [{"sku": "CAP-R", "title": "Red"}, {"sku": "CAP-B", "title": "Blue"}]


async def verdicts(channel: WooCommerceChannel, **numbers: int) -> dict[str, PushVerdict]:
    """Push numbers to listings named like p10 or p14_15."""
    updates = [QuantityUpdate(ListingId(name[1:].replace("_", "/")), n) for name, n in numbers.items()]
    return {one.listing_id: one.verdict for one in await channel.push_quantities(updates)}


async def orders_of(channel: WooCommerceChannel) -> dict[str, ChannelOrder]:
    """All orders there are, the latest state of each."""
    found: dict[str, ChannelOrder] = {}
    cursor, more = None, True
    while more:
        page = await channel.fetch_orders(cursor, since=START_AT)
        assert page.problems == ()
        found |= {order.order_id: order for order in page.orders}
        cursor, more = page.cursor, page.has_more
    return found


async def test_check_notices_a_key_that_may_only_read(connected: Connect) -> None:
    """A read-only key would list everything and push nothing: check finds out before the first push."""
    pair = {"consumer_key": READ_ONLY.consumer_key, "consumer_secret": READ_ONLY.consumer_secret}
    with pytest.raises(ChannelAuthFailed, match="write"):
        await connected(**pair).check()


async def test_check_changes_nothing(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """The empty batch that tries the right to write writes nothing."""
    sandbox.add_product("GLOVE-X", quantity=3)
    await channel.check()
    assert [call["applied"] for call in sandbox.calls()] == [[], []]


async def test_variable_products_are_listed_by_their_stocks(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """Own stock: one listing per variation. Shared stock: one listing, the parent's."""
    shirt = sandbox.add_product("TS", "Shirt", variations=SHIRT)
    cap = sandbox.add_product("CAP", "Cap", quantity=7, variations=CAP)
    parent = cap[0].partition("/")[0]
    page = await channel.fetch_listings(None)
    assert {one.listing_id: (one.sku, one.observation.available) for one in page.listings} == {
        shirt[0]: ("TS-S", 3),
        shirt[1]: ("TS-M", 4),
        parent: ("CAP", 7),
    }


async def test_unmanaged_products_are_listed_without_a_number(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """A product whose stock nobody counts has no number to show."""
    sandbox.add_product("UNM", quantity=None)
    (found,) = (await channel.fetch_listings(None)).listings
    assert found.observation.available is None


async def test_numbers_of_products_and_variations_are_read_together(
    channel: WooCommerceChannel, sandbox: Sandbox
) -> None:
    """Variations are not among the products: they are asked for at their parents'."""
    glove = sandbox.add_product("GLOVE-X", quantity=2)
    shirt = sandbox.add_product("TS", "Shirt", variations=SHIRT)
    asked = [ListingId(one) for one in (*glove, *shirt, "99", "99/98", "nonsense")]
    seen = await channel.read_quantities(asked)
    assert {one.listing_id: one.available for one in seen} == {glove[0]: 2, shirt[0]: 3, shirt[1]: 4}


async def test_one_push_reaches_products_and_variations(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """Products go in one batch, each parent's variations in their own; one bad item stops none."""
    (glove,) = sandbox.add_product("GLOVE-X", quantity=2)
    shirt = sandbox.add_product("TS", "Shirt", variations=SHIRT)
    updates = [QuantityUpdate(ListingId(one), 9) for one in (glove, "999", *shirt, f"{shirt[0]}9")]
    outcomes = {one.listing_id: one.verdict for one in await channel.push_quantities(updates)}
    assert outcomes == {
        glove: PushVerdict.ACCEPTED,
        "999": PushVerdict.NOT_FOUND,
        shirt[0]: PushVerdict.ACCEPTED,
        shirt[1]: PushVerdict.ACCEPTED,
        f"{shirt[0]}9": PushVerdict.NOT_FOUND,
    }
    assert [sandbox.shown(one) for one in (glove, *shirt)] == [9, 9, 9]


async def test_a_shared_stock_is_pushed_to_its_parent_only(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """A number for one of its variations is refused before it could split the shop's stock."""
    cap = sandbox.add_product("CAP", "Cap", quantity=7, variations=CAP)
    parent = cap[0].partition("/")[0]
    updates = [QuantityUpdate(ListingId(cap[0]), 5), QuantityUpdate(ListingId(parent), 6)]
    refused, accepted = await channel.push_quantities(updates)
    assert (refused.verdict, refused.code) == (PushVerdict.REJECTED, "stock_managed_by_parent")
    assert parent in refused.message
    assert accepted.verdict is PushVerdict.ACCEPTED
    assert sandbox.shop.products[int(parent)].quantity == 6
    assert not sandbox.product(cap[0]).manages


async def test_a_push_switches_stock_management_on(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """A linked product without managed stock begins to be managed with the first push."""
    (listing_id,) = sandbox.add_product("UNM", quantity=None)
    (outcome,) = await channel.push_quantities([QuantityUpdate(ListingId(listing_id), 4)])
    assert (outcome.verdict, sandbox.shown(listing_id)) == (PushVerdict.ACCEPTED, 4)


async def test_a_fault_between_two_batches_keeps_what_is_known(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """The first batch's outcomes are told; the one that broke is unknown, the ones after it were not sent."""
    (glove,) = sandbox.add_product("GLOVE-X", quantity=2)
    first = sandbox.add_product("TS", "Shirt", variations=SHIRT[:1])
    second = sandbox.add_product("TT", "Top", variations=SHIRT[1:])
    listing_ids = [ListingId(one) for one in (glove, *first, *second)]
    await channel.read_quantities(listing_ids)
    sandbox.faults.add(Fault("cut_after", match="variations/batch"))
    outcomes = await channel.push_quantities([QuantityUpdate(one, 8) for one in listing_ids])
    assert [one.verdict for one in outcomes] == [PushVerdict.ACCEPTED, PushVerdict.UNKNOWN, PushVerdict.DEFERRED]
    assert [sandbox.shown(one) for one in listing_ids] == [8, 8, 4]


async def test_orders_of_a_shared_stock_name_the_parent(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """The order names the variation; whose stock it takes is asked once and remembered for a while."""
    cap = sandbox.add_product("CAP", "Cap", quantity=7, variations=CAP)
    order_id = await sandbox.sell(sku="CAP-R", quantity=2)
    for _ in range(2):
        (line,) = (await orders_of(channel))[order_id].lines
        assert (line.listing_id, line.sku, line.decremented) == (cap[0].partition("/")[0], "CAP-R", 2)
    assert sum("variations" in call["path"] for call in sandbox.calls()) == 1


async def test_a_variation_that_is_gone_is_asked_about_once(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """Its order keeps the listing's id, and costs no further call at each poll."""
    shirt = sandbox.add_product("TS", "Shirt", variations=SHIRT)
    order_id = await sandbox.sell(sku="TS-S")
    sandbox.shop.remove_product(sandbox.product(shirt[0]))
    for _ in range(2):
        assert (await orders_of(channel))[order_id].lines[0].listing_id == shirt[0]
    assert sum("variations" in call["path"] for call in sandbox.calls()) == 1


async def test_who_keeps_a_stock_is_asked_again_in_time(
    channel: WooCommerceChannel, sandbox: Sandbox, clock: FakeClock
) -> None:
    """When the shop's owner gives a variation its own stock, its orders name it within a quarter of an hour."""
    cap = sandbox.add_product("CAP", "Cap", quantity=7, variations=CAP)
    order_id = await sandbox.sell(sku="CAP-R")
    await orders_of(channel)
    sandbox.product(cap[0]).manages = True
    clock.advance(901)
    assert (await orders_of(channel))[order_id].lines[0].listing_id == cap[0]


@pytest.mark.parametrize(
    ("payment_method", "paid", "status", "decremented"),
    [
        ("testpay", True, OrderStatus.PAID, 2),
        ("cod", True, OrderStatus.PAID, 2),
        ("bacs", True, OrderStatus.UNPAID, 2),
        ("testpay", False, OrderStatus.UNPAID, 0),
    ],
)
async def test_ways_to_pay(
    channel: WooCommerceChannel,
    sandbox: Sandbox,
    payment_method: str,
    paid: bool,
    status: OrderStatus,
    decremented: int,
) -> None:
    """Bank transfers are unpaid and yet off the stock; pending checkouts are unpaid and only held."""
    sandbox.add_product("GLOVE-X", quantity=5)
    order_id = await sandbox.sell(sku="GLOVE-X", quantity=2, payment_method=payment_method, paid=paid)
    order = (await orders_of(channel))[order_id]
    assert (order.status, order.lines[0].decremented) == (status, decremented)


async def test_carts_are_not_orders(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """A checkout that failed leaves a draft among the shop's orders, and none among ours."""
    sandbox.add_product("GLOVE-X", quantity=1)
    with pytest.raises(Exception, match="Not enough units"):
        await sandbox.sell(sku="GLOVE-X", quantity=2)
    (draft,) = sandbox.shop.orders
    assert await orders_of(channel) == {}
    assert await channel.fetch_order(str(draft)) is None


async def test_a_binned_order_comes_as_cancelled(
    channel: WooCommerceChannel, sandbox: Sandbox, clock: FakeClock
) -> None:
    """status=any leaves the waste bin out: it is looked into apart, at most once a minute."""
    sandbox.add_product("GLOVE-X", quantity=5)
    order_id = await sandbox.sell(sku="GLOVE-X", quantity=2)
    page = await channel.fetch_orders(None, since=START_AT)
    sandbox.set_order_status(order_id, "trash")
    page = await channel.fetch_orders(page.cursor, since=START_AT)
    assert page.orders == ()
    clock.advance(60)
    page = await channel.fetch_orders(page.cursor, since=START_AT)
    (order,) = page.orders
    assert (order.status, order.lines[0].decremented) == (OrderStatus.CANCELLED, 2)


async def test_an_order_deleted_for_good_is_gone(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """It vanishes without an event; asked for by its id it is nobody's."""
    sandbox.add_product("GLOVE-X", quantity=5)
    order_id = await sandbox.sell(sku="GLOVE-X")
    sandbox.set_order_status(order_id, "deleted")
    assert await channel.fetch_order(order_id) is None
    assert await channel.fetch_order("no-number") is None


async def test_a_quiet_shop_costs_one_call_a_poll(
    channel: WooCommerceChannel, sandbox: Sandbox, clock: FakeClock
) -> None:
    """Once the last order has settled it is not read again."""
    sandbox.add_product("GLOVE-X", quantity=5)
    await sandbox.sell(sku="GLOVE-X")
    clock.advance(600)
    page = await channel.fetch_orders(None, since=START_AT)
    assert len(page.orders) == 1
    calls = sandbox.calls_received
    clock.advance(5)
    assert (await channel.fetch_orders(page.cursor, since=START_AT)).orders == ()
    assert sandbox.calls_received == calls + 1


async def test_the_watermark_keeps_behind_by_the_lag(
    channel: WooCommerceChannel, sandbox: Sandbox, clock: FakeClock
) -> None:
    """Orders may be in the list a few seconds late, so that long the list is not called complete."""
    page = await channel.fetch_orders(None, since=START_AT)
    assert page.watermark_at == clock.now() - timedelta(seconds=5)


async def test_a_channel_reads_one_shop_beside_another(sandbox: Sandbox, clock: Clock, connected: Connect) -> None:
    """Two channels of one process keep their sessions and memories apart."""
    other = await stand_in.start(clock=clock)
    other.add_product("OTHER", quantity=1)
    sandbox.add_product("GLOVE-X", quantity=1)
    pages = [await connected(url=shop.url).fetch_listings(None) for shop in (sandbox, other)]
    assert [page.listings[0].sku for page in pages] == ["GLOVE-X", "OTHER"]
    await other.aclose()


async def test_without_a_secret_no_webhooks_are_made(connected: Connect, sandbox: Sandbox) -> None:
    """Calls could not be checked: the shop is not asked to make any."""
    assert await connected(webhook_secret=None).care_for_webhooks("https://syncd.example/hooks/shop") == WebhookCare()
    assert sandbox.calls_received == 0


async def test_an_address_the_shop_refuses_is_a_problem(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """The shop's own words reach the person who has to mend it."""
    care = await channel.care_for_webhooks("ftp://syncd.example/hooks/shop")
    assert not care.mended
    assert all("must be a valid URL" in problem for problem in care.problems)
    assert len(care.problems) == 5

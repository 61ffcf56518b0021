"""The fake shop behaves as a remote one where the kit does not look: lag, limits, faults, repeats."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from syncd.channel.port import (
    ListingStatus,
    OrderStatus,
    PushVerdict,
    QuantityUpdate,
    RefundLine,
    RefundRequest,
    RefundVerdict,
)
from syncd.errors import ChannelRefused, ChannelUnavailable, RateLimited
from syncd.identity import Money
from syncd.testkit.channel_rig import Fault
from syncd.testkit.fake_channel import FakeChannel
from syncd.testkit.fake_clock import START_AT, FakeClock
from syncd.testkit.fake_shop import FakeShop
from syncd.testkit.shop_record import EVERYTHING

YESTERDAY = START_AT - timedelta(days=1)


async def test_an_order_is_listed_late_and_read_at_once() -> None:
    """With lag the order list tells of a sale only later; the listing and the single order tell at once."""
    clock = FakeClock()
    shop = FakeShop(clock, replace(EVERYTHING, order_lag_seconds=120))
    channel = FakeChannel(shop)
    listing_id = shop.add_listing("GLOVE-X", 5)
    order_id = shop.sell(listing_id, 2)
    assert (await channel.fetch_orders(None, since=YESTERDAY)).orders == ()
    assert await channel.fetch_order(order_id) is not None
    (seen,) = await channel.read_quantities([listing_id])
    assert (seen.available, seen.sold) == (3, 2)
    clock.advance(120)
    assert [one.order_id for one in (await channel.fetch_orders(None, since=YESTERDAY)).orders] == [order_id]


async def test_a_late_change_shows_the_order_as_it_was() -> None:
    """Until a cancellation is listed the list shows the order as paid; what overtakes it waits."""
    clock = FakeClock()
    shop = FakeShop(clock)
    channel = FakeChannel(shop)
    listing_id = shop.add_listing("GLOVE-X", 5)
    order_id = shop.sell(listing_id, 2)
    shop.order_list_lag_seconds = 60
    shop.cancel_order(order_id)
    shop.order_list_lag_seconds = 0
    shop.sell(listing_id, 1)
    page = await channel.fetch_orders(None, since=YESTERDAY)
    assert [(one.order_id, one.status) for one in page.orders] == [(order_id, OrderStatus.PAID)]
    clock.advance(60)
    page = await channel.fetch_orders(page.cursor, since=YESTERDAY)
    assert [one.status for one in page.orders] == [OrderStatus.CANCELLED, OrderStatus.PAID]


async def test_orders_before_since_are_left_out() -> None:
    """Without a cursor only orders changed since then are told."""
    clock = FakeClock()
    shop = FakeShop(clock)
    listing_id = shop.add_listing("GLOVE-X", 5)
    shop.sell(listing_id, 1)
    clock.advance(60)
    late = shop.sell(listing_id, 1)
    page = await FakeChannel(shop).fetch_orders(None, since=clock.now())
    assert [one.order_id for one in page.orders] == [late]


async def test_the_next_poll_overlaps() -> None:
    """The last change comes again with the next poll, as from a real window that overlaps."""
    shop = FakeShop(FakeClock())
    channel = FakeChannel(shop)
    listing_id = shop.add_listing("GLOVE-X", 5)
    first = shop.sell(listing_id, 1)
    page = await channel.fetch_orders(None, since=YESTERDAY)
    second = shop.sell(listing_id, 1)
    page = await channel.fetch_orders(page.cursor, since=YESTERDAY)
    assert [one.order_id for one in page.orders] == [first, second]


async def test_a_sale_can_slip_between_request_and_application() -> None:
    """A push computed before a sale and applied after it erases the sale: race R2 happens here too."""
    clock = FakeClock()
    shop = FakeShop(clock)
    channel = FakeChannel(shop)
    channel.request_seconds = 2
    listing_id = shop.add_listing("GLOVE-X", 5)
    push = asyncio.ensure_future(channel.push_quantities([QuantityUpdate(listing_id, 5)]))
    await clock.tick(1)
    shop.sell(listing_id, 1)
    await clock.tick(1)
    assert [one.verdict for one in await push] == [PushVerdict.ACCEPTED]
    assert (shop.shown(listing_id), shop.listings[listing_id].sold) == (5, 1)


async def test_a_customer_gets_only_what_is_offered() -> None:
    """Nobody buys more than is offered, in one line or in several, nor from a listing that has ended."""
    shop = FakeShop(FakeClock())
    listing_id, other = shop.add_listing("GLOVE-X", 2), shop.add_listing("TOOLS", 9)
    assert shop.place_order([(listing_id, 3)]) is None
    assert shop.place_order([(other, 1), (listing_id, 1), (listing_id, 2)]) is None
    assert (shop.shown(listing_id), shop.shown(other), shop.orders) == (2, 9, {})
    order_id = shop.place_order([(listing_id, 2), (other, 1)])
    assert order_id is not None
    assert shop.orders[order_id].total == Money(Decimal("29.70"), "EUR")
    assert shop.place_order([(listing_id, 1)]) is None
    shop.end_listing(other)
    assert shop.place_order([(other, 1)]) is None
    with pytest.raises(ValueError, match="does not offer"):
        shop.sell(other, 1)


async def test_held_units_are_not_offered_twice() -> None:
    """A shop that holds unpaid units keeps its number and yet does not offer them again."""
    clock = FakeClock()
    facts = replace(EVERYTHING, decrements_unpaid=False, holds_unpaid=True, unpaid_expires_seconds=3600)
    shop = FakeShop(clock, facts)
    listing_id = shop.add_listing("GLOVE-X", 2)
    order_id = shop.sell(listing_id, 2, paid=False)
    assert (shop.shown(listing_id), shop.offered(listing_id)) == (2, 0)
    clock.advance(3600)
    await FakeChannel(shop).check()
    assert shop.orders[order_id].status is OrderStatus.CANCELLED
    assert (shop.shown(listing_id), shop.offered(listing_id)) == (2, 2)


async def test_two_unpaid_orders_can_oversell_a_shop_that_waits_for_money() -> None:
    """Where unpaid orders neither lower nor hold the number, it falls below zero when both are paid."""
    shop = FakeShop(FakeClock(), replace(EVERYTHING, decrements_unpaid=False))
    listing_id = shop.add_listing("GLOVE-X", 1)
    for order_id in [shop.sell(listing_id, 1, paid=False) for _ in range(2)]:
        shop.pay_order(order_id)
    assert shop.shown(listing_id) == -1
    assert shop.offered(listing_id) == 0


async def test_the_daily_revisions_of_a_listing_end() -> None:
    """Past the limit a change is deferred to the next day; a number already right costs nothing."""
    clock = FakeClock()
    shop = FakeShop(clock, replace(EVERYTHING, revisions_per_listing_per_day=2))
    channel = FakeChannel(shop)
    listing_id = shop.add_listing("GLOVE-X", 1)
    verdicts = []
    for quantity in (2, 2, 3, 4):
        verdicts += [o.verdict for o in await channel.push_quantities([QuantityUpdate(listing_id, quantity)])]
    assert verdicts == [PushVerdict.ACCEPTED] * 3 + [PushVerdict.DEFERRED]
    assert shop.shown(listing_id) == 3
    clock.advance(24 * 3600)
    (outcome,) = await channel.push_quantities([QuantityUpdate(listing_id, 4)])
    assert outcome.verdict is PushVerdict.ACCEPTED


async def test_the_daily_calls_end_until_midnight() -> None:
    """Past the limit every call is refused, saying how long it is until midnight UTC."""
    clock = FakeClock()
    channel = FakeChannel(FakeShop(clock, replace(EVERYTHING, calls_per_day=2)))
    await channel.check()
    await channel.check()
    with pytest.raises(RateLimited) as caught:
        await channel.check()
    assert caught.value.retry_after_seconds == 16 * 3600
    clock.advance(16 * 3600)
    await channel.check()


async def test_a_shop_that_is_down_answers_nothing_and_comes_back() -> None:
    """While down every call fails; customers and time go on, and afterwards everything is there."""
    shop = FakeShop(FakeClock())
    channel = FakeChannel(shop)
    listing_id = shop.add_listing("GLOVE-X", 5)
    shop.down = True
    for _ in range(3):
        with pytest.raises(ChannelUnavailable):
            await channel.read_quantities([listing_id])
    shop.sell(listing_id, 1)
    shop.down = False
    assert [one.available for one in await channel.read_quantities([listing_id])] == [4]


async def test_a_fault_meets_the_operation_it_is_meant_for() -> None:
    """A fault for one operation lets the others pass and comes once for each time asked."""
    shop = FakeShop(FakeClock())
    channel = FakeChannel(shop)
    listing_id = shop.add_listing("GLOVE-X", 5)
    shop.fail_next(Fault.SERVER_ERROR, operation="push_quantities")
    await channel.check()
    with pytest.raises(ChannelUnavailable):
        await channel.push_quantities([QuantityUpdate(listing_id, 1)])
    assert shop.shown(listing_id) == 5
    await channel.push_quantities([QuantityUpdate(listing_id, 1)])
    assert [(call.operation, call.fault) for call in shop.calls] == [
        ("check", None),
        ("push_quantities", Fault.SERVER_ERROR),
        ("push_quantities", None),
    ]


async def test_a_refund_asked_twice_is_paid_twice() -> None:
    """The shop does not recognise repeats, as most do not: only asking first protects."""
    shop = FakeShop(FakeClock())
    channel = FakeChannel(shop)
    order_id = shop.sell(shop.add_listing("GLOVE-X", 5), 2)
    line = shop.orders[order_id].lines[0]
    amount = line.unit_price
    request = RefundRequest(order_id, "case-1", "Out of stock", (RefundLine(line.line_id, 1, amount),), amount)
    verdicts = [(await channel.refund(request)).verdict for _ in range(3)]
    assert verdicts == [RefundVerdict.DONE, RefundVerdict.DONE, RefundVerdict.REFUSED]
    assert shop.orders[order_id].lines[0].refunded == 2


async def test_what_the_seller_does_by_hand_is_seen() -> None:
    """A number typed into the channel's page and a listing ended there show at the next read."""
    shop = FakeShop(FakeClock())
    channel = FakeChannel(shop)
    listing_id = shop.add_listing("GLOVE-X", 5)
    shop.edit_quantity(listing_id, 12)
    assert [one.available for one in await channel.read_quantities([listing_id])] == [12]
    shop.end_listing(listing_id)
    assert [one.status for one in await channel.read_quantities([listing_id])] == [ListingStatus.ENDED]


async def test_a_strange_cursor_is_refused() -> None:
    """A cursor the channel never gave is a refusal, not a start from the beginning."""
    with pytest.raises(ChannelRefused):
        await FakeChannel(FakeShop(FakeClock())).fetch_orders("yesterday", since=YESTERDAY)


@pytest.mark.parametrize("falls", [True, False])
async def test_the_sold_counter_after_a_cancellation_is_a_switch(falls: bool) -> None:
    """Nobody has documented whether the counter falls when an order is cancelled: both can be played."""
    shop = FakeShop(FakeClock())
    shop.sold_falls_on_cancel = falls
    listing_id = shop.add_listing("GLOVE-X", 5)
    shop.cancel_order(shop.sell(listing_id, 2))
    assert (shop.shown(listing_id), shop.listings[listing_id].sold) == (5, 0 if falls else 2)

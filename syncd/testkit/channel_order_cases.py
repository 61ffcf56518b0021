"""The kit's cases about reading orders: nothing skipped, nothing invented, nothing lost for one odd line."""
# ruff: noqa: S101  # the cases are made of assertions

from __future__ import annotations

from datetime import timedelta

import pytest

from syncd.channel.port import ChannelOrder, OrderStatus, ReadsOrders
from syncd.identity import ListingId
from syncd.testkit.channel_listing_cases import UNICODE_SKU
from syncd.testkit.channel_reading import all_orders, first_orders, needs, order_pages, settle
from syncd.testkit.channel_rig import ChannelRig


def order_of_line(orders: dict[str, ChannelOrder], line_id: str) -> ChannelOrder:
    """The order that holds the line, whatever its own id has become."""
    holders = [one for one in orders.values() if line_id in {line.line_id for line in one.lines}]
    assert holders, f"no order holds line {line_id} any more; a line's id never changes"
    return max(holders, key=lambda one: one.modified_at)


class OrderCases:
    """fetch_orders and fetch_order."""

    @pytest.fixture
    async def gloves(self, rig: ChannelRig) -> ListingId:
        """A listing with plenty in stock."""
        return await rig.add_listing("GLOVE-X", 100, title="Barbecue gloves")

    async def test_no_orders_are_one_empty_page(self, rig: ChannelRig) -> None:
        """A channel without orders answers with one empty page and a cursor to go on from."""
        page = await first_orders(rig)
        assert (page.orders, page.has_more) == ((), False)
        assert page.cursor, "there is a cursor to go on from even when there was nothing"

    async def test_one_order_comes_whole(self, rig: ChannelRig, gloves: ListingId) -> None:
        """Status, times, line, price and total of an order arrive as the channel has them."""
        before = rig.clock.now().replace(microsecond=0)
        order_id = await rig.sell(gloves, 3)
        after = rig.clock.now()
        await settle(rig)
        orders = await all_orders(rig)
        assert list(orders) == [order_id], "fetch_orders and sell disagree about the order's id"
        order = orders[order_id]
        assert order.status is OrderStatus.PAID
        assert before <= order.created_at <= order.modified_at <= after, "the order's times are the shop's"
        assert order.created_at.utcoffset() == order.modified_at.utcoffset() == timedelta(0)
        (line,) = order.lines
        assert (line.listing_id, line.sku, line.quantity) == (gloves, "GLOVE-X", 3)
        assert (line.cancelled, line.refunded) == (0, 0)
        assert line.decremented in (None, 3), "the channel has taken the line off its number"
        assert line.unit_price.amount > 0
        assert order.total.amount >= line.unit_price.times(3).amount
        assert order.number
        assert order.buyer.buyer_id

    async def test_many_pages_bring_every_order(self, rig: ChannelRig, gloves: ListingId) -> None:
        """Two full pages of orders and one more arrive, oldest change first."""
        placed = []
        for _ in range(2 * rig.orders_per_page + 1):
            placed.append(await rig.sell(gloves, 1))
            await rig.pass_time(5)
        await settle(rig)
        pages = await order_pages(rig)
        told = [order for page in pages for order in page.orders]
        assert {order.order_id for order in told} == set(placed)
        assert len(pages) >= 3, "the rig's orders_per_page is larger than the channel's pages really are"
        for page in pages:
            assert len(page.orders) <= rig.orders_per_page, "the rig's orders_per_page is too small"
            changes = [order.modified_at for order in page.orders]
            assert changes == sorted(changes), "within a page the oldest change comes first"

    async def test_equal_timestamps_across_a_page_edge_are_seen(self, rig: ChannelRig, gloves: ListingId) -> None:
        """Orders of the very same moment that do not fit one page are all seen."""
        placed = {await rig.sell(gloves, 1) for _ in range(2 * rig.orders_per_page + 1)}
        await settle(rig)
        assert set(await all_orders(rig)) == placed

    async def test_the_same_order_page_twice_is_equal(self, rig: ChannelRig, gloves: ListingId) -> None:
        """The same cursor gives the same orders while nothing changes."""
        for _ in range(rig.orders_per_page + 1):
            await rig.sell(gloves, 1)
            await rig.pass_time(5)
        await settle(rig)
        first = await first_orders(rig)
        assert (await first_orders(rig)).orders == first.orders
        second = await first_orders(rig, first.cursor)
        assert (await first_orders(rig, first.cursor)).orders == second.orders

    async def test_a_change_between_two_polls_is_seen(self, rig: ChannelRig, gloves: ListingId) -> None:
        """An order paid after it was first read comes again, even in the moment of the first poll."""
        await rig.sell(gloves, 2, paid=False)
        await settle(rig)
        first = (await order_pages(rig))[-1]
        (unpaid,) = first.orders
        paid_id = await rig.pay_order(unpaid.order_id)
        await settle(rig)
        orders = await all_orders(rig, first.cursor)
        assert paid_id in orders, "the change was not told"
        assert orders[paid_id].status is OrderStatus.PAID

    async def test_a_sale_in_the_moment_of_a_poll_is_seen(self, rig: ChannelRig, gloves: ListingId) -> None:
        """A sale in the same instant as a poll, just after it, is told by the next poll."""
        early = await rig.sell(gloves, 1)
        polled = (await order_pages(rig))[-1]
        late = await rig.sell(gloves, 1)
        await settle(rig)
        seen = {order.order_id for order in polled.orders} | set(await all_orders(rig, polled.cursor))
        assert seen == {early, late}

    async def test_a_change_while_pages_are_read_hides_nothing(self, rig: ChannelRig, gloves: ListingId) -> None:
        """When an order already read changes between two pages, the others do not slip past the reader."""
        for _ in range(2 * rig.orders_per_page + 1):
            await rig.sell(gloves, 1, paid=False)
            await rig.pass_time(5)
        await settle(rig)
        first = await first_orders(rig)
        lines = {line.line_id for page in await order_pages(rig) for one in page.orders for line in one.lines}
        await rig.pay_order(first.orders[0].order_id)
        rest = await order_pages(rig, first.cursor)
        await settle(rig)
        later = await order_pages(rig, rest[-1].cursor)
        told = {line.line_id for page in [first, *rest, *later] for one in page.orders for line in one.lines}
        assert told == lines
        paid = [one for page in [*rest, *later] for one in page.orders if one.status is OrderStatus.PAID]
        assert [line.line_id for one in paid[:1] for line in one.lines] == [
            line.line_id for line in first.orders[0].lines
        ], "the change itself was not told"

    async def test_the_watermark_never_runs_ahead(self, rig: ChannelRig, gloves: ListingId) -> None:
        """The watermark stays behind now by the order list's lag, and reaches a quiet channel's past."""
        sold_at = rig.clock.now()
        await rig.sell(gloves, 1)
        lag = timedelta(seconds=rig.channel.capabilities.order_lag_seconds)
        for _ in range(2):
            for page in await order_pages(rig):
                if page.watermark_at is not None:
                    assert page.watermark_at <= rig.clock.now() - lag, "orders younger than the lag may be missing"
            await rig.pass_time(lag.total_seconds() + 60)
        last = (await order_pages(rig))[-1]
        assert last.watermark_at is not None, "a poll that is complete says up to when"
        assert last.watermark_at > sold_at, "the watermark never passes what was delivered long ago"

    async def test_an_unpaid_order_comes_as_unpaid(self, rig: ChannelRig, gloves: ListingId) -> None:
        """Unpaid orders are told, as UNPAID; paid later they keep their lines' ids."""
        order_id = await rig.sell(gloves, 2, paid=False)
        await settle(rig)
        orders = await all_orders(rig)
        assert order_id in orders, "unpaid orders are told too: their units are promised"
        unpaid = orders[order_id]
        assert unpaid.status is OrderStatus.UNPAID
        (line,) = unpaid.lines
        if line.decremented is not None:
            assert line.decremented == (2 if rig.channel.capabilities.decrements_unpaid else 0)
        await rig.pay_order(order_id)
        await settle(rig)
        assert order_of_line(await all_orders(rig), line.line_id).status is OrderStatus.PAID

    async def test_a_cancelled_order_comes_as_cancelled(self, rig: ChannelRig, gloves: ListingId) -> None:
        """A cancelled order is told as CANCELLED, with what the channel put back."""
        order_id = await rig.sell(gloves, 2)
        await settle(rig)
        (line,) = (await all_orders(rig))[order_id].lines
        await rig.cancel_order(order_id)
        await settle(rig)
        cancelled = order_of_line(await all_orders(rig), line.line_id)
        assert cancelled.status is OrderStatus.CANCELLED
        if cancelled.lines[0].decremented is not None:
            expected = 0 if rig.channel.capabilities.restocks_cancelled else 2
            assert cancelled.lines[0].decremented == expected

    async def test_a_line_without_sku_keeps_the_order(self, rig: ChannelRig, gloves: ListingId) -> None:
        """An order whose line has no SKU, or whose listing is gone, arrives whole beside its neighbour."""
        odd = await rig.place_order_without_sku()
        plain = await rig.sell(gloves, 1)
        await settle(rig)
        orders = await all_orders(rig)
        assert set(orders) == {odd, plain}
        (line,) = orders[odd].lines
        assert line.sku is None
        assert line.quantity >= 1
        assert line.line_id

    async def test_a_sku_beyond_ascii_survives_in_an_order(self, rig: ChannelRig) -> None:
        """The SKU of an order line is the SKU of the listing, letter by letter."""
        order_id = await rig.sell(await rig.add_listing(UNICODE_SKU, 5), 1)
        await settle(rig)
        assert [line.sku for line in (await all_orders(rig))[order_id].lines] == [UNICODE_SKU]

    @needs(ReadsOrders)
    async def test_one_order_is_read_by_its_id(self, rig: ChannelRig, gloves: ListingId) -> None:
        """fetch_order tells what the list tells, and None for an order nobody placed."""
        channel = rig.channel
        assert isinstance(channel, ReadsOrders)
        order_id = await rig.sell(gloves, 2)
        await settle(rig)
        assert await channel.fetch_order(order_id) == (await all_orders(rig))[order_id]
        assert await channel.fetch_order(rig.unknown_order_id()) is None

    async def test_the_buyers_language_is_as_declared(self, rig: ChannelRig, gloves: ListingId) -> None:
        """Where orders name the buyer's language it is told; where they do not, none is invented."""
        order_id = await rig.sell(gloves, 1)
        await settle(rig)
        language = (await all_orders(rig))[order_id].buyer.language
        assert bool(language) == rig.channel.capabilities.names_buyer_language, f"language is {language!r}"

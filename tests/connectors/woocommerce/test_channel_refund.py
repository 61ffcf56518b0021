"""Refunds through the channel against the stand-in: paid once, booked for a person, refused, under way."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.woocommerce.channel import WooCommerceChannel
from connectors.woocommerce.sandbox import Sandbox
from syncd.channel.port import ChannelOrder, OrderStatus, RefundLine, RefundRequest, RefundVerdict
from syncd.errors import ChannelUnavailable
from syncd.identity import Money
from tests.connectors.woocommerce.conftest import Connect


def refund_of(order: ChannelOrder, quantity: int = 1, amount: str | None = None) -> RefundRequest:
    """Some units of the order's only line."""
    (line,) = order.lines
    money = Money(Decimal(amount), "EUR") if amount else line.unit_price.times(quantity)
    return RefundRequest(order.order_id, "R-7", "Out of stock", (RefundLine(line.line_id, quantity, money),), money)


async def bought(channel: WooCommerceChannel, sandbox: Sandbox, payment_method: str = "testpay") -> ChannelOrder:
    """An order of two gloves out of five."""
    sandbox.add_product("GLOVE-X", quantity=5)
    order = await channel.fetch_order(await sandbox.sell(sku="GLOVE-X", quantity=2, payment_method=payment_method))
    assert order is not None
    return order


async def test_the_same_refund_twice_pays_once(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """The shop would pay again; the reference is looked for before."""
    request = refund_of(await bought(channel, sandbox))
    first, second = await channel.refund(request), await channel.refund(request)
    assert first == second
    assert first.verdict is RefundVerdict.DONE
    (row,) = sandbox.shop.orders[int(request.order_id)].refunds
    assert (row.amount, row.reason) == (Decimal(10), "Out of stock (ref R-7)")


async def test_a_refund_of_all_keeps_the_stock_as_it_is(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """The order becomes refunded, the units stay off the shop's number, and the order says so."""
    order = await bought(channel, sandbox)
    await channel.refund(refund_of(order, quantity=2))
    after = await channel.fetch_order(order.order_id)
    assert after is not None
    assert (after.status, after.lines[0].refunded, after.lines[0].decremented) == (OrderStatus.CANCELLED, 2, 2)
    assert sandbox.shop.by_sku("GLOVE-X").quantity == 3  # type: ignore[union-attr]


@pytest.mark.parametrize("payment_method", ["bacs", "cod"])
async def test_a_gateway_that_cannot_refund_needs_a_person(
    channel: WooCommerceChannel, sandbox: Sandbox, payment_method: str
) -> None:
    """The refund is booked in the shop without asking the gateway, and somebody has to send the money."""
    request = refund_of(await bought(channel, sandbox, payment_method))
    made = await channel.refund(request)
    assert (made.verdict, bool(made.refund_id)) == (RefundVerdict.NEEDS_PERSON, True)
    assert await channel.find_refund(request) == made


async def test_a_declined_refund_is_a_refusal(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """HTTP 500 with WooCommerce's own code is for good; the shop has removed the row again."""
    request = refund_of(await bought(channel, sandbox))
    sandbox.shop.switches.gateway_declines = True
    made = await channel.refund(request)
    assert made.verdict is RefundVerdict.REFUSED
    assert "declined" in made.message
    assert await channel.find_refund(request) is None


async def test_a_refund_under_way_is_pending(connected: Connect, channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """After a timeout the row is there without payment and meta data: it must not be sent again."""
    request = refund_of(await bought(channel, sandbox))
    sandbox.shop.switches.gateway_seconds = 0.8
    with pytest.raises(ChannelUnavailable):
        await connected(timeout_seconds=0.3).refund(request)
    found = await channel.find_refund(request)
    assert found is not None
    assert found.verdict is RefundVerdict.PENDING
    assert await channel.refund(request) == found


async def test_refunds_of_unknown_orders_are_refused(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """No order, no refund, no fault."""
    request = RefundRequest("999999", "R-7", "Out of stock", (), Money(Decimal(5), "EUR"))
    assert (await channel.refund(request)).verdict is RefundVerdict.REFUSED
    assert await channel.find_refund(request) is None


async def test_a_taxed_refund_gives_back_what_was_paid(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """The unit price holds the tax, and the shop books net and tax apart."""
    sandbox.shop.switches.tax_percent = 22.0
    order = await bought(channel, sandbox)
    assert order.lines[0].unit_price.amount == Decimal("12.20")
    assert (await channel.refund(refund_of(order))).verdict is RefundVerdict.DONE
    (row,) = sandbox.shop.orders[int(order.order_id)].refunds
    assert (row.amount, row.lines[0].total, row.lines[0].tax) == (Decimal("12.20"), Decimal(-10), Decimal("-2.20"))

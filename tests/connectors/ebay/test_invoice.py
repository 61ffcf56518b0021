"""One invoice for several unpaid orders: combined once and sent once, whatever goes wrong between."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.ebay.channel import EbayChannel
from connectors.ebay.sandbox import EbaySandbox
from syncd.channel.port import InvoiceRequest, InvoicesBuyers
from syncd.errors import ChannelRefused, ChannelUnavailable
from syncd.identity import Money

BUYER = {"id": "anna"}


def euros(amount: str) -> Money:
    """An amount in EUR."""
    return Money(Decimal(amount), "EUR")


def two_orders(sandbox: EbaySandbox, *, buyers: tuple[dict[str, str], dict[str, str]] = (BUYER, BUYER)) -> list[str]:
    """Two unpaid orders of one line each; returns their lines."""
    lines: list[str] = []
    for buyer in buyers:
        item = sandbox.add_listing(quantity=5, price="9.90")["item_id"]
        order = sandbox.sell([{"item_id": item, "quantity": 1}], buyer, paid=False)
        lines.append(order["lines"][0]["line_id"])
    return lines


def asked(lines: list[str]) -> InvoiceRequest:
    """The invoice over these lines."""
    return InvoiceRequest(tuple(lines), euros("6.90"), "IT_ExpressCourier", "Grazie & a presto", euros("26.70"))


async def test_orders_become_one_with_one_price_for_shipping(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """AddOrder, then SendInvoice; the buyer owes both goods and shipping once, and the lines keep their ids."""
    assert isinstance(channel, InvoicesBuyers)
    lines = two_orders(sandbox)
    assert not await channel.is_invoiced(asked(lines))
    await channel.send_invoice(asked(lines))
    (sent,) = sandbox.state()["invoices"]
    assert (sorted(sent["lines"]), sent["shipping"], sent["total"]) == (sorted(lines), "6.90", "26.70")
    assert await channel.is_invoiced(asked(lines))
    order = await channel.fetch_order(sent["order_id"])
    assert order is not None
    assert sorted(line.line_id for line in order.lines) == sorted(lines)
    assert order.total == euros("26.70")


async def test_a_repeat_sends_nothing_more(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """Asked again, the buyer is not mailed again."""
    lines = two_orders(sandbox)
    for _ in range(3):
        await channel.send_invoice(asked(lines))
    assert len(sandbox.state()["invoices"]) == 1


@pytest.mark.parametrize("call", ["AddOrder", "SendInvoice"])
async def test_an_answer_lost_on_the_way_is_found_out(sandbox: EbaySandbox, channel: EbayChannel, call: str) -> None:
    """The call was applied and its answer never came: the next try goes on from there, and one invoice is sent."""
    lines = two_orders(sandbox)
    sandbox.fail("cut_after", call=call)
    with pytest.raises(ChannelUnavailable):
        await channel.send_invoice(asked(lines))
    assert await channel.is_invoiced(asked(lines)) is (call == "SendInvoice")
    await channel.send_invoice(asked(lines))
    assert len(sandbox.state()["invoices"]) == 1


async def test_what_was_paid_meanwhile_is_not_invoiced(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """One of the two is paid before the invoice goes out: it is refused in words, and nothing is combined."""
    lines = two_orders(sandbox)
    sandbox.change_order(lines[0], "pay")
    with pytest.raises(ChannelRefused, match="no longer unpaid"):
        await channel.send_invoice(asked(lines))
    assert sandbox.state()["invoices"] == []
    assert len(sandbox.state()["orders"]) == 2


async def test_two_buyers_are_never_combined(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """The stand-in refuses as eBay does."""
    lines = two_orders(sandbox, buyers=(BUYER, {"id": "bruno"}))
    with pytest.raises(ChannelRefused):
        await channel.send_invoice(asked(lines))
    assert sandbox.state()["invoices"] == []

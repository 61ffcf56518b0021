"""Refunds through the Fulfillment API, and messages to buyers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from connectors.ebay.channel import EbayChannel
from connectors.ebay.mapping_refunds import refused_refund
from connectors.ebay.sandbox import EXAMPLE_AUTH_TOKEN, EbaySandbox
from syncd.channel.port import BuyerMessage, RefundLine, RefundRequest, RefundVerdict
from syncd.errors import ChannelAuthFailed, ChannelUnavailable
from syncd.identity import ListingId, Money
from syncd.testkit.fake_clock import FakeClock

Connect = Callable[..., EbayChannel]


def euros(amount: str) -> Money:
    """So many euros."""
    return Money(Decimal(amount), "EUR")


@pytest.fixture
def order(sandbox: EbaySandbox) -> dict[str, Any]:
    """A paid order of two lines, 9.90 and 5.00."""
    first = sandbox.add_listing(sku="GLOVE-X", quantity=5, price="9.90")["item_id"]
    second = sandbox.add_listing(sku="TONGS", quantity=5, price="5.00")["item_id"]
    return sandbox.sell([{"item_id": first, "quantity": 1}, {"item_id": second, "quantity": 1}])


def of_lines(
    order: dict[str, Any], *amounts: str, reference: str = "case-1", total: str | None = None
) -> RefundRequest:
    """A refund of the order's first lines."""
    lines = tuple(
        RefundLine(line["line_id"], 1, euros(amount)) for line, amount in zip(order["lines"], amounts, strict=False)
    )
    whole = total or str(sum(Decimal(amount) for amount in amounts))
    return RefundRequest(order["order_id"], reference, "Esaurito", lines, euros(whole))


async def test_a_refund_is_pending_until_ebay_has_paid(
    sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock, order: dict[str, Any]
) -> None:
    """issue_refund is asynchronous: PENDING, then DONE under the same id."""
    request = of_lines(order, "9.90")
    started = await channel.refund(request)
    assert started.verdict is RefundVerdict.PENDING
    found = await channel.find_refund(request)
    assert found is not None
    assert (found.verdict, found.refund_id) == (RefundVerdict.PENDING, started.refund_id)
    await clock.tick(1)
    found = await channel.find_refund(request)
    assert found is not None
    assert (found.verdict, found.refund_id) == (RefundVerdict.DONE, started.refund_id)
    assert sandbox.state()["orders"][0]["refunded"] == "9.90"


async def test_more_than_the_lines_is_refunded_for_the_order(
    channel: EbayChannel, clock: FakeClock, order: dict[str, Any]
) -> None:
    """An amount the lines do not explain (here 1.00 goodwill) goes as an order-level refund and is found as one."""
    request = of_lines(order, "9.90", total="10.90")
    assert (await channel.refund(request)).verdict is RefundVerdict.PENDING
    await clock.tick(1)
    found = await channel.find_refund(request)
    assert found is not None
    assert found.verdict is RefundVerdict.DONE


async def test_a_refund_from_before_a_restart_is_found_by_line_and_amount(
    channel: EbayChannel, open_channel: Connect, order: dict[str, Any]
) -> None:
    """Another process, knowing no refund id, finds it by what was refunded, and no other."""
    made = await channel.refund(of_lines(order, "9.90", "5.00"))
    fresh = open_channel()
    found = await fresh.find_refund(of_lines(order, "9.90", "5.00"))
    assert found is not None
    assert found.refund_id == made.refund_id
    assert await open_channel().find_refund(of_lines(order, "9.90")) is None


async def test_a_second_refund_waits_for_the_first(
    channel: EbayChannel, clock: FakeClock, order: dict[str, Any]
) -> None:
    """While one refund is in work eBay takes no other (34922): later, not never."""
    await channel.refund(of_lines(order, "9.90"))
    with pytest.raises(ChannelUnavailable):
        await channel.refund(of_lines(order, "5.00", reference="case-2"))
    await clock.tick(1)
    assert (await channel.refund(of_lines(order, "4.00", reference="case-2"))).verdict is RefundVerdict.PENDING


async def test_a_refund_that_fails_later_needs_a_person(
    sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock, order: dict[str, Any]
) -> None:
    """What eBay took and could not pay is put before somebody."""
    sandbox.switch(refund_fails=True)
    request = of_lines(order, "9.90")
    await channel.refund(request)
    await clock.tick(1)
    found = await channel.find_refund(request)
    assert found is not None
    assert found.verdict is RefundVerdict.NEEDS_PERSON


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (34917, RefundVerdict.DONE),
        (34915, RefundVerdict.REFUSED),
        (34920, RefundVerdict.NEEDS_PERSON),
        (34916, RefundVerdict.NEEDS_PERSON),
        (34927, RefundVerdict.NEEDS_PERSON),
        (34901, RefundVerdict.REFUSED),
    ],
)
def test_a_refusal_is_told_by_its_code(code: int, verdict: RefundVerdict) -> None:
    """Already refunded is done; what eBay cannot pay itself goes to a person; the rest is refused."""
    assert refused_refund([code], "why").verdict is verdict


async def test_a_refund_needs_an_oauth_token(open_channel: Connect, order: dict[str, Any]) -> None:
    """REST takes no Auth'n'Auth token: told before anything is sent."""
    channel = open_channel(iaf_token=None, auth_token=EXAMPLE_AUTH_TOKEN)
    with pytest.raises(ChannelAuthFailed, match="OAuth user token"):
        await channel.refund(of_lines(order, "9.90"))


async def test_a_repeated_message_is_sent_once(
    sandbox: EbaySandbox, channel: EbayChannel, order: dict[str, Any]
) -> None:
    """The same reference again is recognised by its InvocationID and counts as sent."""
    message = BuyerMessage(
        order_id=order["order_id"],
        listing_id=ListingId(order["lines"][0]["item_id"]),
        buyer_id="buyer_0001",
        subject="Il tuo ordine",
        body="Buongiorno.",
        reference="case-1/message",
    )
    for _ in range(2):
        await channel.message_buyer(message)
    assert [sent["Body"] for sent in sandbox.account.messages] == ["Buongiorno."]

"""Parcels, the cancellation check and signed refunds, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from connectors.ebay.channel import EbayChannel
from connectors.ebay.mapping_shipment import carrier, complete_sale_requests
from connectors.ebay.sandbox import EbaySandbox
from connectors.ebay.sandbox_signature import EXAMPLE_SIGNING_JWE, EXAMPLE_SIGNING_KEY
from syncd.channel.port import OrderStatus, RefundLine, RefundRequest, RefundVerdict, Shipment, ShippedLine
from syncd.errors import ChannelRefused, ChannelUnavailable, ConfigError
from syncd.identity import Money
from syncd.testkit.fake_clock import FakeClock

Connect = Callable[..., EbayChannel]


@pytest.fixture
def order(sandbox: EbaySandbox) -> dict[str, Any]:
    """A paid order of two lines."""
    first = sandbox.add_listing(sku="GLOVE-X", quantity=5, price="9.90")["item_id"]
    second = sandbox.add_listing(sku="TONGS", quantity=5, price="5.00")["item_id"]
    return sandbox.sell([{"item_id": first, "quantity": 1}, {"item_id": second, "quantity": 2}])


def parcel(order: dict[str, Any], clock: FakeClock, *positions: int, **changes: Any) -> Shipment:
    """A parcel with some of the order's lines."""
    lines = tuple(ShippedLine(order["lines"][at]["line_id"], order["lines"][at]["quantity"]) for at in positions)
    given = {"carrier": "BRT", "tracking_number": "0123 456-X", **changes}
    return Shipment(order["order_id"], "parcel-1", lines, clock.now(), **given)


def parcels(sandbox: EbaySandbox) -> Any:
    """What the stand-in knows of each line."""
    return sandbox.state()["orders"][0]["parcels"]


async def test_a_parcel_with_everything_ships_the_order(
    sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock, order: dict[str, Any]
) -> None:
    """Every line gets carrier and number as eBay names them, and the order is read back as shipped."""
    await channel.acknowledge_shipment(parcel(order, clock, 0, 1))
    assert parcels(sandbox) == {line["line_id"]: ["Bartolini", "0123 456-X"] for line in order["lines"]}
    read = await channel.fetch_order(order["order_id"])
    assert read is not None
    assert read.status is OrderStatus.SHIPPED


async def test_a_part_ships_its_lines_only(
    sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock, order: dict[str, Any]
) -> None:
    """The other line waits for its own parcel; the same parcel again, with another number, replaces."""
    await channel.acknowledge_shipment(parcel(order, clock, 0))
    await channel.acknowledge_shipment(parcel(order, clock, 0, tracking_number="NEW1"))
    assert parcels(sandbox) == {order["lines"][0]["line_id"]: ["Bartolini", "NEW1"]}
    read = await channel.fetch_order(order["order_id"])
    assert read is not None
    assert read.status is OrderStatus.PAID


async def test_a_parcel_nobody_can_follow_is_shipped_all_the_same(
    sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock, order: dict[str, Any]
) -> None:
    """Without a number no carrier is sent either: eBay takes them together only."""
    await channel.acknowledge_shipment(parcel(order, clock, 0, tracking_number=""))
    assert parcels(sandbox) == {order["lines"][0]["line_id"]: ["", ""]}


async def test_what_was_said_before_is_no_fault(
    sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock, order: dict[str, Any]
) -> None:
    """21919444: marked before."""
    sandbox.fail("code:21919444", call="CompleteSale")
    await channel.acknowledge_shipment(parcel(order, clock, 0))


async def test_an_unknown_order_is_refused(channel: EbayChannel, clock: FakeClock, order: dict[str, Any]) -> None:
    """20822: the line is not eBay's."""
    stranger = Shipment("1", "p", (ShippedLine("1-2", 1),), clock.now())
    with pytest.raises(ChannelRefused):
        await channel.acknowledge_shipment(stranger)


@pytest.mark.parametrize(
    ("name", "ebays"),
    [
        *(("BRT", "Bartolini"), ("Poste Italiane", "PosteItaliane"), ("SDA", "SDA"), ("GLS", "GLS")),
        *(("dhl express", "DHL"), ("UPS", "UPS"), ("Corriere d'Oro!", "Corriere dOro"), ("", "Other"), ("€", "Other")),
    ],
)
def test_carriers_have_ebays_names(name: str, ebays: str) -> None:
    """Known ones by its code list, others by their own letters and digits."""
    assert carrier(name) == ebays


def test_a_number_keeps_only_what_ebay_takes(clock: FakeClock) -> None:
    """Letters, digits, and on the Italian site space and dash."""
    (request,) = complete_sale_requests(
        Shipment("1", "p", (ShippedLine("1-2", 1), ShippedLine("1-2", 1)), clock.now(), "SDA", " 12/34#<ab> ")
    )
    assert request["Shipment"]["ShipmentTrackingDetails"]["ShipmentTrackingNumber"] == "1234ab"


async def test_an_order_can_be_cancelled_at_a_price(channel: EbayChannel, order: dict[str, Any]) -> None:
    """Eligible, and what it costs the seller is said with it."""
    said = await channel.check_cancellation(order["order_id"])
    assert said.is_possible
    assert "defect" in said.costs


async def test_a_shipped_order_cannot_be_cancelled(
    sandbox: EbaySandbox, channel: EbayChannel, order: dict[str, Any]
) -> None:
    """The reason comes as a sentence."""
    sandbox.change_order(order["order_id"], "ship")
    said = await channel.check_cancellation(order["order_id"])
    assert (said.is_possible, said.why_not) == (False, "the order was sent already")


@pytest.mark.parametrize(
    ("switch", "sentence"),
    [("UNSUPPORTED_SITE", "Seller Hub"), ("CASE_EXIST", "opened a case"), ("SOMETHING_NEW", "SOMETHING_NEW")],
)
async def test_a_reason_is_told(
    sandbox: EbaySandbox, channel: EbayChannel, order: dict[str, Any], switch: str, sentence: str
) -> None:
    """Whether Italy is served is not settled: eBay's own word is passed on, also one nobody has listed."""
    sandbox.switch(cancellation_check=switch)
    assert sentence in (await channel.check_cancellation(order["order_id"])).why_not


async def test_where_the_check_is_not_served_it_says_so(
    sandbox: EbaySandbox, channel: EbayChannel, order: dict[str, Any]
) -> None:
    """eBay's own sandbox answers 501: refused for good, not tried again."""
    sandbox.switch(cancellation_check="501")
    with pytest.raises(ChannelRefused, match="does not serve"):
        await channel.check_cancellation(order["order_id"])


def refund_of(order: dict[str, Any]) -> RefundRequest:
    """The first line's money."""
    amount = Money(Decimal("9.90"), "EUR")
    return RefundRequest(
        order["order_id"], "case-1", "Esaurito", (RefundLine(order["lines"][0]["line_id"], 1, amount),), amount
    )


async def test_a_signed_refund_is_taken(sandbox: EbaySandbox, open_channel: Connect, order: dict[str, Any]) -> None:
    """Where eBay demands a signature, a channel with the seller's key passes its check, body and all."""
    sandbox.switch(signature_required=True)
    channel = open_channel(signing_key=EXAMPLE_SIGNING_KEY, signing_jwe=EXAMPLE_SIGNING_JWE)
    assert (await channel.refund(refund_of(order))).verdict is RefundVerdict.PENDING


@pytest.mark.parametrize("jwe", [None, "another-key"])
async def test_an_unsigned_refund_is_refused_and_told(
    sandbox: EbaySandbox, open_channel: Connect, order: dict[str, Any], jwe: str | None
) -> None:
    """Without a key, or with one eBay does not know, no money moves and eBay's words reach the person."""
    sandbox.switch(signature_required=True)
    keys = {"signing_key": EXAMPLE_SIGNING_KEY, "signing_jwe": jwe} if jwe else {}
    said = await open_channel(**keys).refund(refund_of(order))
    assert said.verdict is RefundVerdict.REFUSED
    assert "x-ebay-signature-key" in said.message
    assert sandbox.state()["orders"][0]["refunded"] == "0"


def test_a_wrong_signing_key_is_told_at_once(open_channel: Connect) -> None:
    """Not at the first refund: the channel does not even connect, and the text holds nothing of the key."""
    with pytest.raises(ConfigError, match="signing_key is not the private key") as caught:
        open_channel(signing_key="c2VjcmV0LXNlY3JldA==", signing_jwe="jwe")
    assert "c2VjcmV0" not in str(caught.value)


@pytest.mark.parametrize("code", ["34900", "34922", "34929"])
async def test_a_refund_that_may_pass_later_is_tried_later(
    sandbox: EbaySandbox, channel: EbayChannel, order: dict[str, Any], code: str
) -> None:
    """eBay's system, an earlier refund in work, a payment not settled: looked for, then asked again."""
    sandbox.fail(f"rest:{code}")
    with pytest.raises(ChannelUnavailable):
        await channel.refund(refund_of(order))


async def test_an_order_ebay_does_not_know_is_refused(channel: EbayChannel) -> None:
    """Post-Order writes its errors in the singular; they are read all the same."""
    with pytest.raises(ChannelRefused, match="not found"):
        await channel.check_cancellation("24-99999-99999")

"""Notes and parcels through the connector: who reads them, that none comes twice, and when an order is complete."""

from __future__ import annotations

import html

import pytest

from connectors.woocommerce.channel import WooCommerceChannel
from connectors.woocommerce.sandbox import Sandbox
from connectors.woocommerce.sandbox_faults import Fault
from connectors.woocommerce.sandbox_shop import Order
from syncd.channel.port import OrderStatus, Shipment, ShippedLine
from syncd.errors import ChannelRefused, ChannelUnavailable
from syncd.testkit.fake_clock import START_AT
from tests.connectors.woocommerce.conftest import Caller, Connect


@pytest.fixture
async def order(sandbox: Sandbox) -> Order:
    """A paid order of three gloves."""
    (glove,) = sandbox.add_product("GLOVE-X", "Grill <Gloves> & more", quantity=10)
    return sandbox.shop.orders[int(await sandbox.sell(listing_id=glove, quantity=3))]


def parcel(order: Order, quantity: int, reference: str = "P-1", number: str = "1Z999") -> Shipment:
    """So many of the gloves in one parcel."""
    lines = (ShippedLine(str(order.lines[0].id), quantity),)
    return Shipment(str(order.id), reference, lines, START_AT, "BRT", number)


def written(order: Order, *, to_customer: bool) -> list[str]:
    """The notes of a kind that were written through REST, as people read them."""
    theirs = ("Order status", "Stock levels")
    notes = [one for one in order.notes if one["customer_note"] is to_customer]
    return [html.unescape(one["note"]) for one in notes if not one["note"].startswith(theirs)]


async def test_a_note_is_for_the_shops_people_and_comes_once(
    channel: WooCommerceChannel, sandbox: Sandbox, order: Order
) -> None:
    """No mail goes out; the same reference again, also after a lost answer, adds nothing."""
    sandbox.faults.add(Fault("cut_after", method="POST", match="notes"))
    with pytest.raises(ChannelUnavailable):
        await channel.note_order(str(order.id), "Short by 1 < 2", "case-1/note")
    for _ in range(2):
        await channel.note_order(str(order.id), "Short by 1 < 2", "case-1/note")
    await channel.note_order(str(order.id), "Refunded", "case-2/note")
    assert written(order, to_customer=False) == ["Short by 1 < 2 (case-1/note)", "Refunded (case-2/note)"]
    assert not sandbox.shop.mails


async def test_a_note_about_no_order_is_refused(channel: WooCommerceChannel) -> None:
    """The shop's own code says so."""
    with pytest.raises(ChannelRefused) as refused:
        await channel.note_order("999999", "x", "r")
    assert refused.value.code == "woocommerce_rest_shop_order_invalid_id"


async def test_part_of_an_order_leaves_it_open(
    channel: WooCommerceChannel, sandbox: Sandbox, order: Order, call: Caller
) -> None:
    """The customer is told what is on its way; only with the last parcel the order is complete."""
    await channel.acknowledge_shipment(parcel(order, 1))
    assert order.status == "processing"
    assert written(order, to_customer=True) == [
        "On its way to you: 1 × Grill <Gloves> & more, with BRT, tracking number 1Z999."
    ]
    await channel.acknowledge_shipment(parcel(order, 2, "P-2", "1Z998"))
    assert order.status == "completed"
    assert len(sandbox.shop.mails) == 2
    read = await channel.fetch_order(str(order.id))
    assert read is not None
    assert read.status is OrderStatus.SHIPPED


async def test_the_same_parcel_again_changes_nothing(
    channel: WooCommerceChannel, sandbox: Sandbox, order: Order
) -> None:
    """Whatever answer was lost on the way, one note and one completion; nothing is written any more."""
    for match in ("notes", f"orders/{order.id}"):
        sandbox.faults.add(Fault("cut_after", method="POST" if match == "notes" else "PUT", match=match))
        with pytest.raises(ChannelUnavailable):
            await channel.acknowledge_shipment(parcel(order, 3))
    modified = order.modified
    sandbox.shop.clock.advance(60)  # type: ignore[attr-defined]
    await channel.acknowledge_shipment(parcel(order, 3))
    assert (order.status, order.modified, len(written(order, to_customer=True))) == ("completed", modified, 1)


async def test_a_corrected_parcel_replaces_what_was_said(channel: WooCommerceChannel, order: Order) -> None:
    """Two of three were meant, not three: the order stays open, and the customer hears the right number."""
    await channel.acknowledge_shipment(parcel(order, 1, number="1Z997"))
    await channel.acknowledge_shipment(parcel(order, 2, number="1Z996"))
    assert order.status == "processing"
    await channel.acknowledge_shipment(parcel(order, 1, "P-2", ""))
    assert order.status == "completed"
    assert len(written(order, to_customer=True)) == 2


async def test_refunded_units_need_no_parcel(channel: WooCommerceChannel, order: Order, call: Caller) -> None:
    """Two sent and one refunded is all of three."""
    refund = {
        "amount": "10.00",
        "api_refund": False,
        "api_restock": False,
        "line_items": [{"id": order.lines[0].id, "quantity": 1, "refund_total": 10.0}],
    }
    assert (await call("POST", f"orders/{order.id}/refunds", refund))[0] == 201
    await channel.acknowledge_shipment(parcel(order, 2))
    assert order.status == "completed"


@pytest.mark.parametrize("status", ["cancelled", "refunded", "failed"])
async def test_an_order_that_has_ended_stays_ended(
    channel: WooCommerceChannel, sandbox: Sandbox, order: Order, status: str
) -> None:
    """Completed, it would take stock again or promise goods nobody pays for."""
    sandbox.set_order_status(str(order.id), status)
    await channel.acknowledge_shipment(parcel(order, 3))
    assert order.status == status


async def test_parcels_of_nothing_known_are_refused(channel: WooCommerceChannel, order: Order) -> None:
    """Neither an unknown order nor a line of another one is written down."""
    lines = (ShippedLine("999999", 1),)
    with pytest.raises(ChannelRefused, match="999999"):
        await channel.acknowledge_shipment(Shipment(str(order.id), "P-1", lines, START_AT))
    with pytest.raises(ChannelRefused, match="no order 77"):
        await channel.acknowledge_shipment(Shipment("77", "P-1", lines, START_AT))
    assert not order.meta


async def test_notes_speak_the_customers_language(connected: Connect, order: Order) -> None:
    """The shop's, as configured: its orders do not say what the customer speaks."""
    await connected(language="it").acknowledge_shipment(parcel(order, 3))
    assert written(order, to_customer=True) == [
        "In viaggio verso di te: 3 × Grill <Gloves> & more, con BRT, numero di spedizione 1Z999."
    ]

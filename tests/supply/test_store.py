"""Offers, feeds and purchase orders survive the store, and our orders are taken off a word that cannot know them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from syncd.channel.port import Address
from syncd.identity import ChannelName, Money, SupplierName
from syncd.supply.offer import Offer
from syncd.supply.port import PurchaseOutcome, PurchaseVerdict
from syncd.supply.purchase_order import Purchase, PurchaseOrder, PurchaseStatus
from syncd.supply.store import (
    Feed,
    confirm_offers,
    drop_offers,
    read_feed,
    read_offers,
    read_purchase_orders,
    save_feed,
    save_offers,
    save_purchase_order,
)
from syncd.testkit.fake_clock import START_AT
from tests.support.store import GLOVES, KIT, Store, opened_store

EBAY, NORD, SUED = ChannelName("ebay"), SupplierName("nord"), SupplierName("sued")
OFFER = Offer(NORD, "N-1", GLOVES, 10, START_AT, "Gloves", Money(Decimal("4.10"), "EUR"))
BUY = Purchase(NORD, "N-1", GLOVES, EBAY, "l1", 3)
DRAFT = PurchaseOrder("ebay:1/nord/1", NORD, "ebay:1", PurchaseStatus.DRAFT, START_AT, (BUY,))
SOON, BEFORE = START_AT + timedelta(minutes=10), START_AT - timedelta(minutes=10)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A new store."""
    async with opened_store(store_url) as opened:
        yield opened


async def ordered_since(store: Store) -> int:
    """Our units that the one offer of gloves does not know of."""
    async with store.db.read() as conn:
        return (await read_offers(conn, skus=[GLOVES]))[GLOVES][0].ordered_since


async def test_offers_come_back_as_they_were_saved(store: Store) -> None:
    """Every field survives, by SKU or by supplier; a dropped offer is gone, other suppliers' stay."""
    bare = Offer(NORD, "N-2", KIT, 0, START_AT)
    other = Offer(SUED, "N-1", GLOVES, 1, START_AT, confirmed_at=SOON)
    await store.writer.write(save_offers([OFFER, bare, other]), save_offers([]))
    async with store.db.read() as conn:
        assert await read_offers(conn) == {GLOVES: [OFFER, other], KIT: [bare]}
        assert await read_offers(conn, supplier=NORD) == {GLOVES: [OFFER], KIT: [bare]}
        assert await read_offers(conn, skus=[KIT]) == {KIT: [bare]}
        assert await read_offers(conn, skus=[]) == {}
    await store.writer.write(*drop_offers(NORD, ["N-1", "N-9"]), save_offers([replace(bare, sku=GLOVES, quantity=2)]))
    async with store.db.read() as conn:
        assert await read_offers(conn) == {GLOVES: [replace(bare, sku=GLOVES, quantity=2), other]}


async def test_a_feed_comes_back_as_it_was_saved(store: Store) -> None:
    """Every field survives; an unknown supplier has no feed."""
    feed = Feed(NORD, "v1", START_AT, SOON, stale=True, held_version="v2", released_version="v0")
    await store.writer.write(save_feed(feed))
    async with store.db.read() as conn:
        assert await read_feed(conn, NORD) == feed
        assert await read_feed(conn, SUED) is None


async def test_purchase_orders_come_back_as_they_were_saved(store: Store) -> None:
    """Every field and line survives, two articles for one order line too; a choice of status and supplier works."""
    address = Address("Mario Rossi", "Via Roma 1", "Roma", "00100", "RM", "IT")
    twins = (BUY, replace(BUY, supplier_sku="N-2", quantity=2))
    full = replace(DRAFT, purchases=twins, ship_to=address, attempts=2, next_attempt_at=SOON, message="try later")
    other = replace(DRAFT, reference="x", supplier=SUED, purchases=(), created_at=SOON)
    await store.writer.write(*save_purchase_order(full), *save_purchase_order(other))
    async with store.db.read() as conn:
        assert await read_purchase_orders(conn) == [full, other]
        assert await read_purchase_orders(conn, supplier=SUED) == [other]
    done = full.answered(PurchaseOutcome(PurchaseVerdict.PARTIAL, "PO-1", ((BUY.purchase_id, 1),)), SOON)
    await store.writer.write(*save_purchase_order(done))
    async with store.db.read() as conn:
        assert await read_purchase_orders(conn, status=PurchaseStatus.PARTIAL) == [done]
        assert await read_purchase_orders(conn, status=PurchaseStatus.DRAFT, supplier=NORD) == []


def answered(order: PurchaseOrder, accepted: int, at: datetime) -> PurchaseOrder:
    """The order with so many units accepted."""
    verdict = PurchaseVerdict.PARTIAL if accepted else PurchaseVerdict.REFUSED
    return order.answered(PurchaseOutcome(verdict, "PO-1", ((BUY.purchase_id, accepted),)), at)


OLD_DRAFT = replace(DRAFT, created_at=BEFORE)


@pytest.mark.parametrize(
    ("order", "units"),
    [
        (replace(DRAFT, created_at=SOON), 3),
        (DRAFT, 3),
        (OLD_DRAFT, 3),
        (answered(OLD_DRAFT, 2, BEFORE), 0),
        (answered(OLD_DRAFT, 2, START_AT), 2),
        (answered(OLD_DRAFT, 2, SOON), 2),
        (answered(DRAFT, 0, SOON), 0),
        (replace(DRAFT, status=PurchaseStatus.BY_HAND, created_at=SOON), 3),
        (replace(DRAFT, status=PurchaseStatus.BY_HAND, created_at=BEFORE), 0),
        (replace(DRAFT, purchases=(replace(BUY, supplier=SUED),)), 0),
        (replace(DRAFT, purchases=(replace(BUY, supplier_sku="N-2"),)), 0),
    ],
)
async def test_our_orders_that_a_word_cannot_know_are_taken_off(store: Store, order: PurchaseOrder, units: int) -> None:
    """Unsent orders always count, whenever made; answered ones count until he speaks again after his answer."""
    await store.writer.write(save_offers([OFFER]), *save_purchase_order(order))
    assert await ordered_since(store) == units


async def test_repeating_a_word_does_not_make_it_know_our_orders(store: Store) -> None:
    """A confirmed offer is younger, but what we ordered since it was said is still taken off."""
    order = answered(DRAFT, 3, SOON)
    await store.writer.write(save_offers([OFFER]), *save_purchase_order(order))
    later = SOON + timedelta(hours=1)
    await store.writer.write(confirm_offers(NORD, later))
    async with store.db.read() as conn:
        (offer,) = (await read_offers(conn))[GLOVES]
    assert (offer.as_of, offer.confirmed_at, offer.ordered_since) == (START_AT, later, 3)
    await store.writer.write(save_offers([replace(OFFER, quantity=7, as_of=later)]))
    assert await ordered_since(store) == 0

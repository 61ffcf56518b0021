"""Reservations and demands survive the way to the store and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.identity import ChannelName, ListingId, ListingKey
from syncd.reservation.hold import Demand, HoldStatus, Reservation
from syncd.reservation.store import (
    demand_of,
    read_channel_holds,
    read_demands,
    read_expired,
    read_reservations,
    read_short,
    reservation_of,
    save_demands,
    save_reservations,
    select_demands_of_lines,
    select_open_reservations,
)
from syncd.testkit.fake_clock import START_AT
from tests.support.store import GLOVES, KIT, Store, opened_store

EBAY, SHOP = ChannelName("ebay"), ChannelName("shop")
HELD = Reservation("r1", EBAY, "l1", "ebay:1", GLOVES, "main", 5, 1, 1, HoldStatus.HELD, START_AT)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A new store."""
    async with opened_store(store_url) as opened:
        yield opened


async def test_reservations_come_back_as_they_were_saved(store: Store) -> None:
    """Every field survives; saving again changes what may change and never when it was held."""
    unpaid = replace(HELD, reservation_id="r2", expires_at=START_AT + timedelta(hours=1), channel_holds=True)
    await store.writer.write(save_reservations([HELD, unpaid]), save_reservations([]))
    async with store.db.read() as conn:
        assert await read_reservations(conn, ["ebay:1"]) == [HELD, unpaid]
        assert await read_reservations(conn, []) == []
    paid = replace(unpaid.release(3), order_key="ebay:1+2", expires_at=None, channel_holds=False)
    await store.writer.write(save_reservations([replace(paid, held_at=START_AT + timedelta(days=1))]))
    async with store.db.read() as conn:
        assert await read_reservations(conn, ["ebay:1", "ebay:1+2"]) == [HELD, paid]
    assert paid.status is HoldStatus.RELEASED


async def test_open_reservations_are_those_of_the_sku_still_held(store: Store) -> None:
    """Ended promises and other SKUs are left out."""
    other = replace(HELD, reservation_id="r2", sku=KIT)
    ended = replace(HELD, reservation_id="r3").release(3)
    await store.writer.write(save_reservations([HELD, other, ended]))
    assert list(map(reservation_of, await store.looked(select_open_reservations(GLOVES)))) == [HELD]


async def test_demands_come_back_as_they_were_saved(store: Store) -> None:
    """Every field survives, and each way to ask finds the right ones."""
    short = Demand(EBAY, "l1", GLOVES, "ebay:1", 5, 2, 1, "sold twice", START_AT)
    covered = Demand(EBAY, "l1", KIT, "ebay:1", 1)
    elsewhere = Demand(SHOP, "l1", GLOVES, "shop:1", 1)
    await store.writer.write(save_demands([short, covered, elsewhere]))
    async with store.db.read() as conn:
        assert await read_short(conn) == [short]
        assert await read_demands(conn, ["shop:1"]) == [elsewhere]
    of_lines = [demand_of(row) for row in await store.rows(select_demands_of_lines([EBAY], ["l1", "l2"]))]
    assert sorted(of_lines, key=lambda one: one.sku) == [short, covered]


async def test_only_promises_whose_time_is_over_are_expired_oldest_first(store: Store) -> None:
    """Ended and unlimited promises never expire; the limit leaves the youngest for the next run."""
    rows = [
        replace(HELD, reservation_id=f"r{n}", expires_at=START_AT + timedelta(minutes=minutes))
        for n, minutes in enumerate([0, -2, -1, 1])
    ]
    rows += [replace(HELD, reservation_id="paid"), replace(rows[1], reservation_id="ended").release(3)]
    await store.writer.write(save_reservations(rows))
    async with store.db.read() as conn:
        assert await read_expired(conn, START_AT, 9) == [rows[1], rows[2], rows[0]]
        assert await read_expired(conn, START_AT, 2) == [rows[1], rows[2]]


async def test_units_a_channel_subtracts_itself_are_summed_by_sku_and_listing(store: Store) -> None:
    """Only open units of held promises that the channel holds itself count, for the listing they were sold through."""
    holding = replace(HELD, channel_holds=True, listing_id=ListingId("110"))
    rows = [
        holding,
        replace(holding, reservation_id="r2", quantity=3),
        replace(holding, reservation_id="r3", channel=SHOP),
        replace(holding, reservation_id="r4", sku=KIT),
        replace(holding, reservation_id="r5").release(3),
        replace(holding, reservation_id="r6", listing_id=ListingId("111")),
        replace(holding, reservation_id="r7", listing_id=None),
        replace(holding, reservation_id="r8", channel_holds=False),
    ]
    await store.writer.write(save_reservations(rows))
    async with store.db.read() as conn:
        assert await read_channel_holds(conn, [GLOVES]) == {
            (GLOVES, ListingKey(EBAY, ListingId("110"))): 4,
            (GLOVES, ListingKey(SHOP, ListingId("110"))): 3,
            (GLOVES, ListingKey(EBAY, ListingId("111"))): 3,
        }
        assert await read_channel_holds(conn, []) == {}

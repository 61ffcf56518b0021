"""The races between pushes and sales (R1 to R6), end to end: each ends with every listing true and no phantom unit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.telemetry import Event, counts
from syncd.testkit.channel_rig import Fault
from tests.support.rooms import MARKET, WEBSHOP, Rooms, Setup

LATE = replace(MARKET, order_lag_seconds=120)
"""A market whose order list is two minutes late, as eBay's."""


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A market and a webshop."""
    async with Rooms(tmp_path) as made:
        yield made


@pytest.fixture
async def late(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A market with a late order list, and a webshop."""
    async with Rooms(tmp_path, Setup({"market": LATE, "shop": WEBSHOP})) as made:
        yield made


async def test_r1_push_before_import(late: Rooms) -> None:
    """A sale whose order the list does not show yet is not painted over by a push computed without it."""
    market, shop = await late.both(5)
    late.shops["market"].sell(market, 1)
    await late.stock("X", 3)
    await late.settle()
    assert late.shown("market", market) <= 7
    assert late.shown("shop", shop) <= 8
    await late.quiet()
    assert (late.shown("market", market), late.shown("shop", shop)) == (7, 7)
    await late.assert_true()


async def test_r1_sold_counter_lowers_the_other_channel_before_the_order_comes(late: Rooms) -> None:
    """What the counter tells of is held at once: the webshop falls although no order has been seen."""
    market, shop = await late.both(5)
    late.shops["market"].sell(market, 2)
    await late.look("market", market)
    await late.settle()
    assert (late.shown("shop", shop), await late.held()) == (3, {"available": 3, "in-flight": 2})
    await late.quiet()
    assert await late.held() == {"available": 3, "reserved": 2}
    await late.assert_true()


@pytest.mark.parametrize("units", [5, 20])
async def test_r2_sale_while_a_push_is_on_its_way(rooms: Rooms, units: int) -> None:
    """A sale between computing and applying is erased by our number; it is found and put right."""
    market, _ = await rooms.both(units)
    await rooms.stock("X", -1)
    channel, shop = rooms.channels["market"], rooms.shops["market"]
    real = channel.push_quantities

    async def with_a_sale_before(updates):  # type: ignore[no-untyped-def]
        channel.push_quantities = real  # type: ignore[method-assign]
        shop.sell(market, 1)
        return await real(updates)

    channel.push_quantities = with_a_sale_before  # type: ignore[method-assign]
    before = counts()[Event.PUSH_CORRECTED]
    await rooms.settle()
    assert rooms.shown("market", market) == units - 2
    assert counts()[Event.PUSH_CORRECTED] - before == (1 if units == 5 else 0)
    await rooms.quiet(60)
    await rooms.assert_true()


async def test_r2_on_a_channel_without_counter(rooms: Rooms) -> None:
    """The webshop's own sale erased by our push is put right as soon as its order is in."""
    _, shop_listing = await rooms.both(5)
    await rooms.stock("X", -1)
    channel, shop = rooms.channels["shop"], rooms.shops["shop"]
    real = channel.push_quantities

    async def with_a_sale_before(updates):  # type: ignore[no-untyped-def]
        channel.push_quantities = real  # type: ignore[method-assign]
        shop.sell(shop_listing, 1)
        return await real(updates)

    channel.push_quantities = with_a_sale_before  # type: ignore[method-assign]
    await rooms.quiet(60)
    assert rooms.shown("shop", shop_listing) == 3
    await rooms.assert_true()


async def test_r3_a_newer_change_goes_out_instead_of_the_older_one(rooms: Rooms) -> None:
    """What waited behind a channel that was down goes out as it is now: no number of the past is ever sent."""
    market, _ = await rooms.both(9)
    rooms.shops["market"].down = True
    for left in (7, 4, 2):
        await rooms.stock("X", left - sum((await rooms.held()).values()))
        await rooms.settle()
    rooms.shops["market"].down = False
    before = rooms.pushes("market")
    await rooms.quiet(120)
    assert (rooms.shown("market", market), rooms.pushes("market") - before) == (2, 1)
    await rooms.assert_true()


@pytest.mark.parametrize("fault", [Fault.TIMEOUT_AFTER_APPLYING, Fault.TIMEOUT_BEFORE_APPLYING])
@pytest.mark.parametrize("name", ["market", "shop"])
async def test_r4_timeout_is_read_never_guessed(rooms: Rooms, fault: Fault, name: str) -> None:
    """A push without an answer is followed by a reading; applied or not, the listing ends true."""
    listings = dict(zip(("market", "shop"), await rooms.both(5), strict=True))
    rooms.shops[name].fail_next(fault, operation="push_quantities")
    await rooms.stock("X", -2)
    await rooms.settle()
    assert (await rooms.state(name, listings[name])).uncertain
    before = len(rooms.shops[name].calls)
    await rooms.quiet(60)
    calls = [call.operation for call in list(rooms.shops[name].calls)[before:] if call.operation != "fetch_orders"]
    assert calls[0] == "read_quantities"
    assert ("push_quantities" in calls) is (fault is Fault.TIMEOUT_BEFORE_APPLYING)
    assert rooms.shown(name, listings[name]) == 3
    await rooms.assert_true()


async def test_r5_a_shown_number_is_never_posted(rooms: Rooms) -> None:
    """A sale seen as a lower number and then as an order takes its units once."""
    market, shop = await rooms.both(5)
    rooms.shops["shop"].sell(shop, 2)
    await rooms.look("shop", shop)
    await rooms.quiet(60)
    assert await rooms.held() == {"available": 3, "reserved": 2}
    assert rooms.shown("market", market) == 3
    await rooms.assert_true()


async def test_r6_our_own_write_is_no_outside_edit(rooms: Rooms) -> None:
    """Reading what we wrote ourselves is no drift and causes no push."""
    market, shop = await rooms.both(5)
    await rooms.stock("X", -2)
    await rooms.settle()
    before = rooms.pushes("market"), rooms.pushes("shop")
    for name, listing_id in (("market", market), ("shop", shop)):
        await rooms.look(name, listing_id)
        assert (await rooms.listing(name, listing_id)).belief.disagreed_at is None
    await rooms.quiet(60)
    assert (rooms.pushes("market"), rooms.pushes("shop")) == before

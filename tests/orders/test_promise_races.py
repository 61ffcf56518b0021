"""Payment, expiry, picks and cancellations in one moment: every promise ends once, and the books stay sound."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.channel.port import OrderStatus
from syncd.ledger.location import Locations
from syncd.reservation.hold import HoldStatus
from syncd.scanner.scan import Scan
from syncd.scanner.service import ScanDesk
from tests.support.rooms import MAIN, WEBSHOP, Rooms, Setup

HOLD_SECONDS = 600
SHOP = Setup({"shop": replace(WEBSHOP, unpaid_expires_seconds=HOLD_SECONDS)})


async def unpaid(rooms: Rooms, units: int, stock: int = 5) -> str:
    """An unpaid order of so many of five, taken in."""
    await rooms.stock("X", stock)
    listing = await rooms.offer("shop", "X", stock)
    await rooms.settle()
    order_id = rooms.shops["shop"].sell(listing, units, paid=False)
    await rooms.settle()
    assert (await rooms.held())["reserved"] == units
    return order_id


def expire(rooms: Rooms) -> Awaitable[object]:
    """End what has lapsed."""
    return rooms.expiry.run_once(rooms.clock.now())


def take_in(rooms: Rooms) -> Awaitable[object]:
    """Look for orders."""
    return rooms.intakes["shop"].run_once(rooms.clock.now())


def pick(rooms: Rooms, order_id: str, units: int, number: int) -> Awaitable[object]:
    """Somebody takes units from the shelf for the order."""
    desk = ScanDesk(rooms.db, rooms.writer, rooms.clock, Locations((MAIN,)))
    told = {"scan_id": f"pick-{number}", "kind": "pick", "code": "X", "quantity": units, "order": f"shop:{order_id}"}
    scan = desk.read(told)
    assert isinstance(scan, Scan), scan
    return desk.post(scan)


@pytest.mark.parametrize("payment_first", [True, False])
async def test_paid_in_the_moment_it_lapses(store_url: str, tmp_path: Path, payment_first: bool) -> None:
    """Whichever is written first, the customer who paid has his units, held without an end, and held once."""
    rooms = Rooms(tmp_path, SHOP)
    rooms.url = store_url
    async with rooms:
        order_id = await unpaid(rooms, 2)
        rooms.clock.advance(HOLD_SECONDS)
        rooms.shops["shop"].pay_order(order_id)
        steps = [take_in(rooms), expire(rooms)]
        await asyncio.gather(*(steps if payment_first else reversed(steps)))
        await rooms.settle()
        [promise], _ = await rooms.promises()
        assert (promise.status, promise.open, promise.expires_at) == (HoldStatus.HELD, 2, None)
        assert await rooms.held() == {"available": 3, "reserved": 2}
        await rooms.assert_sound()


@pytest.mark.parametrize("cancelled_first", [True, False])
async def test_partly_sent_then_cancelled(store_url: str, tmp_path: Path, cancelled_first: bool) -> None:
    """Of three, one is picked in the moment the order is called off: never more leaves than is held."""
    rooms = Rooms(tmp_path, SHOP)
    rooms.url = store_url
    async with rooms:
        order_id = await unpaid(rooms, 3)
        rooms.shops["shop"].pay_order(order_id)
        await rooms.settle()
        rooms.shops["shop"].cancel_order(order_id)
        steps = [take_in(rooms), pick(rooms, order_id, 1, 1)]
        await asyncio.gather(*(steps if cancelled_first else reversed(steps)))
        await rooms.settle()
        [promise], _ = await rooms.promises()
        assert (promise.open, promise.fulfilled + promise.released) == (0, 3)
        assert await rooms.held() == {"available": 5 - promise.fulfilled}
        assert await rooms.sent() == promise.fulfilled
        await rooms.assert_sound()


DEEDS = st.sampled_from(["pay", "cancel", "ship", "expire", "take in", "pick 1", "pick 2", "pick 0"])
MOMENTS = st.lists(
    st.tuples(st.sampled_from([0, 200, 400]), st.lists(DEEDS, min_size=1, max_size=4)), min_size=1, max_size=6
)


async def _live(moments: Sequence[tuple[int, Sequence[str]]], folder: Path) -> None:
    async with Rooms(folder, SHOP) as rooms:
        order_id = await unpaid(rooms, 3)
        shop = rooms.shops["shop"]
        number = 0
        for seconds, deeds in moments:
            rooms.clock.advance(seconds)
            steps: list[Awaitable[object]] = []
            for deed in deeds:
                number += 1
                status = shop.orders[order_id].status
                if deed == "pay" and status is OrderStatus.UNPAID:
                    shop.pay_order(order_id)
                elif deed == "cancel" and status is not OrderStatus.SHIPPED:
                    shop.cancel_order(order_id)
                elif deed == "ship" and status is OrderStatus.PAID:
                    shop.ship_order(order_id)
                elif deed == "expire":
                    steps.append(expire(rooms))
                elif deed == "take in":
                    steps.append(take_in(rooms))
                elif deed.startswith("pick"):
                    steps.append(pick(rooms, order_id, int(deed[-1]), number))
            await asyncio.gather(*steps)
            await rooms.assert_sound()
            promises, _ = await rooms.promises()
            for one in promises:
                assert min(one.open, one.fulfilled, one.released) >= 0
                assert (one.open == 0) == (one.status is not HoldStatus.HELD)
        await rooms.settle()
        await rooms.assert_sound()
        promises, demands = await rooms.promises()
        status = shop.orders[order_id].status
        if status is OrderStatus.PAID:
            [demand] = demands
            assert demand.need == 3
            assert sum(one.open + one.fulfilled for one in promises) + demand.short == 3
        else:
            assert status is OrderStatus.UNPAID or not any(one.open for one in promises)


@settings(max_examples=40, deadline=None)
@given(moments=MOMENTS)
def test_whatever_happens_in_one_moment(moments: list[tuple[int, list[str]]]) -> None:
    """Payments, expiries, cancellations, shipments and picks in any order, many in one transaction: each promise holds
    exactly what the ledger reserves, ends when nothing of it is open, and who has paid is served, or is asked."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_live(moments, Path(folder)))

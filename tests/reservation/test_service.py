"""Unpaid promises end once when their time is over, and give back exactly what was open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd import telemetry
from syncd.db import Database
from syncd.identity import ChannelName
from syncd.ledger.movement import CUSTOMER, Reason, reserved
from syncd.ledger.store import Command, Plan, View
from syncd.reservation.hold import HoldStatus, Reservation
from syncd.reservation.service import ExpiryService
from syncd.reservation.store import read_expired, read_reservations, save_reservations
from syncd.testkit.fake_clock import START_AT
from tests.support.store import GLOVES, MAIN, Store, moved, opened_store

SOON = START_AT + timedelta(minutes=30)
UNPAID = Reservation(
    "r1", ChannelName("ebay"), "l1", "ebay:1", GLOVES, "main", 3, 0, 0, HoldStatus.HELD, START_AT, SOON
)
RESERVED = reserved("main")


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A store with ten units on the main shelf."""
    async with opened_store(store_url) as opened:
        await opened.receive(10)
        yield opened


async def hold(store: Store, *reservations: Reservation) -> None:
    """Promise units as an intake does."""
    movements = tuple(moved(r.quantity, MAIN, RESERVED, key=f"hold {r.reservation_id}") for r in reservations)
    plan = Plan(None, movements, (save_reservations(reservations),))

    def decide(_view: View) -> Plan[None]:
        return plan

    await store.writer.submit(Command(decide, skus=frozenset({GLOVES})))


async def reservations(store: Store) -> Sequence[Reservation]:
    """Every reservation of the order."""
    async with store.db.read() as conn:
        return await read_reservations(conn, ["ebay:1"])


async def test_an_unpaid_promise_ends_when_its_time_is_over(store: Store) -> None:
    """Before its time nothing happens; then its units are free again, once, and the log says why."""
    await hold(store, UNPAID, replace(UNPAID, reservation_id="paid", expires_at=None))
    service = ExpiryService(store.db, store.writer)
    store.clock.advance(29 * 60)
    assert await service.run_once(store.clock.now()) == {}
    store.clock.advance(60)
    assert await service.run_once(store.clock.now()) == {"expired": 1}
    assert await service.run_once(store.clock.now()) == {}
    assert (await store.units(), await store.units(RESERVED)) == (7, 3)
    assert {r.reservation_id: (r.status, r.open) for r in await reservations(store)} == {
        "r1": (HoldStatus.EXPIRED, 0),
        "paid": (HoldStatus.HELD, 3),
    }
    back = (await store.log())[-1]
    assert (back.quantity, back.source, back.destination, back.reason, back.reference) == (
        3,
        RESERVED,
        MAIN,
        Reason.RESTOCK,
        "ebay:1",
    )


async def test_only_what_is_still_open_is_given_back(store: Store) -> None:
    """Units shipped before are not given back."""
    await hold(store, UNPAID)
    await store.post(moved(2, RESERVED, CUSTOMER, key="shipped"))
    await store.writer.write(save_reservations([UNPAID.fulfil(2)]))
    store.clock.advance(3600)
    assert await ExpiryService(store.db, store.writer).run_once(store.clock.now()) == {"expired": 1}
    assert (await store.units(), await store.units(RESERVED)) == (8, 0)


async def test_a_promise_paid_in_the_last_moment_stays(store: Store) -> None:
    """What counts is how the reservation stands when it would be ended, not when it was looked for."""
    await hold(store, UNPAID)
    seen = store.clock.now() + timedelta(hours=1)  # the clock of the writer has not got there
    assert await ExpiryService(store.db, store.writer).run_once(seen) == {}
    assert (await store.units(RESERVED), (await reservations(store))[0].status) == (3, HoldStatus.HELD)


class AsItWas(Database):
    """A store whose readers go on seeing what one of them saw."""

    def __init__(self, seen: AsyncConnection) -> None:
        self._seen = seen

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """The look taken before."""
        yield self._seen


async def test_a_promise_paid_between_look_and_end_stays(store: Store) -> None:
    """The payment is written after the lapsed promise was seen and before it would be ended: nothing is given back."""
    await hold(store, UNPAID)
    store.clock.advance(3600)
    async with store.db.read() as before:
        assert await read_expired(before, store.clock.now(), 1)
        await store.writer.write(save_reservations([replace(UNPAID, expires_at=None)]))
        assert await ExpiryService(AsItWas(before), store.writer).run_once(store.clock.now()) == {}
    assert (await store.units(RESERVED), (await reservations(store))[0].status) == (3, HoldStatus.HELD)


async def test_a_promise_made_again_can_end_again(store: Store) -> None:
    """An expired reservation that is held anew expires a second time under a key of its own."""
    service = ExpiryService(store.db, store.writer)
    await hold(store, UNPAID)
    store.clock.advance(3600)
    await service.run_once(store.clock.now())
    (ended,) = await reservations(store)
    again = ended.more(2)
    await store.post(moved(2, MAIN, RESERVED, key="held again"))
    await store.writer.write(save_reservations([again]))
    assert await service.run_once(store.clock.now()) == {"expired": 1}
    assert (await store.units(), await store.units(RESERVED)) == (10, 0)


async def test_one_promise_that_cannot_end_does_not_stop_the_others(store: Store) -> None:
    """A reservation the ledger does not cover is told as a broken invariant; the next one ends all the same."""
    await hold(store, UNPAID)
    unbacked = replace(UNPAID, reservation_id="a", quantity=99, expires_at=SOON - timedelta(minutes=1))
    await store.writer.write(save_reservations([unbacked]))
    store.clock.advance(3600)
    before = telemetry.counts()[telemetry.Event.INVARIANT_BROKEN]
    assert await ExpiryService(store.db, store.writer).run_once(store.clock.now()) == {"expired": 1}
    assert telemetry.counts()[telemetry.Event.INVARIANT_BROKEN] == before + 1
    assert (await store.units(), await store.units(RESERVED)) == (10, 0)


async def test_many_promises_end_in_one_run(store: Store) -> None:
    """Every expired promise of a run ends, each by itself."""
    await hold(store, *(replace(UNPAID, reservation_id=f"r{n}", quantity=1) for n in range(10)))
    store.clock.advance(3600)
    assert await ExpiryService(store.db, store.writer).run_once(store.clock.now()) == {"expired": 10}
    assert (await store.units(), await store.units(RESERVED)) == (10, 0)

"""Balances can be made the fold of the log again, and only where they are not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, delete, update

from syncd.availability.ats import AvailabilityConfig, Policies
from syncd.doctor.checks import examine
from syncd.doctor.rebuilding import Rebuilding
from syncd.doctor.store import Examined, read_snapshot, rebuild_balances, settle_sku
from syncd.identity import Sku
from syncd.ledger.balance import Balances, Repair
from syncd.ledger.location import Locations
from syncd.ledger.movement import SUPPLIER, reserved
from syncd.ledger.store import Verdict, balance, movement
from syncd.testkit.fake_clock import START_AT
from tests.support.store import GLOVES, KIT, MAIN, Store, moved, opened_store


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A store with two SKUs, one of them partly promised."""
    async with opened_store(store_url) as opened:
        await opened.receive(5)
        await opened.post(moved(2, MAIN, reserved("main"), key="hold"))
        await opened.receive(7, sku=KIT)
        yield opened


async def test_a_balance_that_differs_becomes_the_fold_again(store: Store) -> None:
    """Wrong, missing and surplus balances are put right and told; other SKUs are left as they are."""
    right = (await store.balances()).by_sku
    b = balance.c

    def spoil(conn: Connection) -> None:
        conn.execute(update(balance).where(b.sku == GLOVES, b.account == str(MAIN)).values(quantity=9))
        conn.execute(delete(balance).where(b.sku == GLOVES, b.account == str(SUPPLIER)))
        conn.execute(update(balance).where(b.sku == KIT, b.account == str(MAIN)).values(quantity=9))

    await store.db.transact(spoil)
    outcome = await store.writer.submit(rebuild_balances(frozenset({GLOVES})))
    assert outcome.value is not None
    assert outcome.value.repairs == (Repair(GLOVES, MAIN, 9, 3), Repair(GLOVES, SUPPLIER, 0, -5))
    found = (await store.balances()).by_sku
    assert (found[GLOVES], found[KIT][MAIN]) == (right[GLOVES], 9)


async def test_balances_that_are_right_are_left_alone(store: Store) -> None:
    """Nothing to repair is told as nothing, also for a SKU nobody knows."""
    outcome = await store.writer.submit(rebuild_balances(frozenset({GLOVES, KIT, Sku("unknown")})))
    assert (outcome.verdict, outcome.value) == (Verdict.POSTED, Rebuilding((), (), {}))


async def test_a_log_that_is_wrong_itself_is_corrected_beside_it(store: Store) -> None:
    """If the movements themselves end below zero, what is missing is posted, and the balances are the fold with it."""
    opening = delete(movement).where(movement.c.key == f"opening stock of {GLOVES}")
    await store.db.transact(lambda conn: conn.execute(opening))
    before = await store.log()
    outcome = await store.writer.submit(rebuild_balances(frozenset({GLOVES})))
    assert outcome.value is not None
    assert [(m.quantity, str(m.source), str(m.destination)) for m in outcome.value.movements] == [
        (2, "outside/loss", "main/available")
    ]
    assert await store.log() == [*before, *outcome.value.movements]
    folded = Balances()
    folded.apply(one for one in await store.log() if one.sku == GLOVES)
    kept = (await store.balances()).by_sku[GLOVES]
    assert {account: n for account, n in kept.items() if n} == {a: n for a, n in folded.by_sku[GLOVES].items() if n}
    again = await store.writer.submit(rebuild_balances(frozenset({GLOVES})))
    assert again.value == Rebuilding((), (), {})


async def test_promises_are_settled_by_movements(store: Store) -> None:
    """Two units are promised to nobody: they become free again in one movement, and a second time nothing moves."""
    before = await store.log()
    outcome = await store.writer.submit(settle_sku(GLOVES))
    assert outcome.value is not None
    assert [(m.quantity, str(m.source), str(m.destination)) for m in outcome.value.movements] == [
        (2, "main/reserved", "main/available")
    ]
    assert await store.log() == [*before, *outcome.value.movements]
    assert await store.units() == 5
    again = await store.writer.submit(settle_sku(GLOVES))
    assert again.value is not None
    assert again.value.sentences == ()


async def test_the_snapshot_names_impossible_moments_and_places(store: Store) -> None:
    """What is read for the checks holds the moments that cannot be right, and what nobody explains."""
    late = START_AT - timedelta(days=1)

    def spoil(conn: Connection) -> None:
        conn.execute(update(movement).where(movement.c.position == 2).values(recorded_at=late))
        conn.execute(update(movement).where(movement.c.position == 3).values(happened_at=START_AT + timedelta(days=1)))

    await store.db.transact(spoil)
    policies = Policies({}, {}, AvailabilityConfig())
    examined = Examined(policies, frozenset(), Locations(("garage",)))
    snapshot = await read_snapshot(store.db, examined, store.clock.now())
    assert {one.position for one in snapshot.timings} == {2, 3}
    found = {one.check for one in examine(snapshot)}
    assert found == {"times_can_be_right", "stock_lies_at_known_places", "reservations_are_held"} | {
        "stock_is_of_known_products"
    }

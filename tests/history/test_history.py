"""The balance of any SKU at any past moment, by either of a movement's times."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.history.history import Order, Standing, standings
from syncd.history.store import read_balances_at, read_history
from syncd.ledger.balance import Balances
from syncd.ledger.movement import CUSTOMER, LOSS, SUPPLIER, Account, Movement, available, reserved
from syncd.testkit.fake_clock import START_AT
from tests.support.store import GLOVES, KIT, MAIN, Store, moved, opened_store, receipt

ASIDE = Account("main", "unavailable")


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """Ten gloves received, two sold a minute later, and an hour after that a loss told of, half an hour late."""
    async with opened_store(store_url) as opened:
        await opened.post(receipt(10, key="r"), receipt(5, key="k", sku=KIT))
        opened.clock.advance(60)
        await opened.post(at(moved(2, MAIN, CUSTOMER, key="s"), 60))
        opened.clock.advance(3600)
        await opened.post(at(moved(3, MAIN, LOSS, key="late"), 1800))
        yield opened


def at(movement: Movement, seconds: float) -> Movement:
    """The movement, so many seconds after the start."""
    return replace(movement, happened_at=START_AT + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("seconds", "happened", "recorded"),
    [(-1, 0, 0), (0, 10, 10), (59, 10, 10), (60, 8, 8), (1799, 8, 8), (1800, 5, 8), (3659, 5, 8), (3660, 5, 5)],
)
async def test_the_balance_at_a_moment(store: Store, seconds: float, happened: int, recorded: int) -> None:
    """A movement counts from its moment on, that moment included: when it happened, or when it was written down."""
    moment = START_AT + timedelta(seconds=seconds)
    async with store.db.read() as conn:
        by_happened = await read_balances_at(conn, moment, Order.HAPPENED, [GLOVES])
        by_recorded = await read_balances_at(conn, moment, Order.RECORDED)
    assert (by_happened.of(GLOVES, MAIN), by_recorded.of(GLOVES, MAIN)) == (happened, recorded)
    assert by_happened.of(KIT, MAIN) == 0
    assert by_recorded.of(KIT, MAIN) == (5 if seconds >= 0 else 0)


async def test_now_is_the_balance_kept(store: Store) -> None:
    """Folded up to now the log gives what is kept beside it."""
    async with store.db.read() as conn:
        folded = await read_balances_at(conn, store.clock.now(), Order.RECORDED)
    assert folded == await store.balances()


async def test_history_runs_with_its_balance(store: Store) -> None:
    """Newest first, each with what was on hand just after it; a page of it starts from the right number."""
    async with store.db.read() as conn:
        whole = await read_history(conn, GLOVES, order=Order.HAPPENED, at=None, limit=10)
        page = await read_history(conn, GLOVES, order=Order.HAPPENED, at=None, limit=2)
        early = await read_history(conn, GLOVES, order=Order.RECORDED, at=START_AT + timedelta(minutes=30), limit=10)
    assert [(e.recorded.movement.key, e.standing.on_hand) for e in whole] == [("late", 5), ("s", 8), ("r", 10)]
    assert page == whole[:2]
    assert [e.recorded.movement.key for e in early] == ["s", "r"]


async def test_a_late_movement_has_its_place_by_when_it_happened(store: Store) -> None:
    """What is entered late stands where it happened in the one order, and last in the other."""
    await store.post(at(moved(1, MAIN, LOSS, key="later"), 30))
    async with store.db.read() as conn:
        happened = await read_history(conn, GLOVES, order=Order.HAPPENED, at=None, limit=10)
        recorded = await read_history(conn, GLOVES, order=Order.RECORDED, at=None, limit=10)
    assert [(e.recorded.movement.key, e.standing.on_hand) for e in happened] == [
        *(("late", 4), ("s", 7), ("later", 9), ("r", 10)),
    ]
    assert [(e.recorded.movement.key, e.standing.on_hand) for e in recorded] == [
        *(("later", 4), ("late", 5), ("s", 8), ("r", 10)),
    ]


ACCOUNTS = st.sampled_from([MAIN, ASIDE, available("barn"), reserved("main"), SUPPLIER, CUSTOMER, LOSS])
MOVES = st.lists(st.tuples(st.integers(1, 9), ACCOUNTS, ACCOUNTS), max_size=12)


@settings(deadline=None)
@given(moves=MOVES)
def test_standings_are_the_fold_after_each_step(moves: list[tuple[int, Account, Account]]) -> None:
    """The running numbers are what folding every movement so far gives."""
    movements = [moved(n, a, b, key=f"m{i}") for i, (n, a, b) in enumerate(moves) if a != b]
    balances, expected = Balances(), []
    for one in movements:
        balances.apply([one])
        ours = {a: n for a, n in balances.by_sku[GLOVES].items() if a.is_ours}
        expected.append(Standing(sum(ours.values()), sum(n for a, n in ours.items() if a.state == "available")))
    assert standings(movements, {}) == expected

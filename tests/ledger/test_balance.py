"""Balances are the fold of movements, and refuse what would take an account of ours below zero."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.identity import Sku
from syncd.ledger.balance import Balances, StockLevel, stock_levels
from syncd.ledger.movement import (
    CUSTOMER,
    LOSS,
    OPENING,
    SUPPLIER,
    Account,
    Movement,
    State,
    available,
    in_flight,
    reserved,
)
from tests.support.store import GLOVES, KIT, MAIN, moved

ACCOUNTS = [available("main"), reserved("main"), in_flight("main"), available("north"), SUPPLIER, CUSTOMER, LOSS]


@st.composite
def movements(draw: st.DrawFn) -> Movement:
    """A movement between two different accounts."""
    source, destination = draw(st.lists(st.sampled_from(ACCOUNTS), min_size=2, max_size=2, unique=True))
    sku = draw(st.sampled_from([GLOVES, KIT]))
    return moved(draw(st.integers(1, 9)), source, destination, key=str(draw(st.uuids())), sku=sku)


def summed(posted: list[Movement]) -> dict[tuple[Sku, Account], int]:
    """The fold, written a second time as plainly as possible."""
    keys = {(m.sku, account) for m in posted for account in (m.source, m.destination)}
    return {
        (sku, account): sum(m.quantity for m in posted if (m.sku, m.destination) == (sku, account))
        - sum(m.quantity for m in posted if (m.sku, m.source) == (sku, account))
        for sku, account in keys
    }


@given(st.lists(movements(), max_size=30))
def test_applying_is_the_fold_and_always_adds_up_to_zero(posted: list[Movement]) -> None:
    """However movements come, each balance is what came in less what went out, and each SKU's sum is zero."""
    balances = Balances()
    balances.apply(posted)
    assert {(sku, account): n for sku, own in balances.by_sku.items() for account, n in own.items()} == summed(posted)
    assert all(sum(accounts.values()) == 0 for accounts in balances.by_sku.values())


@given(st.lists(movements(), max_size=20), st.integers(0, 20))
def test_folding_in_two_steps_is_folding_at_once(posted: list[Movement], cut: int) -> None:
    """Where a transaction ends makes no difference to the balances."""
    once, twice = Balances(), Balances()
    once.apply(posted)
    twice.apply(posted[:cut])
    twice.apply(posted[cut:])
    assert once.by_sku == twice.by_sku


@given(st.lists(movements(), max_size=20))
def test_a_shortfall_is_told_exactly_when_an_account_of_ours_would_be_below_zero(posted: list[Movement]) -> None:
    """`shortfall` says no if and only if some account of ours would end below zero, and changes nothing."""
    balances = Balances()
    balances.apply([moved(5, OPENING, MAIN, key="start")])
    before = {sku: dict(accounts) for sku, accounts in balances.by_sku.items()}
    refusal = balances.shortfall(posted)
    assert balances.by_sku == before
    balances.apply(posted)
    below = [q for of in balances.by_sku.values() for account, q in of.items() if account.is_ours and q < 0]
    assert (refusal is not None) == bool(below)


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        ([moved(5, MAIN, CUSTOMER, key="a")], None),
        ([moved(6, MAIN, CUSTOMER, key="a")], "GLOVES-X: main/available holds 5, 6 are wanted"),
        (
            [moved(3, MAIN, CUSTOMER, key="a"), moved(3, MAIN, LOSS, key="b")],
            "GLOVES-X: main/available holds 5, 6 are wanted",
        ),
        ([moved(3, MAIN, reserved("main"), key="a"), moved(3, reserved("main"), CUSTOMER, key="b")], None),
        ([moved(9, SUPPLIER, MAIN, key="a"), moved(12, MAIN, CUSTOMER, key="b")], None),
        ([moved(1, reserved("main"), CUSTOMER, key="a")], "GLOVES-X: main/reserved holds 0, 1 are wanted"),
        ([moved(1_000, SUPPLIER, CUSTOMER, key="a")], None),
    ],
)
def test_movements_of_a_command_are_judged_together(wanted: list[Movement], refusal: str | None) -> None:
    """What counts is where a command's movements end together; outside accounts may go below zero."""
    balances = Balances()
    balances.apply([moved(5, OPENING, MAIN, key="start")])
    assert balances.shortfall(wanted) == refusal


def test_units_by_location_leave_out_empty_places_and_the_outside() -> None:
    """Only locations of ours that hold something in that state are listed."""
    balances = Balances()
    balances.apply(
        [
            moved(5, OPENING, MAIN, key="a"),
            moved(2, OPENING, available("north"), key="b"),
            moved(2, available("north"), reserved("north"), key="c"),
        ]
    )
    assert balances.by_location(GLOVES, State.AVAILABLE) == {"main": 5}
    assert balances.by_location(GLOVES, State.RESERVED) == {"north": 2}
    assert balances.by_location(KIT, State.AVAILABLE) == {}


def test_on_hand_is_the_sum_of_the_four_states() -> None:
    """A level partitions what is physically there; one line per SKU and location, sorted."""
    balances = Balances()
    balances.apply(
        [
            moved(4, OPENING, reserved("north"), key="a"),
            moved(3, OPENING, MAIN, key="b"),
            moved(2, OPENING, in_flight("main"), key="c"),
            moved(1, OPENING, Account("main", State.UNAVAILABLE), key="d"),
        ]
    )
    main = StockLevel(GLOVES, "main", available=3, reserved=0, in_flight=2, unavailable=1)
    north = StockLevel(GLOVES, "north", available=0, reserved=4, in_flight=0, unavailable=0)
    assert stock_levels(balances) == [main, north]
    assert (main.on_hand, north.on_hand) == (6, 4)

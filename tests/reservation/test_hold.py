"""Promises: each ends exactly once, the earliest are served first, and nothing is promised twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.identity import ChannelName
from syncd.ledger.movement import State
from syncd.reservation.hold import (
    Allocation,
    Demand,
    HoldStatus,
    Reservation,
    allocate,
    break_promises,
    give_back,
)
from syncd.testkit.fake_clock import START_AT
from tests.support.store import GLOVES

HELD = Reservation("r1", ChannelName("ebay"), "l1", "ebay:1", GLOVES, "main", 5, 0, 0, HoldStatus.HELD, START_AT)
PLACES = st.sampled_from(["main", "north", "south"])
SHELVES = st.dictionaries(PLACES, st.integers(0, 9))


@pytest.mark.parametrize(
    ("after", "fulfilled", "released", "status"),
    [
        (HELD.fulfil(2), 2, 0, HoldStatus.HELD),
        (HELD.fulfil(5), 5, 0, HoldStatus.FULFILLED),
        (HELD.release(2), 0, 2, HoldStatus.HELD),
        (HELD.release(5), 0, 5, HoldStatus.RELEASED),
        (HELD.release(5, HoldStatus.EXPIRED), 0, 5, HoldStatus.EXPIRED),
        (HELD.release(2, HoldStatus.EXPIRED), 0, 2, HoldStatus.HELD),
        (HELD.fulfil(2).release(3), 2, 3, HoldStatus.RELEASED),
        (HELD.release(2).fulfil(3), 3, 2, HoldStatus.FULFILLED),
        (HELD.release(5).more(1), 0, 5, HoldStatus.HELD),
    ],
)
def test_a_reservation_ends_with_its_last_unit(
    after: Reservation, fulfilled: int, released: int, status: HoldStatus
) -> None:
    """As long as a unit is open it is held; how the last unit ends is how the reservation ends."""
    assert (after.fulfilled, after.released, after.status) == (fulfilled, released, status)
    assert after.open == after.quantity - fulfilled - released


def test_no_more_units_end_than_are_held() -> None:
    """Ending a unit twice is a bug and is told as one."""
    with pytest.raises(ValueError, match="r1: more units end than are held"):
        HELD.fulfil(3).release(3)
    with pytest.raises(ValueError, match="r1: more units end than are held"):
        HELD.fulfil(6)


@pytest.mark.parametrize("units", [0, -1])
def test_only_units_end_or_are_promised(units: int) -> None:
    """Ending or promising nothing, or less, is a bug: it would change how a reservation stands."""
    for change in (HELD.fulfil, HELD.release, HELD.more):
        with pytest.raises(ValueError, match="r1: at least 1 unit"):
            change(units)


@pytest.mark.parametrize(
    ("units", "in_flight", "available", "found", "short"),
    [
        (2, {}, {"main": 5}, [("main", State.AVAILABLE, 2)], 0),
        (2, {"main": 1}, {"main": 5}, [("main", State.IN_FLIGHT, 1), ("main", State.AVAILABLE, 1)], 0),
        (2, {"north": 2}, {"main": 5}, [("north", State.IN_FLIGHT, 2)], 0),
        (4, {}, {"main": 1, "north": 2}, [("main", State.AVAILABLE, 1), ("north", State.AVAILABLE, 2)], 1),
        (2, {}, {"elsewhere": 5}, [], 2),
        (2, {}, {"main": -3}, [], 2),
        (0, {"main": 1}, {"main": 5}, [], 0),
    ],
)
def test_units_are_found_in_flight_first_then_shelf_by_shelf(
    units: int,
    in_flight: dict[str, int],
    available: dict[str, int],
    found: list[tuple[str, State, int]],
    short: int,
) -> None:
    """What the channel counted for this sale is taken first, then available units in the order of the locations."""
    got = allocate(units, in_flight=in_flight, available=available, locations=("main", "north"))
    assert [(one.account.location, one.account.state, one.units) for one in got.takings] == found
    assert got.short == short


@given(st.integers(0, 40), SHELVES, SHELVES, st.lists(PLACES, max_size=5))
def test_an_allocation_takes_what_there_is_and_never_more(
    units: int, in_flight: dict[str, int], available: dict[str, int], locations: list[str]
) -> None:
    """Taken and short make the units; no account gives more than it holds, also if a location is named twice."""
    got: Allocation = allocate(units, in_flight=in_flight, available=available, locations=locations)
    assert sum(one.units for one in got.takings) + got.short == units
    for state, held in ((State.IN_FLIGHT, in_flight), (State.AVAILABLE, available)):
        for place in ("main", "north", "south"):
            taken = [one.units for one in got.takings if (one.account.location, one.account.state) == (place, state)]
            assert sum(taken) <= (held.get(place, 0) if place in locations else 0)
            assert all(taken)
    reachable = sum(of.get(place, 0) for of in (in_flight, available) for place in set(locations))
    assert got.short == max(0, units - reachable)


RESERVATIONS = st.lists(
    st.builds(
        lambda number, quantity, ended, age: replace(
            HELD,
            reservation_id=f"r{number}",
            quantity=quantity,
            fulfilled=min(ended, quantity),
            held_at=START_AT - timedelta(minutes=age),
        ),
        st.integers(0, 99),
        st.integers(1, 6),
        st.integers(0, 6),
        st.integers(0, 3),
    ),
    max_size=6,
    unique_by=lambda one: one.reservation_id,
)


@given(RESERVATIONS, st.integers(0, 40))
def test_units_are_given_back_newest_first(reservations: list[Reservation], units: int) -> None:
    """Never more than is open ends; an older promise is touched only when every newer one has ended whole."""
    endings = give_back(reservations, units)
    assert sum(one.units for one in endings) == min(units, sum(one.open for one in reservations))
    assert all(1 <= one.units <= one.reservation.open for one in endings)
    assert len({one.reservation.reservation_id for one in endings}) == len(endings)
    ended = {one.reservation.reservation_id: one.units for one in endings}
    for older in reservations:
        for newer in reservations:
            if newer.held_at > older.held_at and ended.get(older.reservation_id):
                assert ended.get(newer.reservation_id, 0) == newer.open


def test_the_latest_buyers_promise_breaks_first() -> None:
    """When a shelf is emptier than the books, who bought first is still served; ties go by name."""
    early = replace(HELD, reservation_id="early", held_at=START_AT - timedelta(hours=1))
    late, twin = replace(HELD, reservation_id="late"), replace(HELD, reservation_id="late twin")
    broken = [(one.reservation.reservation_id, one.units) for one in break_promises([twin, early, late], 7)]
    assert broken == [("late", 5), ("late twin", 2)]


def test_what_a_supplier_refuses_is_short() -> None:
    """Units bought and refused become short, since the first refusal, and never more than were bought."""
    demand = Demand(ChannelName("ebay"), "l1", GLOVES, "ebay:1", need=5, purchased=3)
    short = demand.refused(2, "no more", START_AT)
    assert (short.purchased, short.short, short.cause, short.short_since) == (1, 2, "no more", START_AT)
    later = short.refused(9, "none at all", START_AT + timedelta(days=1))
    assert (later.purchased, later.short, later.cause, later.short_since) == (0, 3, "none at all", START_AT)
    assert later.refused(1, "again", START_AT) == later

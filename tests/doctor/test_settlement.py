"""Promises made to agree with stock again: by movements and renewed decisions, whatever was wrong."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.doctor.settlement import CAUSE, Accounts, Flight, Settlement, settle
from syncd.ledger.balance import Balances
from syncd.ledger.movement import Account, State, available, in_flight, reserved
from syncd.reservation.hold import Demand, HoldStatus, Reservation
from tests.support.situations import CHANNEL, T0, X, at


def held(line: str, units: int, *, place: str = "main", order_key: str = "o1", age: int = 0) -> Reservation:
    """A promise to a line."""
    status = HoldStatus.HELD
    return Reservation(f"{line}@{place}", CHANNEL, line, order_key, X, place, units, 0, 0, status, at(-age))


def needs(line: str, need: int, *, short: int = 0, order_key: str = "o1") -> Demand:
    """A line's need."""
    return Demand(CHANNEL, line, X, order_key, need, short)


def settled(
    stock: dict[Account, int], promises: Sequence[Reservation], demands: Sequence[Demand], flying: int = 0
) -> Settlement:
    """What is decided."""
    flights = [Flight(CHANNEL, "L1", flying, 1)] if flying else []
    return settle(Accounts(X, Balances({X: stock}), promises, demands, frozenset({"o1"}), flights, T0))


def moves(done: Settlement) -> list[tuple[int, str, str]]:
    """The movements as one reads them."""
    return [(m.quantity, str(m.source), str(m.destination)) for m in done.movements]


def test_units_nobody_was_promised_become_free() -> None:
    """A reserved unit without a promise goes back on sale, at its own place."""
    done = settled({reserved("main"): 3, reserved("barn"): 1}, [held("a", 2)], [needs("a", 2)])
    assert moves(done) == [(1, "barn/reserved", "barn/available"), (1, "main/reserved", "main/available")]
    assert (done.reservations, done.demands) == ((), ())


def test_a_promise_without_units_takes_free_ones_then_breaks() -> None:
    """Of three promised and unbooked units one is free: the newest promise is broken by the other two, aloud."""
    promises = [held("old", 1, age=9), held("new", 2, age=1)]
    done = settled({available("main"): 1}, promises, [needs("old", 1), needs("new", 2)])
    assert moves(done) == [(1, "main/available", "main/reserved")]
    assert [(one.line_id, one.open, one.status) for one in done.reservations] == [("new", 0, HoldStatus.RELEASED)]
    assert [(one.line_id, one.short, one.cause) for one in done.demands] == [("new", 2, CAUSE)]


def test_what_is_promised_to_no_order_is_given_back() -> None:
    """A promise whose order nobody knows ends, and so does the shortage of a line nobody knows."""
    gone = held("a", 2, order_key="gone")
    done = settled({reserved("main"): 2}, [gone], [needs("a", 3, short=1, order_key="gone")])
    assert moves(done) == [(2, "main/reserved", "main/available")]
    assert [(one.open, one.status) for one in done.reservations] == [(0, HoldStatus.RELEASED)]
    assert [(one.need, one.short) for one in done.demands] == [(0, 0)]


def test_units_in_flight_that_no_listing_waits_for_land() -> None:
    """Too many are freed, too few are taken from what is free."""
    assert moves(settled({in_flight("main"): 3}, [], [], flying=1)) == [(2, "main/in-flight", "main/available")]
    assert moves(settled({available("main"): 3}, [], [], flying=2)) == [(2, "main/available", "main/in-flight")]


def test_nobody_waits_for_units_that_are_not_there() -> None:
    """Where neither flying nor free units are left the listings wait for as many as there are, in whole packs."""
    flights = [Flight(CHANNEL, "L1", 2, 1), Flight(CHANNEL, "L2", 3, 3)]
    stock = {in_flight("main"): 4, available("barn"): 2}
    done = settle(Accounts(X, Balances({X: stock}), [], [], frozenset(), flights, T0))
    assert done.flights == (Flight(CHANNEL, "L2", 1, 3),)
    assert moves(done) == [(1, "barn/available", "barn/in-flight")]
    assert done.sentences[-1] == f"listing {CHANNEL}:L2: 1 in flight"


def test_more_ended_than_was_promised_ended_once() -> None:
    """What a promise says to have sent beyond itself was not promised; its line is as it was."""
    odd = Reservation("a@main", CHANNEL, "a", "o1", X, "main", 3, 5, 0, HoldStatus.HELD, T0)
    done = settled({reserved("main"): 3}, [odd], [needs("a", 3)])
    assert [(one.fulfilled, one.released, one.status) for one in done.reservations] == [(3, 0, HoldStatus.FULFILLED)]
    assert moves(done) == [(3, "main/reserved", "main/available")]


PLACES = ("main", "barn")
LINES = ("a", "b", "c")
STATES = st.sampled_from([available, reserved, in_flight])
UNITS = st.integers(0, 4)
PROMISE = st.builds(
    lambda line, place, parts, status, known, age: Reservation(
        f"{line}@{place}",
        CHANNEL,
        line,
        "o1" if known else "gone",
        X,
        place,
        sum(parts),
        parts[0],
        parts[1],
        status,
        at(-age),
    ),
    st.sampled_from(LINES),
    st.sampled_from(PLACES),
    st.tuples(UNITS, UNITS, UNITS),
    st.sampled_from([HoldStatus.HELD, HoldStatus.FULFILLED, HoldStatus.RELEASED]),
    st.booleans(),
    st.integers(0, 9),
)
NEED = st.builds(
    lambda line, need, short, bought: Demand(CHANNEL, line, X, "o1", need + short + bought, short, bought),
    *(st.sampled_from(LINES), UNITS, UNITS, UNITS),
)


@settings(deadline=None)
@given(
    stock=st.dictionaries(st.builds(lambda state, place: state(place), STATES, st.sampled_from(PLACES)), UNITS),
    promises=st.lists(PROMISE, max_size=5, unique_by=lambda one: one.reservation_id),
    demands=st.lists(NEED, max_size=3, unique_by=lambda one: one.line_id),
    flying=UNITS,
)
def test_afterwards_everything_agrees(
    stock: dict[Account, int], promises: list[Reservation], demands: list[Demand], flying: int
) -> None:
    """Whatever was wrong: nothing falls below zero, what is reserved is what is promised, and once is enough."""
    done = settled(stock, promises, demands, flying)
    balances = Balances({X: dict(stock)})
    assert all(balances.shortfall([one]) is None for one in done.movements[:1])
    assert balances.shortfall(done.movements) is None
    balances.apply(done.movements)
    after = {one.reservation_id: one for one in (*promises, *done.reservations)}
    needed = {one.line_id: one for one in (*demands, *done.demands)}
    for place in PLACES:
        promised = sum(one.open for one in after.values() if one.location == place)
        assert balances.of(X, reserved(place)) == promised
    assert all((one.open == 0) == (one.status is not HoldStatus.HELD) for one in after.values() if one.quantity)
    landed = sum(balances.by_location(X, State.IN_FLIGHT).values())
    waiting = done.flights[0].waiting if done.flights else flying
    assert landed == waiting
    assert waiting == flying or (waiting < flying and not balances.by_location(X, State.AVAILABLE))
    for line, demand in needed.items():
        own = sum(one.quantity - one.released for one in after.values() if one.line_id == line)
        assert own + demand.purchased + demand.short >= demand.need
    assert sum(stock.values()) == sum(balances.by_sku[X].values())
    again = settled(balances.by_sku[X], list(after.values()), list(needed.values()), waiting)
    assert again == Settlement((), (), ())

"""A channel's budget: per second, per day, and the reserve for what matters most."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.channel.port import CallMeter
from syncd.channel.throttle import BOOKED_CALLS, Budget, Urgency

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_no_limits_never_wait() -> None:
    """A channel without limits is asked as often as we like."""
    budget = Budget(None, None)
    for _ in range(1000):
        assert budget.wait_seconds(NOON, Urgency.ROUTINE) == 0
        budget.spend(NOON)
    assert budget.left_today is None


@given(pace=st.sampled_from([0.5, 1.0, 3.0, 20.0]), pauses=st.lists(st.floats(0, 2), max_size=80))
def test_no_second_holds_more_calls_than_allowed(pace: float, pauses: list[float]) -> None:
    """Whenever calls are asked for, they begin so that no second holds more than the limit."""
    budget, now, began = Budget(pace, None), NOON, []
    for pause in pauses:
        now += timedelta(seconds=pause)
        wait = budget.wait_seconds(now, Urgency.ROUTINE)
        budget.spend(now)
        began.append(now + timedelta(seconds=wait))
    window = timedelta(seconds=max(1, 1 / pace))
    for first in began:
        inside = [one for one in began if first <= one < first + window - timedelta(microseconds=2)]
        assert len(inside) <= max(1, int(pace))


def test_callers_side_by_side_get_places_one_after_the_other() -> None:
    """Two calls asked for in the same moment do not both get the one free place."""
    budget = Budget(1.0, None)
    waits = []
    for _ in range(3):
        waits.append(budget.wait_seconds(NOON, Urgency.ROUTINE))
        budget.spend(NOON)
    assert waits == [0, 1, 2]


@pytest.mark.parametrize(
    ("spent", "allowed"),
    [
        (69, {Urgency.RAISE, Urgency.ROUTINE, Urgency.LOWER, Urgency.FIRST}),
        (70, {Urgency.ROUTINE, Urgency.LOWER, Urgency.FIRST}),
        (80, {Urgency.LOWER, Urgency.FIRST}),
        (90, {Urgency.FIRST}),
        (99, {Urgency.FIRST}),
        (100, set()),
    ],
)
def test_the_rest_of_the_day_is_for_what_matters_most(spent: int, allowed: set[Urgency]) -> None:
    """Raises and sweeps stop first, then looking around, then decreases; crossings to zero have the very last calls."""
    budget = Budget(None, 100)
    for _ in range(spent):
        budget.spend(NOON)
    assert {one for one in Urgency if budget.wait_seconds(NOON, one) == 0} == allowed


@pytest.mark.parametrize(
    ("limit", "spent", "wanted", "seconds"),
    [(None, 9999, 60, 60), (5000, 0, 60, 60), (5000, 3500, 60, 144), (5000, 4000, 60, 43200), (5000, 3500, 600, 600)],
)
def test_looking_for_orders_slows_down_with_what_is_left(
    limit: int | None, spent: int, wanted: float, seconds: float
) -> None:
    """The pause is what was wanted while the day's calls last, longer when they would not, and ends with the day."""
    budget = Budget(None, limit)
    for _ in range(spent):
        budget.spend(NOON)
    assert budget.pace_seconds(wanted, NOON, calls=1, part=0.6) == pytest.approx(seconds)


def test_a_restart_does_not_begin_the_day_anew() -> None:
    """What was written down is never less than what was spent, and is little more; yesterday's counts nothing."""
    budget, day, booked = Budget(None, 5000), NOON.date(), 0
    for spent in range(1, 200):
        budget.spend(NOON)
        told = budget.to_book(NOON)
        day, booked = told or (day, booked)
        assert spent <= booked <= spent + BOOKED_CALLS
    again = Budget(None, 5000)
    again.remember(day, booked, NOON)
    assert again.spent_today == booked
    tomorrow = Budget(None, 5000)
    tomorrow.remember(day, booked, NOON + timedelta(days=1))
    assert tomorrow.left_today == 5000


def test_nothing_is_written_down_where_nothing_is_limited() -> None:
    """A channel without a daily limit, or one not called yet, costs no write."""
    assert Budget(None, 5000).to_book(NOON) is None
    free = Budget(None, None)
    free.spend(NOON)
    assert free.to_book(NOON) is None


def test_the_day_turns_at_midnight() -> None:
    """A used-up budget says how long until the day turns, and is whole again then."""
    budget = Budget(None, 2)
    budget.spend(NOON)
    budget.spend(NOON)
    assert budget.wait_seconds(NOON, Urgency.FIRST) == 12 * 3600
    midnight = NOON + timedelta(hours=12)
    assert budget.wait_seconds(midnight, Urgency.FIRST) == 0
    assert budget.left_today == 2


RESET = NOON + timedelta(hours=5)


def test_the_meter_counts_what_others_spend() -> None:
    """Our own calls are few, but the account's day is nearly gone: the meter's word is the smaller and counts."""
    budget = Budget(None, 5000)
    budget.spend(NOON, 10)
    budget.take_meter(CallMeter(5000, 1100, RESET), NOON)
    assert budget.free_today(NOON, Urgency.FIRST) == 1090, "what it may not have counted yet is taken off once more"
    assert budget.free_today(NOON, Urgency.ROUTINE) == 90
    budget.spend(NOON, 90)
    assert budget.wait_seconds(NOON, Urgency.ROUTINE) == 5 * 3600, "until the moment the meter names"
    assert budget.wait_seconds(NOON, Urgency.FIRST) == 0


def test_the_day_turns_when_the_meter_says() -> None:
    """At the meter's hour all calls are back, and on every later day at the same hour."""
    budget = Budget(None, 5000)
    budget.take_meter(CallMeter(5000, 0, RESET), NOON)
    assert budget.free_today(RESET - timedelta(seconds=1), Urgency.FIRST) == 0
    assert budget.free_today(RESET, Urgency.FIRST) == 5000
    budget.spend(RESET, 7)
    later = RESET + timedelta(days=3)
    assert budget.free_today(later, Urgency.FIRST) == 5000
    assert budget.day_starts_at == later


def test_a_higher_limit_is_used() -> None:
    """The channel has raised its limit: the meter says so."""
    budget = Budget(None, 5000)
    budget.spend(NOON, 4999)
    budget.take_meter(CallMeter(1_500_000, 1_495_000, RESET), NOON)
    assert (budget.free_today(NOON, Urgency.FIRST) or 0) > 1_000_000


def test_our_own_smaller_share_stays() -> None:
    """An operator leaves calls to his other programs: our own count bounds us, whatever the meter leaves."""
    budget = Budget(None, 100)
    budget.take_meter(CallMeter(100, 4000, RESET), NOON)
    budget.spend(NOON, 60)
    assert budget.free_today(NOON, Urgency.FIRST) == 40


def test_a_meter_from_before_the_turn_is_not_believed() -> None:
    """An answer that was long on its way tells of a day that is over."""
    budget = Budget(None, 5000)
    budget.take_meter(CallMeter(5000, 0, NOON - timedelta(seconds=1)), NOON)
    assert budget.free_today(NOON, Urgency.FIRST) == 5000

"""A channel's budget: per second, per day, and the reserve for what matters most."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.channel.throttle import Budget

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_no_limits_never_wait() -> None:
    """A channel without limits is asked as often as we like."""
    budget = Budget(None, None)
    for _ in range(1000):
        assert budget.wait_seconds(NOON, urgent=False) == 0
        budget.spend(NOON)
    assert budget.left_today is None


@given(pace=st.sampled_from([0.5, 1.0, 3.0, 20.0]), pauses=st.lists(st.floats(0, 2), max_size=80))
def test_no_second_holds_more_calls_than_allowed(pace: float, pauses: list[float]) -> None:
    """Whenever calls are asked for, they begin so that no second holds more than the limit."""
    budget, now, began = Budget(pace, None), NOON, []
    for pause in pauses:
        now += timedelta(seconds=pause)
        wait = budget.wait_seconds(now, urgent=False)
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
        waits.append(budget.wait_seconds(NOON, urgent=False))
        budget.spend(NOON)
    assert waits == [0, 1, 2]


@pytest.mark.parametrize(
    ("spent", "calm", "urgent"), [(79, True, True), (80, False, True), (99, False, True), (100, False, False)]
)
def test_the_last_fifth_of_the_day_is_for_urgent_calls(spent: int, calm: bool, urgent: bool) -> None:
    """Below a fifth only crossings to zero and what proves them may go; at the end nothing may."""
    budget = Budget(None, 100)
    for _ in range(spent):
        budget.spend(NOON)
    assert (budget.wait_seconds(NOON, urgent=False) == 0) is calm
    assert (budget.wait_seconds(NOON, urgent=True) == 0) is urgent


def test_the_day_turns_at_midnight() -> None:
    """A used-up budget says how long until the day turns, and is whole again then."""
    budget = Budget(None, 2)
    budget.spend(NOON)
    budget.spend(NOON)
    assert budget.wait_seconds(NOON, urgent=True) == 12 * 3600
    midnight = NOON + timedelta(hours=12)
    assert budget.wait_seconds(midnight, urgent=True) == 0
    assert budget.left_today == 2

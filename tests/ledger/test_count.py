"""A count is an assertion as of a moment; the difference is posted, promises broken last."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.ledger.count import Count, CountVerdict, compare
from syncd.testkit.fake_clock import START_AT
from tests.support.store import GLOVES


@pytest.mark.parametrize(
    ("counted", "on_hand", "moved_since", "available", "verdict"),
    [
        (5, 5, 0, 5, CountVerdict(5, 5)),
        (7, 5, 0, 5, CountVerdict(5, 7, surplus=2)),
        (3, 5, 0, 5, CountVerdict(5, 3, from_available=2)),
        (3, 5, 0, 1, CountVerdict(5, 3, from_available=1, broken=1)),
        (0, 5, 0, 0, CountVerdict(5, 0, broken=5)),
        # race R13: two were picked between the count and its entry, and the count was right
        (5, 3, -2, 3, CountVerdict(5, 5)),
        # three arrived since, one was missing when counted
        (4, 8, 3, 8, CountVerdict(5, 4, from_available=1)),
        # more was shipped since than was counted: what is not there any more cannot be taken away
        (2, 6, -4, 6, CountVerdict(10, 2, from_available=6)),
        (2, 6, -4, 1, CountVerdict(10, 2, from_available=1, broken=5)),
    ],
)
def test_a_count_is_compared_with_the_books_as_of_its_moment(
    counted: int, on_hand: int, moved_since: int, available: int, verdict: CountVerdict
) -> None:
    """Movements since are added first; a deficit comes from available, then from promises, never from nothing."""
    assert compare(counted, on_hand_now=on_hand, moved_since=moved_since, available_now=available) == verdict


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(-50, 50))
def test_what_a_count_posts_never_takes_more_than_is_there(
    counted: int, available: int, promised: int, moved_since: int
) -> None:
    """After posting, no account is below zero and on-hand is what was counted, if that is possible at all."""
    on_hand = available + promised
    verdict = compare(counted, on_hand_now=on_hand, moved_since=moved_since, available_now=available)
    assert 0 <= verdict.from_available <= available
    assert 0 <= verdict.broken <= promised
    assert not (verdict.surplus and (verdict.from_available or verdict.broken))
    assert verdict.broken == 0 or verdict.from_available == available
    after = on_hand + verdict.surplus - verdict.from_available - verdict.broken
    assert after == max(0, counted + moved_since)
    assert verdict.difference == counted - (on_hand - moved_since)


@pytest.mark.parametrize(("counted", "problem"), [(0, None), (5, None), (-1, "a count is 0 or more, not -1")])
def test_nobody_counts_less_than_nothing(counted: int, problem: str | None) -> None:
    """Zero is a count, a negative number is not."""
    told = Count("scan-1", GLOVES, "main", counted, START_AT).problem()
    assert told is None if problem is None else problem in (told or "")

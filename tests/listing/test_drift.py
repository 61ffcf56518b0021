"""Drift: what a reading was surprised by, its likely cause, and how orders and numbers of ours settle it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.channel.port import ListingObservation
from syncd.listing.belief import Belief, acknowledged, observe, order_taken
from syncd.listing.drift import Cause, cause_of
from tests.support.situations import at, seen

COUNTED = Belief(shown=5, shown_at=at(0), read_at=at(0), sold=3, imported=3, shown_sold=3)
PLAIN = Belief(shown=5, shown_at=at(0), read_at=at(0))


@pytest.mark.parametrize(
    ("before", "reading", "drift", "unsure", "restocks", "cause"),
    [
        (COUNTED, seen(5, 3), 0, False, False, None),
        (COUNTED, seen(2, 3), -3, False, False, Cause.EDIT),
        (COUNTED, seen(8, 3), 3, False, False, Cause.EDIT),
        (COUNTED, seen(8, 3), 3, False, True, Cause.RESTOCK),
        (COUNTED, seen(4, 3), -1, True, False, Cause.UNANSWERED_PUSH),
        (COUNTED, seen(9, 0), 0, False, False, Cause.RELISTED),
        (replace(COUNTED, fell_at=at(1)), seen(9, 0), 0, False, False, None),
        (PLAIN, seen(4), -1, False, False, Cause.UNSEEN_SALE),
        (PLAIN, seen(6), 1, False, False, Cause.EDIT),
        (PLAIN, seen(6), 1, False, True, Cause.RESTOCK),
        (PLAIN, seen(6), 1, True, True, Cause.UNANSWERED_PUSH),
    ],
)
def test_causes(
    before: Belief, reading: ListingObservation, drift: int, unsure: bool, restocks: bool, cause: Cause | None
) -> None:
    """By what the channel counts, what is on its way, and which way the number went."""
    assert cause_of(drift, before, reading, unsure=unsure, restocks=restocks) == cause


def read(belief: Belief, shown: int, moment: float) -> Belief:
    """The belief after an uncounted reading."""
    return observe(belief, seen(shown, asked=moment), at(moment), lag_seconds=5).belief


def test_a_late_order_explains_what_was_missing() -> None:
    """A number fell before its order came: once it has come nothing is left to ask or to wait for."""
    fallen = read(PLAIN, 3, 10)
    assert (fallen.drift, fallen.disagreed_at) == (-2, at(10))
    one = order_taken(fallen, 1, at(9))
    assert (one.drift, one.disagreed_at, one.expected) == (-1, at(10), 3)
    both = order_taken(one, 1, at(9))
    assert (both.drift, both.disagreed_at, both.expected) == (0, None, 3)
    assert order_taken(both, 1, at(9)).drift == 0


def test_an_order_explains_only_its_own_direction() -> None:
    """A sale does not explain a number that rose, nor does a cancellation one that fell."""
    risen, fallen = read(PLAIN, 7, 10), read(PLAIN, 3, 10)
    assert order_taken(risen, 1, at(9)).drift == 2
    assert order_taken(risen, -2, at(9)).drift == 0
    assert order_taken(fallen, -1, at(9)).drift == -2


def test_an_order_after_the_reading_explains_nothing() -> None:
    """What was sold after the number was read is not what it was surprised by."""
    fallen = read(PLAIN, 3, 10)
    later = order_taken(fallen, 1, at(20))
    assert (later.drift, later.expected) == (-2, 2)


def test_what_comes_back_is_no_disagreement() -> None:
    """Edited down and up again: as if nothing had been."""
    again = read(read(PLAIN, 3, 10), 5, 20)
    assert (again.drift, again.disagreed_at) == (0, None)


def test_a_number_of_ours_settles_drift() -> None:
    """Accepted over the edited number there is nothing left to ask; that orders must be in before a rise stays."""
    taken = acknowledged(read(PLAIN, 3, 10), 2, at(20))
    assert (taken.drift, taken.disagreed_at) == (0, at(10))

"""Hints that are followed together: as many as tell of a bounded number of things."""

from __future__ import annotations

import pytest

from syncd.channel.port import Hint, ListingObservation, ListingStatus
from syncd.identity import ListingId
from syncd.orders.hint.grouping import how_many


def about(order: str | None, listing: str | None = None) -> Hint:
    """A hint that names these."""
    seen = None if listing is None else ListingObservation(ListingId(listing), 1, 1, ListingStatus.ACTIVE, None)
    return Hint(order, seen)


@pytest.mark.parametrize(
    ("hints", "most", "expected"),
    [
        ([], 2, 0),
        ([about("1"), about("2")], 2, 2),
        ([about("1"), about("1"), about("2"), about("1")], 2, 4),
        ([about("1"), about("2"), about("2"), about("3"), about("1")], 2, 3),
        ([about(None), about(None), about(None)], 1, 3),
        ([about("1"), about(None, "1"), about(None)], 1, 1),
        ([about("1", "2"), about("1")], 1, 1),
    ],
)
def test_follows_from_the_first_on_what_is_about_few_things(hints: list[Hint], most: int, expected: int) -> None:
    """However many tell of the same; and always at least one, whatever it names."""
    assert how_many(hints, most) == expected

"""Where the reading of orders goes on after a page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.woocommerce.order_cursor import OrderCursor

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def at(seconds: int) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def test_a_cursor_survives_as_text() -> None:
    """What the core keeps gives the same place again."""
    cursor = OrderCursor(NOON, 90, at(30))
    assert OrderCursor.decode(cursor.encode()) == cursor


@pytest.mark.parametrize("text", ["", "noon|0|noon", "2026-05-04T12:00:00"])
def test_nonsense_is_no_cursor(text: str) -> None:
    """A damaged cursor is refused, not guessed at."""
    with pytest.raises(ValueError, match=r".+"):
        OrderCursor.decode(text)


def test_the_query_is_in_gmt_and_lists_every_status() -> None:
    """Without dates_are_gmt the shop would read the moment in its own time zone."""
    query = OrderCursor(NOON, 0, NOON).parameters(100)
    assert (query["modified_after"], query["dates_are_gmt"], query["status"]) == ("2026-05-04T12:00:00", "true", "any")
    assert "offset" not in query
    assert OrderCursor(NOON, 90, NOON).parameters(100)["offset"] == "90"


def test_the_next_page_starts_before_the_last_row() -> None:
    """The filter is exclusive and whole seconds: without overlap a second row of the same second would be lost."""
    cursor = OrderCursor(NOON, 0, NOON).following([at(3), at(60)], page_size=2, rows=2, now=at(61))
    assert (cursor.after, cursor.offset) == (at(55), 0)


def test_a_page_full_of_one_moment_goes_on_by_offset() -> None:
    """More orders of one moment than a page holds are walked through, with an overlap."""
    cursor = OrderCursor(at(55), 0, NOON).following([at(60)] * 100, page_size=100, rows=100, now=at(61))
    assert (cursor.after, cursor.offset) == (at(55), 90)
    cursor = cursor.following([at(60)] * 100, page_size=100, rows=100, now=at(61))
    assert cursor.offset == 180


@pytest.mark.parametrize("page_size", [1, 2, 3, 100])
def test_walking_by_offset_always_gets_on(page_size: int) -> None:
    """Whatever the size of a page, the offset grows, and by no more than a page."""
    cursor = OrderCursor(NOON, 0, NOON).following([], page_size=page_size, rows=page_size, now=NOON)
    assert 1 <= cursor.offset <= page_size


def test_an_empty_page_stays_where_it_is() -> None:
    """Nothing new: the same place again, without an offset."""
    cursor = OrderCursor(NOON, 90, NOON).following([], page_size=100, rows=0, now=at(10))
    assert (cursor.after, cursor.offset) == (NOON, 0)


def test_a_long_settled_row_is_not_read_again() -> None:
    """Once nothing can come before the last row any more, its own second is left behind."""
    settled = OrderCursor(NOON, 0, NOON).following([at(60)], page_size=100, rows=1, now=at(400))
    assert settled.after == at(60)


def test_the_cursor_never_goes_back() -> None:
    """Rows older than the place reached do not draw it back."""
    assert OrderCursor(NOON, 0, NOON).following([at(2)], page_size=100, rows=1, now=at(9)).after == NOON


def test_the_waste_bin_is_read_once_a_minute() -> None:
    """It costs a call of its own, and overlaps generously as its place is kept in our time."""
    cursor = OrderCursor(NOON, 0, NOON)
    assert not cursor.trash_is_due(at(59))
    assert cursor.trash_is_due(at(60))
    query = cursor.trash_parameters(50)
    assert (query["status"], query["modified_after"], query["per_page"]) == ("trash", "2026-05-04T11:55:00", "50")
    assert cursor.with_trash_asked_at(at(60)).trash_asked_at == at(60)

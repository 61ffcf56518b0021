"""Moments, waits and versions that travel beside a list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from connectors.dropship.mapping_header import FeedVersion, read_moment, retry_after_seconds

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 02 Mar 2026 12:00:00 GMT",
        "Mon, 02 Mar 2026 13:00:00 +0100",
        "02 Mar 2026 12:00:00 -0000",
        "2026-03-02T12:00:00Z",
        "2026-03-02T13:00:00+01:00",
        "2026-03-02 12:00:00",
        "2026-03-02T12:00",
    ],
)
def test_a_moment_is_read_in_utc(text: str) -> None:
    """HTTP dates and ISO 8601, with a zone or without, are the same moment in UTC."""
    moment = read_moment(text)
    assert moment == NOON
    assert moment.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-40", "Mon, 99 Xyz 2026 12:00:00 GMT", "12", "0001-01-01T00:00:00+14:00"]
)
def test_a_text_that_is_no_moment_is_refused(text: str) -> None:
    """Anything else is a ValueError."""
    with pytest.raises(ValueError, match=r"."):
        read_moment(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("17", 17.0),
        (" 0 ", 0.0),
        ("Mon, 02 Mar 2026 12:02:00 GMT", 120.0),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
    ],
)
def test_the_wait_is_read_in_both_forms(text: str | None, seconds: float | None) -> None:
    """Seconds and dates are read; a date that has passed is no wait; anything else says nothing."""
    assert retry_after_seconds(text, NOON) == seconds


@pytest.mark.parametrize("etag", ["", '"abc"', 'W/"a|b|c"'])
@pytest.mark.parametrize("stated_at", [None, NOON, NOON.astimezone(timezone(timedelta(hours=1)))])
def test_a_version_reads_back(etag: str, stated_at: datetime | None) -> None:
    """A version written as a string is the same version again."""
    version = FeedVersion("layout", "digest", stated_at, etag)
    assert FeedVersion.parse(str(version)) == version


@pytest.mark.parametrize("text", [None, "", '"etag"', "2|a|b|-|", "1|a|b|not a moment|", "1|a|b", "1|a|b|2026-03-02|"])
def test_a_foreign_version_is_none(text: str | None) -> None:
    """What we did not write is no version."""
    assert FeedVersion.parse(text) is None

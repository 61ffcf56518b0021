"""Reads what travels beside a feed: when it was made, how long to wait, the version we remember."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

ETAG_LENGTH_MAX = 300
"""A longer ETag is not remembered; the digest of the body then tells versions apart alone."""

_ABSENT = "-"


@dataclass(frozen=True, slots=True)
class FeedVersion:
    """What identifies a feed we have read, written as one string into `OfferSnapshot.version`.

    `layout` is the digest of the layout it was read with, `digest` that of its bytes, `etag` his name for it.
    `stated_at` is when he said it was made: Apache does not repeat that when it answers "not modified".
    """

    layout: str
    digest: str
    stated_at: datetime | None
    etag: str

    def __str__(self) -> str:
        stated = self.stated_at.astimezone(UTC).isoformat() if self.stated_at else _ABSENT
        return f"1|{self.layout}|{self.digest}|{stated}|{self.etag}"

    @classmethod
    def parse(cls, text: str | None) -> FeedVersion | None:
        """The version, or None when the text is not one of ours: the feed is then read anew."""
        parts = (text or "").split("|", 4)
        if len(parts) != 5 or parts[0] != "1":
            return None
        try:
            stated_at = None if parts[3] == _ABSENT else datetime.fromisoformat(parts[3])
        except ValueError:
            return None
        if stated_at is not None and stated_at.tzinfo is None:
            return None
        return cls(parts[1], parts[2], stated_at, parts[4])


def read_moment(text: str) -> datetime:
    """A moment from an HTTP date (RFC 9110 §5.6.7) or ISO 8601; UTC if no zone is said. Or ValueError."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        moment = datetime.fromisoformat(text.strip())
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the moment lies before the first or after the last day there is") from None


def retry_after_seconds(text: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110 §10.2.3), or None if it says nothing readable."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text.strip()[:9])
    try:
        return max(0.0, (read_moment(text) - now).total_seconds())
    except ValueError:
        return None

"""Where the reading of orders stands: `modified_after` is exclusive and counts whole seconds. Pure.

A page ends in the middle of a second, rows may commit late, and an order that changes while pages are read
moves to the end and shifts the rest. So the cursor follows the last row seen, less an overlap; only when
more orders share that overlap than a page holds does it walk by offset, in steps that overlap too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

OVERLAP = timedelta(seconds=5)
"""How far behind the last row the next page starts: 1 s as the filter is exclusive, 4 s for late commits."""

SETTLED_AFTER = timedelta(seconds=300)
"""When the last change is so old, nothing can come before it any more and its second is not read again."""

TRASH_INTERVAL = timedelta(seconds=60)
"""How often the waste bin is looked into: status=any leaves it out, so it costs a call of its own."""

TRASH_OVERLAP = timedelta(seconds=300)
"""Allows for the shop's clock and ours to differ: the bin's position is kept in our time."""


@dataclass(frozen=True, slots=True)
class OrderCursor:
    """Ask for orders changed after `after` (shop's time, exclusive), leaving out the first `offset`."""

    after: datetime
    offset: int
    trash_asked_at: datetime

    @classmethod
    def start(cls, since: datetime) -> OrderCursor:
        """From a moment of ours."""
        after = since.astimezone(UTC).replace(microsecond=0) - OVERLAP
        return cls(after, 0, after)

    @classmethod
    def decode(cls, text: str) -> OrderCursor:
        """What `encode` wrote. Raises ValueError."""
        after, offset, trash = text.split("|")
        return cls(_moment(after), int(offset), _moment(trash))

    def encode(self) -> str:
        """As text, to be kept by the core."""
        return f"{_text(self.after)}|{self.offset}|{_text(self.trash_asked_at)}"

    def parameters(self, page_size: int) -> dict[str, str]:
        """The query for the next page."""
        parameters = {
            "modified_after": _text(self.after),
            "dates_are_gmt": "true",
            "orderby": "modified",
            "order": "asc",
            "per_page": str(page_size),
            "status": "any",
        }
        return parameters | ({"offset": str(self.offset)} if self.offset else {})

    def trash_is_due(self, now: datetime) -> bool:
        """Whether the waste bin is to be read at the end of this run."""
        return now - self.trash_asked_at >= TRASH_INTERVAL

    def trash_parameters(self, page_size: int) -> dict[str, str]:
        """The query for orders put into the waste bin since it was last read."""
        after = _text(self.trash_asked_at - TRASH_OVERLAP)
        return OrderCursor(self.after, 0, self.after).parameters(page_size) | {
            "modified_after": after,
            "status": "trash",
        }

    def with_trash_asked_at(self, moment: datetime) -> OrderCursor:
        """The waste bin has been read in full at this moment of ours."""
        return replace(self, trash_asked_at=moment.replace(microsecond=0))

    def following(self, changes: Sequence[datetime], *, page_size: int, rows: int, now: datetime) -> OrderCursor:
        """After a page of so many rows, whose readable times of change are `changes`."""
        last = max(changes, default=self.after)
        settled = rows < page_size and now - last >= SETTLED_AFTER
        after = max(self.after, last if settled else last - OVERLAP)
        if rows >= page_size and after == self.after:
            step = max(1, page_size - max(1, page_size // 10))
            return replace(self, offset=self.offset + step)
        return replace(self, after=after, offset=0)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)

"""Counting a shelf: an assertion as of a moment, compared with the books, the difference posted.

Someone counted N pieces at T. Movements of the shelf after T are added before the comparison, so that a count entered
late does not undo the picks made since (race R13). What is counted is everything physically there: available, reserved,
in-flight and unavailable together. A surplus becomes available. A deficit is taken from available first; what is still
missing was promised to somebody, and breaking that promise is the caller's explicit decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from syncd.identity import Sku


@dataclass(frozen=True, slots=True)
class Count:
    """What somebody counted. `counted` is in base units; `key` makes a repeat harmless."""

    key: str
    sku: Sku
    location: str
    counted: int
    counted_at: datetime
    actor: str = ""

    def problem(self) -> str | None:
        """Why this cannot be a count, or None."""
        return None if self.counted >= 0 else f"{self.sku}: a count is 0 or more, not {self.counted}"


@dataclass(frozen=True, slots=True)
class CountVerdict:
    """The books as of the count, and what to do: post `surplus`, or take `from_available` and break `broken` units."""

    expected: int
    counted: int
    surplus: int = 0
    from_available: int = 0
    broken: int = 0

    @property
    def difference(self) -> int:
        """Signed: counted minus expected, in base units."""
        return self.counted - self.expected


def compare(counted: int, *, on_hand_now: int, moved_since: int, available_now: int) -> CountVerdict:
    """Judge a count. `moved_since` is the net change of on-hand after the count's moment, in base units.

    A deficit is never more than is on hand now, even if more was shipped since than was counted.
    """
    expected = on_hand_now - moved_since
    difference = counted - expected
    if difference >= 0:
        return CountVerdict(expected, counted, surplus=difference)
    missing = min(-difference, on_hand_now)
    from_available = min(missing, available_now)
    return CountVerdict(expected, counted, from_available=from_available, broken=missing - from_available)

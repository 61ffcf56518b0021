"""How many calls a channel may still be asked for: per second, per day, with a reserve kept for what matters most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

URGENT_RESERVE_SHARE = 0.2
"""Share of the day's calls that only urgent ones (crossings to zero, reads that prove them) may use."""


@dataclass
class Budget:
    """Calls spent and left. `day_starts_at` is midnight UTC unless the channel says otherwise."""

    calls_per_second: float | None
    calls_per_day: int | None
    spent_today: int = 0
    day_starts_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    free_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    def wait_seconds(self, now: datetime, *, urgent: bool) -> float:
        """0 if a call may go now, else how long until it may. Ask again then."""
        self._turn_day(now)
        if self.calls_per_day is not None:
            reserve = 0 if urgent else int(self.calls_per_day * URGENT_RESERVE_SHARE)
            if self.spent_today >= self.calls_per_day - reserve:
                return (self.day_starts_at + timedelta(days=1) - now).total_seconds()
        return max(0.0, (self.free_at - now).total_seconds())

    def spend(self, now: datetime) -> None:
        """Count one call."""
        self._turn_day(now)
        self.spent_today += 1
        if self.calls_per_second:
            # Up to one second's worth may go in a burst; after that they are spaced evenly.
            oldest = now - timedelta(seconds=1)
            self.free_at = max(self.free_at, oldest) + timedelta(seconds=1 / self.calls_per_second)

    @property
    def left_today(self) -> int | None:
        """Calls left until the day turns; None where there is no limit."""
        return None if self.calls_per_day is None else max(0, self.calls_per_day - self.spent_today)

    def _turn_day(self, now: datetime) -> None:
        if now >= self.day_starts_at + timedelta(days=1):
            self.day_starts_at = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            self.spent_today = 0

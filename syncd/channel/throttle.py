"""How many calls a channel may still be asked for: per second, per day, with a reserve kept for what matters most."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

URGENT_RESERVE_SHARE = 0.2
"""Share of the day's calls that only urgent ones (crossings to zero, reads that prove them) may use."""


@dataclass
class Budget:
    """Calls spent and left. `day_starts_at` is midnight UTC; `recent_at` are the last calls, some may lie ahead."""

    calls_per_second: float | None
    calls_per_day: int | None
    spent_today: int = 0
    day_starts_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    recent_at: deque[datetime] = field(default_factory=deque)

    def wait_seconds(self, now: datetime, *, urgent: bool) -> float:
        """0 if a call may go now, else how long until it may. Ask again then."""
        self._turn_day(now)
        if self.calls_per_day is not None:
            reserve = 0 if urgent else int(self.calls_per_day * URGENT_RESERVE_SHARE)
            if self.spent_today >= self.calls_per_day - reserve:
                return (self.day_starts_at + timedelta(days=1) - now).total_seconds()
        return max(0.0, (self._free_at() - now).total_seconds())

    def spend(self, now: datetime) -> None:
        """Count one call, made as soon as the pace allows: whoever asks next waits behind it."""
        self._turn_day(now)
        self.spent_today += 1
        if self.calls_per_second:
            self.recent_at.append(max(now, self._free_at()))
            while len(self.recent_at) > max(1, int(self.calls_per_second)):
                self.recent_at.popleft()

    @property
    def left_today(self) -> int | None:
        """Calls left until the day turns; None where there is no limit."""
        return None if self.calls_per_day is None else max(0, self.calls_per_day - self.spent_today)

    def _free_at(self) -> datetime:
        """When the pace allows one more call: in no second do more begin than the channel allows."""
        if not self.calls_per_second or len(self.recent_at) < max(1, int(self.calls_per_second)):
            return datetime.min.replace(tzinfo=UTC)
        return self.recent_at[0] + timedelta(seconds=max(1.0, 1 / self.calls_per_second))

    def _turn_day(self, now: datetime) -> None:
        if now >= self.day_starts_at + timedelta(days=1):
            self.day_starts_at = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            self.spent_today = 0

"""How many calls a channel may still be asked for: per second, per day, with reserves kept for what matters most."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import Enum

from syncd.channel.account import CallMeter

DAY = timedelta(days=1)


class Urgency(Enum):
    """How much an oversell depends on a call; the value is the share of the day's calls left to more urgent ones."""

    FIRST = 0.0
    """Crossings to zero, what proves them, and what customers wait for."""
    LOWER = 0.1
    """Numbers that fall."""
    ROUTINE = 0.2
    """Looking for orders, reading listings."""
    RAISE = 0.3
    """Numbers that rise, sweeps: late they cost a sale, never an oversell."""


BOOKED_CALLS = 50
"""Calls that are written down ahead, so that a restart never counts too few; at most so many are counted too much."""


@dataclass
class Budget:
    """Calls spent and left. `day_starts_at` is midnight UTC until a channel's meter names its own hour; `recent_at` are
    the last calls, some may lie ahead.
    """

    calls_per_second: float | None
    calls_per_day: int | None
    spent_today: int = 0
    day_starts_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    recent_at: deque[datetime] = field(default_factory=deque)
    booked_today: int = 0
    metered_left: int | None = None
    """Calls the channel's own meter leaves us, where it has one: others may share the day with us."""
    unmetered: int = 0
    """Calls made since the meter was read: it may not have counted them yet."""

    def wait_seconds(self, now: datetime, urgency: Urgency) -> float:
        """0 if a call may go now, else how long until it may. Ask again then."""
        free = self.free_today(now, urgency)
        if free is not None and free <= 0:
            return self._seconds_left(now)
        return max(0.0, (self._free_at() - now).total_seconds())

    def spend(self, now: datetime, calls: int = 1) -> None:
        """Count calls, made as soon as the pace allows: whoever asks next waits behind them."""
        self._turn_day(now)
        self.spent_today += calls
        self.unmetered += calls
        if self.metered_left is not None:
            self.metered_left -= calls
        if self.calls_per_second:
            for _ in range(calls):
                self.recent_at.append(max(now, self._free_at()))
                while len(self.recent_at) > max(1, int(self.calls_per_second)):
                    self.recent_at.popleft()

    def free_today(self, now: datetime, urgency: Urgency) -> int | None:
        """Calls of this urgency left until the day turns; None where there is no limit."""
        self._turn_day(now)
        if self.calls_per_day is None:
            return None
        left = self.calls_per_day - self.spent_today
        if self.metered_left is not None:
            left = min(left, self.metered_left)
        return left - int(self.calls_per_day * urgency.value)

    def take_meter(self, meter: CallMeter, now: datetime) -> None:
        """Go on from what the channel itself counts: how many there are, how many are left, and when its day turns.

        Calls made since the reading before are taken off once more, for a meter that lags behind.
        """
        self._turn_day(now)
        if meter.resets_at <= now:
            return  # an answer from before the turn says nothing about this day
        self.calls_per_day = meter.limit
        self.day_starts_at = meter.resets_at - DAY
        self.metered_left = max(0, meter.remaining - self.unmetered)
        self.unmetered = 0

    def pace_seconds(self, wanted: float, now: datetime, *, calls: int, part: float) -> float:
        """Pause between two looks of so many calls each that uses at most this part of what is left of the day.

        Never shorter than `wanted`; longer when the budget would not last until the day turns.
        """
        free = self.free_today(now, Urgency.ROUTINE)
        if free is None:
            return wanted
        left = self._seconds_left(now)
        return max(wanted, min(left, calls * left / max(1.0, free * part)))

    def remember(self, day: date, booked: int, now: datetime) -> None:
        """Go on from what an earlier process had written down."""
        self._turn_day(now)
        if day == self.day_starts_at.date():
            self.spent_today = self.booked_today = max(self.spent_today, booked)

    def to_book(self, now: datetime) -> tuple[date, int] | None:
        """What has to be written down now, or None: always a few calls more than were made."""
        self._turn_day(now)
        if self.calls_per_day is None or self.spent_today + BOOKED_CALLS // 2 < self.booked_today:
            return None
        if not self.spent_today:
            return None
        self.booked_today = self.spent_today + BOOKED_CALLS
        return self.day_starts_at.date(), self.booked_today

    @property
    def left_today(self) -> int | None:
        """Calls left until the day turns; None where there is no limit."""
        if self.calls_per_day is None:
            return None
        own = max(0, self.calls_per_day - self.spent_today)
        return own if self.metered_left is None else max(0, min(own, self.metered_left))

    def _seconds_left(self, now: datetime) -> float:
        return (self.day_starts_at + DAY - now).total_seconds()

    def _free_at(self) -> datetime:
        """When the pace allows one more call: in no second do more begin than the channel allows."""
        if not self.calls_per_second or len(self.recent_at) < max(1, int(self.calls_per_second)):
            return datetime.min.replace(tzinfo=UTC)
        return self.recent_at[0] + timedelta(seconds=max(1.0, 1 / self.calls_per_second))

    def _turn_day(self, now: datetime) -> None:
        if now >= self.day_starts_at + DAY:
            # Whole days on, so that a day keeps the hour at which the channel's own turns; midnight where it has none.
            self.day_starts_at += (now - self.day_starts_at) // DAY * DAY
            self.spent_today = self.booked_today = 0
            self.metered_left = None

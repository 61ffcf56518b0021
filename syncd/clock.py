"""Time as a parameter: the only file that reads the machine's clock or sleeps."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

DURATION_SECONDS_MAX = 1_000_000_000.0
"""Longest duration that can be configured: some thirty years, which still ends before dates do."""


BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine sleeps, where the system has such a clock: who wakes must see how long he was away."""


class Clock(Protocol):
    """Wall time, monotonic time and sleeping, so that tests and the simulator can bring their own."""

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(BOOT_CLOCK)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


MOMENT_LENGTH_MAX = 40
"""Longest text taken for a moment."""


def moment_of(text: str) -> datetime | None:
    """The moment a text names (ISO 8601), in UTC; None if it names none or says no time zone."""
    try:
        found = datetime.fromisoformat(text) if len(text) <= MOMENT_LENGTH_MAX else None
        return None if found is None or found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


DOUBLINGS_MAX = 30
"""From one second on, that is decades; further ones would only be too large a number."""


def doubled(first_seconds: float, times: int, longest_seconds: float = DURATION_SECONDS_MAX) -> float:
    """The pause in seconds after so many failures in a row: twice as long each time, up to the longest."""
    return min(longest_seconds, first_seconds * 2.0 ** min(max(times, 1) - 1, DOUBLINGS_MAX))

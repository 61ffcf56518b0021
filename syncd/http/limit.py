"""How often one caller may knock: a bucket of calls for each, refilled with time; their number has a bound."""

from __future__ import annotations

from collections import OrderedDict

from syncd.clock import Clock

CALLERS_MAX = 10_000
"""Callers remembered; who has not knocked for longest is forgotten first."""


class Limit:
    """So many calls at once, and so many a minute in the long run, for each caller by himself."""

    def __init__(self, clock: Clock, per_minute: int) -> None:
        self._clock = clock
        self._most = float(per_minute)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, caller: str) -> bool:
        """Whether this call may be answered; it counts if it may."""
        now = self._clock.monotonic()
        left, at = self._left.pop(caller, (self._most, now))
        left = min(self._most, left + (now - at) * self._most / 60.0)
        allowed = left >= 1.0
        self._left[caller] = (left - 1.0 if allowed else left, now)
        if len(self._left) > CALLERS_MAX:
            self._left.popitem(last=False)
        return allowed

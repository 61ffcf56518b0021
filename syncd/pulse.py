"""The pulse of a run: whether the work in hand still takes steps, or hangs somewhere.

Whoever does a step that may take a while (a call to a channel, a commit) says `beat()` when it is done; a beat counts
for the run it was made in, whichever task of that run made it.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

STALL_SECONDS = 600.0
"""A run that takes no step for so long hangs: the longest single step is a supplier's list of 50 MB, read in 120 s."""


@dataclass
class Pulse:
    """Steps of one worker. `busy`: whether a run is in hand."""

    beats: int = 0
    busy: bool = False


_current: ContextVar[Pulse | None] = ContextVar("pulse", default=None)


def feel(pulse: Pulse) -> None:
    """From here on the steps of this task, and of those it starts, count for this pulse."""
    _current.set(pulse)


def beat() -> None:
    """A step is done. Outside a run this does nothing."""
    pulse = _current.get()
    if pulse is not None:
        pulse.beats += 1


@dataclass
class _Seen:
    beats: int
    at: float


class Vigil:
    """Watches pulses from outside: it is looked at now and then, and says who has not taken a step for too long."""

    def __init__(self, stall_seconds: float = STALL_SECONDS) -> None:
        self._stall_seconds = stall_seconds
        self._seen: dict[str, _Seen] = {}

    def stalled(self, pulses: dict[str, Pulse], monotonic_seconds: float) -> list[str]:
        """The names of those that hang, in order."""
        found: list[str] = []
        for name, pulse in sorted(pulses.items()):
            seen = self._seen.get(name)
            if not pulse.busy or seen is None or seen.beats != pulse.beats:
                self._seen[name] = _Seen(pulse.beats, monotonic_seconds)
            elif monotonic_seconds - seen.at >= self._stall_seconds:
                found.append(name)
        return found

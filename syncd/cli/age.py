"""How long ago, in words."""

from __future__ import annotations

from datetime import datetime, timedelta

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def span(length: timedelta) -> str:
    """A length of time in its largest unit: 45 s, 3 min, 2 h, 5 d."""
    seconds = int(length.total_seconds())
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return "0 s"


def ago(moment: datetime | None, now: datetime) -> str:
    """'3 min ago', 'in 2 h', 'just now', or 'never'."""
    if moment is None:
        return "never"
    if abs(now - moment) < timedelta(seconds=1):
        return "just now"
    return f"{span(now - moment)} ago" if moment < now else f"in {span(moment - now)}"

"""Stock over time as a step line: what to draw, in the units of the picture; the template only writes it down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 40, 56, 16, 28
"""Room around the line for its labels."""

STEPS_MAX = 5
"""Most lines across."""

DAYS_MAX = 6
"""Most dates below."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What there was from a moment on, and what made it so."""

    at: datetime
    quantity: int
    what: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the picture with a word."""

    x: float
    y: float
    label: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A step line with its labels. `path` is SVG path data; `last` stands where the line ends, with its value."""

    path: str
    area: str
    levels: tuple[Mark, ...]
    days: tuple[Mark, ...]
    events: tuple[Mark, ...]
    last: Mark


def chart(moments: Sequence[Moment], now: datetime) -> Chart | None:
    """The quantity from the first moment to now, oldest first; None where there is nothing to see. Begins at zero."""
    if not moments:
        return None
    begin = moments[0].at
    span = max((now - begin).total_seconds(), 1.0)
    top = _rounded(max(1, *(one.quantity for one in moments)))

    def x(at: datetime) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (at - begin).total_seconds() / span, 1)

    def y(quantity: int) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * quantity / top, 1)

    path = f"M{x(begin)} {y(moments[0].quantity)}"
    for one in moments[1:]:
        path += f"H{x(one.at)}V{y(one.quantity)}"
    path += f"H{x(now)}"
    step = max(1, top // STEPS_MAX)
    return Chart(
        path,
        f"{path}V{y(0)}H{x(begin)}Z",
        tuple(Mark(LEFT, y(level), str(level)) for level in range(0, top + 1, step)),
        tuple(Mark(x(day), HEIGHT, f"{day:%d %b}", f"{day:%Y-%m-%d}") for day in _days(begin, now)),
        tuple(Mark(x(one.at), y(one.quantity), one.what) for one in moments if one.what),
        Mark(x(now), y(moments[-1].quantity), str(moments[-1].quantity)),
    )


def _rounded(top: int) -> int:
    """The next number that the lines across divide evenly."""
    return top if top <= STEPS_MAX else ceil(top / STEPS_MAX) * STEPS_MAX


def _days(begin: datetime, now: datetime) -> list[datetime]:
    first = begin.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    count = max(0, (now - first).days + 1)
    every = max(1, ceil(count / DAYS_MAX))
    return [first + timedelta(days=number) for number in range(0, count, every)]

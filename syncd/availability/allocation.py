"""How what may be sold is shared out among channels: by percentage, the last units by priority."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from syncd.identity import ChannelName

WHOLE = 100
"""A share is counted in hundredths: after every hundred units each channel has exactly its own."""


@dataclass(frozen=True, slots=True)
class Share:
    """One channel's claim. `percent` of the units, 1 to 100; None: it is offered everything. Higher priority first."""

    percent: int | None = None
    priority: int = 0


def portion(units: int, channel: ChannelName, shares: Mapping[ChannelName, Share]) -> int:
    """How many of `units` a channel may advertise.

    The units are dealt out one by one, each to the channel of highest priority that has not had its share of those
    dealt so far. So no channel is promised a unit another one was, a unit more never takes one away from anybody, and
    where shares ask for more than there is (or for half a unit) priority decides.
    """
    own = shares.get(channel)
    if own is None or own.percent is None or units <= 0:
        return units
    ranks = sorted((-one.priority, name) for name, one in shares.items() if one.percent is not None)
    percents = _grantable(tuple(shares[name].percent or 0 for _, name in ranks))
    rank = [name for _, name in ranks].index(channel)
    hundreds, rest = divmod(units, WHOLE)
    return hundreds * percents[rank] + _dealt(percents, rest)[rank]


def _grantable(wanted: tuple[int, ...]) -> tuple[int, ...]:
    """Shares that add up to 100 % at most: those of higher priority first."""
    left, granted = WHOLE, []
    for percent in wanted:
        granted.append(min(percent, left))
        left -= granted[-1]
    return tuple(granted)


@lru_cache(4096)
def _dealt(percents: tuple[int, ...], units: int) -> tuple[int, ...]:
    """What each has once so many units, fewer than a hundred, are dealt out."""
    given = [0] * len(percents)
    for dealt in range(1, units + 1):
        for rank, percent in enumerate(percents):
            if given[rank] * WHOLE < percent * dealt:
                given[rank] += 1
                break
    return tuple(given)

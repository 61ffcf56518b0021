"""How fast a SKU sells and how long news of it takes: running figures that need no history to be kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil, log, log2

RUSH = timedelta(hours=1)
"""Half-life of what was sold lately: a rush is noticed, and forgotten within the day."""

STEADY = timedelta(days=7)
"""Half-life of what is sold in the long run."""

DELAY_SECONDS_MAX = 3600.0
"""A longer delay is an outage and says nothing about how long news takes."""

DELAY_WEIGHT = 1 / 8
"""How much one more delay counts, as in TCP's estimate of its round trip (RFC 6298)."""

SPREADS = 2.0
"""How many times the usual deviation above the usual delay still counts as usual."""

STEPS_PER_DOUBLING = 2
"""How finely a delay is reckoned with: every measurement changes it a little, and listings must not follow each."""

DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Velocity:
    """Units sold, each worth less the longer ago it was: `rush` halves every hour, `steady` every week."""

    rush: float
    steady: float
    as_of: datetime

    def at(self, moment: datetime) -> Velocity:
        """The same sales seen from a later moment."""
        age = max(timedelta(0), moment - self.as_of)
        return Velocity(self.rush * 0.5 ** (age / RUSH), self.steady * 0.5 ** (age / STEADY), self.as_of + age)

    def more(self, units: int, sold_at: datetime) -> Velocity:
        """With units sold at a moment, which may lie before what is known already."""
        then = self.at(sold_at)
        ago = max(timedelta(0), then.as_of - sold_at)
        return Velocity(
            then.rush + units * 0.5 ** (ago / RUSH), then.steady + units * 0.5 ** (ago / STEADY), then.as_of
        )

    @property
    def per_day(self) -> float:
        """Units a day as of then, at the pace of the last hour or of the last weeks, whichever was faster.

        One sale is no rush.
        """
        return max(_pace(max(0.0, self.rush - 1), RUSH), _pace(self.steady, STEADY))


def _pace(worth: float, half_life: timedelta) -> float:
    return worth * log(2) / (half_life / timedelta(days=1))


class Way(StrEnum):
    """Which way news goes."""

    HEARD = "heard"
    """From a sale on the channel to our books."""
    TOLD = "told"
    """From our books to the channel's listings."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds something usually takes, and by how much it usually differs."""

    mean_seconds: float
    spread_seconds: float

    @property
    def seconds(self) -> float:
        """What is to be reckoned with: the usual delay and deviation, rounded up to the next step."""
        usual = max(1.0, self.mean_seconds + SPREADS * self.spread_seconds)
        return float(2 ** (ceil(STEPS_PER_DOUBLING * log2(usual)) / STEPS_PER_DOUBLING))


def measured(known: Delay | None, seconds: float) -> Delay:
    """The delay with one more measurement."""
    sample = min(max(0.0, seconds), DELAY_SECONDS_MAX)
    if known is None:
        return Delay(sample, sample / 2)
    off = sample - known.mean_seconds
    return Delay(
        known.mean_seconds + DELAY_WEIGHT * off,
        known.spread_seconds + DELAY_WEIGHT * (abs(off) - known.spread_seconds),
    )

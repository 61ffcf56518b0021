"""What a movement tells about the pace of sales: which were sales, on which channel, and how late we heard of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncd.availability.scarcity import ScarcityPolicy, units_needed
from syncd.availability.velocity import DAY_SECONDS, Delay, Velocity, measured
from syncd.identity import ChannelName, Sku
from syncd.ledger.movement import Movement, Reason, State
from syncd.listing.observation import HINT

COUNTER = ChannelName("")
"""Sold on no channel: over the shop's own counter."""

Key = tuple[Sku, ChannelName]


@dataclass(frozen=True, slots=True)
class Heard:
    """A sale as the log holds it. `recorded_at` is when we knew."""

    movement: Movement
    recorded_at: datetime

    @property
    def is_sale(self) -> bool:
        """Whether free units were sold. What was in flight before was counted when it took off."""
        moved = self.movement
        return moved.reason is Reason.SALE and moved.source.is_ours and moved.source.state == State.AVAILABLE

    @property
    def delay_seconds(self) -> float | None:
        """How late we heard of it; None where nobody knows: a counter that was read says what was sold, not when."""
        moved = self.movement
        if self.channel == COUNTER or (moved.destination.state == State.IN_FLIGHT and moved.actor != HINT):
            return None
        return (self.recorded_at - moved.happened_at).total_seconds()

    @property
    def channel(self) -> ChannelName:
        """Where it was sold: the part of its reference before the colon."""
        name, colon, _ = self.movement.reference.partition(":")
        return ChannelName(name) if colon else COUNTER


@dataclass
class Pace:
    """Velocities by SKU and channel and delays by channel, as they move on."""

    velocities: dict[Key, Velocity] = field(default_factory=dict)
    heard: dict[ChannelName, Delay] = field(default_factory=dict)

    def take(self, sales: Iterable[Heard]) -> None:
        """Count sales in."""
        for one in sales:
            key, moved = (one.movement.sku, one.channel), one.movement
            known = self.velocities.get(key) or Velocity(0.0, 0.0, moved.happened_at)
            self.velocities[key] = known.more(moved.quantity, moved.happened_at)
            seconds = one.delay_seconds
            if seconds is not None:
                self.heard[one.channel] = measured(self.heard.get(one.channel), seconds)


def slowed(
    velocities: Mapping[Key, Velocity], before: datetime, now: datetime, policy: ScarcityPolicy, seconds: float
) -> set[Sku]:
    """SKUs of which fewer last units have to be kept together than at an earlier moment: they sell no more.

    `seconds`: how long news of a sale needs from the slowest channel to the slowest.
    """
    then: dict[Sku, float] = {}
    today: dict[Sku, float] = {}
    for (sku, _), one in velocities.items():
        then[sku] = then.get(sku, 0.0) + one.per_day(before)
        today[sku] = today.get(sku, 0.0) + one.per_day(now)
    return {sku for sku in then if _kept(then[sku], policy, seconds) != _kept(today[sku], policy, seconds)}


def _kept(sold_per_day: float, policy: ScarcityPolicy, seconds: float) -> int:
    return units_needed(sold_per_day / DAY_SECONDS * seconds, policy.chance, policy.units_max)

"""The pace of sales and the delays of news, as the movements in the log tell them, and whose last units they decide.

A target depends on figures that are kept, never on the moment it is looked at: a pace is that of the last time it was
counted or seen to have cooled. So whoever changes a figure can tell which SKUs it matters to, and mark them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncd.availability.ats import Policies
from syncd.availability.scarcity import Outlet, Scarcity, scarcity, units_kept
from syncd.availability.velocity import Delay, Velocity, Way, measured
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


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything measured that decides about last units: how fast SKUs sell, and how long news takes."""

    velocities: Mapping[Key, Velocity]
    delays: Mapping[tuple[ChannelName, Way], Delay]

    def sold_per_day(self) -> dict[Sku, float]:
        """Units of each SKU sold anywhere."""
        found: dict[Sku, float] = {}
        for (sku, _), one in self.velocities.items():
            found[sku] = found.get(sku, 0.0) + one.per_day
        return found

    def outlets(self, sku: Sku, channels: Iterable[ChannelName]) -> dict[ChannelName, Outlet]:
        """The channels that offer a SKU, with its pace there and their delays."""
        return {name: self._outlet(sku, name) for name in channels}

    def cooled(self, now: datetime) -> Figures:
        """The same sales seen from now."""
        return Figures({key: one.at(now) for key, one in self.velocities.items()}, self.delays)

    def _outlet(self, sku: Sku, name: ChannelName) -> Outlet:
        sold = self.velocities.get((sku, name))
        heard, told = self.delays.get((name, Way.HEARD)), self.delays.get((name, Way.TOLD))
        return Outlet(sold.per_day if sold else 0.0, heard.seconds if heard else None, told.seconds if told else None)


def perhaps_scarce(figures: Figures, policies: Policies) -> set[Sku]:
    """SKUs of which last units may have to be kept together, were they offered on every channel; no other has any."""
    everywhere = figures.outlets(Sku(""), policies.channels)
    config, sold = policies.availability, figures.sold_per_day()
    return {sku for sku, per_day in sold.items() if units_kept(config.scarcity_of(sku), everywhere, per_day)}


def decided_otherwise(
    before: Figures, after: Figures, offered: Mapping[Sku, Collection[ChannelName]], policies: Policies
) -> set[Sku]:
    """The SKUs among `offered` whose last units are shown in another way now."""
    then, now = before.sold_per_day(), after.sold_per_day()
    shares = next((one.shares for one in policies.channels.values()), {})

    def decided(figures: Figures, sold: Mapping[Sku, float], sku: Sku) -> tuple[int, ChannelName] | None:
        policy, outlets = policies.availability.scarcity_of(sku), figures.outlets(sku, offered[sku])
        found: Scarcity | None = scarcity(policy, outlets, shares, sold.get(sku, 0.0))
        return None if found is None else (found.units, found.home)

    return {sku for sku in offered if decided(before, then, sku) != decided(after, now, sku)}

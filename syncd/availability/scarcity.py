"""Showing the last units on one channel only, because two channels cannot both sell the last one truthfully.

How many: when stock falls to k the other channels are told to show 0. Until they do, they and the home channel go on
selling; only more than k sales in that time oversell. k is the fewest units for which that chance (Poisson, at the
pace the SKU sells and with the delays measured) is below the configured bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp

from syncd.availability.allocation import Share
from syncd.availability.velocity import DAY_SECONDS
from syncd.identity import ChannelName


@dataclass(frozen=True, slots=True)
class Outlet:
    """A channel that offers a SKU. `heard_seconds`: from a sale there to our books; `told_seconds`: from our books to
    its listings; None where nothing was measured yet."""

    sold_per_day: float = 0.0
    heard_seconds: float | None = None
    told_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ScarcityPolicy:
    """When at most `units` base units are left only one channel shows them; more where the pace asks for it.

    `chance` bounds the chance that selling out oversells, by at most `units_max` units; 0 leaves `units` alone.
    `unmeasured_seconds` is taken for a delay nothing is known of.
    """

    units: int = 0
    home_channel: str | None = None
    chance: float = 0.0
    units_max: int = 0
    unmeasured_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Scarcity:
    """The last `units` are shown on `home` only, and why."""

    units: int
    home: ChannelName
    why: str


def scarcity(
    policy: ScarcityPolicy,
    outlets: Mapping[ChannelName, Outlet],
    shares: Mapping[ChannelName, Share],
    sold_per_day: float,
) -> Scarcity | None:
    """How the last units of one SKU are shown, or None: everywhere. `outlets`: the channels that offer it.

    `sold_per_day`: everywhere together, the shop's own counter included. What one channel alone offers is not scarce.
    """
    home = _home(policy, outlets, shares)
    if home is None or len(outlets) == 1:
        return None
    units = units_kept(policy, outlets, sold_per_day)
    if units > policy.units:
        seconds = _seconds(policy, outlets)
        return Scarcity(units, home, f"sells {sold_per_day:.1f} a day, a change takes {seconds:.0f} s")
    return Scarcity(units, home, "policy") if units else None


def units_kept(policy: ScarcityPolicy, outlets: Mapping[ChannelName, Outlet], sold_per_day: float) -> int:
    """How many last units of what sells at this pace on these channels are kept together."""
    return max(policy.units, _needed(policy, outlets, sold_per_day))


def shown_here(total: int, channel: ChannelName, scarce: Scarcity | None) -> int:
    """How many of `total` base units this channel may show."""
    if scarce is None or channel == scarce.home or total > scarce.units:
        return total
    return min(total, 0)


def units_needed(expected_sales: float, chance: float, units_max: int) -> int:
    """The fewest units k with P(more than k sales) ≤ chance where so many sales are expected; at most `units_max`."""
    term = exp(-expected_sales)
    sold_at_most = term
    for units in range(units_max):
        if 1 - sold_at_most <= chance:
            return units
        term *= expected_sales / (units + 1)
        sold_at_most += term
    return units_max


def _home(
    policy: ScarcityPolicy, outlets: Mapping[ChannelName, Outlet], shares: Mapping[ChannelName, Share]
) -> ChannelName | None:
    """The configured home if it offers the SKU, else the channel that sells most of it, then by priority."""
    named = None if policy.home_channel is None else ChannelName(policy.home_channel)
    if named is not None and (named in outlets or not outlets):
        return named
    ranked = sorted(outlets, key=lambda name: (-outlets[name].sold_per_day, -_priority(shares, name), name))
    return ranked[0] if ranked else None


def _priority(shares: Mapping[ChannelName, Share], name: ChannelName) -> int:
    return shares[name].priority if name in shares else 0


def _needed(policy: ScarcityPolicy, outlets: Mapping[ChannelName, Outlet], sold_per_day: float) -> int:
    if not policy.chance or not sold_per_day or not outlets:
        return 0
    expected = sold_per_day / DAY_SECONDS * _seconds(policy, outlets)
    return units_needed(expected, policy.chance, policy.units_max)


def _seconds(policy: ScarcityPolicy, outlets: Mapping[ChannelName, Outlet]) -> float:
    """From a sale on the channel we hear of last, to the listings of the channel we tell last."""
    assumed = policy.unmeasured_seconds
    heard = max(assumed if one.heard_seconds is None else one.heard_seconds for one in outlets.values())
    told = max(assumed if one.told_seconds is None else one.told_seconds for one in outlets.values())
    return heard + told

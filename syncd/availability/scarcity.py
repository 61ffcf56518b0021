"""Showing the last units on one channel only, because two channels cannot both sell the last one truthfully."""

from __future__ import annotations

from dataclasses import dataclass

from syncd.identity import ChannelName


@dataclass(frozen=True, slots=True)
class ScarcityPolicy:
    """When at most `units` base units are left, only `home_channel` shows them. 0 units or no home: off."""

    units: int
    home_channel: str | None


def shown_here(total: int, channel: ChannelName, policy: ScarcityPolicy) -> int:
    """How many of `total` base units this channel may show."""
    if policy.units == 0 or policy.home_channel is None or channel == policy.home_channel:
        return total
    return total if total > policy.units else min(total, 0)

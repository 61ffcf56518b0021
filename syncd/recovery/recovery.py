"""What a restored backup does not know: the world went on. Values and decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from syncd.identity import ChannelName, Sku

RESTORED = "restored from a backup: what was sold since is not in the books yet"
"""Why a channel is held until `syncd recover` has caught up with it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the books say of one channel: its orders, units in flight by SKU, and units nobody has stock for."""

    orders: int
    in_flight: Mapping[Sku, int]
    short: int
    known_until: datetime | None


@dataclass(frozen=True, slots=True)
class Caught:
    """What catching up with one channel found. `fault`: why it is not done, or ''."""

    channel: ChannelName
    before: Standing
    after: Standing
    listings: int = 0
    fault: str = ""

    @property
    def orders(self) -> int:
        """Orders the backup did not know."""
        return self.after.orders - self.before.orders

    @property
    def in_flight(self) -> int:
        """Units that the channel's counters say were sold, and whose orders have not come."""
        return sum(self.after.in_flight.values())

    @property
    def short(self) -> int:
        """Units sold since that no stock covers."""
        return max(0, self.after.short - self.before.short)

    @property
    def is_done(self) -> bool:
        """Whether numbers may be pushed to it again."""
        return not self.fault


def shortfall(watermark_at: datetime | None, needed_at: datetime) -> str:
    """Why orders are not known far enough, or ''."""
    if watermark_at is not None and watermark_at >= needed_at:
        return ""
    known = "not at all" if watermark_at is None else f"only until {watermark_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"its orders are known {known}; they are needed until {needed_at:%H:%M:%S}"

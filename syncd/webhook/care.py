"""How often a channel's webhooks are mended before they rest and a person is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

MENDS_MAX = 3
"""How often one webhook is registered or switched on again within `MENDS_WINDOW`."""

MENDS_WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Mends:
    """What was mended of one channel's webhooks and when, as far as it still counts. Kept for the life of a process."""

    made: tuple[tuple[datetime, str], ...] = ()

    def with_more(self, mended: Iterable[str], now: datetime) -> Mends:
        """After these were mended just now."""
        still = [one for one in self.made if now - one[0] < MENDS_WINDOW]
        return Mends((*still, *((now, what) for what in mended)))

    def worn_out(self, now: datetime) -> tuple[str, ...]:
        """What has been mended as often as it may be; while there is any, nothing is mended."""
        counted = Counter(what for at, what in self.made if now - at < MENDS_WINDOW)
        return tuple(sorted(what for what, times in counted.items() if times >= MENDS_MAX))

"""Which variations have a stock of their own and which draw on their parent's, as last seen."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from connectors.woocommerce.mapping import MANAGED_BY_PARENT, JsonObject, ListingTarget

BELIEVED_SECONDS = 900.0
"""How long a variation's setting is taken for unchanged: a choice of the shop's owner, rarely revised."""

REMEMBERED_MAX = 20_000
"""Variations remembered; the ones seen longest ago are forgotten first."""


class StockOwners:
    """A bounded memory. `now` is monotonic seconds, given by the caller."""

    def __init__(self) -> None:
        self._seen: OrderedDict[ListingTarget, tuple[float, bool]] = OrderedDict()

    def note(self, parent_id: int, variation: JsonObject, now: float) -> None:
        """Remember what a variation answered."""
        number = variation.get("id")
        if not isinstance(number, int) or "manage_stock" not in variation:
            return
        self._keep(ListingTarget(parent_id, number), variation["manage_stock"] == MANAGED_BY_PARENT, now)

    def note_gone(self, target: ListingTarget, now: float) -> None:
        """Remember that the shop knows no such variation: orders still name it, and need not ask each time."""
        self._keep(target, False, now)

    def _keep(self, target: ListingTarget, by_parent: bool, now: float) -> None:
        self._seen[target] = (now, by_parent)
        self._seen.move_to_end(target)
        while len(self._seen) > REMEMBERED_MAX:
            self._seen.popitem(last=False)

    def unknown(self, targets: Iterable[ListingTarget], now: float) -> list[ListingTarget]:
        """Those never seen, or too long ago; sorted."""
        return sorted(
            target
            for target in set(targets)
            if target not in self._seen or now - self._seen[target][0] > BELIEVED_SECONDS
        )

    def parent_managed(self, targets: Iterable[ListingTarget]) -> frozenset[ListingTarget]:
        """Those that draw on their parent's stock."""
        return frozenset(target for target in targets if self._seen.get(target, (0.0, False))[1])

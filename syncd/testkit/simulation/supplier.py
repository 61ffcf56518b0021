"""A supplier for simulations: his list is made now and then, and knows nothing of what was ordered since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from syncd.clock import Clock
from syncd.supply.port import OfferRow, OfferSnapshot
from syncd.testkit.fake_supplier import FakeOrderingSupplier


class SimulatedSupplier(FakeOrderingSupplier):
    """The supplier. What he has falls with every order; what his list says stays until he makes a new one."""

    def __init__(self, name: str, *, clock: Clock) -> None:
        super().__init__(name, clock=clock)
        self._listed: dict[str, OfferRow] = {}
        self._made_at: datetime = clock.now()

    def publish(self, rows: Sequence[OfferRow] | None = None) -> None:
        """Make a new list, of what he has or of `rows`."""
        if rows is not None:
            self.set_offers(rows)
        self._listed, self._made_at = dict(self.rows), self._clock.now()

    async def fetch_offers(self, version: str | None) -> OfferSnapshot:
        """His list as it was made."""
        has, self.rows = self.rows, self._listed
        try:
            said = await super().fetch_offers(version)
        finally:
            self.rows = has
        return replace(said, as_of=self._made_at)

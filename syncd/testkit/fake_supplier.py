"""A supplier in memory: the smallest legal implementation of the supplier port, for tests that need no wire.

`FakeSupplier` only offers; `FakeOrderingSupplier` also takes purchase orders. A fault is an exception.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from syncd.clock import Clock
from syncd.errors import ChannelRefused, ChannelUnavailable, RemoteError
from syncd.supply.port import (
    FeedProblem,
    OfferRow,
    OfferSnapshot,
    PurchaseOutcome,
    PurchaseRequest,
    PurchaseVerdict,
)


@dataclass(frozen=True)
class ScriptedFault:
    """What becomes of one coming call: `error` is raised; None means no answer until the time-out.

    `taken`: an order is taken before that happens.
    """

    error: RemoteError | None
    taken: bool = False


class FakeSupplier:
    """Offers rows kept in memory. Times in seconds."""

    def __init__(self, name: str, *, clock: Clock, timeout_seconds: float = 0.2) -> None:
        self.name = name
        self.rows: dict[str, OfferRow] = {}
        self.problems: tuple[FeedProblem, ...] = ()
        self.waiting = asyncio.Event()
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._feed_faults: deque[ScriptedFault] = deque()
        self._closed = False

    def set_offers(self, rows: Sequence[OfferRow]) -> None:
        """Replace everything he has."""
        self.rows = {row.supplier_sku: row for row in rows}

    def fail_next_fetch(self, fault: ScriptedFault) -> None:
        """Let one coming `check` or `fetch_offers` go wrong."""
        self.waiting.clear()
        self._feed_faults.append(fault)

    async def check(self) -> None:
        """Returns unless a fault was scripted."""
        await self._meet("check", self._feed_faults)

    async def fetch_offers(self, version: str | None) -> OfferSnapshot:
        """All rows, or `unchanged`."""
        await self._meet("fetch_offers", self._feed_faults)
        now = self._clock.now()
        content = repr((tuple(self.rows.values()), self.problems))
        current = hashlib.sha256(content.encode()).hexdigest()
        if version == current:
            return OfferSnapshot(now, current, (), unchanged=True)
        return OfferSnapshot(now, current, tuple(self.rows.values()), self.problems)

    async def aclose(self) -> None:
        """Later calls are refused. May be called twice."""
        self._closed = True

    async def _meet(self, operation: str, faults: deque[ScriptedFault]) -> None:
        if self._closed:
            raise ChannelUnavailable(self.name, operation, "the connection was closed by us")
        if faults:
            await self._fail(operation, faults.popleft())

    async def _fail(self, operation: str, fault: ScriptedFault) -> None:
        if fault.error is not None:
            raise fault.error
        self.waiting.set()
        await asyncio.sleep(self._timeout_seconds)
        raise ChannelUnavailable(self.name, operation, f"no answer within {self._timeout_seconds:g} s")


class FakeOrderingSupplier(FakeSupplier):
    """Also sells what he offers; the same reference buys once."""

    def __init__(self, name: str, *, clock: Clock, timeout_seconds: float = 0.2) -> None:
        super().__init__(name, clock=clock, timeout_seconds=timeout_seconds)
        self.orders: dict[str, tuple[PurchaseRequest, PurchaseOutcome]] = {}
        self._order_faults: deque[ScriptedFault] = deque()

    @property
    def repeatable(self) -> bool:
        """Sent twice it buys once."""
        return True

    def fail_next_order(self, fault: ScriptedFault) -> None:
        """Let one coming `place_order` go wrong."""
        self.waiting.clear()
        self._order_faults.append(fault)

    async def place_order(self, request: PurchaseRequest) -> PurchaseOutcome:
        """Sell while stock lasts. Raises ChannelRefused when the reference was used for another order."""
        fault = self._order_faults[0] if self._order_faults else None
        if fault is None or not fault.taken:
            await self._meet("place_order", self._order_faults)
            return self._take(request)
        self._take(request)
        await self._meet("place_order", self._order_faults)
        raise AssertionError("a scripted fault lets no answer through")

    def _take(self, request: PurchaseRequest) -> PurchaseOutcome:
        if request.reference in self.orders:
            earlier, outcome = self.orders[request.reference]
            if earlier != request:
                raise ChannelRefused(self.name, "place_order", "the reference was used for another order", "409")
            return outcome
        accepted = tuple((line.line_id, self._sell(line.supplier_sku, line.quantity)) for line in request.lines)
        outcome = PurchaseOutcome(_verdict(request, accepted), f"PO-{len(self.orders) + 1}", accepted)
        self.orders[request.reference] = (request, outcome)
        return outcome

    def _sell(self, supplier_sku: str, quantity: int) -> int:
        row = self.rows.get(supplier_sku)
        if row is None:
            return 0
        sold = min(row.quantity, quantity)
        self.rows[supplier_sku] = OfferRow(supplier_sku, row.quantity - sold, row.title, row.cost)
        return sold


def _verdict(request: PurchaseRequest, accepted: tuple[tuple[str, int], ...]) -> PurchaseVerdict:
    if accepted == tuple((line.line_id, line.quantity) for line in request.lines):
        return PurchaseVerdict.ACCEPTED
    return PurchaseVerdict.PARTIAL if any(quantity for _, quantity in accepted) else PurchaseVerdict.REFUSED

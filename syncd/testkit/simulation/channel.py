"""A channel for simulations: every call travels there, is applied, and travels back, and anything may happen between.

The shop's side of a call is a task of its own: it goes on when the caller gives up, loses its connection or dies. So a
time-out says nothing about whether the call was applied, or will be (WooCommerce goes on with a batch whose caller has
gone, and overwrites what was written since).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from syncd.channel.port import ChannelOrder, ListingObservation, OrderPage, PushOutcome, QuantityUpdate
from syncd.errors import ChannelUnavailable
from syncd.testkit.channel_rig import Fault
from syncd.testkit.fake_channel import FakeChannel
from syncd.testkit.shop_record import ShopListing
from syncd.testkit.simulation.shop import SimulatedShop

TIMEOUT_SECONDS = 30.0
"""After how long without an answer a caller gives up."""

_T = TypeVar("_T")


class Wire(Protocol):
    """How long a call travels. Both return when it has arrived."""

    async def there(self, channel: str, operation: str) -> None:
        """The request is on its way to the shop."""
        ...

    async def back(self, channel: str, operation: str) -> None:
        """The answer is on its way to us."""
        ...


@dataclass
class TimedWire:
    """Travel takes simulated time, in seconds."""

    there_seconds: float = 0.05
    back_seconds: float = 0.05

    async def there(self, channel: str, operation: str) -> None:
        await asyncio.sleep(self.there_seconds)

    async def back(self, channel: str, operation: str) -> None:
        await asyncio.sleep(self.back_seconds)


@dataclass(frozen=True)
class Mishap:
    """What befalls one call: it arrives `late_seconds` later, and its answer may be lost."""

    operation: str
    late_seconds: float = 0.0
    answer_lost: bool = False


class SimulatedChannel(FakeChannel):
    """The connector's side. `tell` is called with every step of every call."""

    shop: SimulatedShop

    def __init__(self, shop: SimulatedShop, wire: Wire, tell: Callable[[str], None]) -> None:
        super().__init__(shop, name=shop.name)
        self.wire = wire
        self.mishaps: deque[Mishap] = deque()
        self.under_way: list[str] = []
        self._tell = tell
        self._serving: set[asyncio.Task[Any]] = set()

    @property
    def calls(self) -> tuple[asyncio.Task[Any], ...]:
        """Calls on their way, there or back."""
        return tuple(self._serving)

    async def push_quantities(self, updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        numbers = ", ".join(f"{one.listing_id}={one.quantity}" for one in updates)
        self._tell(f"{self.name} is sent {numbers}")
        return await super().push_quantities(updates)

    async def _call(self, operation: str, apply: Callable[[], _T]) -> _T:
        async with self._in_flight:
            mishap = next((one for one in self.mishaps if one.operation == operation), None)
            if mishap is not None:
                self.mishaps.remove(mishap)
            serving = asyncio.create_task(self._serve(operation, apply, mishap))
            self._serving.add(serving)
            serving.add_done_callback(self._serving.discard)
            try:
                return await asyncio.wait_for(asyncio.shield(serving), TIMEOUT_SECONDS)
            except asyncio.CancelledError:
                serving.add_done_callback(_unheard)
                raise
            except TimeoutError:
                serving.add_done_callback(_unheard)
                self._tell(f"{self.name} {operation} timed out")
                raise ChannelUnavailable(self.name, operation, "no answer in time") from None

    async def _serve(self, operation: str, apply: Callable[[], _T], mishap: Mishap | None) -> _T:
        """The shop's side of a call."""
        self.under_way.append(operation)
        try:
            await self.wire.there(self.name, operation)
            if mishap is not None and mishap.late_seconds:
                await asyncio.sleep(mishap.late_seconds)
            fault = self.shop.receive(operation)
            self._refuse(operation)
            if fault is not None and fault is not Fault.TIMEOUT_AFTER_APPLYING:
                await self._fail(operation, fault)
            answer = apply()
            self._tell(f"{self.name} {operation} applied")
        finally:
            self.under_way.remove(operation)
        if mishap is not None and mishap.answer_lost:
            await asyncio.sleep(2 * TIMEOUT_SECONDS)
        if fault is not None:
            await self._fail(operation, fault)
        await self.wire.back(self.name, operation)
        return answer

    async def fetch_order(self, order_id: str) -> ChannelOrder | None:
        order = await super().fetch_order(order_id)
        return None if order is None else self._as_told(order)

    def _found(self, order_id: str) -> ChannelOrder | None:
        return self.shop.found(order_id)

    def _order_page(self, cursor: str | None, since: datetime) -> OrderPage:
        page = super()._order_page(cursor, since)
        return replace(page, orders=tuple(self._as_told(order) for order in page.orders))

    def _as_told(self, order: ChannelOrder) -> ChannelOrder:
        """Where a counter tells of sales, the order says nothing of what was taken off its listing."""
        if not self.capabilities.sold_counter:
            return order
        return replace(order, lines=tuple(replace(line, decremented=None) for line in order.lines))

    def _observed(self, listing: ShopListing, asked_at: datetime) -> ListingObservation:
        return super()._observed(self.shop.read(listing), asked_at)

    def _pushed(self, update: QuantityUpdate) -> PushOutcome:
        if update.listing_id in self.shop.listings:
            self.shop.remember(update.listing_id)
        return super()._pushed(update)


def _unheard(serving: asyncio.Task[Any]) -> None:
    """Nobody waits for what comes of it any more; its fault, if any, is nobody's."""
    if not serving.cancelled():
        serving.exception()

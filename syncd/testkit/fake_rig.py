"""The kit's rig over a fake shop, and the shortest example of a rig."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from syncd.channel.port import Capabilities, Channel, WebhookRequest
from syncd.clock import Clock
from syncd.identity import ListingId
from syncd.testkit.channel_rig import Fault
from syncd.testkit.fake_channel import API_KEY, RATE_LIMIT_DELAY_SECONDS, FakeChannel, PlainFakeChannel
from syncd.testkit.fake_clock import FakeClock
from syncd.testkit.fake_shop import FakeShop
from syncd.testkit.fake_webhook import WEBHOOK_SECRET, webhook_from
from syncd.testkit.shop_record import BUYER, SHIP_TO

HANG_SECONDS = 0.1
"""How long a hanging call hangs in real time, so that a case has the time to cancel it."""


class FakeRig:
    """A `ChannelRig` over an empty `FakeShop`; `async with` it."""

    secrets = (API_KEY, WEBHOOK_SECRET)
    buyer_data = (BUYER.name, BUYER.email, SHIP_TO.street)
    listings_per_page = 2
    orders_per_page = 2
    rate_limit_delay_seconds: float | None = RATE_LIMIT_DELAY_SECONDS

    def __init__(self, capabilities: Capabilities, channel_type: type[PlainFakeChannel] = FakeChannel) -> None:
        self._channel_type = channel_type
        self._clock = FakeClock()
        self.clock: Clock = self._clock
        self.capabilities = capabilities
        self.shop = FakeShop(self._clock, capabilities)
        self.channel: Channel = self._connect(API_KEY)

    async def __aenter__(self) -> Self:
        self._passing = asyncio.create_task(self._let_time_pass())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._passing.cancel()
        with suppress(asyncio.CancelledError):
            await self._passing
        await self.channel.aclose()

    async def pass_time(self, seconds: float) -> None:
        self._clock.advance(seconds)

    async def add_listing(self, sku: str | None, quantity: int, *, title: str = "") -> ListingId:
        return self.shop.add_listing(sku, quantity, title=title)

    async def end_listing(self, listing_id: ListingId) -> None:
        self.shop.end_listing(listing_id)

    def unknown_listing_id(self) -> ListingId:
        return ListingId("999999")

    def unknown_order_id(self) -> str:
        return "order-999999"

    async def shown(self, listing_id: ListingId) -> int:
        return self.shop.shown(listing_id)

    async def sell(self, listing_id: ListingId, quantity: int, *, paid: bool = True) -> str:
        return self.shop.sell(listing_id, quantity, paid=paid)

    async def pay_order(self, order_id: str) -> str:
        self.shop.pay_order(order_id)
        return order_id

    async def cancel_order(self, order_id: str) -> None:
        self.shop.cancel_order(order_id)

    async def place_order_without_sku(self) -> str:
        return self.shop.sell(self.shop.add_listing(None, 1), 1)

    async def fail_next(self, fault: Fault, times: int = 1) -> None:
        self.shop.fail_next(fault, times)

    async def calls_received(self) -> int:
        return self.shop.calls_by_date.total()

    async def bad_credentials(self) -> Channel:
        return self._connect("fake-key-of-yesterday")

    async def webhook(self, order_id: str, *, forged: bool = False) -> WebhookRequest:
        return webhook_from(self.shop, order_id, secret="guessed" if forged else WEBHOOK_SECRET)

    async def messages(self) -> Sequence[str]:
        return [message.body for message in self.shop.messages]

    def _connect(self, api_key: str) -> PlainFakeChannel:
        return self._channel_type(self.shop, api_key=api_key, page_size=2, timeout_seconds=1)

    async def _let_time_pass(self) -> None:
        while True:
            await asyncio.sleep(HANG_SECONDS / 20)
            if self._clock.sleepers:
                await asyncio.sleep(HANG_SECONDS)
                self._clock.wake_next()

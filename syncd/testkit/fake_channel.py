"""A channel in memory, the smallest legal one: the double of the whole core and the kit's first subject."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from syncd.channel.port import (
    BuyerMessage,
    Capabilities,
    ChannelListing,
    ChannelOrder,
    ListingObservation,
    ListingPage,
    ListingStatus,
    OrderPage,
    PushOutcome,
    PushVerdict,
    QuantityUpdate,
    RefundOutcome,
    RefundRequest,
    RefundVerdict,
    WebhookAnswer,
    WebhookRequest,
)
from syncd.errors import (
    ChannelAuthFailed,
    ChannelProtocolError,
    ChannelRefused,
    ChannelUnavailable,
    RateLimited,
    RemoteError,
)
from syncd.identity import ListingId
from syncd.testkit.channel_rig import Fault
from syncd.testkit.fake_shop import FakeShop
from syncd.testkit.fake_webhook import answer_to
from syncd.testkit.shop_record import ShopListing

API_KEY = "fake-key-5f0e9b1c"
RATE_LIMIT_DELAY_SECONDS = 17.0

_T = TypeVar("_T")


class PlainFakeChannel:
    """A `Channel` and nothing more, over a `FakeShop` that may be shared by several channels.

    Each call yields to the other tasks before the shop applies it and again before the answer arrives, so
    whatever can happen in between on a network can happen here. `request_seconds` and `answer_seconds`
    stretch these two gaps, `timeout_seconds` is how long a call hangs that gets no answer; all three pass
    on the shop's clock.
    """

    def __init__(
        self,
        shop: FakeShop,
        *,
        name: str = "fake",
        api_key: str = API_KEY,
        page_size: int = 50,
        timeout_seconds: float = 0,
    ) -> None:
        self.shop = shop
        self.name = name
        self.request_seconds = 0.0
        self.answer_seconds = 0.0
        self.closed = False
        self._api_key = api_key
        self._page_size = page_size
        self._timeout_seconds = timeout_seconds
        self._in_flight = asyncio.Semaphore(shop.capabilities.calls_in_flight)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"

    @property
    def capabilities(self) -> Capabilities:
        return self.shop.capabilities

    async def check(self) -> None:
        await self._call("check", lambda: None)

    async def fetch_orders(self, cursor: str | None, *, since: datetime) -> OrderPage:
        return await self._call("fetch_orders", lambda: self._order_page(cursor, since))

    async def fetch_listings(self, cursor: str | None) -> ListingPage:
        asked_at = self.shop.clock.now()
        return await self._call("fetch_listings", lambda: self._listing_page(cursor, asked_at))

    async def push_quantities(self, updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        if len(updates) > self.capabilities.batch_size:
            raise ValueError(f"{len(updates)} updates are more than {self.capabilities.batch_size}")
        if any(not 0 <= one.quantity <= self.capabilities.quantity_max for one in updates):
            raise ValueError(f"a quantity is below 0 or above {self.capabilities.quantity_max}")
        if not updates:
            return []
        return await self._call("push_quantities", lambda: [self._pushed(one) for one in updates])

    async def aclose(self) -> None:
        self.closed = True

    async def _call(self, operation: str, apply: Callable[[], _T]) -> _T:
        async with self._in_flight:
            fault = self.shop.receive(operation)
            await self.shop.clock.sleep(self.request_seconds)
            self._refuse(operation)
            if fault is not None and fault is not Fault.TIMEOUT_AFTER_APPLYING:
                await self._fail(operation, fault)
            answer = apply()
            if fault is not None:
                await self._fail(operation, fault)
            await self.shop.clock.sleep(self.answer_seconds)
            return answer

    def _refuse(self, operation: str) -> None:
        if self._api_key != API_KEY:
            raise ChannelAuthFailed(self.name, operation, "the API key is not valid")
        limit = self.shop.capabilities.calls_per_day
        if limit is not None and self.shop.calls_by_date[self.shop.clock.now().date()] > limit:
            now = self.shop.clock.now()
            midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
            raise RateLimited(self.name, operation, "daily calls used up", (midnight - now).total_seconds())

    async def _fail(self, operation: str, fault: Fault) -> None:
        if fault in (Fault.TIMEOUT_BEFORE_APPLYING, Fault.TIMEOUT_AFTER_APPLYING):
            await self.shop.clock.sleep(self._timeout_seconds)
        raise _remote_error(self.name, operation, fault)

    def _listing_page(self, cursor: str | None, asked_at: datetime) -> ListingPage:
        start = self._position("fetch_listings", cursor)
        active = [one for one in self.shop.listings.values() if not one.ended]
        page = active[start : start + self._page_size]
        rest = start + self._page_size < len(active)
        return ListingPage(
            listings=tuple(
                ChannelListing(one.listing_id, one.sku, one.title, one.price, self._observed(one, asked_at))
                for one in page
            ),
            cursor=str(start + self._page_size) if rest else None,
        )

    def _order_page(self, cursor: str | None, since: datetime) -> OrderPage:
        start = self._position("fetch_orders", cursor)
        changes = self.shop.listed_changes(start)
        latest = {change.order.order_id: at for at, change in enumerate(changes)}
        due = [at for at in sorted(latest.values()) if cursor is not None or changes[at].order.modified_at >= since]
        page, has_more = due[: self._page_size], len(due) > self._page_size
        # The next poll begins with the last change again, as windows that overlap do.
        go_on = due[self._page_size] if has_more else max(0, len(changes) - 1)
        watermark_at = self.shop.clock.now() - timedelta(seconds=self.capabilities.order_lag_seconds)
        if has_more:
            watermark_at = min(watermark_at, changes[go_on].order.modified_at)
        orders = tuple(changes[at].order for at in page)
        return OrderPage(orders, str(start + go_on), has_more, watermark_at)

    def _position(self, operation: str, cursor: str | None) -> int:
        if cursor is None:
            return 0
        if not cursor.isdecimal():
            raise ChannelRefused(self.name, operation, "the cursor is not one of ours", "bad_cursor")
        return int(cursor)

    def _observed(self, listing: ShopListing, asked_at: datetime) -> ListingObservation:
        sold = listing.sold if self.shop.capabilities.sold_counter else None
        status = ListingStatus.ENDED if listing.ended else ListingStatus.ACTIVE
        return ListingObservation(listing.listing_id, listing.stored, sold, status, asked_at)

    def _pushed(self, update: QuantityUpdate) -> PushOutcome:
        listing = self.shop.listings.get(update.listing_id)
        if listing is None or listing.ended:
            return PushOutcome(update.listing_id, PushVerdict.NOT_FOUND, "no_listing", "there is no such listing")
        if listing.stored == update.quantity:
            return PushOutcome(update.listing_id, PushVerdict.ACCEPTED)
        today = self.shop.clock.now().date().isoformat()
        limit = self.shop.capabilities.revisions_per_listing_per_day
        if limit is not None and listing.revisions[today] >= limit:
            message = "the listing was revised too often today"
            return PushOutcome(update.listing_id, PushVerdict.DEFERRED, "revision_limit", message)
        listing.revisions[today] += 1
        listing.stored = update.quantity
        listing.ended = update.quantity == 0 and not self.shop.capabilities.zero_keeps_listing
        return PushOutcome(update.listing_id, PushVerdict.ACCEPTED)


class FakeChannel(PlainFakeChannel):
    """The same with every optional ability."""

    async def fetch_order(self, order_id: str) -> ChannelOrder | None:
        """As it is this moment; only the list is late."""
        return await self._call("fetch_order", lambda: self._found(order_id))

    async def read_quantities(self, listing_ids: Sequence[ListingId]) -> list[ListingObservation]:
        asked_at = self.shop.clock.now()
        return await self._call("read_quantities", lambda: self._observations(listing_ids, asked_at))

    async def refund(self, request: RefundRequest) -> RefundOutcome:
        return await self._call("refund", lambda: self._refunded(request))

    async def find_refund(self, request: RefundRequest) -> RefundOutcome | None:
        return await self._call("find_refund", lambda: self._refund_found(request))

    async def message_buyer(self, message: BuyerMessage) -> None:
        await self._call("message_buyer", lambda: self._message_taken(message))

    def receive_webhook(self, request: WebhookRequest) -> WebhookAnswer:
        return answer_to(request)

    def _found(self, order_id: str) -> ChannelOrder | None:
        return self.shop.orders.get(order_id)

    def _observations(self, listing_ids: Sequence[ListingId], asked_at: datetime) -> list[ListingObservation]:
        found = [self.shop.listings[one] for one in listing_ids if one in self.shop.listings]
        return [self._observed(one, asked_at) for one in found]

    def _refunded(self, request: RefundRequest) -> RefundOutcome:
        done = self.shop.refund(request)
        if done is None:
            return RefundOutcome(RefundVerdict.REFUSED, message="the order has less than that left")
        return RefundOutcome(RefundVerdict.DONE, done.refund_id)

    def _refund_found(self, request: RefundRequest) -> RefundOutcome | None:
        for done in self.shop.refunds:
            if (done.request.order_id, done.request.reference) == (request.order_id, request.reference):
                return RefundOutcome(RefundVerdict.DONE, done.refund_id)
        return None

    def _message_taken(self, message: BuyerMessage) -> None:
        if message.order_id not in self.shop.orders:
            raise ChannelRefused(self.name, "message_buyer", "there is no such order", "no_order")
        self.shop.messages.append(message)


def _remote_error(name: str, operation: str, fault: Fault) -> RemoteError:
    match fault:
        case Fault.RATE_LIMITED:
            return RateLimited(name, operation, "too many calls")
        case Fault.RATE_LIMITED_WITH_DELAY:
            return RateLimited(name, operation, "too many calls", RATE_LIMIT_DELAY_SECONDS)
        case Fault.SERVER_ERROR:
            return ChannelUnavailable(name, operation, "the shop answered 503")
        case Fault.TIMEOUT_BEFORE_APPLYING | Fault.TIMEOUT_AFTER_APPLYING:
            return ChannelUnavailable(name, operation, "no answer in time")
        case Fault.CONNECTION_CUT:
            return ChannelUnavailable(name, operation, "the connection was cut")
        case Fault.HTML_BODY:
            return ChannelProtocolError(name, operation, "a web page came instead of an answer", "<html>")
        case Fault.EMPTY_BODY:
            return ChannelProtocolError(name, operation, "the answer was empty")
        case Fault.CUT_BODY:
            return ChannelUnavailable(name, operation, "the answer broke off")
        case Fault.HUGE_BODY:
            return ChannelProtocolError(name, operation, "the answer was too large")

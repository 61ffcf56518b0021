"""eBay as a channel: the port's methods.

Reading is here; setting numbers is in `pushing.py`, what follows a sale in `after_sale.py`, webhooks in `notices.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from connectors.ebay import mapping, mapping_events, mapping_group, mapping_orders, mapping_push
from connectors.ebay.after_sale import AfterSale
from connectors.ebay.calls import Calls
from connectors.ebay.mapping_errors import GONE_CODES
from connectors.ebay.mapping_xml import Unreadable, text
from connectors.ebay.notices import Notices
from connectors.ebay.pushing import Pushing
from connectors.ebay.settings import Settings
from syncd.channel.port import (
    BuyerMessage,
    CallMeter,
    Cancellability,
    Capabilities,
    ChangePage,
    ChannelOrder,
    CredentialsEnd,
    InvoiceRequest,
    ListingObservation,
    ListingPage,
    OrderPage,
    PushOutcome,
    QuantityUpdate,
    RefundOutcome,
    RefundRequest,
    Shipment,
    WebhookAnswer,
    WebhookCare,
    WebhookRequest,
)
from syncd.clock import Clock
from syncd.errors import ChannelProtocolError, ChannelRefused
from syncd.identity import ListingId

RENEWAL_ADVICE = (
    "let the seller consent again (developer.ebay.com > User Tokens), put the new token and token_ends_at in place, "
    "then restart syncd"
)


def connect(settings: Settings, *, name: str, clock: Clock, capabilities: Capabilities) -> EbayChannel:
    """A live channel with these settings. Opens nothing until the first call."""
    return EbayChannel(settings, name=name, clock=clock, capabilities=capabilities)


class EbayChannel:
    """One eBay seller account."""

    def __init__(self, settings: Settings, *, name: str, clock: Clock, capabilities: Capabilities) -> None:
        self._name = name
        self._clock = clock
        self._capabilities = capabilities
        self._settings = settings
        self._calls = Calls(settings, name=name, clock=clock, capabilities=capabilities)
        self._pushing = Pushing(self._calls)
        self._after_sale = AfterSale(self._calls)
        self._notices = Notices(self._calls, settings)

    @property
    def capabilities(self) -> Capabilities:
        """The facts for this instance."""
        return self._capabilities

    async def check(self) -> None:
        """GetUserPreferences: the token works, and out-of-stock control is on, without which a push of 0 is
        refused.
        """
        reply = await self._calls.call("GetUserPreferences", {"ShowOutOfStockControlPreference": "true"})
        if text(reply.root, "OutOfStockControlPreference") != "true":
            raise ChannelRefused(
                self._name,
                "GetUserPreferences",
                "the account's out-of-stock control is off, so a listing cannot be set to 0 and has to be ended when "
                "its stock runs out; switch it on in My eBay (Account > Site preferences > Multi-quantity listings) or "
                "with SetUserPreferences",
                "515",
            )

    async def fetch_orders(self, cursor: str | None, *, since: datetime) -> OrderPage:
        """GetOrders by modification time, unpaid orders included; the cursor stays behind now − order lag."""
        lag = timedelta(seconds=self._capabilities.order_lag_seconds)
        try:
            window = mapping_orders.order_window(cursor, since=since, now=self._clock.now(), lag=lag)
            reply = await self._calls.call(
                "GetOrders", mapping_orders.orders_request(window, per_page=self._settings.orders_per_page)
            )
            return mapping_orders.order_page(reply, window, lag)
        except Unreadable as fault:
            self._calls.unreadable("GetOrders", fault)

    async def fetch_order(self, order_id: str) -> ChannelOrder | None:
        """GetOrders for one id; the id from before payment finds the order too."""
        reply = await self._calls.call("GetOrders", mapping_orders.order_request(order_id))
        orders, problems = mapping_orders.read_orders(reply.root)
        if problems:
            raise ChannelProtocolError(self._name, "GetOrders", problems[0].sentence)
        return orders[0] if orders else None

    async def fetch_listings(self, cursor: str | None) -> ListingPage:
        """GetSellerList: a page of the fixed-price listings that have not ended, one entry per variation."""
        asked_at = self._clock.now()
        try:
            at = mapping.ListingCursor.decode(cursor) if cursor else mapping.ListingCursor(asked_at)
            reply = await self._calls.call(
                "GetSellerList", mapping.listings_request(at, per_page=self._settings.listings_per_page)
            )
            return mapping.listing_page(reply, at, asked_at)
        except Unreadable as fault:
            self._calls.unreadable("GetSellerList", fault)

    async def read_quantities(self, listing_ids: Sequence[ListingId]) -> list[ListingObservation]:
        """GetItem for each item named; one call reads all variations of it."""
        reads = [self._read_item(item_id) for item_id in mapping.item_ids(listing_ids)]
        seen = [observation for found in await asyncio.gather(*reads) for observation in found]
        return mapping.wanted_observations(seen, listing_ids)

    async def fetch_changes(self, cursor: str | None) -> ChangePage:
        """GetSellerEvents: the listings modified since, at most 48 hours back and up to now − 2 min."""
        lag = timedelta(seconds=self._capabilities.order_lag_seconds)
        now = self._clock.now()
        if cursor is None:
            return ChangePage((), mapping_events.EventCursor(now - lag).encode(), False)
        try:
            at = mapping_events.EventCursor.decode(cursor)
            window = mapping_events.event_window(at, now=now, lag=lag)
            if window is None:
                return ChangePage((), cursor, False)
            reply = await self._calls.call_for_outcomes("GetSellerEvents", mapping_events.events_request(window))
            refused = next((error for error in reply.errors if error.is_error), None)
            if refused is not None and refused.code != mapping_events.TOO_LARGE:
                raise ChannelRefused(self._name, "GetSellerEvents", refused.sentence, refused.code)
            return mapping_events.change_page(reply, window)
        except Unreadable as fault:
            self._calls.unreadable("GetSellerEvents", fault)

    async def push_quantities(self, updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        """ReviseInventoryStatus for at most four updates, ReviseFixedPriceItem for more of one item."""
        is_group = len({self.group_of(update.listing_id) for update in updates}) == 1
        size_max = mapping_group.GROUP_MAX if is_group else mapping_push.CONTAINERS_MAX
        if len(updates) > size_max:
            raise ValueError(f"one push takes at most {size_max} updates")
        quantity_max = self._capabilities.quantity_max
        if any(not 0 <= update.quantity <= quantity_max for update in updates):
            raise ValueError(f"a listing shows from 0 to {quantity_max}")
        return await self._pushing.push(updates) if updates else []

    @property
    def group_size(self) -> int:
        """Variations one ReviseFixedPriceItem can set."""
        return mapping_group.GROUP_MAX

    @property
    def calls_per_group(self) -> int:
        """GetItem for the prices, and the revision."""
        return mapping_group.CALLS_PER_GROUP

    def group_of(self, listing_id: ListingId) -> str:
        """The item a variation is of."""
        return mapping.split_listing_id(listing_id)[0]

    async def prepare_webhook(self, request: WebhookRequest) -> None:
        """Fetch the public key a Commerce Notification is signed with."""
        await self._notices.prepare(request)

    def receive_webhook(self, request: WebhookRequest) -> WebhookAnswer:
        """A Platform Notification, a Commerce Notification, or the challenge of a destination."""
        return self._notices.receive(request)

    async def care_for_webhooks(self, url: str) -> WebhookCare:
        """SetNotificationPreferences; a destination and the account deletion topic with a verification token."""
        return await self._notices.care(url)

    async def read_meter(self) -> CallMeter | None:
        """getRateLimits of Developer Analytics: eBay's own count, with the moment its day turns."""
        return await self._calls.read_meter()

    @property
    def credentials_end(self) -> CredentialsEnd | None:
        """As eBay warns during an Auth'n'Auth token's last days, else as `token_ends_at` says."""
        ends_at = self._calls.trading.token_ends_at or self._settings.token_ends_at
        return None if ends_at is None else CredentialsEnd(ends_at, RENEWAL_ADVICE)

    async def refund(self, request: RefundRequest) -> RefundOutcome:
        """Fulfillment issue_refund, signed where a signing key is set."""
        return await self._after_sale.refund(request)

    async def find_refund(self, request: RefundRequest) -> RefundOutcome | None:
        """The refund in getOrder."""
        return await self._after_sale.find_refund(request)

    async def message_buyer(self, message: BuyerMessage) -> None:
        """AddMemberMessageAAQToPartner."""
        await self._after_sale.message_buyer(message)

    async def acknowledge_shipment(self, shipment: Shipment) -> None:
        """CompleteSale."""
        await self._after_sale.acknowledge_shipment(shipment)

    async def check_cancellation(self, order_id: str) -> Cancellability:
        """Post-Order check_eligibility."""
        return await self._after_sale.check_cancellation(order_id)

    async def send_invoice(self, request: InvoiceRequest) -> None:
        """AddOrder, SendInvoice."""
        await self._after_sale.send_invoice(request)

    async def is_invoiced(self, request: InvoiceRequest) -> bool:
        """Whether the invoice was sent."""
        return await self._after_sale.is_invoiced(request)

    async def aclose(self) -> None:
        """Give back threads and connections."""
        await self._calls.aclose()

    async def _read_item(self, item_id: str) -> list[ListingObservation]:
        asked_at = self._clock.now()
        reply = await self._calls.call_for_outcomes("GetItem", mapping.item_request(item_id))
        if reply.ack == "Failure":
            error = next((error for error in reply.errors if error.is_error), None)
            if error is not None and error.code in GONE_CODES:
                return []
            message = error.sentence if error else "the call failed without saying why"
            raise ChannelRefused(self._name, "GetItem", message, error.code if error else "")
        item = reply.root.find("Item")
        try:
            if item is None:
                raise Unreadable("the answer has no Item")
            return mapping.observations(item, asked_at)
        except Unreadable as fault:
            self._calls.unreadable("GetItem", fault)

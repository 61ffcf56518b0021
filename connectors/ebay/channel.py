"""eBay as a channel: the port's methods, each one call to a client between two pure mappings."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import quote

from connectors.ebay import mapping, mapping_invoice, mapping_orders, mapping_push, mapping_refunds, mapping_webhook
from connectors.ebay.client import DayQuotaSpent, TradingAccount, TradingClient
from connectors.ebay.client_rest import RestClient
from connectors.ebay.mapping_errors import GONE_CODES
from connectors.ebay.mapping_xml import Reply, Unreadable, text
from connectors.ebay.settings import Settings
from syncd.channel.port import (
    BuyerMessage,
    Capabilities,
    ChannelOrder,
    InvoiceRequest,
    ListingObservation,
    ListingPage,
    OrderPage,
    PushOutcome,
    QuantityUpdate,
    RefundOutcome,
    RefundRequest,
    WebhookAnswer,
    WebhookRequest,
)
from syncd.clock import Clock
from syncd.errors import ChannelProtocolError, ChannelRefused, RateLimited, RemoteError
from syncd.identity import ListingId

REFUNDS_REMEMBERED_MAX = 10_000


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
        self._keys = mapping_webhook.NotificationKeys(
            settings.dev_id, settings.app_id, settings.cert_id.get_secret_value(), settings.notification_user
        )
        self._refund_ids: OrderedDict[str, str] = OrderedDict()
        """The refund of each of our references, as far as this process has seen it; eBay keeps no reference."""
        self._trading = TradingClient(
            _account(settings, name), clock=clock, calls_in_flight=capabilities.calls_in_flight
        )
        self._rest = RestClient(
            name=name,
            endpoint_url=settings.endpoint_url,
            marketplace_id=settings.marketplace_id,
            token=settings.iaf_token.get_secret_value() if settings.iaf_token else "",
            timeout_seconds=settings.timeout_seconds,
            calls_in_flight=capabilities.calls_in_flight,
        )

    @property
    def capabilities(self) -> Capabilities:
        """The facts for this instance."""
        return self._capabilities

    async def check(self) -> None:
        """GetUserPreferences: the token works, and out-of-stock control is on, without which a push of 0 is
        refused.
        """
        reply = await self._call("GetUserPreferences", {"ShowOutOfStockControlPreference": "true"})
        if text(reply.root, "OutOfStockControlPreference") != "true":
            raise ChannelRefused(
                self._name,
                "GetUserPreferences",
                "the account's out-of-stock control is off, so a listing cannot be set to 0; switch it on in My eBay "
                "(Account > Site preferences > Multi-quantity listings) or with SetUserPreferences",
                "515",
            )

    async def fetch_orders(self, cursor: str | None, *, since: datetime) -> OrderPage:
        """GetOrders by modification time, unpaid orders included; the cursor stays behind now − order lag."""
        lag = timedelta(seconds=self._capabilities.order_lag_seconds)
        try:
            window = mapping_orders.order_window(cursor, since=since, now=self._clock.now(), lag=lag)
            reply = await self._call(
                "GetOrders", mapping_orders.orders_request(window, per_page=self._settings.orders_per_page)
            )
            return mapping_orders.order_page(reply, window, lag)
        except Unreadable as fault:
            self._unreadable("GetOrders", fault)

    async def fetch_order(self, order_id: str) -> ChannelOrder | None:
        """GetOrders for one id; the id from before payment finds the order too."""
        reply = await self._call("GetOrders", mapping_orders.order_request(order_id))
        orders, problems = mapping_orders.read_orders(reply.root)
        if problems:
            raise ChannelProtocolError(self._name, "GetOrders", problems[0].sentence)
        return orders[0] if orders else None

    async def fetch_listings(self, cursor: str | None) -> ListingPage:
        """GetSellerList: a page of the fixed-price listings that have not ended, one entry per variation."""
        asked_at = self._clock.now()
        try:
            at = mapping.ListingCursor.decode(cursor) if cursor else mapping.ListingCursor(asked_at)
            reply = await self._call(
                "GetSellerList", mapping.listings_request(at, per_page=self._settings.listings_per_page)
            )
            return mapping.listing_page(reply, at, asked_at)
        except Unreadable as fault:
            self._unreadable("GetSellerList", fault)

    async def read_quantities(self, listing_ids: Sequence[ListingId]) -> list[ListingObservation]:
        """GetItem for each item named; one call reads all variations of it."""
        reads = [self._read_item(item_id) for item_id in mapping.item_ids(listing_ids)]
        seen = [observation for found in await asyncio.gather(*reads) for observation in found]
        return mapping.wanted_observations(seen, listing_ids)

    async def push_quantities(self, updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        """ReviseInventoryStatus, one call for at most four updates."""
        if len(updates) > mapping_push.CONTAINERS_MAX:
            raise ValueError(f"one push takes at most {mapping_push.CONTAINERS_MAX} updates")
        quantity_max = self._capabilities.quantity_max
        if any(not 0 <= update.quantity <= quantity_max for update in updates):
            raise ValueError(f"a listing shows from 0 to {quantity_max}")
        if not updates:
            return []
        reply = await self._call_for_outcomes("ReviseInventoryStatus", mapping_push.push_request(updates))
        return mapping_push.push_outcomes(reply, updates)

    def receive_webhook(self, request: WebhookRequest) -> WebhookAnswer:
        """A Platform Notification, or the ownership challenge of the Commerce Notification API."""
        settings = self._settings
        if request.method == "POST":
            return mapping_webhook.answer_notification(request, self._keys)
        if request.method == "GET" and settings.verification_token and settings.notification_url:
            token = settings.verification_token.get_secret_value()
            return mapping_webhook.answer_challenge(request, token=token, url=settings.notification_url)
        return WebhookAnswer(405, f"{request.method} is not how eBay notifies")

    async def refund(self, request: RefundRequest) -> RefundOutcome:
        """Fulfillment issue_refund; asynchronous at eBay, so PENDING is the usual good answer."""
        order_id = quote(request.order_id, safe="")
        answer = await self._rest.issue_refund(order_id, mapping_refunds.refund_request(request))
        if answer.error_ids:
            return mapping_refunds.refused_refund(answer.error_ids, answer.message)
        outcome = mapping_refunds.started_refund(answer.body)
        self._remember(request, outcome)
        return outcome

    async def find_refund(self, request: RefundRequest) -> RefundOutcome | None:
        """The refund in getOrder, by its id if this process knows it, else by lines and amounts.

        After a restart two equal refunds of one line count as the same: rather one too few than money paid twice.
        """
        answer = await self._rest.get_order(quote(request.order_id, safe=""))
        if answer.error_ids:
            raise ChannelRefused(self._name, "getOrder", answer.message, str(answer.error_ids[0]))
        mine = self._refund_ids.get(request.reference)
        of_others = set(self._refund_ids.values()) - {mine}
        try:
            outcome = mapping_refunds.found_refund(answer.body, request, mine=mine, of_others=of_others)
        except Unreadable as fault:
            self._unreadable("getOrder", fault)
        if outcome is not None:
            self._remember(request, outcome)
        return outcome

    async def message_buyer(self, message: BuyerMessage) -> None:
        """AddMemberMessageAAQToPartner; a repeat with the same reference is recognised by eBay and counts as
        sent.
        """
        verb = "AddMemberMessageAAQToPartner"
        try:
            request = mapping_refunds.message_request(message)
        except Unreadable as fault:
            raise ChannelRefused(self._name, verb, str(fault)) from None
        reply = await self._call_for_outcomes(verb, request)
        if reply.ack == "Failure" and text(reply.root, "DuplicateInvocationDetails/Status") != "Success":
            code = reply.errors[0].code if reply.errors else ""
            short = reply.errors[0].short if reply.errors else "the call failed without saying why"
            raise ChannelRefused(self._name, verb, short, code)

    async def send_invoice(self, request: InvoiceRequest) -> None:
        """AddOrder unless the lines are together already, then SendInvoice; both repeats are recognised by eBay."""
        now = await self._standing(request)
        if now.invoiced:
            return
        if now.why_not:
            raise ChannelRefused(self._name, "SendInvoice", now.why_not)
        order_id = now.order_id
        try:
            if order_id is None:
                reply = await self._call("AddOrder", mapping_invoice.add_order_request(request))
                order_id = mapping_invoice.new_order_id(reply.root)
            await self._call("SendInvoice", mapping_invoice.send_invoice_request(request, order_id))
        except Unreadable as fault:
            self._unreadable("AddOrder", fault)

    async def is_invoiced(self, request: InvoiceRequest) -> bool:
        """Whether GetOrders shows the lines in one order with the time its invoice was sent."""
        return (await self._standing(request)).invoiced

    async def _standing(self, request: InvoiceRequest) -> mapping_invoice.Standing:
        reply = await self._call("GetOrders", mapping_invoice.lines_request(request.line_ids))
        try:
            return mapping_invoice.standing(reply.root, request.line_ids)
        except Unreadable as fault:
            self._unreadable("GetOrders", fault)

    async def aclose(self) -> None:
        """Give back threads and connections."""
        await self._trading.aclose()
        await self._rest.aclose()

    def _remember(self, request: RefundRequest, outcome: RefundOutcome) -> None:
        if outcome.refund_id:
            self._refund_ids[request.reference] = outcome.refund_id
            if len(self._refund_ids) > REFUNDS_REMEMBERED_MAX:
                self._refund_ids.popitem(last=False)

    async def _read_item(self, item_id: str) -> list[ListingObservation]:
        asked_at = self._clock.now()
        reply = await self._call_for_outcomes("GetItem", mapping.item_request(item_id))
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
            self._unreadable("GetItem", fault)

    async def _call(self, verb: str, request: dict[str, Any]) -> Reply:
        try:
            return await self._trading.call(verb, request)
        except DayQuotaSpent as spent:
            await self._raise_until_reset(spent)

    async def _call_for_outcomes(self, verb: str, request: dict[str, Any]) -> Reply:
        try:
            return await self._trading.call_for_outcomes(verb, request)
        except DayQuotaSpent as spent:
            await self._raise_until_reset(spent)

    async def _raise_until_reset(self, spent: DayQuotaSpent) -> NoReturn:
        """The day's quota is spent: ask the meter, which has a quota of its own, until when."""
        try:
            resets_at = await self._rest.quota_resets_at()
        except RemoteError:
            resets_at = None  # the refusal stands without the meter; it only says how long
        seconds = (resets_at - self._clock.now()).total_seconds() if resets_at else None
        raise RateLimited(
            spent.source, spent.operation, spent.message, max(seconds, 1.0) if seconds is not None else None
        ) from spent

    def _unreadable(self, verb: str, fault: Unreadable) -> NoReturn:
        raise ChannelProtocolError(self._name, verb, str(fault)) from None


def _account(settings: Settings, name: str) -> TradingAccount:
    return TradingAccount(
        name=name,
        endpoint_url=settings.endpoint_url,
        site_id=settings.site_id,
        compatibility_level=settings.compatibility_level,
        app_id=settings.app_id,
        dev_id=settings.dev_id,
        cert_id=settings.cert_id.get_secret_value(),
        iaf_token=settings.iaf_token.get_secret_value() if settings.iaf_token else None,
        auth_token=settings.auth_token.get_secret_value() if settings.auth_token else None,
        timeout_seconds=settings.timeout_seconds,
    )

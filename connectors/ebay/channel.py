"""eBay as a channel: settings, and the port's methods, each one call to a client between two pure mappings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, NoReturn, Self
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.ebay import mapping, mapping_orders, mapping_push, mapping_refunds, mapping_webhook
from connectors.ebay.client import DayQuotaSpent, TradingAccount, TradingClient
from connectors.ebay.client_rest import RestClient
from connectors.ebay.mapping_errors import GONE_CODES
from connectors.ebay.mapping_xml import Reply, Unreadable, text
from syncd.channel.port import (
    BuyerMessage,
    Capabilities,
    ChannelOrder,
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


class Settings(BaseModel):
    """How to reach one eBay seller account."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint_url: str = Field(
        default="https://api.ebay.com",
        description="Scheme and host of eBay's APIs (sandbox: https://api.sandbox.ebay.com); http only on loopback.",
    )
    site_id: str = Field(
        default="101", pattern=r"^\d{1,3}$", description="eBay site of the listings; 101 is Italy."
    )
    marketplace_id: str = Field(default="EBAY_IT", description="The same site as the REST APIs call it.")
    iaf_token: SecretStr | None = Field(default=None, description="OAuth user access token of the seller.")
    auth_token: SecretStr | None = Field(
        default=None,
        description="Auth'n'Auth token of the seller, instead of iaf_token; refunds need iaf_token.",
    )
    app_id: str = Field(description="Application id (client id) of the developer keys.")
    dev_id: str = Field(description="Developer id of the developer keys.")
    cert_id: SecretStr = Field(description="Certificate id (client secret) of the developer keys.")
    notification_user: str | None = Field(
        default=None,
        description="The seller's eBay user name; notifications for others are acknowledged and ignored.",
    )
    notification_url: str | None = Field(
        default=None,
        description="The webhook URL exactly as registered with eBay; needed with verification_token.",
    )
    verification_token: SecretStr | None = Field(
        default=None,
        description="Token of a Commerce Notification destination, to answer its ownership challenge.",
    )
    compatibility_level: int = Field(
        default=1423, ge=1193, description="Version of the Trading API to ask for."
    )
    timeout_seconds: float = Field(
        default=20.0, gt=0, le=120, description="Longest wait for one answer, in seconds."
    )

    @field_validator("endpoint_url")
    @classmethod
    def _check_endpoint(cls, url: str) -> str:
        where = urlsplit(url)
        if (
            where.scheme not in ("http", "https")
            or not where.hostname
            or where.path not in ("", "/")
            or where.query
        ):
            raise ValueError("must be scheme and host only, such as https://api.ebay.com")
        if where.scheme == "http" and not _is_loopback(where.hostname):
            raise ValueError("plain http is accepted for this machine only (127.0.0.1, ::1, localhost)")
        return f"{where.scheme}://{where.netloc}"

    @model_validator(mode="after")
    def _check_tokens(self) -> Self:
        if (self.iaf_token is None) == (self.auth_token is None):
            raise ValueError("give exactly one of iaf_token and auth_token")
        if (self.verification_token is None) != (self.notification_url is None):
            raise ValueError("verification_token and notification_url belong together")
        return self


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
            reply = await self._call("GetOrders", mapping_orders.orders_request(window))
            return mapping_orders.order_page(reply, window, lag)
        except Unreadable as fault:
            self._unreadable("GetOrders", fault)

    async def fetch_order(self, order_id: str) -> ChannelOrder | None:
        """GetOrders for one id; the id from before payment finds the order too."""
        reply = await self._call("GetOrders", mapping_orders.order_request(order_id))
        orders, problems = mapping_orders.read_orders(reply.root)
        if problems:
            raise ChannelProtocolError(self._name, "GetOrders", problems[0])
        return orders[0] if orders else None

    async def fetch_listings(self, cursor: str | None) -> ListingPage:
        """GetSellerList: a page of the fixed-price listings that have not ended, one entry per variation."""
        asked_at = self._clock.now()
        try:
            at = mapping.ListingCursor.decode(cursor) if cursor else mapping.ListingCursor(asked_at)
            reply = await self._call("GetSellerList", mapping.listings_request(at))
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
        answer = await self._rest.issue_refund(
            quote(request.order_id, safe=""), mapping_refunds.refund_request(request)
        )
        if answer.error_ids:
            return mapping_refunds.refused_refund(answer.error_ids, answer.message)
        return mapping_refunds.started_refund(answer.body)

    async def find_refund(self, request: RefundRequest) -> RefundOutcome | None:
        """The refund of the same lines and amounts in getOrder; eBay has no key of ours to find it by."""
        answer = await self._rest.get_order(quote(request.order_id, safe=""))
        if answer.error_ids:
            raise ChannelRefused(self._name, "getOrder", answer.message, str(answer.error_ids[0]))
        try:
            return mapping_refunds.found_refund(answer.body, request)
        except Unreadable as fault:
            self._unreadable("getOrder", fault)

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

    async def aclose(self) -> None:
        """Give back threads and connections."""
        await self._trading.aclose()
        await self._rest.aclose()

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


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

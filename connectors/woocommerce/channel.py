"""The WooCommerce channel: reads and writes one shop through its REST API (wc/v3)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, FilePath, SecretStr, field_validator, model_validator

from connectors.woocommerce.client import Call, Connection, WooClient
from connectors.woocommerce.mapping import JsonObject
from connectors.woocommerce.mapping_order import NOT_ORDERS, CopyMarks, modified_at, objects, order_of, variations_of
from connectors.woocommerce.mapping_webhook import read_webhook
from connectors.woocommerce.order_care import OrderCare
from connectors.woocommerce.order_cursor import OrderCursor
from connectors.woocommerce.shop_coupons import ShopCoupons
from connectors.woocommerce.shop_stock import PAGES_MAX, ShopStock
from connectors.woocommerce.shop_webhooks import ShopWebhooks
from syncd.channel.port import (
    BuyerMessage,
    Capabilities,
    ChannelOrder,
    CouponOutcome,
    CouponRequest,
    ListingObservation,
    ListingPage,
    OrderPage,
    OrderProblem,
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
from syncd.errors import ChannelRefused
from syncd.identity import ListingId


class Settings(BaseModel):
    """What [channel.NAME] holds for a WooCommerce shop."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(description="The shop's own address, e.g. https://shop.example.com; no redirect is followed")
    consumer_key: SecretStr = Field(description="Key of a REST API key pair with read and write permission (ck_…)")
    consumer_secret: SecretStr = Field(description="Secret of that pair (cs_…)")
    webhook_secret: SecretStr | None = Field(
        None, description="Secret given to the shop's webhooks; without it they are refused"
    )
    currency: str = Field("EUR", pattern="^[A-Z]{3}$", description="The shop's currency: products do not say it")
    language: Literal["it", "en"] = Field("en", description="Language of the notes customers get about their parcels")
    timeout_seconds: float = Field(60.0, gt=0, le=600, description="Longest wait for one answer; batches take seconds")
    page_size: int = Field(100, ge=1, le=100, description="Rows asked for at a time; the shop allows 100")
    ca_file: FilePath | None = Field(None, description="Certificates to trust instead of the usual ones, as a PEM file")
    keys_in_query: bool = Field(
        False,
        description="Send the keys in the address (https only): for hosts that withhold the Authorization header",
    )
    allow_http: bool = Field(
        False,
        description="Permit http:// to a host other than this machine: requests are signed but readable",
    )

    copied_created_via: tuple[str, ...] = Field(
        (), description="orders whose created_via is one of these were copied from another channel: they take no stock"
    )
    copied_meta_keys: tuple[str, ...] = Field(
        (), description="so were orders with meta data of one of these keys, e.g. what a marketplace plug-in writes"
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise ValueError("it is not a web address") from None
        if parts.scheme not in ("http", "https") or not host:
            raise ValueError("it must begin with https:// (or http://) and name a host")
        if parts.query or parts.fragment or parts.username or parts.password:
            raise ValueError("it must hold neither user, password, query nor fragment")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _encrypted(self) -> Settings:
        parts = urlsplit(self.url)
        if parts.scheme == "http" and not self.allow_http and not _is_loopback(parts.hostname or ""):
            raise ValueError("url is http://: orders would travel readable; use https:// or set allow_http = true")
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def connect(settings: Settings, *, name: str, clock: Clock, capabilities: Capabilities) -> WooCommerceChannel:
    """A live channel; no call is made yet."""
    return WooCommerceChannel(settings, name=name, clock=clock, capabilities=capabilities)


class WooCommerceChannel:
    """One shop. A listing is '10' (a product) or '14/15' (a variation of product 14).

    A variation whose stock its parent keeps is sold as the parent's listing.
    """

    def __init__(self, settings: Settings, *, name: str, clock: Clock, capabilities: Capabilities) -> None:
        self._settings = settings
        self._clock = clock
        self._capabilities = capabilities
        connection = Connection(
            source=name,
            url=settings.url,
            consumer_key=settings.consumer_key.get_secret_value(),
            consumer_secret=settings.consumer_secret.get_secret_value(),
            timeout_seconds=settings.timeout_seconds,
            calls_in_flight=capabilities.calls_in_flight,
            ca_file=str(settings.ca_file) if settings.ca_file else None,
            keys_in_query=settings.keys_in_query,
        )
        self._client = WooClient(connection, clock)
        secret = settings.webhook_secret
        self._webhook_secret = secret.get_secret_value() if secret else None
        self._webhooks = ShopWebhooks(self._client, self._webhook_secret)
        self._care = OrderCare(self._client, name, settings.language)
        self._coupons = ShopCoupons(self._client, settings.currency)
        self._marks = CopyMarks(frozenset(settings.copied_created_via), frozenset(settings.copied_meta_keys))
        self._stock = ShopStock(
            self._client,
            clock,
            currency=settings.currency,
            page_size=settings.page_size,
            facts=capabilities,
        )

    @property
    def capabilities(self) -> Capabilities:
        """The facts for this instance."""
        return self._capabilities

    async def check(self) -> None:
        """Read one order id and send an empty batch, which changes nothing but needs the right to write."""
        await self._get("orders", "check", {"per_page": "1", "_fields": "id"})
        await self._client.call(Call("POST", "products/batch", "check", body={}))

    async def aclose(self) -> None:
        """Give back threads and connections."""
        await self._client.aclose()

    async def fetch_listings(self, cursor: str | None) -> ListingPage:
        """All published products and their variations, a page of products at a time."""
        return await self._stock.fetch_listings(cursor)

    async def read_quantities(self, listing_ids: Sequence[ListingId]) -> list[ListingObservation]:
        """What these listings show now; those that are gone are left out."""
        return await self._stock.read_quantities(listing_ids)

    async def push_quantities(self, updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        """Set absolute numbers; every echoed number is compared with the one sent."""
        return await self._stock.push_quantities(updates)

    async def fetch_orders(self, cursor: str | None, *, since: datetime) -> OrderPage:
        """Orders changed since the cursor, oldest change first; at the end of a run also the waste bin's."""
        position = OrderCursor.start(since) if cursor is None else OrderCursor.decode(cursor)
        asked_at, size = self._clock.now(), self._settings.page_size
        rows = await self._get("orders", "fetch_orders", position.parameters(size))
        changes = [moment for row in rows if (moment := modified_at(row)) is not None]
        following = position.following(changes, page_size=size, rows=len(rows), now=asked_at)
        has_more = len(rows) >= size
        watermark_at = asked_at - timedelta(seconds=self._capabilities.order_lag_seconds)
        if has_more:
            watermark_at = min(watermark_at, following.after)
        elif position.trash_is_due(asked_at):
            for page in range(PAGES_MAX):
                query = position.trash_parameters(size) | {"offset": str(page * size)}
                binned = await self._get("orders", "fetch_orders", query)
                rows += binned
                if len(binned) < size:
                    following = following.with_trash_asked_at(asked_at)
                    break
        orders, problems = await self._orders(rows, "fetch_orders")
        orders.sort(key=lambda order: order.modified_at)
        return OrderPage(tuple(orders), following.encode(), has_more, watermark_at, tuple(problems))

    async def fetch_order(self, order_id: str) -> ChannelOrder | None:
        """One order; also from the waste bin, as cancelled. None for a cart that has not been ordered."""
        raw = await self._care.order(order_id, "fetch_order")
        if raw is None:
            return None
        orders, problems = await self._orders([raw], "fetch_order")
        if problems:
            raise self._client.unreadable("fetch_order", problems[0].sentence)
        return orders[0] if orders else None

    def receive_webhook(self, request: WebhookRequest) -> WebhookAnswer:
        """Check the signature and read the hints."""
        return read_webhook(request, self._webhook_secret)

    async def care_for_webhooks(self, url: str) -> WebhookCare:
        """Make the webhooks there are not, and anew those the shop has switched off."""
        return await self._webhooks.care(url)

    async def refund(self, request: RefundRequest) -> RefundOutcome:
        """Refund through the shop's payment gateway, or book it and ask for a person where that cannot."""
        return await self._care.refund(request)

    async def find_refund(self, request: RefundRequest) -> RefundOutcome | None:
        """The refund made earlier for this request, whatever has become of it."""
        return await self._care.find_refund(request)

    async def message_buyer(self, message: BuyerMessage) -> None:
        """Add a note to the order that the shop mails to the customer."""
        await self._care.message(message)

    async def note_order(self, order_id: str, text: str, reference: str) -> None:
        """Add a note to the order that only the shop's people see, once."""
        await self._care.note(order_id, text, reference)

    async def acknowledge_shipment(self, shipment: Shipment) -> None:
        """Tell the customer of a parcel and complete the order once all of it is sent."""
        await self._care.acknowledge(shipment)

    async def issue_coupon(self, request: CouponRequest) -> CouponOutcome:
        """Make a coupon that works once, or find it made."""
        return await self._coupons.issue(request)

    async def _get(self, endpoint: str, operation: str, parameters: dict[str, str]) -> list[JsonObject]:
        return await self._client.rows(Call("GET", endpoint, operation, parameters))

    async def _orders(
        self, rows: Sequence[JsonObject], operation: str
    ) -> tuple[list[ChannelOrder], list[OrderProblem]]:
        raws = [row for row in rows if row.get("status") not in NOT_ORDERS]
        parent_managed = await self._stock.parent_managed(variations_of(raws), operation)
        orders: list[ChannelOrder] = []
        problems: list[OrderProblem] = []
        for raw in raws:
            try:
                refunds = await self._care.refunds(str(raw.get("id")), operation) if objects(raw.get("refunds")) else []
                orders.append(order_of(raw, refunds=refunds, parent_managed=parent_managed, marks=self._marks))
            except ValueError as error:
                problems.append(_problem(raw, f"order {raw.get('id')!r} could not be read: {error}"))
            except ChannelRefused as refused:
                sentence = f"the refunds of order {raw.get('id')!r} could not be read: {refused.message}"
                problems.append(_problem(raw, sentence))
        return orders, problems


def _problem(raw: JsonObject, sentence: str) -> OrderProblem:
    return OrderProblem(None if raw.get("id") is None else str(raw["id"]), sentence)

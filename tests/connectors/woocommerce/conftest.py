"""A stand-in shop, a channel connected to it, and the conformance kit's rig over both."""

from __future__ import annotations

import asyncio
import html
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from woocommerce.oauth import OAuth
from yarl import URL

from connectors.woocommerce import sandbox as stand_in
from connectors.woocommerce.channel import Settings, WooCommerceChannel, connect
from connectors.woocommerce.sandbox import EXAMPLE_SECRETS, EXAMPLE_SETTINGS, Sandbox
from connectors.woocommerce.sandbox_auth import READ_WRITE, KeyPair
from connectors.woocommerce.sandbox_checkout import CUSTOMER
from connectors.woocommerce.sandbox_faults import Fault as StandInFault
from syncd.channel.port import Capabilities, WebhookRequest
from syncd.channel.registry import load_connector
from syncd.identity import ListingId
from syncd.testkit.channel_rig import Fault
from syncd.testkit.fake_clock import FakeClock

MODES = {
    Fault.RATE_LIMITED: "rate_limited",
    Fault.RATE_LIMITED_WITH_DELAY: "rate_limited",
    Fault.SERVER_ERROR: "server_error",
    Fault.TIMEOUT_BEFORE_APPLYING: "hang_before",
    Fault.TIMEOUT_AFTER_APPLYING: "hang_after",
    Fault.CONNECTION_CUT: "cut_before",
    Fault.HTML_BODY: "html",
    Fault.EMPTY_BODY: "empty",
    Fault.CUT_BODY: "cut_middle",
    Fault.HUGE_BODY: "huge",
}

Connect = Callable[..., WooCommerceChannel]


@pytest.fixture
def clock() -> FakeClock:
    """The clock of the stand-in and of every channel connected to it."""
    return FakeClock()


@pytest.fixture
async def sandbox(clock: FakeClock) -> AsyncIterator[Sandbox]:
    """A stand-in with an empty shop."""
    shop = await stand_in.start(clock=clock)
    yield shop
    await shop.aclose()


@pytest.fixture
def capabilities() -> Capabilities:
    """The facts as connector.toml declares them."""
    found = load_connector("woocommerce").capabilities
    assert found is not None
    return found


@pytest.fixture
async def connected(sandbox: Sandbox, clock: FakeClock, capabilities: Capabilities) -> AsyncIterator[Connect]:
    """Connects channels to the stand-in, with settings of one's own."""
    channels = []

    def make(**settings: object) -> WooCommerceChannel:
        given = {"url": sandbox.url, "timeout_seconds": 5.0, **EXAMPLE_SETTINGS, **EXAMPLE_SECRETS, **settings}
        channel = connect(Settings(**given), name="shop", clock=clock, capabilities=capabilities)
        channels.append(channel)
        return channel

    yield make
    for channel in channels:
        await channel.aclose()


@pytest.fixture
def channel(connected: Connect) -> WooCommerceChannel:
    """A channel with good credentials."""
    return connected()


async def until(reached: Callable[[], bool]) -> None:
    """Wait until it is so, for at most five seconds."""
    async with asyncio.timeout(5):
        while not reached():  # noqa: ASYNC110  # what is waited for happens on the other side of a socket
            await asyncio.sleep(0.01)


class WooRig:
    """The kit's rig over the stand-in."""

    secrets = tuple(EXAMPLE_SECRETS.values())
    buyer_data = (
        f"{CUSTOMER['first_name']} {CUSTOMER['last_name']}",
        CUSTOMER["email"],
        CUSTOMER["address_1"],
    )
    listings_per_page = 2
    orders_per_page = 2
    rate_limit_delay_seconds: float | None = 7.0

    def __init__(self, sandbox: Sandbox, clock: FakeClock, capabilities: Capabilities, make: Connect) -> None:
        self._sandbox = sandbox
        self._make = make
        self.clock = clock
        self.capabilities = capabilities
        self.channel = self._connect()

    def _connect(self, **settings: object) -> WooCommerceChannel:
        return self._make(page_size=2, timeout_seconds=0.6, **settings)

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def add_listing(self, sku: str | None, quantity: int, *, title: str = "") -> ListingId:
        return ListingId(self._sandbox.add_product(sku or "", title, quantity=quantity)[0])

    async def end_listing(self, listing_id: ListingId) -> None:
        self._sandbox.shop.remove_product(self._sandbox.product(listing_id))

    def unknown_listing_id(self) -> ListingId:
        return ListingId("999999")

    def unknown_order_id(self) -> str:
        return "999999"

    async def shown(self, listing_id: ListingId) -> int:
        shown = self._sandbox.shown(listing_id)
        assert shown is not None
        return shown

    async def sell(self, listing_id: ListingId, quantity: int, *, paid: bool = True) -> str:
        return await self._sandbox.sell(listing_id=listing_id, quantity=quantity, paid=paid)

    async def pay_order(self, order_id: str) -> str:
        self._sandbox.pay_order(order_id)
        return order_id

    async def cancel_order(self, order_id: str) -> None:
        self._sandbox.set_order_status(order_id, "cancelled")

    async def place_order_without_sku(self) -> str:
        (listing_id,) = self._sandbox.add_product(title="Odd piece", quantity=1)
        return await self._sandbox.sell(listing_id=listing_id)

    async def fail_next(self, fault: Fault, times: int = 1) -> None:
        wait = "7" if fault is Fault.RATE_LIMITED_WITH_DELAY else ""
        # Only a write can take effect: the reads that come before a refund pass this fault by.
        method = "POST" if fault is Fault.TIMEOUT_AFTER_APPLYING else ""
        self._sandbox.faults.add(StandInFault(MODES[fault], times, method, retry_after=wait))

    async def calls_received(self) -> int:
        return self._sandbox.calls_received

    async def bad_credentials(self) -> WooCommerceChannel:
        return self._connect(consumer_secret="cs_" + "00" * 20)

    async def webhook(self, order_id: str, *, forged: bool = False) -> WebhookRequest:
        secret = "guessed" if forged else EXAMPLE_SECRETS["webhook_secret"]
        delivery = self._sandbox.delivery(order_id, secret=secret)
        headers = {name.lower(): value for name, value in delivery.headers.items()}
        url = "http://127.0.0.1:8080/hooks/shop"
        return WebhookRequest("POST", url, {}, headers, delivery.body, self.clock.now())

    async def messages(self) -> Sequence[str]:
        return [html.unescape(mail["text"]) for mail in self._sandbox.shop.mails]


@pytest.fixture
async def rig(sandbox: Sandbox, clock: FakeClock, capabilities: Capabilities, connected: Connect) -> WooRig:
    """The rig over an empty shop."""
    return WooRig(sandbox, clock, replace(capabilities), connected)


class Caller:
    """Somebody who calls the stand-in directly, signing as the vendor's library does."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self._sandbox = sandbox
        self._session = session

    async def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        pair: KeyPair = READ_WRITE,
        **parameters: str,
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, document and headers of the answer."""
        url = f"{self._sandbox.url}/wp-json/wc/v3/{path}"
        plain = f"{url}?{urlencode(parameters)}" if parameters else url
        signed = OAuth(plain, pair.consumer_key, pair.consumer_secret, version="wc/v3", method=method)
        return await self.raw(method, signed.get_oauth_url(), body)

    async def raw(
        self, method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        """The same for an address that is sent as it is; a body of bytes too."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json", **(headers or {})}
        async with self._session.request(method, URL(url, encoded=True), data=data, headers=sent) as response:
            return response.status, json.loads(await response.read() or b"null"), response.headers

    async def shop(self, path: str, body: object = None) -> Any:
        """The stand-in's own door: a GET without a body, else a POST."""
        method = "GET" if body is None else "POST"
        status, document, _ = await self.raw(method, f"{self._sandbox.url}/_sandbox/{path}", body)
        assert status < 300, document
        return document


@pytest.fixture
async def call(sandbox: Sandbox) -> AsyncIterator[Caller]:
    """Calls the stand-in with good credentials."""
    async with aiohttp.ClientSession() as session:
        yield Caller(sandbox, session)

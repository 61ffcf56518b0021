"""The eBay connector passes the conformance kit against its stand-in, over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import pytest

from connectors.ebay.channel import EbayChannel
from connectors.ebay.mapping import split_listing_id
from connectors.ebay.mapping_xml import stamp
from connectors.ebay.sandbox import EXAMPLE_REFRESH_TOKEN, EXAMPLE_SECRETS, EbaySandbox
from connectors.ebay.sandbox_notify import signed_message, transactions_body
from syncd.channel.port import Capabilities, Channel, WebhookRequest
from syncd.channel.registry import load_connector
from syncd.clock import Clock
from syncd.identity import ListingId
from syncd.testkit.channel_conformance import ChannelConformance, ChannelRig, Fault
from syncd.testkit.fake_clock import FakeClock

PAGE = 2

BUYER = {
    "id": "buyer_0001",
    "name": "Giuseppina Verdi",
    "email": "g.verdi@example.com",
    "street": "Via dei Pioppi 12",
    "phone": "+39 000 1234567",
}

FAULTS = {
    Fault.RATE_LIMITED: "quota",
    Fault.RATE_LIMITED_WITH_DELAY: "window",
    Fault.SERVER_ERROR: "html_503",
    Fault.TIMEOUT_BEFORE_APPLYING: "hang_before",
    Fault.TIMEOUT_AFTER_APPLYING: "hang_after",
    Fault.CONNECTION_CUT: "cut_before",
    Fault.HTML_BODY: "html_200",
    Fault.EMPTY_BODY: "empty",
    Fault.CUT_BODY: "cut_body",
    Fault.HUGE_BODY: "huge",
}


class EbayRig:
    """The connector and its stand-in, as the kit drives them."""

    listings_per_page = PAGE
    orders_per_page = PAGE
    rate_limit_delay_seconds = 15.0
    secrets: Sequence[str] = tuple(EXAMPLE_SECRETS.values())
    buyer_data: Sequence[str] = tuple(value for key, value in BUYER.items() if key != "id")
    token: Mapping[str, str | None] = {}

    def __init__(self, sandbox: EbaySandbox, clock: FakeClock, open_channel: Callable[..., EbayChannel]) -> None:
        self._sandbox = sandbox
        self._clock = clock
        self._open = partial(open_channel, listings_per_page=PAGE, orders_per_page=PAGE, **self.token)
        self._channel = self._open()

    @property
    def channel(self) -> Channel:
        return self._channel

    @property
    def capabilities(self) -> Capabilities:
        declared = load_connector("ebay").capabilities
        assert declared is not None
        return declared

    @property
    def clock(self) -> Clock:
        return self._clock

    async def pass_time(self, seconds: float) -> None:
        await self._clock.tick(seconds)

    async def add_listing(self, sku: str | None, quantity: int, *, title: str = "") -> ListingId:
        added = self._sandbox.add_listing(sku=sku, quantity=quantity, title=title or "Something", price="9.90")
        return ListingId(added["item_id"])

    async def end_listing(self, listing_id: ListingId) -> None:
        self._sandbox.edit_listing(listing_id, ended=True)

    def unknown_listing_id(self) -> ListingId:
        return ListingId("110999999999")

    def unknown_order_id(self) -> str:
        return "24-99999-99999"

    async def shown(self, listing_id: ListingId) -> int:
        item_id, sku = split_listing_id(listing_id)
        return self._sandbox.account.items[item_id].offers[sku].available

    async def sell(self, listing_id: ListingId, quantity: int, *, paid: bool = True) -> str:
        line = {"item_id": listing_id, "quantity": quantity}
        return str(self._sandbox.sell([line], BUYER, paid=paid)["order_id"])

    async def pay_order(self, order_id: str) -> str:
        return str(self._sandbox.change_order(order_id, "pay")["order_id"])

    async def cancel_order(self, order_id: str) -> None:
        self._sandbox.change_order(order_id, "cancel")

    async def place_order_without_sku(self) -> str:
        return await self.sell(await self.add_listing(None, 3), 1)

    async def fail_next(self, fault: Fault, times: int = 1) -> None:
        self._sandbox.fail(FAULTS[fault], times=times)

    async def calls_received(self) -> int:
        return len(self._sandbox.account.calls)

    async def bad_credentials(self) -> Channel:
        return self._open(iaf_token="v^1.1#wrong-token")

    async def webhook(self, order_id: str, *, forged: bool = False) -> WebhookRequest:
        account, keys = self._sandbox.account, self._sandbox.notifier.keys
        order, at = account.by_order_id[order_id][-1], account.now()
        payload = transactions_body(account, "FixedPriceTransaction", order, order.lines[0], at)
        signed_with = replace(keys, cert_id="WRONG-CERT") if forged else keys
        return WebhookRequest(
            method="POST",
            url="/hooks/ebay",
            query={},
            headers={"content-type": 'text/xml; charset="utf-8"'},
            body=signed_message(payload, stamp(at), signed_with),
            received_at=self._clock.now(),
        )

    async def messages(self) -> Sequence[str]:
        return [message["Body"] for message in self._sandbox.account.messages]


class RefreshingRig(EbayRig):
    """The same with a refresh token: what is refused, logged or told never holds it or a token fetched with it."""

    secrets: Sequence[str] = (EXAMPLE_REFRESH_TOKEN, EXAMPLE_SECRETS["cert_id"], "#sandbox-user-", "#sandbox-app-")
    token: Mapping[str, str | None] = {"iaf_token": None, "refresh_token": EXAMPLE_REFRESH_TOKEN}

    async def bad_credentials(self) -> Channel:
        return self._open(refresh_token="v^1.1#another-refresh-token")


class TestEbayRefreshing(ChannelConformance):
    """Every case of the kit, with tokens that are fetched."""

    @pytest.fixture
    async def rig(self, sandbox: EbaySandbox, clock: FakeClock, open_channel: Callable[..., EbayChannel]) -> ChannelRig:
        """As below; the first token is at hand, so that the next fault meets the call it is meant for."""
        sandbox.switch(partial_mode="shape_2", refund_seconds=0.0)
        rig = RefreshingRig(sandbox, clock, open_channel)
        await rig.channel.check()
        return rig


class TestEbay(ChannelConformance):
    """Every case of the kit."""

    @pytest.fixture
    async def rig(self, sandbox: EbaySandbox, clock: FakeClock, open_channel: Callable[..., EbayChannel]) -> ChannelRig:
        """An empty stand-in whose failed pushes list what was applied, the shape the kit can judge."""
        sandbox.switch(partial_mode="shape_2", refund_seconds=0.0)
        return EbayRig(sandbox, clock, open_channel)

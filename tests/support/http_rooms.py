"""The rooms over HTTP: the real connectors, the stand-in servers in this process, one simulated clock for all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from connectors.ebay import channel as ebay
from connectors.ebay import sandbox as ebay_stand_in
from connectors.ebay.sandbox import EbaySandbox
from connectors.ebay.settings import Settings as EbaySettings
from connectors.woocommerce import channel as woo
from connectors.woocommerce import sandbox as woo_stand_in
from connectors.woocommerce.sandbox import Sandbox as WooSandbox
from syncd.channel.port import Capabilities, ChannelListing
from syncd.channel.registry import load_connector
from syncd.identity import ChannelName, ListingId, ListingKey
from syncd.invoice.invoice import InvoiceConfig
from syncd.invoice.service import InvoiceService
from syncd.listing.store import seen
from syncd.testkit.fake_clock import FakeClock
from tests.support.rooms import Rooms, Setup

EBAY, SHOP = "ebay", "shop"

R = TypeVar("R", bound="HttpRooms")


def facts(connector: str) -> Capabilities:
    """A connector's capabilities."""
    found = load_connector(connector).capabilities
    assert found is not None
    return found


class HttpRooms(Rooms):
    """eBay and a WooCommerce shop, each behind its own server."""

    def __init__(self, folder: Path, market: EbaySandbox, web: WooSandbox, **woo_settings: Any) -> None:
        super().__init__(folder, Setup({EBAY: facts("ebay"), SHOP: facts("woocommerce")}))
        clock = self.clock = web.shop.clock  # type: ignore[assignment]
        self.market, self.web = market, web
        told = {"endpoint_url": market.url, **ebay_stand_in.EXAMPLE_SETTINGS, **ebay_stand_in.EXAMPLE_SECRETS}
        shop = {"url": web.url, **woo_stand_in.EXAMPLE_SETTINGS, **woo_stand_in.EXAMPLE_SECRETS, **woo_settings}
        self.ebay = ebay.connect(
            EbaySettings.model_validate({**told, "timeout_seconds": 2.0}),
            name=EBAY,
            clock=clock,
            capabilities=facts("ebay"),
        )
        self.shop = woo.connect(
            woo.Settings.model_validate({**shop, "timeout_seconds": 5.0}),
            name=SHOP,
            clock=clock,
            capabilities=facts("woocommerce"),
        )
        self.channels = {EBAY: self.ebay, SHOP: self.shop}  # type: ignore[dict-item]

    def invoices(self, **config: Any) -> InvoiceService:
        """The worker that offers invoices."""
        said = InvoiceConfig.model_validate(config)
        lines = {ChannelName(name): line for name, line in self.lines.items()}
        return InvoiceService(self.db, self.writer, lines, config=said, clock=self.clock)

    async def learn(self) -> dict[str, ListingId]:
        """Read every listing of both channels, link each to its SKU; returns the ids by channel and SKU."""
        found: dict[str, ListingId] = {}
        for name, channel in self.channels.items():
            for one in await self._listings(channel):
                await self.writer.write(seen(ChannelName(name), one, self.clock.now()))
                if one.sku:
                    await self.link(name, one.listing_id, {one.sku: 1})
                    found[f"{name}:{one.sku}"] = one.listing_id
                await self.look(name, one.listing_id)
        return found

    async def _listings(self, channel: Any) -> list[ChannelListing]:
        found: list[ChannelListing] = []
        cursor: str | None = None
        while True:
            page = await channel.fetch_listings(cursor)
            found += page.listings
            cursor = page.cursor
            if cursor is None:
                return found

    async def poll(self, seconds: float = 130) -> dict[str, int]:
        """Let so much time pass and take in what the channels tell of then."""
        self.clock.advance(seconds)
        total: dict[str, int] = {}
        for intake in self.intakes.values():
            for what, count in (await intake.run_once(self.clock.now())).items():
                total[what] = total.get(what, 0) + count
        return total

    def shown_by(self, key: ListingKey) -> int:
        """What a stand-in itself keeps for a listing."""
        if key.channel == EBAY:
            return next(iter(self.market.account.items[str(key.listing_id)].offers.values())).available
        return self.web.shop.products[int(key.listing_id)].quantity or 0


@asynccontextmanager
async def http_rooms(
    folder: Path,
    make: Callable[..., R] = HttpRooms,
    **woo_settings: Any,  # type: ignore[assignment]
) -> AsyncIterator[R]:
    """Both servers up, ten X listed on each of them and on the shelf, syncd started."""
    clock = FakeClock()
    market, web = await ebay_stand_in.start(clock=clock), await woo_stand_in.start(clock=clock)
    try:
        async with make(folder, market, web, **woo_settings) as rooms:
            await rooms.stock("X", 10)
            market.add_listing(title="X", sku="X", quantity=10)
            web.add_product(sku="X", title="X", quantity=10, price="9.90")
            await rooms.learn()
            yield rooms
            for channel in (rooms.ebay, rooms.shop):
                await channel.aclose()
    finally:
        await market.aclose()
        await web.aclose()

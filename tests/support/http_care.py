"""The whole care of customers against the stand-in servers: a shop over HTTP, letters over SMTP, pages over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import SecretStr

from connectors.ebay.sandbox import EbaySandbox
from connectors.woocommerce.sandbox import Sandbox as WooSandbox
from syncd.goodwill.goodwill import GoodwillConfig
from syncd.identity import ChannelName, Sku
from syncd.letter.mail import MailConfig
from syncd.orders.store import read_orders
from syncd.product.product import Product
from syncd.product.store import save
from syncd.reservation.hold import Reservation
from syncd.reservation.store import read_reservations
from syncd.shortage.page import PageConfig
from syncd.shortage.resolution import ShortageConfig
from tests.support.care import SECRET, Care
from tests.support.http_rooms import SHOP, HttpRooms


class HttpCare(Care, HttpRooms):
    """Rooms between the stand-in servers and a customer at his mail and his browser."""

    def __init__(
        self,
        folder: Path,
        market: EbaySandbox,
        web: WooSandbox,
        *,
        config: ShortageConfig,
        mail: MailConfig,
        goodwill: GoodwillConfig | None = None,
    ) -> None:
        self.config = config
        self.page = PageConfig(link_secret=SecretStr(SECRET), contact="aiuto@labrace.example")
        self.public_url = "http://127.0.0.1"
        self.mail = mail
        self.goodwill, self.counting = goodwill or GoodwillConfig(), frozenset()
        HttpRooms.__init__(self, folder, market, web)

    async def name(self, titles: dict[str, str]) -> None:
        """Say what SKUs are called."""
        await self.writer.write(*save([Product(Sku(sku), title) for sku, title in titles.items()]))

    async def go_on(self, seconds: float = 130) -> None:
        """Let so much time pass, with orders fetched and everybody at work; nothing is pushed."""
        await self.poll(seconds)
        for _ in range(4):
            await self.tend()

    def order(self, order_id: str) -> Any:
        """The shop's own order."""
        return self.web.shop.orders[int(order_id)]

    async def reservations(self) -> list[Reservation]:
        """Every promise to the shop's customers."""
        async with self.db.read() as conn:
            found = await read_reservations(conn, list(await read_orders(conn)))
        return [one for one in found if one.channel == ChannelName(SHOP)]

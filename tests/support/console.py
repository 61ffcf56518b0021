"""The console over real rooms: a market and a webshop, cases, somebody of each role, and the address of it all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from syncd.access.role import LOCAL, Role
from syncd.access.service import Gatekeeper
from syncd.http.console.parts import ConsoleParts
from syncd.http.live import LiveFeed
from syncd.http.parts import HttpOptions, HttpParts
from syncd.http.server import HttpServer
from syncd.identity import ChannelName, Sku
from syncd.ledger.location import Locations
from syncd.privacy.service import Eraser
from syncd.product.product import Product
from syncd.product.store import save
from syncd.scanner.service import ScanDesk
from tests.support.care import Care
from tests.support.people import PASSWORD, QUICK

PEOPLE = {"walter": Role.WAREHOUSE, "anna": Role.AGENT, "mara": Role.MANAGER}


class Shop(Care):
    """Rooms with a console in front of them. Use as `async with Shop(path) as shop`."""

    async def name(self, *products: Product) -> None:
        """Say what SKUs are."""
        await self.writer.write(*save(products))

    @asynccontextmanager
    async def console(self) -> AsyncIterator[str]:
        """The server's address; everybody of `PEOPLE` may sign in."""
        keeper = Gatekeeper(self.db, self.writer, self.clock, QUICK)
        for name, role in PEOPLE.items():
            await keeper.add_user(name, role, PASSWORD, LOCAL)
        lines = {ChannelName(name): one for name, one in self.lines.items()}
        parts = HttpParts(
            self.db,
            self.clock,
            ScanDesk(self.db, self.writer, self.clock, Locations(("main",))),
            policies=self.policies,
            channels={ChannelName(name): one for name, one in self.channels.items()},
            intakes={},
            modes=dict.fromkeys(lines, "live"),
            eraser=Eraser(self.writer),
            gatekeeper=keeper,
            feed=LiveFeed(self.writer, self.clock),
            console=ConsoleParts(self.writer, lines, self.shortage),
        )
        server = HttpServer(HttpOptions(port=0), parts)
        try:
            yield await server.start()
        finally:
            await server.aclose()


@asynccontextmanager
async def open_shop(folder: Path) -> AsyncIterator[Shop]:
    """Gloves to sell, others like them, one promise that cannot be kept."""
    async with Shop(folder) as shop:
        await shop.name(
            Product(Sku("X"), "Barbecue glove X leather", "gloves", brand="X"),
            Product(Sku("Y"), "Barbecue glove Y leather", "gloves", brand="Y"),
            Product(Sku("TONGS"), "Long <b>tongs</b> & more", "tools"),
        )
        yield shop

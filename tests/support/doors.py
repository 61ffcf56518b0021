"""What tests of the doors need: a store on a real file, its writer running, a fake shop, a server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from syncd.access.service import Gatekeeper
from syncd.attention.question import Question
from syncd.attention.store import open_questions
from syncd.availability.ats import AvailabilityConfig, ChannelPolicy, Policies
from syncd.channel.service import ChannelLine
from syncd.clock import SystemClock
from syncd.db import Database
from syncd.http.live import LiveFeed
from syncd.http.parts import HttpOptions, HttpParts
from syncd.http.server import HttpServer
from syncd.identity import ChannelName, ListingId, ListingKey, Sku
from syncd.ledger.balance import StockLevel, stock_levels
from syncd.ledger.location import Locations
from syncd.ledger.movement import Movement
from syncd.ledger.service import Writer
from syncd.ledger.store import read_balances, read_movements
from syncd.listing.listing import Component
from syncd.listing.store import link, seen
from syncd.migrations.tables import schema
from syncd.orders.hint.store import WaitingHint, waiting_hints
from syncd.orders.service import IntakeOptions, IntakeService
from syncd.privacy.service import Eraser
from syncd.product.barcode import barcode
from syncd.product.product import Product
from syncd.product.store import save
from syncd.reservation.hold import Demand, Reservation
from syncd.reservation.store import read_reservations, read_short
from syncd.scanner.scan import Problems, Scan, ScanResult
from syncd.scanner.service import ScanDesk
from syncd.testkit.fake_channel import FakeChannel, PlainFakeChannel
from syncd.testkit.fake_clock import FakeClock
from syncd.testkit.fake_shop import FakeShop

SHOP = ChannelName("shop")
PLAIN = ChannelName("plain")
GLOVE = Sku("GLOVE-X")
BARCODE = "4006381333931"
CASE = "14006381333938"
"""A case of twelve gloves."""
LOCATIONS = Locations(("main", "shop-2"))
TOKEN = "door-token-31d9"


@dataclass
class House:
    """One store, its writer, and everything that is asked of it."""

    db: Database
    writer: Writer
    clock: FakeClock
    desk: ScanDesk
    shop: FakeShop
    channel: FakeChannel
    intake: IntakeService
    unready: list[str] = field(default_factory=list)
    _scans: int = 0

    async def scan(self, kind: str, **fields: object) -> ScanResult:
        """Post a scan as a scanner would send it; its id counts up unless given."""
        self._scans += 1
        payload = {"scan_id": f"s{self._scans}", "kind": kind, "code": GLOVE, **fields}
        scan = self.desk.read(payload)
        assert isinstance(scan, Scan), scan
        return await self.desk.post(scan)

    def problems(self, payload: object) -> tuple[str, ...]:
        """What the desk finds wrong with a payload."""
        found = self.desk.read(payload)
        assert isinstance(found, Problems)
        return found.sentences

    async def level(self, location: str = "main") -> StockLevel:
        """What one location holds of the glove."""
        async with self.db.read() as conn:
            levels = stock_levels(await read_balances(conn, [GLOVE]))
        empty = StockLevel(GLOVE, location, 0, 0, 0, 0)
        return next((one for one in levels if one.location == location), empty)

    async def movements(self) -> list[Movement]:
        """The log."""
        async with self.db.read() as conn:
            return [one.movement for one in await read_movements(conn)]

    async def questions(self) -> list[Question]:
        """What waits for a person."""
        async with self.db.read() as conn:
            return await open_questions(conn)

    async def short(self) -> list[Demand]:
        """Order lines that something is short of."""
        async with self.db.read() as conn:
            return await read_short(conn)

    async def reservations(self, order_key: str) -> list[Reservation]:
        """What is, or was, promised to an order."""
        async with self.db.read() as conn:
            return await read_reservations(conn, [order_key])

    async def hints(self) -> list[WaitingHint]:
        """Hints that a killed process would find again: read through a connection of their own."""
        other = Database(str(self.db.url.render_as_string(hide_password=False)).replace("+aiosqlite", ""))
        try:
            async with other.read() as conn:
                return await waiting_hints(conn, SHOP, 100)
        finally:
            await other.aclose()

    async def take_in(self) -> None:
        """Let the intake follow hints and poll."""
        self.clock.advance(120)
        await self.intake.run_once(self.clock.now())

    async def sell_on_channel(self, quantity: int, *, paid: bool = True) -> str:
        """A customer orders gloves in the shop, and the order is taken in."""
        order_id = self.shop.sell(ListingId("1001"), quantity, paid=paid)
        await self.take_in()
        return order_id

    def policies(self) -> Policies:
        """The shop's share: all of main."""
        return Policies({SHOP: ChannelPolicy(SHOP, ("main",))}, {}, AvailabilityConfig(safety_stock=1))

    def parts(self) -> HttpParts:
        """The house behind an HTTP server; `plain` is a channel that takes no calls."""
        return HttpParts(
            self.db,
            self.clock,
            self.desk,
            policies=self.policies(),
            channels={SHOP: self.channel, PLAIN: PlainFakeChannel(self.shop)},
            intakes={SHOP: self.intake, PLAIN: self.intake},
            eraser=Eraser(self.writer),
            modes={SHOP: "observe"},
            gatekeeper=Gatekeeper(self.db, self.writer, self.clock),
            feed=LiveFeed(self.writer, self.clock),
            unready=lambda: tuple(self.unready),
        )

    async def learn_listing(self, listing_id: str = "1001") -> None:
        """Know the shop's listing and what it holds, as a sweep would."""
        page = await self.channel.fetch_listings(None)
        found = next(one for one in page.listings if one.listing_id == listing_id)
        key = ListingKey(SHOP, found.listing_id)
        await self.writer.write(seen(SHOP, found, self.clock.now()), *link(key, [Component(GLOVE)]))


@asynccontextmanager
async def open_house(folder: Path, *, gloves: int = 0) -> AsyncIterator[House]:
    """A house with the glove known and so many of it received; everything is closed at the end."""
    clock = FakeClock()
    db = Database(f"sqlite:///{folder / 'house.db'}")
    await db.transact(schema().create_all)
    writer = Writer(db, clock)
    writing = asyncio.create_task(writer.run())
    try:
        await writer.write(*save([Product(GLOVE, "Barbecue gloves", barcodes=(barcode(BARCODE), barcode(CASE, 12)))]))
        shop = FakeShop(clock)
        shop.add_listing(GLOVE, 100)
        channel = FakeChannel(shop, name=SHOP)
        line = ChannelLine(SHOP, channel, clock)
        options = IntakeOptions(60, ("main",), {})
        intake = IntakeService(db, writer, line, options=options, clock=clock)
        await intake.run_once(clock.now())
        house = House(db, writer, clock, ScanDesk(db, writer, clock, LOCATIONS), shop, channel, intake)
        clock.advance(1)
        if gloves:
            await house.scan("receipt", quantity=gloves, scan_id="opening")
            clock.advance(1)
        yield house
    finally:
        await writer.stop()
        await writing
        await db.aclose()


@asynccontextmanager
async def serving(house: House, *, token: str | None = None, public_url: str | None = None) -> AsyncIterator[str]:
    """The address of an HTTP server over the house, on a free port of loopback."""
    options = HttpOptions(port=0, public_url=public_url, api_token=SecretStr(token) if token else None)
    server = HttpServer(options, house.parts())
    url = await server.start()
    try:
        yield url
    finally:
        await server.aclose()


async def until(is_true: Callable[[], bool], what: str, *, seconds: float = 20) -> None:
    """Wait until something is true, or fail saying what was waited for."""
    clock = SystemClock()
    deadline = clock.monotonic() + seconds
    while not is_true():
        assert clock.monotonic() < deadline, f"waited {seconds} s for {what}"
        await clock.sleep(0.01)

"""A supplier, the worker that watches him, and what it has written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from syncd.attention.question import Question, Topic
from syncd.attention.store import open_questions
from syncd.errors import (
    RemoteError,
)
from syncd.identity import ChannelName, Sku, SupplierName
from syncd.ledger.store import clear_touched
from syncd.reservation.hold import Demand
from syncd.reservation.store import read_demands, save_demands
from syncd.supply.offer import Offer, SupplierPolicy, SupplyConfig, usable
from syncd.supply.port import OfferRow, Supplier
from syncd.supply.purchase_order import Purchase, PurchaseOrder, PurchaseStatus
from syncd.supply.service import SupplierOptions, SupplyService
from syncd.supply.store import Feed, read_feed, read_offers, read_purchase_orders, save_purchase_order
from syncd.testkit.fake_clock import START_AT
from syncd.testkit.fake_supplier import FakeOrderingSupplier, ScriptedFault
from tests.support.store import GLOVES, Store, opened_store

NORD, EBAY = SupplierName("nord"), ChannelName("ebay")
FETCH_SECONDS, STALE_SECONDS = 900.0, 3600.0
CATALOGUE = tuple(OfferRow(f"N-{n}", 5, f"Thing {n}") for n in range(12))
DEMAND = Demand(EBAY, "l1", GLOVES, "ebay:1", need=3, purchased=3)
BUY = Purchase(NORD, GLOVES, GLOVES, EBAY, "l1", 3)
DRAFT = PurchaseOrder("ebay:1/nord/1", NORD, "ebay:1", PurchaseStatus.DRAFT, START_AT, (BUY,))


@dataclass
class Desk:
    """A supplier, the worker that watches him, and the store it writes to."""

    store: Store
    supplier: FakeOrderingSupplier
    service: SupplyService

    async def run(self, after_seconds: float = 0) -> dict[str, int]:
        """One run, some time later."""
        self.store.clock.advance(after_seconds)
        return await self.service.run_once(self.store.clock.now())

    async def offers(self) -> dict[Sku, list[Offer]]:
        """His offers as written."""
        async with self.store.db.read() as conn:
            return await read_offers(conn, supplier=NORD)

    async def usable_units(self, sku: Sku) -> int:
        """What may be promised of one offer now."""
        (offer,) = (await self.offers())[sku]
        return usable(offer, SupplierPolicy(NORD, STALE_SECONDS), self.store.clock.now()).units

    async def feed(self) -> Feed:
        """How far his feed was read."""
        async with self.store.db.read() as conn:
            feed = await read_feed(conn, NORD)
        assert feed is not None
        return feed

    async def questions(self) -> list[Question]:
        """What waits for a person."""
        async with self.store.db.read() as conn:
            return await open_questions(conn)

    async def asked(self) -> list[tuple[Topic, str]]:
        """What waits for a person, in short."""
        return [(one.topic, one.subject) for one in await self.questions()]

    async def orders(self) -> dict[str, PurchaseOrder]:
        """Purchase orders by reference."""
        async with self.store.db.read() as conn:
            return {one.reference: one for one in await read_purchase_orders(conn)}

    async def demand(self) -> Demand:
        """The one demand."""
        async with self.store.db.read() as conn:
            (demand,) = await read_demands(conn, ["ebay:1"])
        return demand

    async def draft(self, *orders: PurchaseOrder, demand: Demand = DEMAND) -> None:
        """Decide to buy, as an intake does."""
        writes = [write for one in orders for write in save_purchase_order(one)]
        await self.store.writer.write(*writes, save_demands([demand]))

    async def look_away(self) -> None:
        """Take every mark away, as a planner does."""
        await self.store.writer.write(clear_touched(await self.store.touched()))


def desk_over(store: Store, supplier: Supplier, *, config: SupplyConfig | None = None) -> SupplyService:
    """The worker for a supplier."""
    options = SupplierOptions(SupplierPolicy(NORD, STALE_SECONDS), FETCH_SECONDS, {"HIS-GLOVES": GLOVES})
    return SupplyService(
        store.db, store.writer, supplier, options=options, config=config or SupplyConfig(), clock=store.clock
    )


@asynccontextmanager
async def opened_desk(store_url: str) -> AsyncIterator[Desk]:
    """A supplier with a catalogue of twelve things, never read yet."""
    async with opened_store(store_url) as store:
        supplier = FakeOrderingSupplier(NORD, clock=store.clock)
        supplier.set_offers(CATALOGUE)
        yield Desk(store, supplier, desk_over(store, supplier))


def fault(error: type[RemoteError], **more: float) -> ScriptedFault:
    """One call that goes wrong."""
    return ScriptedFault(error(NORD, "fetch", "went wrong", **more))  # type: ignore[arg-type]

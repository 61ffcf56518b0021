"""A whole shop in one process: a real store, the rooms from intake to push, and fake channels over fake shops."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlmodel import SQLModel

from syncd.attention.question import Question
from syncd.attention.store import open_questions
from syncd.availability.ats import AvailabilityConfig, ChannelPolicy, Policies, derive
from syncd.availability.store import read_supplies
from syncd.channel.port import Capabilities, ChannelListing, ChannelOrder, ListingObservation, ListingStatus, OrderPage
from syncd.channel.service import ChannelLine
from syncd.db import Database
from syncd.identity import ChannelName, ListingId, ListingKey, Sku, SupplierName
from syncd.ledger.balance import Balances
from syncd.ledger.movement import LOSS, OPENING, Account, Movement, Reason, State, available
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, post, read_balances
from syncd.listing.listing import Component, Listing
from syncd.listing.service import Observer
from syncd.listing.store import link, read_listings, seen
from syncd.orders.service import IntakeOptions, IntakeService
from syncd.orders.store import read_orders
from syncd.product.store import mention
from syncd.push.plan import PushConfig, PushState
from syncd.push.service import Pusher
from syncd.push.service_planner import Planner
from syncd.push.store import read_states
from syncd.reservation.hold import Demand, Reservation
from syncd.reservation.service import ExpiryService
from syncd.reservation.store import read_demands, read_reservations
from syncd.supply.offer import Offer, SupplierPolicy
from syncd.supply.store import save_offers
from syncd.testkit.fake_channel import FakeChannel
from syncd.testkit.fake_clock import FakeClock
from syncd.testkit.fake_shop import FakeShop
from syncd.testkit.fake_webhook import webhook_from
from syncd.testkit.shop_record import EVERYTHING

MAIN = "main"
ROUNDS_MAX = 40
"""Rounds `settle` allows: whoever still finds work after so many is in a loop."""

STEP_SECONDS = 0.01
"""Time that passes with every service's run, so that no two things happen at one moment."""

MARKET = replace(EVERYTHING, restocks_cancelled=False)
"""Facts like eBay's."""
WEBSHOP = replace(EVERYTHING, batch_size=20, sold_counter=False, decrements_unpaid=False, holds_unpaid=True)
"""Facts like WooCommerce's."""


class MarketChannel(FakeChannel):
    """A market's order says nothing of what was taken off its listing; the counter does."""

    def _order_page(self, cursor, since):  # type: ignore[no-untyped-def]
        page: OrderPage = super()._order_page(cursor, since)
        orders = [replace(o, lines=tuple(replace(x, decremented=None) for x in o.lines)) for o in page.orders]
        return replace(page, orders=tuple(orders))


@dataclass(frozen=True)
class Setup:
    """How the rooms are furnished."""

    channels: Mapping[str, Capabilities]
    availability: AvailabilityConfig = field(default_factory=AvailabilityConfig)
    push: PushConfig = field(default_factory=PushConfig)
    caps: Mapping[str, int] | None = None
    supplier: SupplierPolicy | None = None


ONE = Setup({"market": MARKET})
"""A market alone."""
TWO = Setup({"market": MARKET, "shop": WEBSHOP})
"""A market and a webshop."""


class Rooms:
    """Everything between a channel and the ledger. Use as `async with Rooms(path) as rooms`."""

    def __init__(self, folder: Path, setup: Setup = TWO) -> None:
        self.clock = FakeClock()
        self.url = f"sqlite:///{folder / 'syncd.db'}"
        self.setup = setup
        self.shops = {name: FakeShop(self.clock, facts) for name, facts in setup.channels.items()}
        self.channels = {
            name: (MarketChannel if facts.sold_counter else FakeChannel)(self.shops[name], name=name)
            for name, facts in setup.channels.items()
        }
        caps = setup.caps or {}
        suppliers = {setup.supplier.name: setup.supplier} if setup.supplier else {}
        policies = {
            ChannelName(name): ChannelPolicy(ChannelName(name), (MAIN,), caps.get(name), facts.quantity_max)
            for name, facts in setup.channels.items()
        }
        self.policies = Policies(policies, suppliers, setup.availability)

    async def __aenter__(self) -> Self:
        self.db = Database(self.url)
        await self.db.transact(SQLModel.metadata.create_all)
        self.start()
        for intake in self.intakes.values():
            await intake.run_once(self.clock.now())
        self.clock.advance(1)
        return self

    def start(self) -> None:
        """Build every service anew, as a process does that starts on an existing store."""
        self.writer = Writer(self.db, self.clock)
        self._writing = asyncio.create_task(self.writer.run())
        self.lines = {name: ChannelLine(ChannelName(name), one, self.clock) for name, one in self.channels.items()}
        self.planner = Planner(self.db, self.writer, self.policies)
        self.pushers = {
            name: Pusher(self.db, self.writer, one, policies=self.policies, config=self.setup.push, clock=self.clock)
            for name, one in self.lines.items()
        }
        options = IntakeOptions(0, (MAIN,), self.policies.suppliers)
        self.intakes = {
            name: IntakeService(self.db, self.writer, one, options=options, clock=self.clock)
            for name, one in self.lines.items()
        }
        self.observers = {
            name: Observer(self.writer, one, (MAIN,), clock=self.clock) for name, one in self.lines.items()
        }
        self.expiry = ExpiryService(self.db, self.writer)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.writer.stop()
        await self._writing
        await self.db.aclose()

    # --- the merchant ---

    async def stock(self, sku: str, units: int) -> None:
        """Put units on the shelf, or take them off it."""
        here, key = available(MAIN), f"stock:{sku}:{self.clock.now().isoformat()}"
        source, destination = (OPENING, here) if units > 0 else (here, LOSS)
        movement = Movement(key, Sku(sku), abs(units), source, destination, Reason.RECEIPT, self.clock.now())
        outcome = await self.writer.submit(post([movement]))
        assert outcome.verdict == "posted", outcome
        self.clock.advance(STEP_SECONDS)

    async def offer(
        self, channel: str, sku: str | None, quantity: int, *, units: Mapping[str, int] | None = None
    ) -> ListingId:
        """List something on a channel and let the rooms know it; linked unless `sku` is None."""
        listing_id = self.shops[channel].add_listing(sku, quantity)
        await self.know(channel, listing_id)
        parts = units if units is not None else {sku: 1} if sku else {}
        if parts:
            await self.link(channel, listing_id, parts)
        await self.look(channel, listing_id)
        return listing_id

    async def both(self, units: int) -> tuple[ListingId, ListingId]:
        """So many X, listed on market and shop, with everything settled and true."""
        await self.stock("X", units)
        listings = await self.offer("market", "X", units), await self.offer("shop", "X", units)
        await self.quiet(60)
        await self.assert_true()
        return listings

    async def at_rest(self, units: int, sku: str = "X") -> ListingId:
        """So many units, listed on the market, with everything settled."""
        await self.stock(sku, units)
        listing_id = await self.offer("market", sku, units)
        await self.settle()
        return listing_id

    async def know(self, channel: str, listing_id: ListingId) -> None:
        """Take a listing of the channel into the store, unlinked."""
        there = self.shops[channel].listings[listing_id]
        told = ListingObservation(listing_id, there.stored, None, ListingStatus.ACTIVE, self.clock.now())
        found = ChannelListing(listing_id, there.sku, there.title, there.price, told)
        await self.writer.write(seen(ChannelName(channel), found, self.clock.now()))

    async def link(self, channel: str, listing_id: ListingId, units: Mapping[str, int]) -> None:
        """Say what a listing holds."""
        key = ListingKey(ChannelName(channel), listing_id)
        parts = [Component(Sku(sku), count) for sku, count in units.items()]
        writes = (*link(key, parts), mention([(part.sku, part.sku) for part in parts]))
        marks = frozenset(part.sku for part in parts)
        await self.writer.submit(Command(lambda _view: Plan(None, writes=writes, marks=marks)))

    async def supply(self, sku: str, units: int) -> None:
        """The supplier says he has so many."""
        assert self.setup.supplier is not None
        said = Offer(self.setup.supplier.name, f"s-{sku}", Sku(sku), units, self.clock.now())
        writes = (save_offers([said]), mention([(Sku(sku), sku)]))
        await self.writer.submit(Command(lambda _view: Plan(None, writes=writes, marks=frozenset({Sku(sku)}))))
        self.clock.advance(STEP_SECONDS)

    # --- the daemon ---

    async def look(self, channel: str, listing_id: ListingId) -> None:
        """Read a listing, as a sweep does."""
        (told,) = await self.channels[channel].read_quantities([listing_id])
        self.clock.advance(STEP_SECONDS)
        listing = await self.listing(channel, listing_id)
        await self.observers[channel].take(listing, told, at=self.clock.now())
        self.clock.advance(STEP_SECONDS)

    async def hint(self, channel: str, order_id: str) -> None:
        """The channel calls about an order."""
        answer = self.channels[channel].receive_webhook(webhook_from(self.shops[channel], order_id))
        assert answer.status == 200
        await self.intakes[channel].receive(answer, self.clock.now())

    async def step(self, *channels: str) -> dict[str, int]:
        """One round: intake, expiry, planner, pushers; returns what was done."""
        done: dict[str, int] = {}
        names = channels or tuple(self.channels)
        services = [
            *(self.intakes[name] for name in names),
            self.expiry,
            self.planner,
            *(self.pushers[name] for name in names),
        ]
        for service in services:
            for what, count in (await service.run_once(self.clock.now())).items():
                done[what] = done.get(what, 0) + count
            self.clock.advance(STEP_SECONDS)
        return done

    async def settle(self) -> dict[str, int]:
        """Run the services in turn until none finds anything to do."""
        total: dict[str, int] = {}
        for _ in range(ROUNDS_MAX):
            done = await self.step()
            if not done:
                return total
            for what, count in done.items():
                total[what] = total.get(what, 0) + count
        raise AssertionError(f"never comes to rest: {total}")

    async def until_waiting(self) -> None:
        """Return once somebody waits for the clock."""
        for _ in range(100_000):
            if self.clock.sleepers:
                return
            await asyncio.sleep(0)
        raise AssertionError("nobody ever waits for the clock")

    async def settle_for(self, rounds: int) -> None:
        """Run so many rounds, for a channel that never comes to rest."""
        for _ in range(rounds):
            await self.step()

    async def quiet(self, seconds: float = 300) -> None:
        """Let time pass with the services running, until every gate, lag and back-off is over."""
        await self.settle()
        for _ in range(int(seconds // 20)):
            self.clock.advance(20)
            await self.settle()

    # --- what can be seen ---

    async def listing(self, channel: str, listing_id: ListingId) -> Listing:
        """A listing as the store knows it."""
        key = ListingKey(ChannelName(channel), listing_id)
        async with self.db.read() as conn:
            return (await read_listings(conn, keys=[key]))[key]

    async def state(self, channel: str, listing_id: ListingId) -> PushState:
        """How far a listing's number has come."""
        key = ListingKey(ChannelName(channel), listing_id)
        async with self.db.read() as conn:
            return (await read_states(conn, keys=[key]))[key]

    def shown(self, channel: str, listing_id: ListingId) -> int:
        """What the channel itself keeps."""
        return self.shops[channel].shown(listing_id)

    def pushes(self, channel: str) -> int:
        """How many push calls the channel has received."""
        return sum(1 for call in self.shops[channel].calls if call.operation == "push_quantities")

    def reads(self, channel: str) -> int:
        """How many times listings were read."""
        return sum(1 for call in self.shops[channel].calls if call.operation == "read_quantities")

    async def held(self, sku: str = "X") -> dict[str, int]:
        """Units of a SKU on our accounts by state, without empty ones."""
        async with self.db.read() as conn:
            balances = await read_balances(conn, [Sku(sku)])
        return {
            str(state): sum(balances.by_location(Sku(sku), state).values())
            for state in State
            if balances.by_location(Sku(sku), state)
        }

    async def sent(self, sku: str = "X") -> int:
        """Units that left the house to customers."""
        async with self.db.read() as conn:
            return (await read_balances(conn, [Sku(sku)])).of(Sku(sku), Account("outside", "customer"))

    async def questions(self) -> list[Question]:
        """What waits for a person."""
        async with self.db.read() as conn:
            return await open_questions(conn)

    async def promises(self) -> tuple[list[Reservation], list[Demand]]:
        """Every reservation and demand."""
        async with self.db.read() as conn:
            keys = list(await read_orders(conn))
            return await read_reservations(conn, keys), await read_demands(conn, keys)

    async def targets(self) -> dict[ListingKey, tuple[int | None, int]]:
        """Of every active listing: its target now and what its channel shows."""
        async with self.db.read() as conn:
            listings = await read_listings(conn)
            skus = sorted({sku for one in listings.values() for sku in one.skus})
            supplies = await read_supplies(conn, skus, self.policies.suppliers, self.clock.now())
        found: dict[ListingKey, tuple[int | None, int]] = {}
        for key, one in listings.items():
            if one.status is ListingStatus.ACTIVE:
                policy = self.policies.channels[key.channel]
                target = derive(one, supplies, policy, self.policies.availability).target
                found[key] = (target, self.shown(key.channel, key.listing_id))
        return found

    async def assert_true(self) -> None:
        """Every linked listing shows its target, and the books are sound: no phantom unit anywhere."""
        for key, (target, shown) in (await self.targets()).items():
            assert target is None or shown == target, f"{key} shows {shown}, should show {target}"
        await self.assert_sound()

    async def assert_sound(self) -> None:
        """Reservations, demands and units in flight agree with the ledger."""
        reservations, demands = await self.promises()
        async with self.db.read() as conn:
            balances = await read_balances(conn)
            listings = await read_listings(conn)
        for demand in demands:
            own = [
                r for r in reservations if (r.channel, r.line_id, r.sku) == (demand.channel, demand.line_id, demand.sku)
            ]
            net = sum(r.quantity - r.released for r in own)
            lapsed = any(r.status == "expired" for r in own)
            assert lapsed or demand.need == net + demand.purchased + demand.short, demand
        for sku in balances.by_sku:
            assert _on(balances, sku, State.RESERVED) == sum(r.open for r in reservations if r.sku == sku), sku
            flying = sum(o.belief.in_flight * c.units for o in listings.values() for c in o.components if c.sku == sku)
            assert _on(balances, sku, State.IN_FLIGHT) == flying, sku
            assert sum(balances.by_sku[sku].values()) == 0


def _on(balances: Balances, sku: Sku, state: State) -> int:
    return sum(balances.by_location(sku, state).values())


ACME = SupplierPolicy(SupplierName("acme"), 3600)
"""A supplier believed for an hour."""


def telling(rooms: Rooms, *orders: ChannelOrder, name: str = "market") -> None:
    """Let a channel's order list hold exactly these orders."""
    page = OrderPage(orders, "0", False, rooms.clock.now())

    async def fetch(_cursor: str | None, **_since: object) -> OrderPage:
        return page

    rooms.channels[name].fetch_orders = fetch  # type: ignore[method-assign]

"""A case with everything it is about: its order and line, what is short, what there is instead, its letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from syncd.availability.ats import Policies
from syncd.channel.port import ChannelOrder, OrderLine
from syncd.db import Database
from syncd.identity import ListingKey, Money, Sku
from syncd.ledger.movement import State
from syncd.ledger.store import Write, read_balances
from syncd.letter.letter import Letter
from syncd.letter.store import put
from syncd.listing.store import read_listings
from syncd.orders.store import read_orders_of_lines
from syncd.product.store import read_products
from syncd.reservation.store import read_demands_of_lines, read_reservations_beside
from syncd.shortage.case import Case
from syncd.shortage.message import Facts, Kind, write
from syncd.shortage.page import Links, PageConfig
from syncd.shortage.resolution import Need, ShortageConfig, may_refund
from syncd.shortage.store_steps import Taking


@dataclass(frozen=True)
class Rules:
    """What steers the room: policy, the look of pages and letters, and how links are made."""

    shortage: ShortageConfig
    page: PageConfig
    links: Links


@dataclass(frozen=True, slots=True)
class Affair:
    """A case with the order it is about."""

    case: Case
    order: ChannelOrder
    line: OrderLine

    def price(self, quantity: int) -> Money:
        """What was paid for so many units of the line."""
        return self.line.unit_price.times(quantity)

    @property
    def paid(self) -> int:
        """Listing units of the line that were ordered and not cancelled."""
        return self.line.quantity - self.line.cancelled


class Affairs:
    """Reads affairs and writes the letters about them."""

    def __init__(self, db: Database, policies: Policies, rules: Rules) -> None:
        self._db = db
        self._policies = policies
        self._rules = rules

    async def of(self, case: Case) -> Affair:
        """The case with its order."""
        return (await self.all([case]))[0]

    async def all(self, cases: Sequence[Case]) -> list[Affair]:
        """Cases with their orders."""
        async with self._db.read() as conn:
            orders = await read_orders_of_lines(conn, [(one.channel, one.line_id) for one in cases])
        found: list[Affair] = []
        for case in cases:
            order = orders[(case.channel, case.line_id)]
            line = next(line for line in order.lines if line.line_id == case.line_id)
            found.append(Affair(case, order, line))
        return found

    async def need(self, affair: Affair, now: datetime) -> Need:
        """What is short and what there is instead, now."""
        case = affair.case
        others = [Sku(other) for other in self._rules.shortage.substitutes.get(case.sku, ())]
        places = self.places(case)
        async with self._db.read() as conn:
            balances = await read_balances(conn, others)
            products = await read_products(conn, [case.sku, *others])
            held = sum(one.open for one in await read_reservations_beside(conn, case.channel, case.line_id))
        stock = {
            sku: sum(balances.by_location(sku, State.AVAILABLE).get(place, 0) for place in places) for sku in others
        }
        titles = {sku: product.title for sku, product in products.items()}
        quantity, root = await self.quantity(affair), await self._ordered(case)
        title = affair.line.title if root == case.sku and affair.line.title else titles.get(case.sku, case.sku)
        price = affair.price(quantity)
        return Need(case.sku, title, quantity, case.units, held, price, stock, titles, self.today(now))

    def today(self, now: datetime) -> date:
        """The day it is where the shop is."""
        return now.astimezone(ZoneInfo(self._rules.page.time_zone)).date()

    def places(self, case: Case) -> tuple[str, ...]:
        """Where the channel's stock lies; nowhere for a channel that is not configured any more."""
        channel = self._policies.channels.get(case.channel)
        return tuple(channel.locations) if channel else ()

    def taking(self, affair: Affair, sku: Sku) -> Taking:
        """A SKU to reserve for the case's line."""
        return Taking(sku, self.places(affair.case), affair.line.listing_id)

    async def _ordered(self, case: Case) -> Sku:
        """What was ordered where the case's SKU stands for it, else the SKU itself."""
        async with self._db.read() as conn:
            demands = await read_demands_of_lines(conn, [(case.channel, case.line_id)])
        return next((Sku(one.instead_of) for one in demands if one.sku == case.sku and one.instead_of), case.sku)

    async def quantity(self, affair: Affair) -> int:
        """The short base units as units of the listing, the unit money is counted in; a part of a pack is a whole
        pack."""
        case, listing_id = affair.case, affair.line.listing_id
        if listing_id is None:
            return case.units
        ordered = await self._ordered(case)
        async with self._db.read() as conn:
            listings = await read_listings(conn, keys=[ListingKey(case.channel, listing_id)])
        per_unit = [c.units for one in listings.values() for c in one.components if c.sku == ordered]
        return -(-case.units // per_unit[0]) if per_unit else case.units

    async def letter(self, affair: Affair, kind: Kind, now: datetime, *, until: date | None = None) -> Write:
        """The letter of a kind about the case as it stands, to be written with the decision it tells of."""
        case, order, rules = affair.case, affair.order, self._rules
        need = await self.need(affair, now)
        chosen = case.offers(case.chosen, case.instead) if case.chosen else None
        is_free = case.channel not in rules.page.without_link
        facts = Facts(
            order.buyer,
            order.number,
            need.title,
            need.units,
            case.options,
            case.deadline_at,
            need.price,
            by_itself=may_refund(need.price, rules.shortage) is None,
            link=rules.links.url(case) if is_free else "",
            contact=is_free,
            instead=chosen.title if chosen else "",
            until=until or (chosen.until if chosen else None),
            agent=case.owner,
        )
        text = write(kind, facts, rules.shortage, rules.page)
        again = f"/{case.asked}" if case.asked > 1 else ""
        letter = Letter(
            f"{case.case_id}/{kind.value}{again}",
            case.channel,
            case.order_key,
            case.line_id,
            text.language,
            text.subject,
            text.body,
            html=text.html,
        )
        return put(letter, now)


def seen_as(affair: Affair, case: Case) -> Affair:
    """The affair with its case one step further."""
    return replace(affair, case=case)

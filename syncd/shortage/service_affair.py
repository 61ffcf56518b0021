"""A case with everything it is about: its order and line, what is short, what there is instead, its letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from syncd.availability.ats import Policies
from syncd.channel.port import ChannelOrder, OrderLine
from syncd.db import Database
from syncd.goodwill.goodwill import Coupon, GoodwillConfig
from syncd.identity import ChannelName, ListingKey, Money, Sku
from syncd.ledger.store import Write
from syncd.letter.letter import Letter
from syncd.letter.store import put
from syncd.listing.store import read_listings
from syncd.orders.store import read_orders_of_lines
from syncd.product.store import read_products
from syncd.refund.refund import Refund, RefundStatus
from syncd.refund.store import read_refunds_of_line
from syncd.reservation.store import read_demands_of_lines, read_reservations_beside
from syncd.shortage.case import Case
from syncd.shortage.elsewhere import places, promised_day
from syncd.shortage.late import stands_for
from syncd.shortage.levels import ServiceConfig
from syncd.shortage.message import Facts, Kind, write
from syncd.shortage.owed import Owed, owed_for, shipping_back
from syncd.shortage.page import Links, PageConfig
from syncd.shortage.resolution import Need, Option, OptionKind, ShortageConfig, may_refund, rank, rank_late
from syncd.shortage.service_alternatives import Alternatives
from syncd.shortage.store_late import awaited_by, read_delivery
from syncd.shortage.store_steps import Taking, refund_reference


@dataclass(frozen=True)
class Rules:
    """What steers the room: policy, the look of pages and letters, and how links are made."""

    shortage: ShortageConfig
    page: PageConfig
    links: Links
    goodwill: GoodwillConfig = field(default_factory=GoodwillConfig)
    counting: frozenset[ChannelName] = frozenset()
    """Channels where an order of which nothing is sent counts against the seller."""
    service: ServiceConfig = field(default_factory=ServiceConfig)


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
        self.alternatives = Alternatives(db, policies, rules.shortage)

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
        """What is short, or late, now; what there is instead is not in it yet."""
        case = affair.case
        line_ids, own = [line.line_id for line in affair.order.lines], refund_reference(case)
        async with self._db.read() as conn:
            products = await read_products(conn, [case.sku])
            held = sum(one.open for one in await read_reservations_beside(conn, case.channel, case.line_id))
            others = [one for one in await read_refunds_of_line(conn, case.channel, *line_ids) if one.reference != own]
        titles = {sku: product.title for sku, product in products.items()}
        quantity, root = await self.quantity(affair), await self._ordered(case)
        title = affair.line.title if root == case.sku and affair.line.title else titles.get(case.sku, case.sku)
        price = affair.price(quantity)
        promised = self.promised(affair)
        need = Need(case.sku, title, quantity, case.units, held, price, {}, titles, self.today(now), promised)
        back = Refund(own, case.channel, case.order_key, case.line_id, quantity, price, RefundStatus.WAITING, now)
        given, whole = (shipping_back(self.owed(affair, gives_shipping=gives), back, others) for gives in (True, False))
        return replace(need, shipping=Money(given, price.currency), shipping_if_whole=Money(whole, price.currency))

    def owed(self, affair: Affair, *, gives_shipping: bool) -> Owed:
        """What a refund of the case's line rests on."""
        return owed_for(affair.order, affair.line, gives_shipping=gives_shipping)

    async def options(self, affair: Affair, now: datetime) -> tuple[Option, ...]:
        """What can be offered now, best first."""
        case, config = affair.case, self._rules.shortage
        need = await self.need(affair, now)
        if not case.awaits:
            return rank(await self.alternatives.add_to(need, case, self.places(case), now), config)
        async with self._db.read() as conn:
            order = (await read_delivery(conn, awaited_by(case))).order
        policy = self._policies.suppliers.get(order.supplier) if order else None
        until = stands_for(order, policy.lead_days if policy else None, need.today) if order else None
        return rank_late(need, until, config)

    def promised(self, affair: Affair) -> date:
        """The day by which the order is to leave."""
        within, zone = self._rules.shortage.send_within_days, self._rules.page.time_zone
        return promised_day(affair.order.created_at, within, zone)

    def today(self, now: datetime) -> date:
        """The day it is where the shop is."""
        return now.astimezone(ZoneInfo(self._rules.page.time_zone)).date()

    def places(self, case: Case) -> tuple[str, ...]:
        """Where the channel's stock lies; nowhere for a channel that is not configured any more."""
        channel = self._policies.channels.get(case.channel)
        return tuple(channel.locations) if channel else ()

    def taking(self, affair: Affair, sku: Sku) -> Taking:
        """A SKU to reserve for the case's line, where its channel sells from."""
        return Taking(sku, self.places(affair.case), affair.line.listing_id)

    def taking_anywhere(self, affair: Affair, now: datetime) -> Taking:
        """What was ordered, also from where it can still be brought in time."""
        own, stand_in = self.places(affair.case), self._rules.shortage.stand_in
        found = places(own, stand_in, self.today(now), self.promised(affair))
        return Taking(affair.case.sku, found, affair.line.listing_id)

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

    async def letter(
        self,
        affair: Affair,
        kind: Kind,
        now: datetime,
        *,
        until: date | None = None,
        price: Money | None = None,
        coupon: Coupon | None = None,
    ) -> Write:
        """The letter of a kind about the case as it stands, to be written with the decision it tells of.

        `price` is what goes back, where that is known; `coupon` one whose code it holds.
        """
        case, order, rules = affair.case, affair.order, self._rules
        need = await self.need(affair, now)
        chosen = case.offers(case.chosen, case.instead) if case.chosen else None
        waits = case.offers(OptionKind.WAIT)
        is_free = case.channel not in rules.page.without_link
        facts = Facts(
            order.buyer,
            order.number,
            need.title,
            need.units,
            case.options,
            case.deadline_at,
            price or back_by_refund(case) or need.price,
            by_itself=may_refund(need.price, rules.shortage) is None,
            link=rules.links.url(case) if is_free else "",
            contact=is_free,
            instead=chosen.title if chosen else "",
            until=until or (chosen.until if chosen else None),
            awaited=bool(case.awaits),
            comes=waits.until if waits else None,
            promised=need.promised,
            agent=case.owner,
            coupon=coupon,
            gift=chosen.gift if chosen else "",
        )
        text = write(kind, facts, rules.shortage, rules.page)
        letter = Letter(
            letter_reference(case, kind),
            case.channel,
            case.order_key,
            case.line_id,
            text.language,
            text.subject,
            text.body,
            html=text.html,
        )
        return put(letter, now)


def letter_reference(case: Case, kind: Kind) -> str:
    """The reference of a case's letter of a kind; a case that asks again writes again."""
    again = f"/{case.asked}" if case.asked > 1 else ""
    return f"{case.case_id}/{kind.value}{again}"


def back_by_refund(case: Case) -> Money | None:
    """What the case offers to give back, or None while it offers nothing."""
    option = case.offers(OptionKind.REFUND)
    return option.cost if option else None


def seen_as(affair: Affair, case: Case) -> Affair:
    """The affair with its case one step further."""
    return replace(affair, case=case)

"""The page that tells a customer where his order is: read when he opens it, so it is never older than our books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.channel.port import ChannelOrder
from syncd.clock import Clock
from syncd.db import Database
from syncd.identity import ChannelName, ListingKey, Sku
from syncd.ledger.movement import State
from syncd.ledger.store import read_balances
from syncd.listing.store import read_listings
from syncd.orders.store import read_orders_of_lines
from syncd.product.store import read_products
from syncd.reservation.store import read_demands_of_lines, read_reservations
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.elsewhere import promised_day
from syncd.shortage.message import voice_for
from syncd.shortage.page import Trail
from syncd.shortage.resolution import OptionKind
from syncd.shortage.service import ShortageService
from syncd.shortage.store import read_cases_of_order
from syncd.shortage.track import Due, Piece, Step, Stock, Where, due, pieces_of, steps, where
from syncd.supply.parcel import Parcel
from syncd.supply.purchase_order import UNSETTLED, PurchaseOrder
from syncd.supply.store import read_orders_for
from syncd.supply.store_parcel import read_parcels_of
from syncd.wording.wording import Voice

RECOMMENDED_MAX = 6
"""Most things recommended on one page."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One parcel: when it left, who carries it, its number, and his own page about it ('' where none is known)."""

    day: date
    carrier: str
    number: str
    link: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that waits for the customer's answer, the token of its page and until when."""

    title: str
    token: str
    deadline_at: datetime


@dataclass(frozen=True, slots=True)
class TrackView:
    """Everything the page tells: of its buyer nothing."""

    voice: Voice
    order_number: str
    where: Where
    steps: tuple[Step, ...]
    pieces: tuple[Piece, ...]
    due: Due
    sent: tuple[Sent, ...]
    asked: tuple[Asked, ...]
    recommended: tuple[str, ...]


class TrackPages:
    """Opens the pages for whoever has a link."""

    def __init__(self, db: Database, service: ShortageService, clock: Clock) -> None:
        self._db = db
        self._affairs = service.affairs
        self._clock = clock
        self.rules = service.rules

    def ticket(self, token: str) -> Trail | None:
        """What a token says, or None where it opens nothing (any more)."""
        found = self.rules.links.read_trail(token)
        return found if found is not None and self._clock.now() < found.expires_at else None

    async def look(self, trail: Trail) -> TrackView | None:
        """Where the order is now, or None if there is no such order."""
        now, page = self._clock.now(), self.rules.page
        async with self._db.read() as conn:
            order = (await read_orders_of_lines(conn, [(trail.channel, trail.line_id)])).get(
                (trail.channel, trail.line_id)
            )
            if order is None:
                return None
            stock, bought = await self._stock(conn, trail, order)
            cases = await read_cases_of_order(conn, trail.channel, [line.line_id for line in order.lines])
            recommended = await self._recommended(conn, trail.channel, order)
        pieces = pieces_of(order, stock)
        promised = promised_day(order.created_at, self.rules.shortage.send_within_days, page.time_zone)
        at = where(pieces)
        return TrackView(
            voice_for(order.buyer, self.rules.shortage, page),
            order.number,
            at,
            steps(at),
            pieces,
            due(pieces, promised, _later(bought, cases), self._affairs.today(now)),
            self._sent(stock.parcels),
            await self._asked(cases, now),
            recommended,
        )

    async def _stock(
        self, conn: AsyncConnection, trail: Trail, order: ChannelOrder
    ) -> tuple[Stock, list[PurchaseOrder]]:
        """What we keep about the order's lines, and what was bought for them."""
        lines = [(trail.channel, line.line_id) for line in order.lines]
        demands = await read_demands_of_lines(conn, lines)
        order_keys = sorted({demand.order_key for demand in demands})
        bought = {one.reference: one for key in order_keys for one in await read_orders_for(conn, key)}
        keys = [ListingKey(trail.channel, line.listing_id) for line in order.lines if line.listing_id is not None]
        listings = await read_listings(conn, keys=keys) if keys else {}
        per_unit = {
            (line.line_id, part.sku): part.units
            for line in order.lines
            if line.listing_id is not None
            for listing in [listings.get(ListingKey(trail.channel, line.listing_id))]
            for part in (listing.components if listing is not None else ())
        }
        products = await read_products(conn, sorted({one.sku for one in demands}))
        stock = Stock(
            demands,
            await read_reservations(conn, order_keys),
            await read_parcels_of(conn, list(bought)),
            {sku: product.title for sku, product in products.items() if product.title},
            per_unit,
        )
        return stock, list(bought.values())

    async def _recommended(self, conn: AsyncConnection, channel: ChannelName, order: ChannelOrder) -> tuple[str, ...]:
        """Titles of what the merchant recommends, as long as there is any where the channel sells from."""
        ordered = {line.sku for line in order.lines}
        wanted = [sku for sku in dict.fromkeys(self.rules.page.recommended) if sku not in ordered]
        if not wanted:
            return ()
        products, balances = await read_products(conn, wanted), await read_balances(conn, wanted)
        places = self._affairs.places_of(channel)

        def is_here(sku: Sku) -> bool:
            here = balances.by_location(sku, State.AVAILABLE)
            return any(here.get(place, 0) > 0 for place in places)

        titles = [products[sku].title for sku in wanted if sku in products and is_here(sku)]
        return tuple(title for title in titles if title)[:RECOMMENDED_MAX]

    async def _asked(self, cases: Sequence[Case], now: datetime) -> tuple[Asked, ...]:
        """The questions he may still answer."""
        still = [one for one in cases if one.status is CaseStatus.ASKED and not one.is_due(now)]
        found: list[Asked] = []
        for affair in await self._affairs.all(still) if still else ():
            token, by = self.rules.links.token(affair.case), affair.case.deadline_at
            if token and by is not None:
                found.append(Asked((await self._affairs.need(affair, now)).title, token, by))
        return tuple(found)

    def _sent(self, parcels: Sequence[Parcel]) -> tuple[Sent, ...]:
        """Each parcel once, however many lines travel in it."""
        page, found = self.rules.page, dict[tuple[str, str, str], Sent]()
        for one in parcels:
            day = one.shipped_at.astimezone(ZoneInfo(page.time_zone)).date()
            key = (one.reference, one.carrier, one.tracking_number or one.parcel_id)
            link = page.carrier_link(one.carrier, one.tracking_number)
            found.setdefault(key, Sent(day, one.carrier, one.tracking_number, link))
        return tuple(found.values())


def _later(bought: Sequence[PurchaseOrder], cases: Sequence[Case]) -> list[date]:
    """The days that were told since the order was taken: by suppliers, and those he chose to wait for."""
    told = [one.expected_on for one in bought if one.status in UNSETTLED and one.expected_on is not None]
    for case in cases:
        chosen = case.offers(OptionKind.WAIT) if case.status is CaseStatus.WAITING else None
        if chosen is not None and chosen.until is not None:
            told.append(chosen.until)
    return told

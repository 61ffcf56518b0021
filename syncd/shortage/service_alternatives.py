"""Reads what there is instead of something that ran out: substitutes on the shelf, similar products, suppliers who have
it and until when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.availability.ats import Policies
from syncd.db import Database
from syncd.identity import ChannelName, Money, Sku, SupplierName
from syncd.ledger.movement import State
from syncd.ledger.store import read_balances
from syncd.listing.listing import Listing
from syncd.listing.store import read_listings
from syncd.product.product import Product
from syncd.product.store import read_kind, read_products
from syncd.shortage.case import Case
from syncd.shortage.elsewhere import Arrival, arrivals, refusals
from syncd.shortage.resolution import Need, ShortageConfig
from syncd.shortage.similar import Article, similar
from syncd.supply.offer import usable
from syncd.supply.store import read_offers, read_orders_for

KIND_MAX = 300
"""Products of one category that are compared."""


class Alternatives:
    """What can be offered instead, read now."""

    def __init__(self, db: Database, policies: Policies, config: ShortageConfig) -> None:
        self._db = db
        self._policies = policies
        self._config = config

    async def add_to(self, need: Need, case: Case, places: Sequence[str], now: datetime) -> Need:
        """The need with everything there is instead."""
        named = [Sku(other) for other in self._config.substitutes.get(case.sku, ())]
        async with self._db.read() as conn:
            own = (await read_products(conn, [case.sku])).get(case.sku)
            kind = await self._kind(conn, own)
            others = {one.sku: one for one in kind} | await read_products(conn, named)
            others.pop(case.sku, None)
            balances = await read_balances(conn, list(others))
            prices = await self._prices(conn, case.channel, [case.sku, *others])
        stock = {
            sku: sum(balances.by_location(sku, State.AVAILABLE).get(place, 0) for place in places) for sku in others
        }
        paid = Money(need.price.amount / max(need.pieces, 1), need.price.currency)
        wanted = _article(own, {case.sku: paid}) if own else None
        here = [_article(one, prices) for one in others.values() if stock[one.sku] >= need.pieces]
        alike = similar(wanted, here, self._config.likeness) if wanted else ()
        titles = {**need.titles, **{sku: one.title for sku, one in others.items()}}
        return replace(
            need,
            in_stock=stock,
            titles=titles,
            similar=alike,
            prices=prices,
            arrivals=await self.arrivals(case, need, now),
        )

    async def arrivals(self, case: Case, need: Need, now: datetime) -> tuple[Arrival, ...]:
        """Suppliers who have all of it and stand for a day."""
        policies = self._policies.suppliers
        if not policies:
            return ()
        async with self._db.read() as conn:
            offers = (await read_offers(conn, skus=[case.sku])).get(case.sku, [])
            asked = await read_orders_for(conn, case.order_key)
        worth = [usable(one, policies[one.supplier], now) for one in offers if one.supplier in policies]
        leads: Mapping[SupplierName, int | None] = {name: one.lead_days for name, one in policies.items()}
        return arrivals(worth, case.units, leads, refusals(asked, case.line_id, case.sku), need.today)

    async def _kind(self, conn: AsyncConnection, own: Product | None) -> list[Product]:
        if own is None or not own.category or not self._config.similar_max:
            return []
        return await read_kind(conn, [own.category], KIND_MAX)

    async def _prices(self, conn: AsyncConnection, channel: ChannelName, skus: Sequence[Sku]) -> dict[Sku, Money]:
        """What one piece of each costs on the channel: of its listings that hold nothing else, the lowest."""
        wanted, found = set(skus), dict[Sku, Money]()
        for listing in (await read_listings(conn, channel=channel, skus=skus)).values():
            sku, price = _piece(listing)
            if sku in wanted and price is not None and (sku not in found or price.amount < found[sku].amount):
                found[sku] = price
        return found


def _piece(listing: Listing) -> tuple[Sku, Money | None]:
    if len(listing.components) != 1 or listing.price is None:
        return Sku(""), None
    (only,) = listing.components
    return only.sku, Money(listing.price.amount / only.units, listing.price.currency)


def _article(product: Product, prices: Mapping[Sku, Money]) -> Article:
    return Article(product.sku, product.title, product.category, product.brand, prices.get(product.sku))

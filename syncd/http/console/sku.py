"""The page of a SKU: one answer, then where, why, instead, and what was promised; its stock over time as a chart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.access.role import STAFF
from syncd.availability.ats import Policies, SkuSupply, derive
from syncd.availability.derivation import Derivation
from syncd.availability.store import read_supplies
from syncd.history.history import Order
from syncd.history.store import Entry, read_history
from syncd.http.console.answer import Answer, Other, Shown, alike, waiting_first
from syncd.http.console.chart import Moment, chart
from syncd.http.console.frame import show
from syncd.http.door import Door, Kind
from syncd.http.parts import PARTS
from syncd.identity import Sku
from syncd.ledger.balance import stock_levels
from syncd.ledger.movement import State
from syncd.ledger.store import read_balances
from syncd.listing.listing import Listing
from syncd.listing.store import read_keys, read_listings
from syncd.product.product import Product
from syncd.product.store import read_kind, read_products, search_products
from syncd.push.store import read_states
from syncd.reservation.store import read_open_reservations
from syncd.supply.offer import usable
from syncd.supply.store import read_offers

LISTINGS_MAX = 50
PROMISES_MAX = 30
KIND_MAX = 200
"""Products of its category that are looked at for what else could be offered."""

HISTORY_MOVEMENTS = 200
"""Movements the chart goes back."""

WORDS_ALIKE_MAX = 3
"""Words of the title that are looked for among other products."""


async def get_sku(request: web.Request) -> web.StreamResponse:
    """Can I sell it, where is it, why, what instead, what was promised."""
    parts, sku = request.app[PARTS], Sku(request.match_info["sku"])
    now = parts.clock.now()
    async with parts.db.read() as conn:
        history = await read_history(conn, sku, order=Order.HAPPENED, at=None, limit=HISTORY_MOVEMENTS)
        answer = await look(conn, parts.policies, sku, history, now)
    moments = [_moment(one) for one in reversed(history)]
    facts = {"answer": answer, "chart": chart(moments, now), "history": history[:10]}
    return show(request, "sku", facts, status=200 if answer.is_known else 404)


async def look(conn: AsyncConnection, policies: Policies, sku: Sku, history: Sequence[Entry], now: datetime) -> Answer:
    """Everything about a SKU; `history` are its last movements."""
    trusted, product = policies.suppliers, (await read_products(conn, [sku])).get(sku)
    balances = await read_balances(conn, [sku])
    listings = await read_listings(conn, keys=await read_keys(conn, after=None, limit=LISTINGS_MAX, sku=sku))
    states = await read_states(conn, keys=list(listings))
    skus = sorted({sku, *(part for one in listings.values() for part in one.skus)})
    supplies = await read_supplies(conn, skus, policies.suppliers, now)
    offers = (await read_offers(conn, skus=[sku])).get(sku, [])
    promised = await read_open_reservations(conn, sku, PROMISES_MAX)
    shown = [Shown(one, states.get(key), _derived(one, supplies, policies)) for key, one in listings.items()]
    return Answer(
        sku,
        product.title if product else next((one.title for one in listings.values()), ""),
        product,
        tuple(stock_levels(balances)),
        tuple(usable(one, trusted[one.supplier], now) for one in offers if one.supplier in trusted),
        waiting_first(shown),
        tuple(promised),
        await _instead(conn, product),
        max((one.recorded.recorded_at for one in history), default=None),
    )


async def _instead(conn: AsyncConnection, product: Product | None) -> tuple[Other, ...]:
    if product is None:
        return ()
    others = await read_kind(conn, [product.category], KIND_MAX) if product.category else []
    for word in sorted(product.title.split(), key=len, reverse=True)[:WORDS_ALIKE_MAX]:
        others += await search_products(conn, word, KIND_MAX)
    by_sku = {one.sku: one for one in others}
    balances = await read_balances(conn, list(by_sku))
    stock = {sku: sum(balances.by_location(sku, State.AVAILABLE).values()) for sku in by_sku}
    return alike(product, by_sku.values(), stock)


def _derived(one: Listing, supplies: dict[Sku, SkuSupply], policies: Policies) -> Derivation:
    policy = policies.channels.get(one.key.channel)
    if policy is None:
        return Derivation((), None, f"channel {one.key.channel} is not configured")
    return derive(one, supplies, policy, policies.availability)


def _moment(one: Entry) -> Moment:
    moved = one.recorded.movement
    told = f"{moved.reason.value.replace('_', ' ')} {moved.quantity}"
    return Moment(moved.happened_at, one.standing.available, told)


DOORS_HERE = (
    Door("GET", "/console/sku/{sku:.+}", get_sku, STAFF, Kind.PAGE, summary="One SKU: can I sell it, where, why"),
)

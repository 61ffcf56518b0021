"""The search: as few letters as an agent has typed lead to products, orders and listings; the best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.access.role import STAFF, Role
from syncd.attention.store import count_open
from syncd.http.console.frame import show
from syncd.http.console.parts import CONSOLE
from syncd.http.door import Door, Kind, principal_of
from syncd.http.parts import PARTS
from syncd.http.shell import page
from syncd.identity import ChannelName
from syncd.ledger.movement import State
from syncd.ledger.store import read_balances
from syncd.product.store import read_code, read_products, search_products
from syncd.push.store import read_hold
from syncd.scanner.store import read_order_keys
from syncd.shortage.store import count_waiting

LETTERS_MIN = 2
QUERY_LENGTH_MAX = 100
RESULTS_MAX = 12


@dataclass(frozen=True, slots=True)
class Hit:
    """One result: where it leads, what it is called, and how many are free (None where that is no question)."""

    to: str
    kind: str
    name: str
    title: str
    available: int | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for somebody, on the page an agent begins with."""

    cases: int
    questions: int
    held: Sequence[ChannelName]


async def get_search(request: web.Request) -> web.StreamResponse:
    """The page the console opens with: the field, what was found, and what waits."""
    query = _query(request)
    async with request.app[PARTS].db.read() as conn:
        hits = await find(conn, query, may_see_orders=principal_of(request).role is not Role.WAREHOUSE)
        names = list(request.app[CONSOLE].lines)
        holds = {name: await read_hold(conn, name) for name in names}
        held = [name for name, hold in holds.items() if hold and hold.reason]
        waiting = Waiting(await count_waiting(conn), await count_open(conn), held)
    facts = {"query": query, "hits": hits, "waiting": waiting, "is_asked": len(query) >= LETTERS_MIN}
    return show(request, "search", facts, scripts=("console/search.js",))


async def get_hits(request: web.Request) -> web.StreamResponse:
    """The results alone, for a page that asks while somebody types."""
    query = _query(request)
    async with request.app[PARTS].db.read() as conn:
        hits = await find(conn, query, may_see_orders=principal_of(request).role is not Role.WAREHOUSE)
    return page(request, "console/hits.html.j2", {"query": query, "hits": hits, "is_asked": len(query) >= LETTERS_MIN})


async def find(conn: AsyncConnection, query: str, *, may_see_orders: bool) -> list[Hit]:
    """What a text may mean: a barcode or SKU itself, an order's number, words of titles; products with what is free."""
    if len(query) < LETTERS_MIN:
        return []
    coded = await read_code(conn, query)
    exact = await read_products(conn, [coded.sku]) if coded else {}
    found = {**exact, **{one.sku: one for one in await search_products(conn, query, RESULTS_MAX)}}
    keys = await read_order_keys(conn, query) if may_see_orders else []
    balances = await read_balances(conn, list(found))
    free = {sku: sum(balances.by_location(sku, State.AVAILABLE).values()) for sku in found}
    products = [Hit(f"/console/sku/{one.sku}", "product", one.sku, one.title, free[one.sku]) for one in found.values()]
    orders = [Hit(f"/console/orders/{key}", "order", key, "") for key in keys]
    return [*orders, *products][:RESULTS_MAX]


def _query(request: web.Request) -> str:
    return " ".join(request.query.get("q", "").split())[:QUERY_LENGTH_MAX]


DOORS_HERE = (
    Door("GET", "/console", get_search, STAFF, Kind.PAGE, summary="Search", nav="Search"),
    Door("GET", "/console/hits", get_hits, STAFF, Kind.PAGE, summary="Search results alone"),
)

"""The API under /api/v1: scans in; stock, listings, orders, cases and questions out; and how syncd is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from aiohttp import web
from sqlalchemy.exc import DBAPIError

from syncd.access.role import DESK, EVERYBODY, FLOOR
from syncd.attention.store import open_questions
from syncd.clock import moment_of
from syncd.http import shape
from syncd.http.body import read_json
from syncd.http.door import Door, Kind
from syncd.http.parts import PARTS
from syncd.http.problem import ApiProblem
from syncd.identity import ChannelName, ListingKey, Sku
from syncd.ledger.balance import stock_levels
from syncd.ledger.store import read_balances, read_stocked_skus
from syncd.listing.store import read_keys, read_listings
from syncd.orders.combine import together
from syncd.orders.kin.store import read_copies, read_open_orders
from syncd.orders.store import channels_of, read_newest, read_orders
from syncd.product.store import read_products
from syncd.push.store import read_states
from syncd.reservation.store import read_demands, read_reservations
from syncd.scanner.scan import Problems, ScanVerdict, level_values, result_values
from syncd.shortage.case import CaseStatus
from syncd.shortage.store import read_case_page
from syncd.why.service import explain, recall

T = TypeVar("T")

LIMIT_DEFAULT = 100
LIMIT_MAX = 500
"""Most entries one page holds."""

SCAN_STATUS = {ScanVerdict.POSTED: 201, ScanVerdict.DUPLICATE: 200}
SCAN_PROBLEM = {
    ScanVerdict.CONFLICT: (409, "scan_conflict"),
    ScanVerdict.REFUSED: (409, "scan_refused"),
    ScanVerdict.UNKNOWN_CODE: (422, "unknown_code"),
}


async def get_health(request: web.Request) -> web.Response:
    """The process answers and no worker hangs; whoever is told otherwise may as well start it again."""
    stalled = list(request.app[PARTS].stalled())
    if stalled:
        raise ApiProblem(503, "stalled", "workers take no step any more", extra={"workers": stalled})
    return web.json_response({"status": "ok"})


async def get_readiness(request: web.Request) -> web.Response:
    """The store can be read and work can be taken on, or why not."""
    parts = request.app[PARTS]
    unready = list(parts.unready())
    try:
        async with parts.db.read() as conn:
            await open_questions(conn)
    except (DBAPIError, OSError):  # the fault itself is logged by whoever works with the store
        unready.append("the database does not answer")
    if unready:
        raise ApiProblem(503, "not_ready", "syncd cannot take work on", extra={"problems": unready})
    return web.json_response({"status": "ready"})


async def post_scan(request: web.Request) -> web.Response:
    """Post a scan: 201 posted, 200 posted before, 409 refused or its id taken, 422 unreadable or unknown code."""
    desk = request.app[PARTS].desk
    scan = desk.read(await read_json(request))
    if isinstance(scan, Problems):
        raise ApiProblem(422, "scan_unreadable", scan.sentences[0], extra={"problems": list(scan.sentences)})
    result = await desk.post(scan)
    values = result_values(result)
    if result.verdict in SCAN_STATUS:
        return web.json_response(values, status=SCAN_STATUS[result.verdict])
    status, code = SCAN_PROBLEM[result.verdict]
    raise ApiProblem(status, code, result.sentence, extra=values)


async def get_stock(request: web.Request) -> web.Response:
    """What is on hand, SKU by SKU; `sku` chooses one."""
    page = Page.of(request, "sku")
    sku = request.query.get("sku")
    async with request.app[PARTS].db.read() as conn:
        if sku is None:
            skus = await read_stocked_skus(conn, after=page.after or "", limit=page.limit + 1)
        else:
            skus = [Sku(sku)]
        balances = await read_balances(conn, skus[: page.limit])
        products = await read_products(conn, skus[: page.limit])
    if sku is not None and not balances.by_sku and not products:
        raise ApiProblem(404, "unknown_sku", "syncd knows no such SKU")
    levels = stock_levels(balances)

    def values(one: Sku) -> shape.Json:
        title = products[one].title if one in products else ""
        return {"sku": one, "title": title, "stock": [level_values(x) for x in levels if x.sku == one]}

    return page.answer(skus, str, values)


async def get_listings(request: web.Request) -> web.Response:
    """Listings with what they must be showing and should show; `channel` and `sku` choose."""
    page = Page.of(request, "channel", "sku")
    channel, sku = request.query.get("channel"), request.query.get("sku")
    async with request.app[PARTS].db.read() as conn:
        keys = await read_keys(
            conn,
            after=_listing_key(page.after) if page.after is not None else None,
            limit=page.limit + 1,
            channel=None if channel is None else ChannelName(channel),
            sku=None if sku is None else Sku(sku),
        )
        listings = await read_listings(conn, keys=keys[: page.limit])
        states = await read_states(conn, keys=keys[: page.limit])
    return page.answer(keys, str, lambda key: shape.listing(listings[key], states.get(key)))


async def get_why(request: web.Request) -> web.Response:
    """Why a listing shows what it shows, or showed at the moment `at`."""
    parts = request.app[PARTS]
    key = _listing_key(request.match_info["listing"])
    at = past_moment(request, "at")
    if at is not None:
        recalled = await recall(parts.db, key, at)
        if recalled is None:
            raise ApiProblem(404, "unknown_listing", "syncd knows no such listing")
        return web.json_response(shape.memory(recalled))
    found = await explain(parts.db, parts.policies, key, modes=parts.modes, now=parts.clock.now())
    if found is None:
        raise ApiProblem(404, "unknown_listing", "syncd knows no such listing")
    return web.json_response(shape.explanation(found))


async def get_orders(request: web.Request) -> web.Response:
    """Orders, newest first, with what is reserved for them and what is short."""
    page = Page.of(request)
    async with request.app[PARTS].db.read() as conn:
        keys = await read_newest(conn, after=page.after, limit=page.limit + 1)
        shown = keys[: page.limit]
        orders = await read_orders(conn, shown)
        kin = together(await read_open_orders(conn, beside=shown))
        copies = await read_copies(conn, shown)
        channels = await channels_of(conn, shown)
        demands = await read_demands(conn, shown)
        held = await read_reservations(conn, shown)

    def values(key: str) -> shape.Json:
        own = [one for one in demands if one.order_key == key]
        kept = [one for one in held if one.order_key == key]
        shown = shape.order(key, channels[key], orders[key], own, kept)
        return shown | shape.kinship(kin.get(key, ()), copies.get(key, ""))

    return page.answer(keys, str, values)


async def get_cases(request: web.Request) -> web.Response:
    """Shortage cases, oldest first; `status` chooses."""
    page = Page.of(request, "status")
    status = request.query.get("status")
    if status is not None and status not in tuple(CaseStatus):
        raise ApiProblem(400, "bad_query", f"status: must be one of {', '.join(CaseStatus)}")
    async with request.app[PARTS].db.read() as conn:
        wanted = CaseStatus(status) if status else None
        cases = await read_case_page(conn, after=page.after, limit=page.limit + 1, status=wanted)
    return page.answer(cases, lambda one: one.case_id, shape.case)


async def get_questions(request: web.Request) -> web.Response:
    """What waits for a person, oldest first; these are few, and a new page looks at all of them."""
    page = Page.of(request)
    async with request.app[PARTS].db.read() as conn:
        questions = await open_questions(conn)
    keys = [shape.question_key(one) for one in questions]
    start = keys.index(page.after) + 1 if page.after in keys else 0
    return page.answer(questions[start : start + page.limit + 1], shape.question_key, shape.question)


def _listing_key(text: str) -> ListingKey:
    try:
        return ListingKey.parse(text)
    except ValueError:
        raise ApiProblem(404, "unknown_listing", "write a listing as CHANNEL:LISTING_ID") from None


def past_moment(request: web.Request, name: str) -> datetime | None:
    """The moment a query parameter names, in UTC; None if it is not there. Raises ApiProblem for what is none."""
    text = request.query.get(name)
    if text is None:
        return None
    if (found := moment_of(text)) is not None:
        return found
    raise ApiProblem(400, "bad_query", f"{name}: must be a moment with its time zone, such as 2026-03-02T08:00:00Z")


@dataclass(frozen=True)
class Page:
    """Which part of a list is wanted: `limit` entries after the one whose key is `after`."""

    limit: int
    after: str | None

    @classmethod
    def of(cls, request: web.Request, *also: str) -> Page:
        """From the query. Raises ApiProblem for a limit that is none, or a parameter nobody reads."""
        unknown = sorted(set(request.query) - {"limit", "after", *also})
        if unknown:
            known = ", ".join(["limit", "after", *also])
            raise ApiProblem(400, "bad_query", f"{unknown[0][:40]!r} is not read here; there are {known}")
        text = request.query.get("limit", str(LIMIT_DEFAULT))
        if not (text.isascii() and text.isdecimal() and len(text) <= 6 and 1 <= int(text) <= LIMIT_MAX):
            raise ApiProblem(400, "bad_query", f"limit: must be a whole number from 1 to {LIMIT_MAX}")
        return cls(int(text), request.query.get("after"))

    def answer(self, found: Sequence[T], key: Callable[[T], str], values: Callable[[T], shape.Json]) -> web.Response:
        """The entries of this page; `found` holds one more where there is a further page, whose `after` is `next`."""
        shown = found[: self.limit]
        following = key(shown[-1]) if len(found) > self.limit else None
        return web.json_response({"items": [values(one) for one in shown], "next": following})


DOORS_HERE = (
    Door("GET", "/healthz", get_health, frozenset(), Kind.OPEN),
    Door("GET", "/readyz", get_readiness, frozenset(), Kind.OPEN),
    Door("POST", "/api/v1/scans", post_scan, FLOOR),
    Door("GET", "/api/v1/stock", get_stock, EVERYBODY),
    Door("GET", "/api/v1/listings", get_listings, EVERYBODY),
    Door("GET", "/api/v1/listings/{listing:.+}/why", get_why, EVERYBODY),
    Door("GET", "/api/v1/orders", get_orders, EVERYBODY),
    Door("GET", "/api/v1/cases", get_cases, DESK),
    Door("GET", "/api/v1/questions", get_questions, EVERYBODY),
)

"""Why a listing shows what it shows: the receipt, then sent, acknowledged, read back; now, or at a past moment."""

from __future__ import annotations

from aiohttp import web

from syncd.access.role import STAFF
from syncd.clock import moment_of
from syncd.http.console.frame import show
from syncd.http.door import Door, Kind
from syncd.http.parts import PARTS
from syncd.identity import ListingKey
from syncd.why.service import explain, recall


async def get_listing(request: web.Request) -> web.StreamResponse:
    """One listing; `at` asks for a past moment."""
    parts = request.app[PARTS]
    try:
        key = ListingKey.parse(request.match_info["listing"])
    except ValueError:
        raise web.HTTPNotFound from None
    wanted = request.query.get("at", "")
    at = moment_of(wanted) if wanted else None
    if at is not None:
        memory = await recall(parts.db, key, at)
        if memory is None:
            raise web.HTTPNotFound
        return show(request, "listing_then", {"key": key, "memory": memory, "wanted": wanted})
    found = await explain(parts.db, parts.policies, key, modes=parts.modes, now=parts.clock.now())
    if found is None:
        raise web.HTTPNotFound
    return show(request, "listing", {"key": key, "found": found, "wanted": wanted, "is_unreadable": bool(wanted)})


DOORS_HERE = (
    Door("GET", "/console/listing/{listing:.+}", get_listing, STAFF, Kind.PAGE, summary="Why a listing shows a number"),
)

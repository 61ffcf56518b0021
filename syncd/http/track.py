"""The customer's page at /t/TOKEN: where his order is. It only tells; no script, no cookie, no other host.

The address is the key: it stands in no log (routes are logged by their pattern) and is told to no other site.
"""

from __future__ import annotations

from aiohttp import web

from syncd.clock import Clock
from syncd.http.limit import Limit
from syncd.http.problem import FAULTS
from syncd.http.sheet import file_of, html, message
from syncd.shortage.page import Trail
from syncd.shortage.service_track import TrackPages
from syncd.shortage.track import Place, Where
from syncd.telemetry import Event, log

CALLS_PER_MINUTE = 60
"""For one order."""

WRONG_PER_MINUTE = 20
"""Wrong links from one address."""

TRACKS = web.AppKey("tracks", TrackPages)
LIMITS = web.AppKey("track_limits", tuple[Limit, Limit])


def add_routes(app: web.Application, tracks: TrackPages, clock: Clock) -> None:
    """Open /t/TOKEN. HEAD is answered as GET is."""
    app[TRACKS] = tracks
    app[LIMITS] = Limit(clock, CALLS_PER_MINUTE), Limit(clock, WRONG_PER_MINUTE)
    app.router.add_get("/t/{token}", get_track)
    app.router.add_get("/t/{token}/logo", get_logo)


async def get_track(request: web.Request) -> web.StreamResponse:
    """Where the order is now."""
    trail, tracks = _trail(request), request.app[TRACKS]
    if isinstance(trail, web.Response):
        return trail
    try:
        view = await tracks.look(trail)
    except FAULTS as fault:
        log(Event.REQUEST_FAILED, method=request.method, route="/t/{token}", exc_info=fault)
        return message(request, tracks.rules, "unread", 500)
    if view is None:
        return message(request, tracks.rules, "unknown", 404)
    facts = {"view": view, "page": f"/t/{request.match_info['token']}", "Place": Place, "Where": Where}
    return html(tracks.rules, "track.html.j2", view.voice, facts)


async def get_logo(request: web.Request) -> web.StreamResponse:
    """The shop's own."""
    trail = _trail(request)
    return trail if isinstance(trail, web.Response) else file_of(request.app[TRACKS].rules.page.logo)


def _trail(request: web.Request) -> Trail | web.Response:
    """The link, if it is one of ours and not too old; else a page that says so."""
    by_order, by_address = request.app[LIMITS]
    tracks = request.app[TRACKS]
    trail = tracks.ticket(request.match_info["token"])
    if trail is None:
        if not by_address.allows(request.remote or ""):
            return message(request, tracks.rules, "slow", 429)
        return message(request, tracks.rules, "unknown", 404)
    if not by_order.allows(f"{trail.channel}/{trail.line_id}"):
        return message(request, tracks.rules, "slow", 429)
    return trail

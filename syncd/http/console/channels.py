"""The channels: live or observed, how fast news travels, calls left, what is held, parked or differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.access.role import STAFF, Role
from syncd.attention.question import Topic
from syncd.attention.store import close
from syncd.availability.store import read_delays
from syncd.availability.velocity import Delay, Way
from syncd.channel.service import ChannelLine
from syncd.http.console.frame import ROWS_MAX, show, some
from syncd.http.console.parts import CONSOLE
from syncd.http.door import Door, Kind
from syncd.http.parts import PARTS
from syncd.identity import ChannelName
from syncd.listing.listing import Listing
from syncd.listing.store import count_listings, read_drifted, read_listings
from syncd.orders.store import read_cursor
from syncd.push.plan import Changes, PushState
from syncd.push.store import RaceCount, read_hold, read_parked, read_races, read_waiting, release_channel, unpark

RELEASED = timedelta(minutes=10)
"""How long runs pass without the brake once a manager has released a channel; as `syncd release` does."""


@dataclass(frozen=True, slots=True)
class ChannelView:
    """How one channel stands. `closed_until`: no call is made before; `fault` says why. `calls_left` None: no limit."""

    name: ChannelName
    mode: str
    listings: int
    held: str
    closed_until: datetime | None
    fault: str
    calls_left: int | None
    calls_per_day: int | None
    complete_until: datetime | None
    heard: Delay | None
    told: Delay | None
    waiting: Changes
    races: Sequence[RaceCount]
    parked: Sequence[tuple[Listing, PushState]]
    drifted: Sequence[Listing]
    has_more: bool

    @property
    def trouble(self) -> bool:
        """Whether somebody should look."""
        return bool(self.held or self.closed_until or self.parked or self.drifted)


async def get_channels(request: web.Request) -> web.StreamResponse:
    """All channels, those in trouble first."""
    parts, console = request.app[PARTS], request.app[CONSOLE]
    now = parts.clock.now()
    async with parts.db.read() as conn:
        views = [await _view(conn, line, parts.modes.get(name, ""), now) for name, line in console.lines.items()]
    views.sort(key=lambda one: (not one.trouble, one.name))
    return show(request, "channels", {"channels": views, "Way": Way})


async def _view(conn: AsyncConnection, line: ChannelLine, mode: str, now: datetime) -> ChannelView:
    hold, cursor, delays = await read_hold(conn, line.name), await read_cursor(conn, line.name), await read_delays(conn)
    states, more_parked = some(await read_parked(conn, line.name, ROWS_MAX + 1))
    listings = await read_listings(conn, keys=[one.key for one in states]) if states else {}
    drifted, more_drifted = some(list((await read_drifted(conn, line.name)).values()))
    return ChannelView(
        line.name,
        mode,
        await count_listings(conn, line.name),
        hold.reason if hold else "",
        line.closed_until(now),
        line.last_fault,
        line.budget.left_today,
        line.budget.calls_per_day,
        cursor.watermark_at if cursor else None,
        delays.get((line.name, Way.HEARD)),
        delays.get((line.name, Way.TOLD)),
        await read_waiting(conn, line.name),
        await read_races(conn, line.name),
        [(listings[one.key], one) for one in states if one.key in listings],
        drifted,
        more_parked or more_drifted,
    )


async def post_release(request: web.Request) -> web.StreamResponse:
    """Let a held channel go on."""
    name, now = _known(request), request.app[PARTS].clock.now()
    async with request.app[PARTS].db.read() as conn:
        hold = await read_hold(conn, name)
    if hold is not None and hold.reason:  # released before: nothing is let pass that nobody looked at
        closing = close(Topic.BRAKE, name, now), close(Topic.CHANNEL_PAUSED, name, now)
        await request.app[CONSOLE].writer.write(release_channel(name, now + RELEASED), *closing)
    raise web.HTTPSeeOther("/console/channels")


async def post_unpark(request: web.Request) -> web.StreamResponse:
    """Try everything that is parked on a channel once more."""
    name, now = _known(request), request.app[PARTS].clock.now()
    async with request.app[PARTS].db.read() as conn:
        states = await read_parked(conn, name, ROWS_MAX)
    if states:
        writes = [
            one for state in states for one in (unpark(state.key), close(Topic.PARKED_LISTING, str(state.key), now))
        ]
        await request.app[CONSOLE].writer.write(*writes)
    raise web.HTTPSeeOther("/console/channels")


def _known(request: web.Request) -> ChannelName:
    name = ChannelName(request.match_info["channel"])
    if name not in request.app[CONSOLE].lines:
        raise web.HTTPNotFound
    return name


MANAGER = frozenset({Role.MANAGER})

DOORS_HERE = (
    Door("GET", "/console/channels", get_channels, STAFF, Kind.PAGE, summary="Channels", nav="Channels"),
    Door(
        "POST",
        "/console/channel/{channel}/release",
        post_release,
        MANAGER,
        Kind.PAGE,
        summary="Let a held channel go on",
        did="channel.released",
    ),
    Door(
        "POST",
        "/console/channel/{channel}/unpark",
        post_unpark,
        MANAGER,
        Kind.PAGE,
        summary="Try parked listings again",
        did="listing.unparked",
    ),
)

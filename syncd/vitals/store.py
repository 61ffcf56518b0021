"""Reads how everything stands: counts and ages, from one state of the store. It goes through whole tables."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, case, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.attention.store import question
from syncd.availability.store import read_delays
from syncd.availability.velocity import Delay, Way
from syncd.channel.port import ListingStatus
from syncd.channel.store import read_booked
from syncd.ledger.store import movement
from syncd.listing.store import component, listing
from syncd.orders.store import cursor
from syncd.push.store import push, read_hold, read_races
from syncd.shortage.case import CaseStatus
from syncd.shortage.store import shortage_case
from syncd.supply.store import feed
from syncd.vitals.figure import ChannelVitals, SupplierVitals, Vitals, Watched

HOUR = timedelta(hours=1)


def _listings() -> Select[Any]:
    c = listing.c
    of_listing = and_(component.c.channel == c.channel, component.c.listing_id == c.listing_id)
    unlinked = case((~exists().where(of_listing), 1), else_=0)
    drifted = case((c.drift != 0, 1), else_=0)
    counted = select(c.channel, func.count().label("active"), func.sum(unlinked).label("unlinked"))
    counted = counted.add_columns(func.sum(drifted).label("drifted"))
    return counted.where(c.status == ListingStatus.ACTIVE.value).group_by(c.channel)


def _pushes() -> Select[Any]:
    c = push.c
    is_waiting = and_(c.pending, c.parked == "")
    waiting = func.sum(case((is_waiting, 1), else_=0)).label("waiting")
    since = func.min(case((is_waiting, c.target_at))).label("since")
    parked = func.sum(case((c.parked != "", 1), else_=0)).label("parked")
    return select(c.channel, waiting, since, parked).group_by(c.channel)


async def read_vitals(conn: AsyncConnection, watched: Watched, now: datetime) -> Vitals:
    """How everything configured stands."""
    cases, overdue, deadline = await _cases(conn, now)
    c = question.c
    asked = await conn.execute(
        select(c.topic, func.count(), func.min(c.asked_at)).where(c.closed_at.is_(None)).group_by(c.topic)
    )
    topics = list(asked)
    m = movement.c
    last = (await conn.execute(select(func.coalesce(func.max(m.position), 0)))).scalar_one()
    lately = (await conn.execute(select(func.count()).where(m.happened_at >= now - HOUR))).scalar_one()
    return Vitals(
        now,
        await _channels(conn, watched, now),
        await _suppliers(conn, watched),
        cases,
        overdue,
        deadline,
        {row[0]: row[1] for row in topics},
        min((row[2] for row in topics), default=None),
        int(last),
        int(lately),
    )


async def _channels(conn: AsyncConnection, watched: Watched, now: datetime) -> tuple[ChannelVitals, ...]:
    listings = {row.channel: row for row in await conn.execute(_listings())}
    pushes = {row.channel: row for row in await conn.execute(_pushes())}
    marks = {row.channel: row.watermark_at for row in await conn.execute(select(cursor))}
    delays, booked = await read_delays(conn), await read_booked(conn)
    races: dict[str, dict[str, tuple[int, int]]] = {}
    for race in await read_races(conn):
        races.setdefault(race.channel, {})[race.race] = (race.cases, race.units)
    found: list[ChannelVitals] = []
    for name, is_live in watched.live.items():
        hold = await read_hold(conn, name)
        known, pushed = listings.get(name), pushes.get(name)
        found.append(
            ChannelVitals(
                name,
                is_live,
                hold.reason if hold else "",
                marks.get(name),
                _seconds(delays.get((name, Way.TOLD))),
                _seconds(delays.get((name, Way.HEARD))),
                _calls_left(watched.calls_per_day.get(name), booked.get(name), now),
                races=races.get(name, {}),
                **_counts(known, pushed),
            )
        )
    return tuple(found)


def _counts(known: Row[Any] | None, pushed: Row[Any] | None) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    if known is not None:
        counts |= {"listings": known.active, "unlinked": known.unlinked, "drifted": known.drifted}
    if pushed is not None:
        counts |= {"waiting": pushed.waiting, "waiting_since": pushed.since, "parked": pushed.parked}
    return counts


def _seconds(delay: Delay | None) -> float | None:
    return None if delay is None else delay.mean_seconds


def _calls_left(per_day: int | None, booked: Any, now: datetime) -> int | None:
    """What is left by what was written down, which is a few calls more than were made."""
    if per_day is None:
        return None
    day, calls = booked if booked is not None else (now.date(), 0)
    return max(0, per_day - calls) if now.date() - day < timedelta(days=1) else per_day


async def _suppliers(conn: AsyncConnection, watched: Watched) -> tuple[SupplierVitals, ...]:
    rows = {row.supplier: row for row in await conn.execute(select(feed))}
    found: list[SupplierVitals] = []
    for name in watched.suppliers:
        row = rows.get(name)
        if row is None:
            found.append(SupplierVitals(name))
        else:
            found.append(SupplierVitals(name, row.as_of, row.stale, bool(row.held_version)))
    return tuple(found)


async def _cases(conn: AsyncConnection, now: datetime) -> tuple[dict[str, int], int, datetime | None]:
    c = shortage_case.c
    is_open = c.status != CaseStatus.RESOLVED.value
    by_status = await conn.execute(select(c.status, func.count()).where(is_open).group_by(c.status))
    counts = {row[0]: row[1] for row in by_status}
    ends = c.status.in_([CaseStatus.ASKED.value, CaseStatus.WAITING.value])
    overdue = (await conn.execute(select(func.count()).where(ends, c.deadline_at < now))).scalar_one()
    deadline = (await conn.execute(select(func.min(c.deadline_at)).where(ends))).scalar_one()
    return counts, int(overdue), deadline

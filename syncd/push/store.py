"""How far each listing's number has come, and which channels are held, as rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Column,
    Date,
    Index,
    Integer,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.attention.question import Topic
from syncd.attention.store import close
from syncd.bulk import BulkUpdate
from syncd.db import UtcDateTime, table_of, upsert
from syncd.identity import ChannelName, ListingId, ListingKey
from syncd.journal.entry import Entry, Step
from syncd.journal.store import note
from syncd.ledger.store import Command, Plan, View, Write, touched
from syncd.listing.belief import acknowledged
from syncd.listing.store import belief_of, believe, component, listing, select_listings
from syncd.prepared import Prepared, Row, among, not_among
from syncd.push.plan import RISES_FROM, RISK_STEP, Changes, Hold, PushState


def _moment() -> Any:
    return Column(UtcDateTime, nullable=True)


class PushRow(SQLModel, table=True):
    """One row per linked listing: target → sent → acknowledged → read back."""

    __tablename__ = "push"
    __table_args__ = (
        Index(
            "ix_push_due",
            *("channel", "risk", "target_at"),
            sqlite_where=text("pending = 1 AND parked = ''"),
            postgresql_where=text("pending AND parked = ''"),
        ),
    )

    channel: str = Field(primary_key=True)
    listing_id: str = Field(primary_key=True)
    version: int
    pending: bool
    target: int | None
    target_at: datetime | None = Field(default=None, sa_column=_moment())
    sent: int | None
    sent_at: datetime | None = Field(default=None, sa_column=_moment())
    acknowledged: int | None
    acknowledged_at: datetime | None = Field(default=None, sa_column=_moment())
    read_back: int | None
    read_back_at: datetime | None = Field(default=None, sa_column=_moment())
    uncertain: bool
    attempts: int
    not_before: datetime | None = Field(default=None, sa_column=_moment())
    parked: str
    risk: int
    replaced: int | None
    counted: int | None
    stale: int
    revised: int
    revised_on: date | None = Field(default=None, sa_column=Column(Date, nullable=True))


class RaceRow(SQLModel, table=True):
    """How often, and by how many units, pushes to a channel have overwritten sales, by race."""

    __tablename__ = "race"

    channel: str = Field(primary_key=True)
    race: str = Field(primary_key=True)
    cases: int
    units: int
    last_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class ChannelHoldRow(SQLModel, table=True):
    """A channel to which nothing is pushed until a person says so."""

    __tablename__ = "channel_hold"

    channel: str = Field(primary_key=True)
    reason: str
    held_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    released_until: datetime | None = Field(default=None, sa_column=_moment())


push = table_of(PushRow)
channel_hold = table_of(ChannelHoldRow)
race_count = table_of(RaceRow)

MARK = upsert(
    push,
    ("channel", "listing_id"),
    ("target", "target_at", "risk"),
    {
        "version": "push.version + 1",
        "pending": "true",
        # What put off a higher number never keeps a lower one waiting.
        "not_before": (
            "CASE WHEN push.attempts + push.stale = 0"
            f" OR (excluded.target < push.sent AND excluded.risk < {RISES_FROM})"
            " THEN NULL ELSE push.not_before END"
        ),
    },
)

STEP_BACK = BulkUpdate(push, ("channel", "listing_id", "version"), {"not_before": "given.not_before"})

STATE_FIELDS = tuple(field.name for field in fields(PushState) if field.name != "key")
SAVED_FIELDS = tuple(name for name in STATE_FIELDS if name not in ("version", "pending", "target", "target_at", "risk"))

SAVE = BulkUpdate(
    push,
    ("channel", "listing_id"),
    {"pending": "given.pending OR push.version <> given.version", **{name: f"given.{name}" for name in SAVED_FIELDS}},
)
"""`version` is the one that was seen: a mark made since is kept."""


_DUE = (
    push.c.channel == bindparam("channel"),
    push.c.pending,
    text("parked = ''"),
    or_(push.c.not_before.is_(None), push.c.not_before <= bindparam("now", type_=UtcDateTime)),
    not_among(push.c.listing_id, name="busy"),
)
"""Marked, not parked, not to be left alone for now, and nobody works on it."""

_PENDING = Prepared(
    select(push).where(*_DUE).order_by(push.c.risk, push.c.target_at).limit(bindparam("limit", type_=Integer))
)
_CROSSING = Prepared(select(push.c.listing_id).where(*_DUE, push.c.risk < RISK_STEP).limit(1))
_SHOWN = listing.c.shown - listing.c.taken
_MARKED = (
    select(func.count().label("count"))
    .select_from(
        push.join(listing, and_(listing.c.channel == push.c.channel, listing.c.listing_id == push.c.listing_id))
    )
    .where(push.c.channel == bindparam("channel"), push.c.pending, text("parked = ''"))
)
_RISING = Prepared(_MARKED.where(push.c.risk >= RISES_FROM, push.c.target > _SHOWN))
_ZEROED = Prepared(_MARKED.where(push.c.risk < RISK_STEP, push.c.target == 0, _SHOWN > 0))
_ALL = Prepared(select(push))
_OF_CHANNEL = Prepared(select(push).where(push.c.channel == bindparam("channel")))
_BY_KEY = Prepared(select(push).where(among(push.c.channel, push.c.listing_id, name="keys")))
_HOLD = Prepared(select(channel_hold).where(channel_hold.c.channel == bindparam("channel")))


@dataclass(frozen=True, slots=True)
class RaceCount:
    """Sales that pushes have overwritten, by race; `units` in listing units."""

    channel: ChannelName
    race: str
    cases: int
    units: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Mark:
    """A listing's number as it should be now, and how late it may go out."""

    target: int | None
    risk: int = 0


def mark_pending(targets: Mapping[ListingKey, int | None], now: datetime) -> Write:
    """These listings' targets may differ from what they show; whoever clears the mark must have seen this version."""
    return mark({key: Mark(target) for key, target in targets.items()}, now)


def mark(marks: Mapping[ListingKey, Mark], now: datetime) -> Write:
    """As `mark_pending`, each with its risk. What only waited its turn is looked at again at once."""
    rows = [
        {
            **_values(PushState(key, version=1, target=one.target, target_at=now, risk=one.risk)),
            "channel": key.channel,
            "listing_id": key.listing_id,
        }
        for key, one in sorted(marks.items())
    ]
    return Write(MARK, rows)


def mark_everything() -> Write:
    """Mark every SKU a listing holds: the policies its targets rest on may not be those of the last run."""
    listed = select(component.c.sku, literal(1), literal(True)).where(true()).distinct()
    statement = postgresql.insert(touched).from_select(["sku", "version", "dirty"], listed)
    again = {"version": touched.c.version + 1, "dirty": True}
    return Write(statement.on_conflict_do_update(index_elements=["sku"], set_=again))


def save_state(state: PushState, *, seen_version: int) -> Write:
    """Write a state back; its mark is only taken away if nobody has marked the listing again since `seen_version`."""
    values = {name: getattr(state, name) for name in SAVED_FIELDS}
    key = {"channel": state.key.channel, "listing_id": state.key.listing_id}
    return Write(SAVE, {**key, "version": seen_version, "pending": state.pending, **values})


def unpark(key: ListingKey) -> Write:
    """Try a parked listing again."""
    c = push.c
    values = {"parked": "", "attempts": 0, "not_before": None, "pending": True, "version": c.version + 1}
    return Write(update(push).where(c.channel == key.channel, c.listing_id == key.listing_id).values(**values))


def hold_channel(hold: Hold) -> Write:
    """Push nothing to a channel until it is released."""
    return Write(upsert(channel_hold, ("channel",), ("reason", "held_at", "released_until")), asdict(hold))


def release_channel(channel: ChannelName, until: datetime) -> Write:
    """Let pushes go on; until that moment the brake does not hold."""
    return Write(update(channel_hold).where(channel_hold.c.channel == channel).values(reason="", released_until=until))


def _values(state: PushState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in STATE_FIELDS}


def _state(row: Row) -> PushState:
    key = ListingKey(ChannelName(row["channel"]), ListingId(row["listing_id"]))
    return PushState(key, **{name: row[name] for name in STATE_FIELDS})


def acknowledge(states: Sequence[PushState], at: datetime) -> Command[None]:
    """The channel accepted the numbers of one call: the states, and the beliefs as they stand now, move on together.

    Should a power cut undo it, what is kept is that they were sent: they are read, or decided on anew, first.
    """

    def decide(view: View) -> Plan[None]:
        beliefs = {(row["channel"], row["listing_id"]): belief_of(row) for row in view.rows[0]}
        writes: list[Write] = []
        for state in states:
            belief = acknowledged(beliefs[(state.key.channel, state.key.listing_id)], state.sent or 0, at)
            writes.append(believe(state.key, belief))
        writes += [save_state(state, seen_version=state.version) for state in states]
        writes += [close(Topic.PARKED_LISTING, str(state.key), at) for state in states]
        writes.append(note([Entry(state.key, at, Step.ACKNOWLEDGED, state.sent) for state in states]))
        return Plan(None, writes=tuple(writes))

    return Command(decide, reads=(select_listings([state.key for state in states]),), is_lazy=True)


async def read_pending(
    conn: AsyncConnection, channel: ChannelName, now: datetime, limit: int, *, without: Collection[ListingKey] = ()
) -> list[PushState]:
    """Marked listings that may be looked at now: what an oversell would come from first, then longest waiting."""
    busy = [key.listing_id for key in without]
    return [_state(row) for row in await _PENDING.rows(conn, channel=channel, now=now, limit=limit, busy=busy)]


async def read_parked(conn: AsyncConnection, channel: ChannelName, limit: int) -> list[PushState]:
    """Listings no number is sent to any more until a person looks."""
    c = push.c
    chosen = select(push).where(c.channel == channel, c.parked != "").order_by(c.listing_id).limit(limit)
    return [_state(row) for row in (await conn.execute(chosen)).mappings()]


async def is_crossing_marked(
    conn: AsyncConnection, channel: ChannelName, now: datetime, *, without: Collection[ListingKey]
) -> bool:
    """Whether a marked listing is to show 0 and may be looked at now, as far as its mark tells."""
    busy = [key.listing_id for key in without]
    return bool(await _CROSSING.rows(conn, channel=channel, now=now, busy=busy))


async def read_waiting(conn: AsyncConnection, channel: ChannelName) -> Changes:
    """How many of all marked listings would rise or go to zero, as their marks tell: only those are looked at."""
    raised = await _RISING.rows(conn, channel=channel)
    zeroed = await _ZEROED.rows(conn, channel=channel)
    return Changes(raised[0]["count"], zeroed[0]["count"])


async def read_states(
    conn: AsyncConnection, *, channel: ChannelName | None = None, keys: Collection[ListingKey] | None = None
) -> dict[ListingKey, PushState]:
    """States of a channel's listings, or by key."""
    if keys is None:
        rows = await _OF_CHANNEL.rows(conn, channel=channel) if channel is not None else await _ALL.rows(conn)
    else:
        pairs = [(key.channel, key.listing_id) for key in keys if channel in (None, key.channel)]
        rows = await _BY_KEY.rows(conn, keys=pairs)
    return {state.key: state for state in map(_state, rows)}


def count_race(channel: ChannelName, race: str, units: int, now: datetime) -> Write:
    """One more push has overwritten sales of so many listing units."""
    more = {"cases": "race.cases + 1", "units": "race.units + excluded.units"}
    values = {"channel": channel, "race": race, "cases": 1, "units": units, "last_at": now}
    return Write(upsert(race_count, ("channel", "race"), ("last_at",), more), values)


async def read_races(conn: AsyncConnection, channel: ChannelName | None = None) -> list[RaceCount]:
    """What pushes have overwritten so far, by race."""
    statement = select(race_count).order_by(race_count.c.channel, race_count.c.race)
    if channel is not None:
        statement = statement.where(race_count.c.channel == channel)
    return [RaceCount(**dict(row)) for row in (await conn.execute(statement)).mappings()]


def step_back(states: Collection[PushState], until: datetime) -> Write:
    """These only wait: they make room for others until then, or until they are marked again."""
    rows = [
        {"channel": one.key.channel, "listing_id": one.key.listing_id, "version": one.version, "not_before": until}
        for one in states
        if not one.attempts and not one.stale
    ]
    return Write(STEP_BACK, rows)


async def read_hold(conn: AsyncConnection, channel: ChannelName) -> Hold | None:
    """Why a channel is held, if it ever was; an empty reason means it was released."""
    rows = await _HOLD.rows(conn, channel=channel)
    return Hold(**rows[0]) if rows else None

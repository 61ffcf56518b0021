"""Listings, what they hold, and what we believe they show, as rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Index, and_, exists, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.bulk import BulkDelete, BulkUpdate
from syncd.channel.port import ChannelListing, ListingObservation, ListingStatus
from syncd.db import ExactDecimal, UtcDateTime, table_of, upsert, values_of
from syncd.identity import ChannelName, ListingId, ListingKey, Money, Sku
from syncd.ledger.store import Command, Plan, View, Write
from syncd.ledger.store_look import Look, Shared
from syncd.listing.belief import Belief
from syncd.listing.listing import Component, Listing
from syncd.listing.observation import Finding, Manner, find
from syncd.prepared import Prepared, Row, among
from syncd.product.store import product

BELIEF_FIELDS = tuple(field.name for field in fields(Belief))


def _moment() -> Any:
    return Column(UtcDateTime, nullable=True)


class ListingRow(SQLModel, table=True):
    """A listing and our belief about it; the belief columns are those of `Belief`."""

    __tablename__ = "listing"

    channel: str = Field(primary_key=True)
    listing_id: str = Field(primary_key=True)
    title: str
    sku_on_channel: str | None
    status: str
    price: Decimal | None = Field(default=None, sa_column=Column(ExactDecimal, nullable=True))
    currency: str | None
    seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    shown: int | None
    shown_at: datetime | None = Field(default=None, sa_column=_moment())
    shown_sold: int
    read_at: datetime | None = Field(default=None, sa_column=_moment())
    sold: int | None
    counted_from: datetime | None = Field(default=None, sa_column=_moment())
    imported: int
    taken: int
    hinted: int
    hinted_at: datetime | None = Field(default=None, sa_column=_moment())
    in_flight: int
    disagreed_at: datetime | None = Field(default=None, sa_column=_moment())
    fell_at: datetime | None = Field(default=None, sa_column=_moment())
    drift: int

    __table_args__ = (
        Index("ix_listing_drift", "channel", sqlite_where=text("drift <> 0"), postgresql_where=text("drift <> 0")),
    )


class ComponentRow(SQLModel, table=True):
    """What one unit of a listing takes off the shelf."""

    __tablename__ = "listing_component"

    channel: str = Field(primary_key=True)
    listing_id: str = Field(primary_key=True)
    sku: str = Field(primary_key=True, index=True)
    units: int


listing = table_of(ListingRow)
component = table_of(ComponentRow)


def seen(channel: ChannelName, found: ChannelListing, now: datetime) -> Write:
    """Remember what the channel tells about a listing; its belief is left as it is."""
    values = {
        "channel": channel,
        "listing_id": found.listing_id,
        "title": found.title,
        "sku_on_channel": found.sku,
        "status": found.observation.status.value,
        "price": found.price.amount if found.price else None,
        "currency": found.price.currency if found.price else None,
        "seen_at": now,
        **asdict(Belief()),
    }
    changes = ("title", "sku_on_channel", "status", "price", "currency", "seen_at")
    return Write(upsert(listing, ("channel", "listing_id"), changes), values)


def believe(key: ListingKey, belief: Belief) -> Write:
    """Write a belief back."""
    return Write(_BELIEVE, {"channel": key.channel, "listing_id": key.listing_id, **values_of(belief)})


def mark_ended(key: ListingKey) -> Write:
    """The channel no longer offers it."""
    c = listing.c
    match = (c.channel == key.channel, c.listing_id == key.listing_id)
    return Write(update(listing).where(*match).values(status=ListingStatus.ENDED.value))


def link(key: ListingKey, components: Sequence[Component]) -> tuple[Write, ...]:
    """Say what a listing holds, replacing what was said before."""
    return link_all({key: components})


def link_all(held: Mapping[ListingKey, Sequence[Component]]) -> tuple[Write, ...]:
    """Say what listings hold, replacing what was said of them before."""
    rows = [{**asdict(key), "sku": one.sku, "units": one.units} for key, parts in held.items() for one in parts]
    return (
        Write(_UNLINK, [asdict(key) for key in held]),
        Write(upsert(component, ("channel", "listing_id", "sku"), ("units",)), rows),
    )


_LISTINGS = select(listing).order_by(listing.c.channel, listing.c.listing_id)
_LISTINGS_BY_KEY = Prepared(_LISTINGS.where(among(listing.c.channel, listing.c.listing_id, name="keys")))
_KEYS_BY_SKU = Prepared(
    select(component.c.channel, component.c.listing_id).where(among(component.c.sku, name="skus")).distinct()
)
_COMPONENTS = select(component).order_by(component.c.sku)
_COMPONENTS_BY_KEY = Prepared(_COMPONENTS.where(among(component.c.channel, component.c.listing_id, name="keys")))
_UNEXPLAINED = listing.c.sold + listing.c.hinted - listing.c.imported
_UNHELD = Prepared(
    select(component.c.sku, func.sum((_UNEXPLAINED - listing.c.in_flight) * component.c.units).label("units"))
    .join(listing, and_(listing.c.channel == component.c.channel, listing.c.listing_id == component.c.listing_id))
    .where(listing.c.sold.is_not(None), listing.c.in_flight < _UNEXPLAINED, among(component.c.sku, name="skus"))
    .group_by(component.c.sku)
)
_UNLINK = BulkDelete(component, ("channel", "listing_id"))
_BELIEVE = BulkUpdate(listing, ("channel", "listing_id"), {name: f"given.{name}" for name in BELIEF_FIELDS})

_READ = Shared(_LISTINGS_BY_KEY, ("channel", "listing_id"), {"listing": ("channel", "listing_id")})


def select_listing(key: ListingKey) -> Look:
    """One listing's row, for a command's reads."""
    return select_listings((key,))


def select_listings(keys: Sequence[ListingKey]) -> Look:
    """Some listings' rows, for a command's reads."""
    return _READ.of(*((key.channel, key.listing_id) for key in keys))


def belief_of(row: Row) -> Belief:
    """The belief inside a listing row."""
    return Belief(**{name: row[name] for name in BELIEF_FIELDS})


async def read_listings(
    conn: AsyncConnection,
    *,
    channel: ChannelName | None = None,
    skus: Collection[Sku] | None = None,
    keys: Collection[ListingKey] | None = None,
) -> dict[ListingKey, Listing]:
    """Listings of a channel, of some SKUs, or by key; all of them without a choice."""
    if skus is not None:
        keys = [_key(row) for row in await _KEYS_BY_SKU.rows(conn, skus=sorted(skus))]
    if keys is not None:
        wanted = sorted({key for key in keys if channel is None or key.channel == channel})
        pairs = [(key.channel, key.listing_id) for key in wanted]
        rows = await _LISTINGS_BY_KEY.rows(conn, keys=pairs)
        components = await _COMPONENTS_BY_KEY.rows(conn, keys=pairs)
    else:
        of_channel = channel is not None
        listings = _LISTINGS.where(listing.c.channel == channel) if of_channel else _LISTINGS
        held = _COMPONENTS.where(component.c.channel == channel) if of_channel else _COMPONENTS
        rows = [dict(row) for row in (await conn.execute(listings)).mappings()]
        components = [dict(row) for row in (await conn.execute(held)).mappings()]
    parts: dict[ListingKey, list[Component]] = {}
    for row in components:
        parts.setdefault(_key(row), []).append(Component(Sku(row["sku"]), row["units"]))
    return {_key(row): _listing(row, tuple(parts.get(_key(row), ()))) for row in rows}


async def count_listings(conn: AsyncConnection, channel: ChannelName) -> int:
    """How many listings of a channel we know, ended ones too."""
    return int((await conn.execute(select(func.count()).where(listing.c.channel == channel))).scalar_one())


async def read_linkable(conn: AsyncConnection, channel: ChannelName) -> dict[ListingKey, Sku]:
    """Listings that hold nothing yet although the SKU written on them has become known."""
    held = exists().where(component.c.channel == listing.c.channel, component.c.listing_id == listing.c.listing_id)
    statement = (
        select(listing.c.channel, listing.c.listing_id, product.c.sku)
        .join(product, product.c.sku == func.trim(listing.c.sku_on_channel))
        .where(listing.c.channel == channel, ~held)
    )
    return {
        ListingKey(ChannelName(row.channel), ListingId(row.listing_id)): Sku(row.sku)
        for row in await conn.execute(statement)
    }


async def read_drifted(conn: AsyncConnection, channel: ChannelName) -> dict[ListingKey, Listing]:
    """Listings of a channel that show what nothing has settled yet."""
    c = listing.c
    statement = select(c.channel, c.listing_id).where(c.channel == channel, text("drift <> 0"))
    keys = [ListingKey(ChannelName(name), ListingId(one)) for name, one in await conn.execute(statement)]
    return await read_listings(conn, keys=keys) if keys else {}


async def read_unheld(conn: AsyncConnection, skus: Sequence[Sku]) -> dict[Sku, int]:
    """Base units per SKU that channels count as sold, that no shelf held and no order explains yet."""
    return {Sku(row["sku"]): int(row["units"]) for row in await _UNHELD.rows(conn, skus=skus)}


def _key(row: Row) -> ListingKey:
    return ListingKey(ChannelName(row["channel"]), ListingId(row["listing_id"]))


def _listing(row: Row, components: tuple[Component, ...]) -> Listing:
    price = Money(row["price"], row["currency"]) if row["price"] is not None and row["currency"] else None
    status = ListingStatus(row["status"])
    return Listing(_key(row), row["title"], row["sku_on_channel"], status, price, components, belief_of(row))


def observe(known: Listing, seen: ListingObservation, manner: Manner) -> Command[Finding]:
    """A command that takes one observation of a listing into account, on the belief as it stands in the transaction."""
    skus = _skus_in_question(known, seen, manner)

    def decide(view: View) -> Plan[Finding]:
        rows = view.rows[0]
        belief = belief_of(rows[0]) if rows else known.belief
        finding = find(replace(known, belief=belief), seen, manner, view.balances if skus else None)
        marks = known.skus if finding.changes(belief) else frozenset[Sku]()
        return Plan(finding, finding.movements, (believe(known.key, finding.belief),), marks)

    return Command(decide, skus=skus, reads=(select_listing(known.key),))


def _skus_in_question(known: Listing, seen: ListingObservation, manner: Manner) -> frozenset[Sku]:
    """The SKUs whose stock the observation may move; most observations move none and lock nothing."""
    belief = known.belief
    booked = belief.unexplained == belief.in_flight  # a sale no stock was left to hold for is held once there is some
    uncounted = seen.sold is None or (seen.sold == belief.sold and not belief.hinted and booked)
    quiet = uncounted and manner.trusted and not (manner.adopts_drift and seen.available != belief.expected)
    return frozenset() if quiet else known.skus


async def read_keys(
    conn: AsyncConnection,
    *,
    after: ListingKey | None,
    limit: int,
    channel: ChannelName | None = None,
    sku: Sku | None = None,
) -> list[ListingKey]:
    """Keys of listings in order, from just after one; of a channel or a SKU where chosen."""
    pair = tuple_(listing.c.channel, listing.c.listing_id)
    statement = select(listing.c.channel, listing.c.listing_id)
    statement = statement.order_by(listing.c.channel, listing.c.listing_id).limit(limit)
    if after is not None:
        statement = statement.where(pair > tuple_(after.channel, after.listing_id))
    if channel is not None:
        statement = statement.where(listing.c.channel == channel)
    if sku is not None:
        statement = statement.where(
            pair.in_(select(component.c.channel, component.c.listing_id).where(component.c.sku == sku))
        )
    return [ListingKey(ChannelName(c), ListingId(i)) for c, i in await conn.execute(statement)]


async def read_unexplained(conn: AsyncConnection, channel: ChannelName) -> list[Listing]:
    """Listings of a channel that count more units sold than our orders explain."""
    c = listing.c
    ahead = c.sold + c.hinted > c.imported
    keys = select(c.listing_id).where(c.channel == channel, c.sold.is_not(None), ahead)
    found = [ListingKey(channel, ListingId(one)) for one in (await conn.execute(keys)).scalars()]
    return list((await read_listings(conn, keys=found)).values()) if found else []

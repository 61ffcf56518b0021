"""Reservations and demands, as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, CompoundSelect, Index, Select, func, select, text, tuple_
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.db import UtcDateTime, chunks, table_of, upsert, values_of
from syncd.identity import ChannelName, ListingId, ListingKey, Sku
from syncd.ledger.store import Write
from syncd.ledger.store_look import Look, Shared
from syncd.prepared import Prepared, among
from syncd.reservation.hold import Demand, HoldStatus, Reservation

MAY_EXPIRE = text("expires_at IS NOT NULL")
"""Only promises to orders that are not paid are looked for by their time."""


class ReservationRow(SQLModel, table=True):
    """A promise of units at a location to an order line."""

    __tablename__ = "reservation"

    reservation_id: str = Field(primary_key=True)
    channel: str
    line_id: str = Field(index=True)
    order_key: str = Field(index=True)
    sku: str = Field(index=True)
    location: str
    quantity: int
    fulfilled: int
    released: int
    status: str
    held_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    channel_holds: bool
    listing_id: str | None

    __table_args__ = (
        Index("ix_reservation_expires_at", "expires_at", sqlite_where=MAY_EXPIRE, postgresql_where=MAY_EXPIRE),
    )


class DemandRow(SQLModel, table=True):
    """What an order line needs of a SKU, and how much of it nothing covers."""

    __tablename__ = "demand"

    channel: str = Field(primary_key=True)
    line_id: str = Field(primary_key=True)
    sku: str = Field(primary_key=True)
    order_key: str = Field(index=True)
    need: int
    short: int = Field(index=True)
    purchased: int
    cause: str
    short_since: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    forgone: int
    instead_of: str


reservation = table_of(ReservationRow)
demand = table_of(DemandRow)


def save_reservations(reservations: Sequence[Reservation]) -> Write:
    """Add or change reservations."""
    rows = [{**values_of(one), "status": one.status.value} for one in reservations]
    changes = ("order_key", "quantity", "fulfilled", "released", "status", "expires_at", "channel_holds", "listing_id")
    return Write(upsert(reservation, ("reservation_id",), changes), rows)


def save_demands(demands: Sequence[Demand]) -> Write:
    """Add or change demands."""
    changes = ("order_key", "need", "short", "purchased", "cause", "short_since", "forgone")
    return Write(upsert(demand, ("channel", "line_id", "sku"), changes), [values_of(one) for one in demands])


def select_reservations(order_keys: CompoundSelect[Any]) -> Select[Any]:
    """Reservations of orders, for a command's reads."""
    return select(reservation).where(reservation.c.order_key.in_(order_keys)).order_by(reservation.c.reservation_id)


def select_reservation(reservation_id: str) -> Select[Any]:
    """One reservation, for a command's reads."""
    return select(reservation).where(reservation.c.reservation_id == reservation_id)


_OPEN = Shared(
    Prepared(
        select(reservation)
        .where(among(reservation.c.sku, name="keys"), reservation.c.status == HoldStatus.HELD.value)
        .order_by(reservation.c.reservation_id)
    ),
    ("sku",),
    {"reservation": ("sku",)},
)


def select_open_reservations(sku: Sku) -> Look:
    """The open reservations of a SKU, for a command's reads."""
    return _OPEN.of((sku,))


def select_reservations_of(channels: Collection[ChannelName], line_ids: Collection[str]) -> Select[Any]:
    """The reservations of some order lines, for a command's reads."""
    c = reservation.c
    return select(reservation).where(c.channel.in_(sorted(channels)), c.line_id.in_(sorted(line_ids)))


def select_demands(order_keys: CompoundSelect[Any]) -> Select[Any]:
    """Demands of orders, for a command's reads."""
    return select(demand).where(demand.c.order_key.in_(order_keys))


def select_demands_of_lines(channels: Collection[ChannelName], line_ids: Collection[str]) -> Select[Any]:
    """Demands of some order lines, for a command's reads."""
    return select(demand).where(demand.c.channel.in_(sorted(channels)), demand.c.line_id.in_(sorted(line_ids)))


def reservation_of(row: RowMapping) -> Reservation:
    """A reservation row as a value."""
    values = dict(row)
    return Reservation(**{**values, "status": HoldStatus(values["status"])})


def demand_of(row: RowMapping) -> Demand:
    """A demand row as a value."""
    return Demand(**dict(row))


async def read_open_reservations(conn: AsyncConnection, sku: Sku, limit: int) -> list[Reservation]:
    """What is promised of a SKU and not sent yet, longest promised first."""
    c = reservation.c
    held = select(reservation).where(c.sku == sku, c.status == HoldStatus.HELD.value)
    statement = held.order_by(c.held_at, c.reservation_id).limit(limit)
    return [reservation_of(row) for row in (await conn.execute(statement)).mappings()]


async def read_reservations(conn: AsyncConnection, order_keys: Collection[str]) -> list[Reservation]:
    """Every reservation of some orders."""
    chosen = reservation.c.order_key.in_(sorted(order_keys))
    statement = select(reservation).where(chosen).order_by(reservation.c.reservation_id)
    return [reservation_of(row) for row in (await conn.execute(statement)).mappings()]


async def read_reservations_beside(conn: AsyncConnection, channel: ChannelName, line_id: str) -> list[Reservation]:
    """Every reservation of the order that a line is in now."""
    c = demand.c
    key = select(c.order_key).where(c.channel == channel, c.line_id == line_id).limit(1).scalar_subquery()
    statement = select(reservation).where(reservation.c.order_key == key).order_by(reservation.c.reservation_id)
    return [reservation_of(row) for row in (await conn.execute(statement)).mappings()]


async def read_expired(conn: AsyncConnection, now: datetime, limit: int) -> list[Reservation]:
    """Held reservations whose time is over, longest ago first."""
    c = reservation.c
    over = select(reservation).where(c.status == HoldStatus.HELD.value, c.expires_at <= now)
    statement = over.order_by(c.expires_at, c.reservation_id).limit(limit)
    return [reservation_of(row) for row in (await conn.execute(statement)).mappings()]


async def read_short(conn: AsyncConnection) -> list[Demand]:
    """Every demand that something is short of."""
    return [demand_of(row) for row in (await conn.execute(select(demand).where(demand.c.short > 0))).mappings()]


async def read_demands(conn: AsyncConnection, order_keys: Collection[str]) -> list[Demand]:
    """Every demand of some orders."""
    statement = select(demand).where(demand.c.order_key.in_(sorted(order_keys)))
    return [demand_of(row) for row in (await conn.execute(statement)).mappings()]


_CHANNEL_HOLDS = Prepared(
    select(
        *(reservation.c.sku, reservation.c.channel, reservation.c.listing_id),
        func.sum(reservation.c.quantity - reservation.c.fulfilled - reservation.c.released).label("units"),
    )
    .where(reservation.c.channel_holds, reservation.c.status == HoldStatus.HELD.value)
    .where(reservation.c.listing_id.is_not(None), among(reservation.c.sku, name="skus"))
    .group_by(reservation.c.sku, reservation.c.channel, reservation.c.listing_id)
)


async def read_channel_holds(conn: AsyncConnection, skus: Sequence[Sku]) -> dict[tuple[Sku, ListingKey], int]:
    """Open base units per SKU and listing that the channel subtracts from the listing's offer by itself."""
    return {
        (Sku(row["sku"]), ListingKey(ChannelName(row["channel"]), ListingId(row["listing_id"]))): int(row["units"])
        for row in await _CHANNEL_HOLDS.rows(conn, skus=skus)
    }


async def read_demands_of_lines(conn: AsyncConnection, lines: Collection[tuple[ChannelName, str]]) -> list[Demand]:
    """Every demand of some order lines, by channel and line id."""
    pair, found = tuple_(demand.c.channel, demand.c.line_id), list[Demand]()
    for part in chunks(sorted(set(lines)), 400):
        rows = (await conn.execute(select(demand).where(pair.in_(part)))).mappings()
        found += [demand_of(row) for row in rows]
    return found

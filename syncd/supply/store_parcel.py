"""Parcels, and how far a supplier's answers were read, as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Select, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.db import UtcDateTime, table_of, upsert
from syncd.identity import ChannelName, Sku, SupplierName
from syncd.ledger.store import Write
from syncd.supply.parcel import Parcel, ParcelStatus


class ParcelRow(SQLModel, table=True):
    """Units of one purchase order line that are on their way to a customer."""

    __tablename__ = "parcel"

    parcel_id: str = Field(primary_key=True)
    reference: str = Field(index=True)
    supplier: str
    channel: str
    line_id: str
    supplier_sku: str
    sku: str
    quantity: int
    shipped_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    carrier: str
    tracking_number: str
    status: str = Field(index=True)
    attempts: int
    next_attempt_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))


class AnswerCursorRow(SQLModel, table=True):
    """How far a supplier's answers to purchase orders were read."""

    __tablename__ = "answer_cursor"

    supplier: str = Field(primary_key=True)
    cursor: str


parcel = table_of(ParcelRow)
answer_cursor = table_of(AnswerCursorRow)

_CHANGES = ("quantity", "carrier", "tracking_number", "status", "attempts", "next_attempt_at")


def save_parcels(parcels: Sequence[Parcel]) -> Write:
    """Add or change parcels."""
    rows = [{**asdict(one), "status": one.status.value} for one in parcels]
    return Write(upsert(parcel, ("parcel_id",), _CHANGES), rows)


def save_answer_cursor(supplier: SupplierName, cursor: str) -> Write:
    """Remember how far his answers were read."""
    return Write(upsert(answer_cursor, ("supplier",), ("cursor",)), {"supplier": supplier, "cursor": cursor})


def select_parcels(reference: str) -> Select[Any]:
    """The parcels of a purchase order, for a command's reads."""
    return select(parcel).where(parcel.c.reference == reference).order_by(parcel.c.parcel_id)


def parcel_of(row: RowMapping) -> Parcel:
    """A row as a value."""
    values = {
        **dict(row),
        "status": ParcelStatus(row["status"]),
        "supplier": SupplierName(row["supplier"]),
        "channel": ChannelName(row["channel"]),
        "sku": Sku(row["sku"]),
    }
    return Parcel(**values)


async def read_parcels(conn: AsyncConnection, *, status: ParcelStatus | None = None) -> list[Parcel]:
    """Parcels, the oldest first."""
    statement = select(parcel).order_by(parcel.c.shipped_at, parcel.c.parcel_id)
    if status is not None:
        statement = statement.where(parcel.c.status == status.value)
    return [parcel_of(row) for row in (await conn.execute(statement)).mappings()]


async def read_parcels_of(conn: AsyncConnection, references: Collection[str]) -> list[Parcel]:
    """The parcels of some purchase orders, the oldest first."""
    c = parcel.c
    statement = select(parcel).where(c.reference.in_(sorted(references))).order_by(c.shipped_at, c.parcel_id)
    return [parcel_of(row) for row in (await conn.execute(statement)).mappings()]


async def read_answer_cursor(conn: AsyncConnection, supplier: SupplierName) -> str | None:
    """How far his answers were read, or None if never."""
    wanted = select(answer_cursor.c.cursor).where(answer_cursor.c.supplier == supplier)
    return (await conn.execute(wanted)).scalar_one_or_none()

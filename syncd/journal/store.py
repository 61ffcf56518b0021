"""The journal of listings' numbers as rows: appended with what they tell of, pruned by age."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, delete, func, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.bulk import BulkUpsert
from syncd.db import UtcDateTime, table_of
from syncd.identity import ChannelName, ListingId, ListingKey
from syncd.journal.entry import Entry, Step
from syncd.ledger.store import Write

STEPS_SHOWN = 20
"""Steps of one listing that are told at most."""


class JournalRow(SQLModel, table=True):
    """One step of one listing's number."""

    __tablename__ = "journal"

    position: int | None = Field(
        default=None, sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    )
    channel: str
    listing_id: str
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    step: str
    quantity: int | None
    detail: str

    __table_args__ = (Index("ix_journal_listing", "channel", "listing_id", "position"),)


journal = table_of(JournalRow)

NOTE = BulkUpsert(journal, ())


def note(entries: Sequence[Entry]) -> Write:
    """Write steps down, in their order."""
    rows = [
        {
            "channel": one.key.channel,
            "listing_id": one.key.listing_id,
            "at": one.at,
            "step": one.step.value,
            "quantity": one.quantity,
            "detail": one.detail,
        }
        for one in entries
    ]
    return Write(NOTE, rows)


async def read_steps(
    conn: AsyncConnection, key: ListingKey, at: datetime | None, limit: int = STEPS_SHOWN
) -> list[Entry]:
    """The last steps of a listing's number up to a moment, oldest first, without receipts."""
    c = journal.c
    matching = [c.channel == key.channel, c.listing_id == key.listing_id] + ([] if at is None else [c.at <= at])
    statement = select(journal).where(*matching).order_by(c.position.desc()).limit(limit)
    return [_entry(row) for row in (await conn.execute(statement)).mappings()][::-1]


async def read_step(conn: AsyncConnection, key: ListingKey, step: Step, at: datetime) -> Entry | None:
    """The last step of one kind up to a moment."""
    return await _last(conn, key, at, journal.c.step == step.value)


async def begins_at(conn: AsyncConnection) -> datetime | None:
    """The moment of the oldest entry that is kept."""
    statement = select(journal.c.at).order_by(journal.c.position).limit(1)
    moment: datetime | None = (await conn.execute(statement)).scalar_one_or_none()
    return moment


async def outdated(conn: AsyncConnection, before: datetime, limit: int) -> int | None:
    """The position up to which the oldest entries may be forgotten, at most so many; None if there are none."""
    oldest = select(journal.c.position, journal.c.at).order_by(journal.c.position).limit(limit).subquery()
    statement = select(func.max(oldest.c.position)).where(oldest.c.at < before)
    position: int | None = (await conn.execute(statement)).scalar_one()
    return position


def forget(position: int) -> Write:
    """Forget the entries up to a position."""
    return Write(delete(journal).where(journal.c.position <= position))


async def _last(conn: AsyncConnection, key: ListingKey, at: datetime, test: Any) -> Entry | None:
    c = journal.c
    matching = (c.channel == key.channel, c.listing_id == key.listing_id, c.at <= at, test)
    statement = select(journal).where(*matching).order_by(c.position.desc()).limit(1)
    row = (await conn.execute(statement)).mappings().one_or_none()
    return None if row is None else _entry(row)


def _entry(row: RowMapping) -> Entry:
    key = ListingKey(ChannelName(row["channel"]), ListingId(row["listing_id"]))
    return Entry(key, row["at"], Step(row["step"]), row["quantity"], row["detail"])

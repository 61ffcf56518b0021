"""Orders that could not be taken in, as rows."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Column, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.db import UtcDateTime, table_of, upsert
from syncd.identity import ChannelName
from syncd.ledger.store import Write
from syncd.orders.unread.unread import UnreadOrder


class UnreadOrderRow(SQLModel, table=True):
    """An order of a channel that could not be taken in. What it says is not kept: only which it is, and why."""

    __tablename__ = "unread_order"

    channel: str = Field(primary_key=True)
    order_id: str = Field(primary_key=True)
    sentence: str
    attempts: int
    next_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


unread_order = table_of(UnreadOrderRow)


def keep_unread(one: UnreadOrder) -> Write:
    """Keep an order that could not be taken in, or how its last try went."""
    return Write(upsert(unread_order, ("channel", "order_id"), ("sentence", "attempts", "next_at")), asdict(one))


def drop_unread(channel: ChannelName, order_id: str) -> Write:
    """The order was taken in."""
    c = unread_order.c
    return Write(delete(unread_order).where(c.channel == channel, c.order_id == order_id))


async def read_unread(conn: AsyncConnection, channel: ChannelName) -> dict[str, UnreadOrder]:
    """The channel's orders that could not be taken in, by id, those due first first."""
    c = unread_order.c
    statement = select(unread_order).where(c.channel == channel).order_by(c.next_at, c.order_id)
    found = [UnreadOrder(**dict(row)) for row in (await conn.execute(statement)).mappings()]
    return {one.order_id: one for one in found}

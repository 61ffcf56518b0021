"""Birthdays of customers who agreed, as rows. Personal data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Select, delete, func, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.courtesy.birthday import Birthday
from syncd.db import UtcDateTime, table_of, upsert
from syncd.goodwill.goodwill import Coupon
from syncd.identity import ChannelName
from syncd.ledger.store import Command, Plan, View, Write
from syncd.orders.store import order, order_line


class BirthdayRow(SQLModel, table=True):
    """The day and month a customer agreed to be wished on."""

    __tablename__ = "birthday"

    channel: str = Field(primary_key=True)
    buyer_id: str = Field(primary_key=True)
    month: int = Field(index=True)
    day: int
    agreed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    last_year: int


birthday = table_of(BirthdayRow)


def save_birthday(one: Birthday) -> Write:
    """Add a birthday, or change its day; in which year it was wished last is kept."""
    return Write(upsert(birthday, ("channel", "buyer_id"), ("month", "day", "agreed_at")), _values(one))


def wished(one: Birthday, year: int, present: Command[Coupon]) -> Command[bool]:
    """Take this year's wish together with its coupon: True once, whoever asks how often and whatever dies between."""

    def decide(view: View) -> Plan[bool]:
        known = next((_birthday(row) for row in view.rows[0]), None)
        if known is None or known.last_year >= year:
            return Plan(False)
        then = replace(known, last_year=year)
        marked = Write(upsert(birthday, ("channel", "buyer_id"), ("last_year",)), _values(then))
        given = present.decide(View(view.balances, view.rows[1:], view.now))
        return Plan(True, writes=(marked, *given.writes))

    c = birthday.c
    mine = select(birthday).where(c.channel == one.channel, c.buyer_id == one.buyer_id)
    return Command(decide, reads=(mine, *present.reads))


def forget_birthdays(channel: ChannelName, buyer_ids: Sequence[str]) -> Write:
    """Whoever takes his agreement back, or is forgotten, is not wished any more."""
    c = birthday.c
    return Write(delete(birthday).where(c.channel == channel, c.buyer_id.in_(sorted(set(buyer_ids)))))


async def read_birthdays(conn: AsyncConnection, months: Sequence[int]) -> list[Birthday]:
    """Those in some months."""
    statement = select(birthday).where(birthday.c.month.in_(sorted(set(months))))
    rows = await conn.execute(statement.order_by(birthday.c.channel, birthday.c.buyer_id))
    return [_birthday(row) for row in rows.mappings()]


async def count_birthdays(conn: AsyncConnection) -> int:
    """How many customers agreed."""
    return int((await conn.execute(select(func.count()).select_from(birthday))).scalar_one())


def select_last_line(channel: ChannelName, buyer_id: str) -> Select[Any]:
    """The key and a line of a buyer's newest order: where he is written to, and in which language."""
    joined = order.join(order_line, order_line.c.order_key == order.c.order_key)
    statement = select(order.c.order_key, order_line.c.line_id).select_from(joined)
    mine = statement.where(order.c.channel == channel, order.c.buyer_id == buyer_id)
    return mine.order_by(order.c.created_at.desc(), order_line.c.line_id).limit(1)


def _values(one: Birthday) -> dict[str, Any]:
    return {
        "channel": one.channel,
        "buyer_id": one.buyer_id,
        "month": one.month,
        "day": one.day,
        "agreed_at": one.agreed_at,
        "last_year": one.last_year,
    }


def _birthday(row: RowMapping) -> Birthday:
    channel = ChannelName(row["channel"])
    return Birthday(channel, row["buyer_id"], row["month"], row["day"], row["agreed_at"], row["last_year"])

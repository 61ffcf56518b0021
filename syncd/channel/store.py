"""What every channel's day has cost in calls, as rows: so that a restart does not begin the day anew."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.db import table_of, upsert
from syncd.identity import ChannelName
from syncd.ledger.store import Write


class BudgetRow(SQLModel, table=True):
    """Calls written down for one channel's day, a few more than were made."""

    __tablename__ = "budget"

    channel: str = Field(primary_key=True)
    day: date
    booked: int


budget = table_of(BudgetRow)

BOOK = upsert(budget, ("channel",), ("day", "booked"))


def book(calls: Mapping[ChannelName, tuple[date, int]]) -> Write:
    """Write down the calls of channels."""
    return Write(BOOK, [{"channel": name, "day": day, "booked": booked} for name, (day, booked) in calls.items()])


async def read_booked(conn: AsyncConnection) -> dict[ChannelName, tuple[date, int]]:
    """What was written down, by channel: the day and its calls."""
    return {ChannelName(row.channel): (row.day, row.booked) for row in await conn.execute(select(budget))}

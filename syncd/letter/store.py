"""Letters, as rows. Personal data."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Select, delete, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.db import UtcDateTime, table_of, upsert
from syncd.identity import ChannelName
from syncd.ledger.store import Command, Plan, View, Write
from syncd.letter.letter import Letter, LetterStatus


class LetterRow(SQLModel, table=True):
    """A message to a customer."""

    __tablename__ = "letter"

    reference: str = Field(primary_key=True)
    channel: str
    order_key: str = Field(index=True)
    line_id: str
    language: str
    subject: str
    body: str
    status: str = Field(index=True)
    written_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    sent_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    html: str
    attempts: int
    next_attempt_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))


letter = table_of(LetterRow)


def put(one: Letter, now: datetime) -> Write:
    """Put a letter with its decision; the same reference again changes nothing."""
    values = {**asdict(one), "status": one.status.value, "written_at": now, "sent_at": None}
    return Write(upsert(letter, ("reference",), ()), values)


def mark(reference: str, status: LetterStatus, at: datetime | None = None) -> Write:
    """How far a letter has come."""
    return Write(update(letter).where(letter.c.reference == reference).values(status=status.value, sent_at=at))


def claim(reference: str) -> Command[bool]:
    """Take a letter to be sent now; False where it waits no more, or where its buyer was forgotten meanwhile."""

    def decide(view: View) -> Plan[bool]:
        if not any(row["status"] == LetterStatus.WAITING and row["body"] for row in view.rows[0]):
            return Plan(False)
        return Plan(True, writes=(mark(reference, LetterStatus.SENDING),))

    return Command(decide, reads=(select(letter).where(letter.c.reference == reference),))


def postpone(reference: str, attempts: int, at: datetime) -> Write:
    """A letter was certainly not taken; it is tried again then."""
    chosen = update(letter).where(letter.c.reference == reference)
    return Write(chosen.values(status=LetterStatus.WAITING.value, attempts=attempts, next_attempt_at=at))


def forget_letters(order_keys: Select[Any]) -> tuple[Write, Write]:
    """Take the words out of letters about some orders; one that has not gone out yet goes nowhere any more."""
    about = letter.c.order_key.in_(order_keys)
    waiting = letter.c.status == LetterStatus.WAITING.value
    return Write(delete(letter).where(about, waiting)), Write(
        update(letter).where(about).values(subject="", body="", html="")
    )


@dataclass(frozen=True, slots=True)
class Trace:
    """That there is a letter, and how far it has come; nothing of what it says."""

    reference: str
    status: LetterStatus
    written_at: datetime
    sent_at: datetime | None


async def read_traces(conn: AsyncConnection, channel: ChannelName, line_id: str) -> list[Trace]:
    """The letters about a line, oldest first."""
    c = letter.c
    statement = select(c.reference, c.status, c.written_at, c.sent_at).where(c.channel == channel, c.line_id == line_id)
    rows = await conn.execute(statement.order_by(c.written_at, c.reference))
    return [Trace(row.reference, LetterStatus(row.status), row.written_at, row.sent_at) for row in rows]


async def read_letters(conn: AsyncConnection, statuses: Collection[LetterStatus]) -> list[Letter]:
    """Letters in some states, oldest first."""
    wanted = [status.value for status in statuses]
    statement = select(letter).where(letter.c.status.in_(wanted)).order_by(letter.c.written_at, letter.c.reference)
    return [_letter(row) for row in (await conn.execute(statement)).mappings()]


def _letter(row: RowMapping) -> Letter:
    return Letter(
        row["reference"],
        ChannelName(row["channel"]),
        row["order_key"],
        row["line_id"],
        row["language"],
        row["subject"],
        row["body"],
        LetterStatus(row["status"]),
        row["html"],
        row["attempts"],
        row["next_attempt_at"],
    )

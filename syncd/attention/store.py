"""The open questions, as rows: one per topic and subject."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.attention.question import Question, Topic
from syncd.bulk import BulkUpdate
from syncd.db import UtcDateTime, table_of, upsert
from syncd.ledger.store import Write


class QuestionRow(SQLModel, table=True):
    """A question for a person."""

    __tablename__ = "question"

    topic: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    sentence: str
    asked_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    closed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))


question = table_of(QuestionRow)

_CLOSE = BulkUpdate(
    question, ("topic", "subject"), {"closed_at": "given.closed_at"}, where="question.closed_at IS NULL"
)


def ask(q: Question) -> Write:
    """Ask, renew the sentence of a question that is open, or ask one anew that was closed."""
    values = {
        "topic": q.topic.value,
        "subject": q.subject,
        "sentence": q.sentence,
        "asked_at": q.asked_at,
        "closed_at": None,
    }
    since = "CASE WHEN question.closed_at IS NULL THEN question.asked_at ELSE excluded.asked_at END"
    return Write(upsert(question, ("topic", "subject"), ("sentence", "closed_at"), {"asked_at": since}), values)


def close(topic: Topic, subject: str, now: datetime) -> Write:
    """Close a question if it is open."""
    return Write(_CLOSE, {"topic": topic.value, "subject": subject, "closed_at": now})


async def open_questions(conn: AsyncConnection) -> list[Question]:
    """What waits for a person, oldest first."""
    c = question.c
    statement = select(question).where(c.closed_at.is_(None)).order_by(c.asked_at, c.topic, c.subject)
    return [
        Question(Topic(row.topic), row.subject, row.sentence, row.asked_at, row.closed_at)
        for row in await conn.execute(statement)
    ]


async def open_subjects(conn: AsyncConnection, topic: Topic) -> set[str]:
    """What questions of one kind are about that wait for a person."""
    c = question.c
    statement = select(c.subject).where(c.topic == topic.value, c.closed_at.is_(None))
    return set((await conn.execute(statement)).scalars())


async def count_open(conn: AsyncConnection) -> int:
    """How many questions wait for a person."""
    statement = select(func.count()).select_from(question).where(question.c.closed_at.is_(None))
    return int((await conn.execute(statement)).scalar_one())

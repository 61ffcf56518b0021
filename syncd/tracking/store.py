"""What customers told of their orders, and orders whose customer is to hear that they have left, as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Select, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.attention.question import Question
from syncd.attention.store import ask
from syncd.channel.port import OrderStatus
from syncd.db import UtcDateTime, chunks, table_of, upsert
from syncd.ledger.store import Command, Plan, View, Write
from syncd.letter.store import letter
from syncd.orders.store import order
from syncd.tracking.word import WORDS_MAX, Word, WordKind

LEFT_AT_ONCE = 200
"""Orders told of in one run."""


class WordRow(SQLModel, table=True):
    """What a customer told of his order. The words may be personal data."""

    __tablename__ = "customer_word"

    word_id: str = Field(primary_key=True)
    order_key: str = Field(index=True)
    kind: str
    words: str
    said_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


customer_word = table_of(WordRow)


def take_word(word: Word, question: Question) -> Command[bool]:
    """Keep what a customer said and put it before a person; False where his page has taken in enough. Said again it is
    kept once."""

    def decide(view: View) -> Plan[bool]:
        if any(row["word_id"] == word.word_id for row in view.rows[0]):
            return Plan(True)
        if len(view.rows[0]) >= WORDS_MAX:
            return Plan(False)
        values = {**asdict(word), "kind": word.kind.value}
        return Plan(True, writes=(Write(upsert(customer_word, ("word_id",), ()), values), ask(question)))

    return Command(decide, reads=(select(customer_word).where(customer_word.c.order_key == word.order_key),))


def forget_words(order_keys: Select[Any]) -> Write:
    """Take the words out of what was said of some orders."""
    return Write(update(customer_word).where(customer_word.c.order_key.in_(order_keys)).values(words=""))


async def read_words(conn: AsyncConnection, order_keys: Collection[str]) -> list[Word]:
    """What customers said of some orders, oldest first."""
    found: list[Word] = []
    for part in chunks(sorted(order_keys)):
        for row in await conn.execute(select(customer_word).where(customer_word.c.order_key.in_(part))):
            found.append(Word(row.word_id, row.order_key, WordKind(row.kind), row.words, row.said_at))
    return sorted(found, key=lambda one: (one.said_at, one.word_id))


async def read_left(conn: AsyncConnection, channels: Sequence[str], since: datetime) -> list[str]:
    """Keys of orders that left since a moment and whose customer was not told by us, oldest first."""
    told = exists().where(letter.c.reference == order.c.order_key + "/shipped")
    c = order.c
    statement = (
        select(c.order_key)
        .where(c.status == OrderStatus.SHIPPED.value, c.modified_at >= since, c.channel.in_(channels))
        .where(~c.before_start, c.copy_of == "", c.buyer_id != "", ~told)
        .order_by(c.modified_at, c.order_key)
        .limit(LEFT_AT_ONCE)
    )
    return list((await conn.execute(statement)).scalars())

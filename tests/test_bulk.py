"""Updates of many rows by key: the same on both stores, whatever repeats."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, insert, select

from syncd.bulk import BulkDelete, BulkUpdate, BulkUpsert
from syncd.db import Database, UtcDateTime

metadata = MetaData()
mark = Table(
    "mark",
    metadata,
    Column("shop", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("version", Integer),
    Column("pending", Boolean),
    Column("at", UtcDateTime),
)
line = Table("line", metadata, Column("number", Integer, primary_key=True), Column("text", String))
NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
SAVE = BulkUpdate(
    mark,
    ("shop", "name"),
    {"pending": "given.pending OR mark.version <> given.version", "at": "given.at"},
    where="mark.version < given.most",
    extra={"most": Integer()},
)
APPEND = BulkUpsert(line, ())
NAMED = BulkDelete(mark, ("name",))


@pytest.fixture
async def db(empty_store_url: str) -> AsyncIterator[Database]:
    """A store with two marks."""
    opened = Database(empty_store_url)
    await opened.transact(metadata.create_all)
    rows = [{"shop": "a", "name": name, "version": n, "pending": True, "at": None} for n, name in enumerate("xyz")]
    await opened.transact(lambda conn: conn.execute(insert(mark), rows))
    yield opened
    await opened.aclose()


def saved(name: str, version: int, *, at: datetime | None = NOON, most: int = 9) -> dict[str, Any]:
    """A row as SAVE takes it."""
    return {"shop": "a", "name": name, "version": version, "pending": False, "at": at, "most": most}


async def marks(db: Database) -> dict[str, tuple[bool, datetime | None]]:
    """What stands there."""
    async with db.read() as conn:
        return {row.name: (row.pending, row.at) for row in await conn.execute(select(mark).order_by(mark.c.name))}


async def test_each_row_changes_by_its_own_values(db: Database) -> None:
    """An expression sees the row and the values given; a condition leaves rows alone; no row is made."""
    rows = [saved("x", 0), saved("y", 0), saved("z", 2, most=2), saved("nobody", 0)]
    await db.transact(lambda conn: SAVE.run(conn, rows))
    assert await marks(db) == {"x": (False, NOON), "y": (True, NOON), "z": (True, None)}


async def test_the_last_of_two_changes_of_one_row_holds(db: Database) -> None:
    """A key may come twice, with anything between."""
    await db.transact(lambda conn: SAVE.run(conn, [saved("x", 7), saved("y", 1), saved("x", 0, at=None)]))
    assert await marks(db) == {"x": (False, None), "y": (False, NOON), "z": (True, None)}


async def test_rows_without_a_key_are_appended(db: Database) -> None:
    """All of them, in order."""
    await db.transact(lambda conn: APPEND.run(conn, [{"text": "b"}, {"text": "a"}, {"text": "b"}]))
    async with db.read() as conn:
        assert list((await conn.execute(select(line.c.text).order_by(line.c.number))).scalars()) == ["b", "a", "b"]


async def test_every_row_of_a_key_is_deleted(db: Database) -> None:
    """Part of a primary key is enough; a key nobody has deletes nothing."""
    await db.transact(lambda conn: conn.execute(insert(mark), [{"shop": "b", "name": "x", "version": 1}]))
    await db.transact(lambda conn: NAMED.run(conn, [{"name": "x"}, {"name": "nobody"}, {"name": "z"}]))
    assert list(await marks(db)) == ["y"]

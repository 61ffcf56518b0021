"""Tables are brought forward and never back, and nothing works on tables of another version."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from syncd.db import Database
from syncd.errors import OperatorError
from syncd.migrations.schema import check, current, head, migrate


@pytest.fixture
async def db(empty_store_url: str) -> AsyncIterator[Database]:
    """A store without tables."""
    opened = Database(empty_store_url)
    yield opened
    await opened.aclose()


async def set_version(db: Database, version: str) -> None:
    """Make the store one of another version."""
    statement = text("UPDATE alembic_version SET version_num = :version")
    await db.transact(lambda conn: conn.execute(statement, {"version": version}))


async def test_an_empty_store_is_refused_with_the_command_to_type(db: Database) -> None:
    """Before the first migration nothing works, and the sentence says what to do."""
    assert await current(db) is None
    with pytest.raises(OperatorError, match=r"has no tables yet; type: syncd migrate"):
        await check(db)


async def test_migrating_makes_the_store_one_to_work_with(db: Database) -> None:
    """After it the check passes; doing it again changes nothing."""
    assert await migrate(db) == head()
    await check(db)
    assert await migrate(db) == head()
    assert await current(db) == head()


async def test_an_older_store_is_refused_with_the_command_to_type(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store behind this program has to be migrated first."""
    await migrate(db)
    monkeypatch.setattr("syncd.migrations.schema.head", lambda: "9999")
    with pytest.raises(OperatorError, match=rf"is of version {head()}, this program needs 9999; type: syncd migrate"):
        await check(db)


async def test_a_newer_store_is_refused_and_left_alone(db: Database) -> None:
    """There is no way back: neither the check nor a migration touches a store that a newer syncd made."""
    await migrate(db)
    await set_version(db, "9999")
    for step in (check, migrate):
        with pytest.raises(OperatorError, match="install the newer syncd"):
            await step(db)
    assert await current(db) == "9999"


async def test_a_migration_that_fails_leaves_the_store_as_it_was(db: Database) -> None:
    """Tables are made in one transaction: all of them or none."""
    await db.transact(lambda conn: conn.execute(text("CREATE TABLE touched (x INTEGER)")))
    with pytest.raises(Exception, match="touched"):
        await migrate(db)
    assert await current(db) is None
    names = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if db.is_sqlite
        else ("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    )
    async with db.read() as conn:
        assert set((await conn.execute(text(names))).scalars()) <= {"touched", "alembic_version"}


async def test_two_processes_migrate_one_after_the_other(empty_store_url: str, db: Database) -> None:
    """Migrating at the same moment from two processes makes the tables once."""
    other = Database(empty_store_url)
    assert await asyncio.gather(migrate(db), migrate(other)) == [head(), head()]
    await check(other)
    await other.aclose()

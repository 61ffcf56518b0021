"""The migrations make exactly the tables that the rooms describe."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

import syncd.migrations.tables  # noqa: F401  every room's tables
from syncd.db import Database
from syncd.migrations.schema import migrate
from tests.support.store import create_tables


async def test_a_migrated_store_has_the_tables_the_rooms_describe(tmp_path: Path) -> None:
    """No table, column, index or type differs between a migrated store and the rooms' own description."""

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, SQLModel.metadata))

    db = Database(f"sqlite:///{tmp_path / 'syncd.sqlite'}")
    await migrate(db)
    async with db.read() as conn:
        assert await conn.run_sync(differences) == []
    await db.aclose()


async def test_keys_and_checks_are_the_same_too(tmp_path: Path) -> None:
    """What the comparison above does not see: primary keys, uniqueness and the CHECKs that keep stock above zero."""
    migrated = Database(f"sqlite:///{tmp_path / 'migrated.sqlite'}")
    described = Database(f"sqlite:///{tmp_path / 'described.sqlite'}")
    await migrate(migrated)
    await create_tables(described)
    assert await constraints(migrated) == await constraints(described)
    for db in (migrated, described):
        await db.aclose()


async def constraints(db: Database) -> dict[str, tuple[list[str], int, list[str]]]:
    """Per table: its primary key in order, how many unique indexes, and its CHECKs."""
    found = {}
    async with db.read() as conn:
        tables = (await conn.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))).all()
        for name, sql in tables:
            if name == "alembic_version":
                continue
            columns = (await conn.execute(text(f"PRAGMA table_info('{name}')"))).all()
            keys = sorted((column.pk, column.name) for column in columns if column.pk)
            indexes = (await conn.execute(text(f"PRAGMA index_list('{name}')"))).all()
            checks = sorted(line.strip(" ,\t") for line in sql.splitlines() if "CHECK" in line)
            found[name] = ([key for _, key in keys], sum(1 for one in indexes if one.unique), checks)
    return found

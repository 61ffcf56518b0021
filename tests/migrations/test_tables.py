"""The migrations make exactly the tables that the rooms describe."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

import syncd.migrations.tables  # noqa: F401  every room's tables
from syncd.db import Database
from syncd.migrations.schema import _alembic, migrate
from syncd.product.store import read_code
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


async def test_barcodes_of_before_are_known_by_their_gtin(tmp_path: Path) -> None:
    """Codes written without all zeros become one; where two spellings meant two SKUs nothing is lost."""
    db = Database(f"sqlite:///{tmp_path / 'old.sqlite'}")
    old = {"4006381333931": "A", "036000291452": "B", "0036000291452": "B", "96385074": "C", "X-1": "D"}
    old |= {"4006381333948": "E", "04006381333948": "F"}

    def at_first(connection: Connection) -> None:
        command.upgrade(_alembic(connection), "0001")
        rows = [{"code": code, "sku": sku} for code, sku in old.items()]
        connection.execute(text("INSERT INTO barcode (code, sku) VALUES (:code, :sku)"), rows)
        connection.commit()

    async with db.read() as conn:
        await conn.run_sync(at_first)
    await migrate(db)
    async with db.read() as conn:
        codes = {row.code: (row.sku, row.units) for row in await conn.execute(text("SELECT * FROM barcode"))}
        meant = await read_code(conn, "0036000291452")
    assert codes == {
        "04006381333931": ("A", 1),
        "00036000291452": ("B", 1),
        "00000096385074": ("C", 1),
        "X-1": ("D", 1),
        "4006381333948": ("E", 1),
        "04006381333948": ("F", 1),
    }
    assert meant is not None
    assert meant.sku == "B"
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

"""The migrations make exactly the tables that the rooms describe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import IntegrityError

from syncd.db import Database
from syncd.ledger.store import read_touched
from syncd.migrations.schema import _alembic, migrate
from syncd.migrations.tables import schema
from syncd.product.store import read_code
from tests.support import postgres
from tests.support.store import create_tables


@pytest.fixture
def second_url(empty_store_url: str, tmp_path: Path) -> Iterator[str]:
    """Another new store of the same kind."""
    if empty_store_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'second.sqlite'}"
    else:
        with postgres.new_database(empty=True) as url:
            yield url


async def test_a_migrated_store_has_the_tables_the_rooms_describe(empty_store_url: str) -> None:
    """No table, column, index or type differs between a migrated store and the rooms' own description."""

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, schema()))

    db = Database(empty_store_url)
    await migrate(db)
    async with db.read() as conn:
        assert await conn.run_sync(differences) == []
    await db.aclose()


async def test_barcodes_of_before_are_known_by_their_gtin(empty_store_url: str) -> None:
    """Codes written without all zeros become one; where two spellings meant two SKUs nothing is lost."""
    db = Database(empty_store_url)
    old = {"4006381333931": "A", "036000291452": "B", "0036000291452": "B", "96385074": "C", "X-1": "D"}
    old |= {"4006381333948": "E", "04006381333948": "F"}

    def at_first(connection: Connection) -> None:
        command.upgrade(_alembic(connection), "0001")
        rows = [{"code": code, "sku": sku} for code, sku in old.items()]
        connection.execute(text("INSERT INTO barcode (code, sku) VALUES (:code, :sku)"), rows)

    await db.transact(at_first)
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


async def test_stock_of_before_is_kept(empty_store_url: str) -> None:
    """Balances and marks go through their rebuilding as they are, and the CHECK still holds."""
    db = Database(empty_store_url)
    rows = [("A", "main/available", 3, 7), ("A", "outside/supplier", -3, 7)]
    await db.transact(lambda conn: command.upgrade(_alembic(conn), "0001"))
    for row in rows:
        await db.transact(lambda conn, row=row: conn.execute(text(f"INSERT INTO balance VALUES {row}")))
    await db.transact(lambda conn: conn.execute(text("INSERT INTO touched VALUES ('A', 5, true)")))
    await migrate(db)
    async with db.read() as conn:
        found = await conn.execute(text("SELECT sku, account, quantity, position FROM balance ORDER BY account"))
        assert [tuple(row) for row in found] == rows
        assert await read_touched(conn, 10) == {"A": 5}
    with pytest.raises(IntegrityError, match="balance_not_below_zero"):
        await db.transact(
            lambda conn: conn.execute(text("UPDATE balance SET quantity = -1 WHERE account LIKE 'main%'"))
        )
    await db.aclose()


async def test_keys_and_checks_are_the_same_too(empty_store_url: str, second_url: str) -> None:
    """What the comparison above does not see: keys, uniqueness, CHECKs, partial indexes and how rows are kept."""
    migrated, described = Database(empty_store_url), Database(second_url)
    await migrate(migrated)
    await create_tables(described)
    found = await migrated.transact(constraints)
    assert found == await described.transact(constraints)
    assert "balance_not_below_zero" in str(found["balance"])
    assert "movement_quantity_positive" in str(found["movement"])
    for db in (migrated, described):
        await db.aclose()


def constraints(conn: Connection) -> dict[str, list[object]]:
    """Per table: its primary key in order, what is unique, its CHECKs, its indexes and its storage options."""
    seen = inspect(conn)
    found: dict[str, list[object]] = {}
    for name in sorted(set(seen.get_table_names()) - {"alembic_version"}):
        checks = sorted((one["name"], one["sqltext"]) for one in seen.get_check_constraints(name))
        unique = sorted(sorted(one["column_names"]) for one in seen.get_unique_constraints(name))
        keys = seen.get_pk_constraint(name)["constrained_columns"]
        found[name] = [keys, unique, checks, written(conn, name)]
    return found


def written(conn: Connection, table: str) -> list[str]:
    """The store's own text of a table's indexes and storage options."""
    if conn.dialect.name == "sqlite":
        statement = "SELECT sql FROM sqlite_master WHERE tbl_name = :name AND sql IS NOT NULL"
        texts = conn.execute(text(statement), {"name": table}).scalars().all()
        return sorted(re.sub(r"(?s)CREATE TABLE.*\)", "table", one) for one in texts)
    indexes = conn.execute(text("SELECT indexdef FROM pg_indexes WHERE tablename = :name"), {"name": table})
    options = conn.execute(text("SELECT reloptions::text FROM pg_class WHERE relname = :name"), {"name": table})
    return sorted([*indexes.scalars(), *map(str, options.scalars())])

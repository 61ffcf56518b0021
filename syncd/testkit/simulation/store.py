"""A store for simulations: SQLite in memory on one connection, and every statement done at once, without a thread.

The tables, the statements and the writer are the real ones; only the hand-over to a thread and the wait for the disk
are gone. So a whole system runs in one thread, in an order that nothing outside decides.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, create_engine
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import StaticPool
from sqlmodel import SQLModel

from syncd.db import Database
from syncd.reading import ReadingFace

T = TypeVar("T")

Rows = tuple[tuple[Any, ...], ...]


class SimulatedStore(Database):
    """A `Database` with all tables made. Nothing outside the process can see it, so nobody else ever commits."""

    def __init__(self) -> None:
        self.is_sqlite = True
        self._engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        self._conn = self._engine.connect()
        driver: Any = self._conn.connection.driver_connection
        driver.isolation_level = None  # transactions begin where `transact` says, nowhere else
        self._raw = driver
        SQLModel.metadata.create_all(self._conn)
        self._order = {
            table.name: ", ".join(column.name for column in table.primary_key)
            for table in SQLModel.metadata.sorted_tables
        }

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """The connection; whoever does not wait for others while he holds it sees one state."""
        yield cast(AsyncConnection, ReadingFace(self._conn))

    read_at_length = read

    async def transact(self, work: Callable[[Connection], T], *, lazy: bool = False) -> T:
        """Do `work` in one transaction, here and now."""
        self._raw.execute("BEGIN")
        with self._raw:  # commits at the end, rolls back on any exception
            return work(self._conn)

    async def version(self) -> int:
        """Never changes: there is no other process."""
        return 0

    async def aclose(self) -> None:
        """Throw everything away."""
        self._conn.close()
        self._engine.dispose()

    def dump(self) -> dict[str, Rows]:
        """Every row of every table that has any, in the order of its primary key."""
        found: dict[str, Rows] = {}
        for table, order in self._order.items():
            rows = self._raw.execute(f'SELECT * FROM "{table}" ORDER BY {order}').fetchall()  # noqa: S608  # our own tables
            if rows:
                found[table] = tuple(rows)
        return found

    def columns(self, table: str) -> tuple[str, ...]:
        """The names of a table's columns, in the order in which `dump` gives their values."""
        return tuple(column.name for column in SQLModel.metadata.tables[table].columns)

    def restore(self, dump: Mapping[str, Rows]) -> None:
        """Make the store hold exactly what `dump` once gave."""
        now = self.dump()
        self._raw.execute("BEGIN")
        with self._raw:
            for table in self._order:
                rows = dump.get(table, ())
                if rows != now.get(table, ()):
                    self._raw.execute(f'DELETE FROM "{table}"')  # noqa: S608  # our own tables
                    marks = ", ".join("?" * len(self.columns(table)))
                    self._raw.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)  # noqa: S608

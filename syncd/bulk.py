"""Statements for many rows or many keys at once: written once per store, values handed to the driver as they are.

SQLAlchemy's own way works on every row anew and costs more than the store does; the ledger's few hot statements go
past it. Rows are tuples in the order of the columns. SQLite takes them one by one in one call; PostgreSQL takes one
array per column in one message.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Dialect, Table

Convert = Callable[[Any], Any]

STORES_MAX = 8
"""Stores of one process whose texts are kept."""


class BulkInsert:
    """INSERT of many rows. `conflict` says what becomes of rows that are there already: ON CONFLICT …"""

    def __init__(self, table: Table, columns: Sequence[str], conflict: str = "") -> None:
        self._table = table
        self._columns = [table.c[name] for name in columns]
        self._conflict = conflict
        self._written = lru_cache(STORES_MAX)(self._write)

    def run(self, conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert the rows, in their order."""
        if not rows:
            return
        written = self._written(conn.dialect)
        if not written.converts and not written.by_column:
            conn.exec_driver_sql(written.sql, list(rows))
            return
        values: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for number, convert in written.converts:
            values[number] = [convert(value) for value in values[number]]
        if written.by_column:
            conn.exec_driver_sql(written.sql, tuple(list(column) for column in values))
        else:
            conn.exec_driver_sql(written.sql, list(zip(*values, strict=True)))

    def _write(self, dialect: Dialect) -> _Written:
        by_column = dialect.name != "sqlite"
        if by_column:
            arrays = ", ".join(f"%s::{column.type.compile(dialect)}[]" for column in self._columns)
            source = f"SELECT * FROM unnest({arrays})"  # noqa: S608  types are ours
        else:
            source = f"VALUES ({', '.join('?' * len(self._columns))})"
        names = ", ".join(column.name for column in self._columns)
        sql = f"INSERT INTO {self._table.name} ({names}) {source} {self._conflict}"
        return _Written(sql, by_column, _converts(self._columns, dialect))


class BulkSelect:
    """SELECT of the rows whose `key` is one of many texts, which are one parameter however many they are."""

    def __init__(self, table: Table, columns: Sequence[str], *, key: str) -> None:
        self._select = f"SELECT {', '.join(columns)} FROM {table.name} WHERE {key}"  # noqa: S608  names are ours

    def run(self, conn: Connection, keys: Iterable[str]) -> Sequence[Sequence[Any]]:
        """The rows found, in no order."""
        wanted = list(keys)
        if not wanted:
            return []
        if conn.dialect.name == "sqlite":
            among = f"{self._select} IN (SELECT value FROM json_each(?))"  # noqa: S608  names are ours
            return conn.exec_driver_sql(among, (json.dumps(wanted),)).all()
        return conn.exec_driver_sql(f"{self._select} = ANY(%s)", (wanted,)).all()


class _Written(NamedTuple):
    sql: str
    by_column: bool
    converts: tuple[tuple[int, Convert], ...]
    """By number of column: what its type does to a value on the way to the driver."""


def _converts(columns: Sequence[Column[Any]], dialect: Dialect) -> tuple[tuple[int, Convert], ...]:
    processors = (column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns)
    return tuple((number, convert) for number, convert in enumerate(processors) if convert is not None)

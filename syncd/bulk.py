"""Statements for many rows or many keys at once: written once per store, values handed to the driver as they are.

SQLAlchemy's own way works on every row anew and costs more than the store does; the ledger's few hot statements go
past it. Rows are tuples in the order of the columns. SQLite takes them one by one in one call; PostgreSQL takes one
array per column in one message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, cast

from sqlalchemy import Column, Connection, Dialect, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

Convert = Callable[[Any], Any]

STORES_MAX = 8
"""Stores of one process whose texts are kept."""


def on_conflict(key: Sequence[str], columns: Sequence[str], expressions: Mapping[str, str] | None = None) -> str:
    """What becomes of a row whose key is there: `columns` are overwritten, others become what `expressions` say."""
    values = {**{name: f"excluded.{name}" for name in columns}, **(expressions or {})}
    changes = ", ".join(f"{name} = {value}" for name, value in values.items())
    return f"ON CONFLICT ({', '.join(key)}) DO {'UPDATE SET ' + changes if changes else 'NOTHING'}"


class BulkInsert:
    """INSERT of many rows. `conflict` says what becomes of rows that are there already; no two may have one key."""

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
        values: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for number, convert in written.converts:
            values[number] = _converted(convert, values[number])
        if written.by_column:
            send(conn, written.sql, [list(column) for column in values])
        else:
            send(conn, written.sql, list(zip(*values, strict=True)), many=True)

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


class BulkUpsert:
    """INSERT … ON CONFLICT of rows of `table` by name of column; columns not named get what the store gives them.

    Without a key rows are only ever appended; with one and no `conflict` a key that is there already is a fault.
    """

    def __init__(self, table: Table, key: Sequence[str], conflict: str = "") -> None:
        self.table = table
        self._key = tuple(key)
        self._conflict = conflict
        self._inserts: dict[tuple[str, ...], BulkInsert] = {}

    def run(self, conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert the rows, in their order; all have the columns of the first."""
        columns = tuple(rows[0])
        if columns not in self._inserts:
            self._inserts[columns] = BulkInsert(self.table, columns, self._conflict)
        for part in _each_key_once(rows, self._key):
            self._inserts[columns].run(conn, [tuple([row[name] for name in columns]) for row in part])


class BulkUpdate:
    """UPDATE of rows of `table` by key, many at once.

    `changes` say in SQL what columns become and `where` which rows are meant besides; `given.NAME` in them is a value
    of the row, of the column of that name, or of the type that `extra` says.
    """

    def __init__(
        self,
        table: Table,
        key: Sequence[str],
        changes: Mapping[str, str],
        *,
        where: str = "",
        extra: Mapping[str, TypeEngine[Any]] | None = None,
    ) -> None:
        self.table = table
        self._key = tuple(key)
        self._set = ", ".join(f"{name} = {value}" for name, value in changes.items())
        self._where = " AND ".join(
            [f"{table.name}.{name} = given.{name}" for name in self._key] + ([where] if where else [])
        )
        self._names = tuple(dict.fromkeys([*self._key, *_GIVEN.findall(self._set), *_GIVEN.findall(self._where)]))
        more = {name: Column(name, kind) for name, kind in (extra or {}).items()}
        self._columns = [more[name] if name in more else table.c[name] for name in self._names]
        self._written = lru_cache(STORES_MAX)(self._write)

    def run(self, conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Change the rows, in their order."""
        written = self._written(conn.dialect)
        for part in _each_key_once(rows, self._key):
            values: list[Sequence[Any]] = [[row[name] for row in part] for name in self._names]
            for number, convert in written.converts:
                values[number] = _converted(convert, values[number])
            if written.by_column:
                send(conn, written.sql, values)
            else:
                marks = [values[self._names.index(name)] for name in _GIVEN.findall(f"{self._set} {self._where}")]
                send(conn, written.sql, list(zip(*marks, strict=True)), many=True)

    def _write(self, dialect: Dialect) -> _Written:
        by_column = dialect.name != "sqlite"
        if by_column:
            arrays = ", ".join(f"%s::{column.type.compile(dialect)}[]" for column in self._columns)
            source = f"FROM unnest({arrays}) AS given({', '.join(self._names)}) "
            sql = f"UPDATE {self.table.name} SET {self._set} {source}WHERE {self._where}"  # noqa: S608  names are ours
        else:
            sql = _GIVEN.sub("?", f"UPDATE {self.table.name} SET {self._set} WHERE {self._where}")  # noqa: S608
        return _Written(sql, by_column, _converts(self._columns, dialect))


class BulkDelete:
    """DELETE of the rows of `table` that have one of many keys; `key` may be a part of its primary key."""

    def __init__(self, table: Table, key: Sequence[str]) -> None:
        self.table = table
        self._key = tuple(key)
        self._columns = [table.c[name] for name in key]

    def run(self, conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Delete the rows of these keys."""
        values = [tuple([row[name] for name in self._key]) for row in rows]
        where = " AND ".join(f"{self.table.name}.{name} = given.{name}" for name in self._key)
        if conn.dialect.name == "sqlite":
            sql = _GIVEN.sub("?", f"DELETE FROM {self.table.name} WHERE {where}")  # noqa: S608  names are ours
            send(conn, sql, values, many=True)
            return
        arrays = ", ".join(f"%s::{column.type.compile(conn.dialect)}[]" for column in self._columns)
        given = f"unnest({arrays}) AS given({', '.join(self._key)})"
        sql = f"DELETE FROM {self.table.name} USING {given} WHERE {where}"  # noqa: S608  names are ours
        send(conn, sql, [list(column) for column in zip(*values, strict=True)])


BulkWrite = BulkUpsert | BulkUpdate | BulkDelete
"""What changes rows of its own table alone, and looks at no other."""

_GIVEN = re.compile(r"\bgiven\.(\w+)")


def _each_key_once(rows: Sequence[Mapping[str, Any]], key: tuple[str, ...]) -> Iterator[list[Mapping[str, Any]]]:
    """The rows in order, in parts: PostgreSQL refuses to change one row twice in one statement."""
    if not key:
        yield list(rows)
        return
    part: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in rows:
        value = tuple([row[name] for name in key])
        if value in part:
            yield list(part.values())
            part = {}
        part[value] = row
    yield list(part.values())


class BulkSelect:
    """SELECT of the rows whose `key` is one of many texts, which are one parameter however many they are."""

    def __init__(self, table: Table, columns: Sequence[str], *, key: str) -> None:
        self._select = f"SELECT {', '.join(columns)} FROM {table.name} WHERE {key}"  # noqa: S608  names are ours

    def run(self, conn: Connection, keys: Iterable[str]) -> list[tuple[Any, ...]]:
        """The rows found, in no order."""
        return self.ask(conn, keys).fetchall()

    def ask(self, conn: Connection, keys: Iterable[str]) -> Answer:
        """The same, to be fetched later: after `at_once` has sent it."""
        wanted = list(keys)
        if conn.dialect.name == "sqlite":
            return send(conn, f"{self._select} IN (SELECT value FROM json_each(?))", (json.dumps(wanted),))  # noqa: S608
        return send(conn, f"{self._select} = ANY(%s)", (wanted,))


class Answer(Protocol):
    """What a statement found, not fetched yet."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Every row."""


def send(conn: Connection, sql: str, values: Sequence[Any] = (), *, many: bool = False) -> Answer:
    """Give a statement to the driver; what it raises is what SQLAlchemy would raise, without the values."""
    driver: Any = conn.connection.dbapi_connection
    with _faults_of_sqlalchemy(conn, sql):
        cursor = driver.cursor()
        if many:
            cursor.executemany(sql, values)
        else:
            cursor.execute(sql, values)
    return cast(Answer, cursor)


@contextmanager
def at_once(conn: Connection) -> Iterator[None]:
    """What is sent in this block does not wait for its answer until the end: one journey to PostgreSQL and back."""
    driver: Any = conn.connection.dbapi_connection
    with _faults_of_sqlalchemy(conn, "several statements at once"):
        if conn.dialect.name == "sqlite":  # nothing travels
            yield
        else:
            with driver.pipeline():
                yield


@contextmanager
def _faults_of_sqlalchemy(conn: Connection, sql: str) -> Iterator[None]:
    base: type[Exception] = conn.dialect.loaded_dbapi.Error
    try:
        yield
    except base as fault:
        lost = conn.dialect.is_disconnect(cast(Any, fault), conn.connection.dbapi_connection, None)
        if lost:
            conn.invalidate(fault)
        raise DBAPIError.instance(sql, None, fault, base, connection_invalidated=lost, dialect=conn.dialect) from fault


class _Written(NamedTuple):
    sql: str
    by_column: bool
    converts: tuple[tuple[int, Convert], ...]
    """By number of column: what its type does to a value on the way to the driver."""


def _converted(convert: Convert, values: Sequence[Any]) -> list[Any]:
    """Every value converted, the same object only once: rows of one transaction share their moment."""
    told = {id(value): convert(value) for value in {id(value): value for value in values}.values()}
    return [told[id(value)] for value in values]


def _converts(columns: Sequence[Column[Any]], dialect: Dialect) -> tuple[tuple[int, Convert], ...]:
    processors = (column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns)
    return tuple((number, convert) for number, convert in enumerate(processors) if convert is not None)

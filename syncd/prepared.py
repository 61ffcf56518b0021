"""SELECTs that are asked all the time: written once per store, their values handed to the driver as they are.

SQLAlchemy takes ten times as long to find the text of a statement it has written before as SQLite takes to answer it.
A `Prepared` keeps the text. Lists are one parameter however many values they have, so that the text is always the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Boolean, ColumnElement, Connection, Dialect, Select, String, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator

from syncd.bulk import STORES_MAX, Answer, send
from syncd.errors import InvariantBroken
from syncd.reading import ReadingFace

NUMERIC = 1700
"""How PostgreSQL tells that it answers with a decimal; only types of numbers ask for what it told."""

Convert = Callable[[Any], Any]


class Row(Protocol):
    """A row found, whoever has found it."""

    def __getitem__(self, name: str, /) -> Any: ...


Found = dict[str, Any]
"""A row by name of column."""


class Prepared:
    """A SELECT whose parameters are `bindparam`s and whose lists are `among`. Its rows are found by column name."""

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._written = lru_cache(STORES_MAX)(self._write)

    async def rows(self, conn: AsyncConnection, /, **values: Any) -> list[Found]:
        """The rows found for these values of the parameters."""
        written = self._written(conn.dialect)
        given = written.given(values)
        if isinstance(conn, ReadingFace):
            return written.told(conn.fetch(written.sql, given))
        return written.told((await conn.exec_driver_sql(written.sql, given)).fetchall())

    def ask(self, conn: Connection, /, **values: Any) -> Asked:
        """The same of a plain connection, to be fetched later: after `at_once` has sent it."""
        written = self._written(conn.dialect)
        return Asked(send(conn, written.sql, written.given(values)), written.told)

    def _write(self, dialect: Dialect) -> _Written:
        compiled: Any = self._statement.compile(dialect=dialect)
        if compiled.post_compile_params:
            raise InvariantBroken(
                f"a list in a prepared statement is `among`, so that its text stays the same: {compiled}"
            )
        names = tuple(compiled.positiontup or ())
        own = dict(compiled.params)
        given = {name: _bind(bound.type, dialect) for bound, name in compiled.bind_names.items()}
        columns = tuple(column.name for column in self._statement.selected_columns)
        converts = (_result(column.type, dialect) for column in self._statement.selected_columns)
        told = tuple((columns[number], convert) for number, convert in enumerate(converts) if convert is not None)
        binds = {name: convert for name, convert in given.items() if convert is not None}
        return _Written(str(compiled), names, own, binds, columns, told)


class Asked(NamedTuple):
    """Rows asked for and not fetched yet."""

    answer: Answer
    told: Callable[[Sequence[Sequence[Any]]], list[Found]]

    def rows(self) -> list[Found]:
        """The rows found."""
        return self.told(self.answer.fetchall())


class _Written(NamedTuple):
    sql: str
    names: tuple[str, ...]
    """Parameters in the order of their marks; none where the store takes them by name."""
    own: Mapping[str, Any]
    """Values that the statement itself states."""
    binds: Mapping[str, Convert]
    columns: tuple[str, ...]
    converts: tuple[tuple[str, Convert], ...]

    def given(self, values: Mapping[str, Any]) -> Any:
        """The values as the driver takes them. Raises KeyError for one that is missing."""
        all_ = {
            name: convert(value) if (convert := self.binds.get(name)) else value
            for name, value in {**self.own, **values}.items()
        }
        return tuple([all_[name] for name in self.names]) if self.names else all_

    def told(self, rows: Sequence[Sequence[Any]]) -> list[Found]:
        """The rows as Python knows their values."""
        found: list[Found] = [dict(zip(self.columns, row, strict=True)) for row in rows]
        for name, convert in self.converts:
            for row in found:
                row[name] = convert(row[name])
        return found


class _Texts(TypeDecorator[Sequence[str]]):
    """Texts as one parameter: an array, or a JSON text where the store knows no arrays."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(String() if dialect.name == "sqlite" else ARRAY(Text()))

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> Any:
        return json.dumps(list(value or ())) if dialect.name == "sqlite" else list(value or ())


class _Pairs(TypeDecorator[Sequence[tuple[str, str]]]):
    """Pairs of texts as one parameter: a JSON text."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Sequence[tuple[str, str]] | None, dialect: Dialect) -> Any:
        return json.dumps([list(pair) for pair in value or ()])


class Among(ColumnElement[bool]):
    """Whether a column, or a pair of them, is in a list that is given as one parameter."""

    inherit_cache = False
    type = Boolean()

    def __init__(self, columns: Sequence[ColumnElement[Any]], name: str, *, is_negated: bool = False) -> None:
        self.columns = tuple(columns)
        self.word = "NOT IN" if is_negated else "IN"
        self.param: Any = bindparam(name, type_=_Texts() if len(self.columns) == 1 else _Pairs())

    def self_group(self, against: Any = None) -> Among:
        """Stand as it is: SQLAlchemy would compare its truth with 1, and no index would be used."""
        return self


@compiles(Among, "sqlite")
def _among_on_sqlite(element: Among, compiler: Any, **words: Any) -> str:
    columns, given = _parts(element, compiler, words)
    parts = ["value"] if len(columns) == 1 else [f"json_extract(value, '$[{n}]')" for n in range(len(columns))]
    return f"({', '.join(columns)}) {element.word} (SELECT {', '.join(parts)} FROM json_each({given}))"  # noqa: S608  ours


@compiles(Among, "postgresql")
def _among_on_postgresql(element: Among, compiler: Any, **words: Any) -> str:
    columns, given = _parts(element, compiler, words)
    if len(columns) == 1:
        return f"{columns[0]} {'= ANY' if element.word == 'IN' else '<> ALL'}({given})"
    parts = ", ".join(f"value ->> {number}" for number in range(len(columns)))
    return f"({', '.join(columns)}) {element.word} (SELECT {parts} FROM jsonb_array_elements({given}::jsonb))"  # noqa: S608  ours


def among(*columns: ColumnElement[Any], name: str) -> Among:
    """Whether the columns are in the list that is given as the parameter `name`."""
    return Among(columns, name)


def not_among(*columns: ColumnElement[Any], name: str) -> Among:
    """Whether the columns are not in the list that is given as the parameter `name`."""
    return Among(columns, name, is_negated=True)


def _parts(element: Among, compiler: Any, words: Mapping[str, Any]) -> tuple[list[str], str]:
    return [compiler.process(one, **words) for one in element.columns], compiler.process(element.param, **words)


def _bind(kind: Any, dialect: Dialect) -> Convert | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)  # type: ignore[no-any-return]


def _result(kind: Any, dialect: Dialect) -> Convert | None:
    return kind.dialect_impl(dialect).result_processor(dialect, NUMERIC)  # type: ignore[no-any-return]

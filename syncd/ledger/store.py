"""The ledger's tables, and the one transaction through which everything that must be true together is written.

A `Command` is judged against locked balances before anything of it is written, so that each command in a shared
transaction stands or falls alone. Order of precedence of its verdict: conflict, duplicate, refused, posted; every case
is a row of docs/verdicts.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Executable,
    Index,
    Integer,
    String,
    Table,
    bindparam,
    func,
    select,
    text,
)
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import Select
from sqlmodel import Field, SQLModel

from syncd.bulk import BulkInsert, BulkSelect, BulkUpdate, BulkWrite, on_conflict
from syncd.db import UtcDateTime, table_of, upsert
from syncd.errors import InvariantBroken
from syncd.identity import Sku
from syncd.ledger.balance import Balances
from syncd.ledger.movement import OUTSIDE, Account, Movement, Reason
from syncd.ledger.store_look import Look
from syncd.prepared import Prepared, among

T = TypeVar("T")
Position = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows itself only in an INTEGER key


ONE_TREE = {"sqlite_with_rowid": False, "postgresql_with": {"fillfactor": 70}}
"""Rows that change all the time: SQLite keeps them in their key's tree alone, PostgreSQL leaves room beside them."""


class MovementRow(SQLModel, table=True):
    """The log: only ever appended to."""

    __tablename__ = "movement"

    position: int = Field(sa_column=Column(Position, primary_key=True, autoincrement=False))
    key: str = Field(sa_column=Column(String, unique=True, nullable=False))
    sku: str
    quantity: int
    source: str
    destination: str
    reason: str
    reference: str
    actor: str
    happened_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    recorded_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))

    __table_args__ = (CheckConstraint("quantity > 0", name="movement_quantity_positive"),)


class BalanceRow(SQLModel, table=True):
    """The fold of the log; `position` is the last movement folded in."""

    __tablename__ = "balance"

    sku: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    quantity: int
    position: int = Field(sa_column=Column(BigInteger, nullable=False))

    __table_args__ = (
        CheckConstraint(
            f"quantity >= 0 OR substr(account, 1, {len(OUTSIDE) + 1}) = '{OUTSIDE}/'", name="balance_not_below_zero"
        ),
        ONE_TREE,
    )


class TouchedRow(SQLModel, table=True):
    """One row per SKU: the mark that its availability may have changed."""

    __tablename__ = "touched"

    sku: str = Field(primary_key=True)
    version: int
    dirty: bool

    __table_args__ = (
        Index("ix_touched_dirty", "sku", sqlite_where=text("dirty = 1"), postgresql_where=text("dirty")),
        ONE_TREE,
    )


movement = table_of(MovementRow)
balance = table_of(BalanceRow)
touched = table_of(TouchedRow)

INSERT_MOVEMENTS = BulkInsert(movement, movement.columns.keys())
UPSERT_BALANCES = BulkInsert(
    balance, ("sku", "account", "quantity", "position"), on_conflict(("sku", "account"), ("quantity", "position"))
)
MARK_TOUCHED = upsert(touched, ("sku",), ("dirty",), {"version": "touched.version + 1"})
SELECT_POSTED = BulkSelect(
    movement, ("position", "key", "sku", "quantity", "source", "destination", "reason", "reference"), key="key"
)
LAST_POSITION = "SELECT coalesce(max(position), 0) FROM movement"
SELECT_BALANCES = BulkSelect(balance, ("sku", "account", "quantity"), key="sku")


class Verdict(StrEnum):
    """What became of a command."""

    POSTED = "posted"
    DUPLICATE = "duplicate"
    """Every key was posted before with the same content: nothing written, nothing wrong."""
    CONFLICT = "conflict"
    """A key was posted before with other content: nothing written, the caller is wrong."""
    REFUSED = "refused"
    """It would take an account of ours below zero, or can never be posted: nothing written."""


@dataclass(frozen=True, slots=True)
class Write:
    """One row write of a room, part of a command."""

    statement: Executable | BulkWrite
    values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """The values, row by row."""
        if self.values is None:
            return ()
        return (self.values,) if isinstance(self.values, Mapping) else self.values


def table_written(statement: Executable | BulkWrite) -> str:
    """The name of the table that a write's statement changes. Raises InvariantBroken for one that names none."""
    table = getattr(statement, "table", None)
    if not isinstance(table, Table):
        raise InvariantBroken("a write says in plain text what it does: nobody could be told what it changed")
    return table.name


def in_runs(writes: Iterable[Write]) -> Iterator[tuple[Executable | BulkWrite, list[Mapping[str, Any]]]]:
    """The writes, neighbours with one statement and the same columns together; no rows where it takes none.

    In their order, except that bulk writes, which touch their own table alone, move up to those of the same table:
    many commands that each write to several tables come to one run for each table.
    """
    taken = [write for write in writes if write.values is None or write.rows]
    for is_bulk, part in groupby(taken, key=lambda write: isinstance(write.statement, BulkWrite)):
        if not is_bulk:
            yield from _neighbours(part)
            continue
        by_table: dict[str, list[Write]] = {}
        for write in part:
            by_table.setdefault(table_written(write.statement), []).append(write)
        for same_table in by_table.values():
            yield from _neighbours(same_table)


def _neighbours(writes: Iterable[Write]) -> Iterator[tuple[Executable | BulkWrite, list[Mapping[str, Any]]]]:
    for _, run in groupby(
        writes, key=lambda write: (id(write.statement), write.values is None, *map(tuple, write.rows[:1]))
    ):
        same = list(run)
        if same[0].values is None:
            yield from ((write.statement, []) for write in same)
        else:
            yield same[0].statement, [row for write in same for row in write.rows]


@dataclass(frozen=True, slots=True)
class View:
    """What a command is decided on: balances of its SKUs, with those before it in the transaction, and its reads."""

    balances: Balances
    rows: tuple[Sequence[RowMapping], ...]
    now: datetime


@dataclass(frozen=True, slots=True)
class Plan(Generic[T]):
    """A command's decision. With `refusal` nothing is written."""

    value: T
    movements: tuple[Movement, ...] = ()
    writes: tuple[Write, ...] = ()
    marks: frozenset[Sku] = frozenset()
    """SKUs whose availability changes by the row writes alone."""
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Command(Generic[T]):
    """Something to be decided and written as one. `decide` may be asked twice and must have no effect of its own.

    `keys` are the idempotency keys looked up first (derived part keys need not be named). With keys and without reads
    the same movements must be decided whatever the balances: repeats are compared by them. `skus` are locked in key
    order, hold every SKU that is moved, and are marked if anything is written. `reads` run inside the transaction: a
    `Look` together with those of other commands, a SELECT by itself, after everything before it is written. `is_lazy`:
    a power cut may undo it, for what it rests on is still there and it is done again.
    """

    decide: Callable[[View], Plan[T]]
    keys: tuple[str, ...] = ()
    skus: frozenset[Sku] = frozenset()
    reads: tuple[Select[Any] | Look, ...] = ()
    is_lazy: bool = False


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """The verdict on a command; `value` is None unless posted.

    `positions` say where in the log its movements stand: those it posted, those that were posted before under its keys
    (a duplicate's, as far as it names their keys where it reads; a conflict's), none of a refused command.
    """

    verdict: Verdict
    value: T | None = None
    explanation: str = ""
    positions: tuple[int, ...] = ()


def post(movements: Sequence[Movement]) -> Command[None]:
    """A command that posts these movements, all or none."""
    plan = Plan(None, tuple(movements))
    return Command(lambda _view: plan, tuple([m.key for m in movements]), frozenset([m.sku for m in movements]))


def mark_touched(skus: Iterable[Sku]) -> Write:
    """Mark SKUs whose availability may have changed."""
    return Write(MARK_TOUCHED, [{"sku": sku, "version": 1, "dirty": True} for sku in sorted(skus)])


_BALANCES = select(balance.c.sku, balance.c.account, balance.c.quantity)
_BALANCES_OF_SKUS = Prepared(_BALANCES.where(among(balance.c.sku, name="skus")))


def add_balances(found: Balances, rows: Iterable[Sequence[Any]]) -> None:
    """Put selected balances into a value."""
    for sku, account, quantity in rows:
        found.by_sku.setdefault(Sku(sku), {})[Account.written(account)] = quantity


async def read_balances(conn: AsyncConnection, skus: Sequence[Sku] | None = None) -> Balances:
    """Balances of these SKUs, or of all."""
    found = Balances()
    if skus is None:
        add_balances(found, await conn.execute(_BALANCES))
        return found
    add_balances(found, [tuple(row.values()) for row in await _BALANCES_OF_SKUS.rows(conn, skus=skus)])
    return found


@dataclass(frozen=True, slots=True)
class RecordedMovement:
    """A movement as it stands in the log."""

    position: int
    movement: Movement
    recorded_at: datetime


def recorded(row: RowMapping) -> RecordedMovement:
    """A log row as a value."""
    return RecordedMovement(
        row["position"],
        Movement(
            row["key"],
            Sku(row["sku"]),
            row["quantity"],
            Account.written(row["source"]),
            Account.written(row["destination"]),
            Reason(row["reason"]),
            row["happened_at"],
            row["reference"],
            row["actor"],
        ),
        row["recorded_at"],
    )


async def read_movements(
    conn: AsyncConnection, *, sku: Sku | None = None, after: int = 0, limit: int = 1000
) -> list[RecordedMovement]:
    """The log in order, optionally of one SKU, from just after a position."""
    statement = select(movement).where(movement.c.position > after).order_by(movement.c.position).limit(limit)
    if sku is not None:
        statement = statement.where(movement.c.sku == sku)
    return [recorded(row) for row in (await conn.execute(statement)).mappings()]


async def last_position(conn: AsyncConnection) -> int:
    """The position of the last movement, 0 where there is none."""
    return int((await conn.execute(select(func.coalesce(func.max(movement.c.position), 0)))).scalar_one())


async def position_at(conn: AsyncConnection, moment: datetime) -> int:
    """The position of the last movement recorded by a moment, 0 where there is none."""
    c = movement.c
    return int(
        (await conn.execute(select(func.coalesce(func.max(c.position), 0)).where(c.recorded_at <= moment))).scalar_one()
    )


async def read_newest(conn: AsyncConnection, sku: Sku, limit: int) -> list[RecordedMovement]:
    """The last movements of a SKU, newest first."""
    c = movement.c
    statement = select(movement).where(c.sku == sku).order_by(c.position.desc()).limit(limit)
    return [recorded(row) for row in (await conn.execute(statement)).mappings()]


_MARKED = select(touched.c.sku, touched.c.version).where(touched.c.dirty).order_by(touched.c.sku)
_MARKED = _MARKED.limit(bindparam("limit", type_=Integer))
_MARKED_BEHIND = Prepared(_MARKED.where(touched.c.sku > bindparam("after")))
_MARKED_UP_TO = Prepared(_MARKED.where(touched.c.sku <= bindparam("after")))


async def read_touched(conn: AsyncConnection, limit: int, *, after: str = "") -> dict[Sku, int]:
    """Marked SKUs with the version of their mark: those behind `after` in order, then, while there is room, the first.

    Who goes on where he ended takes each in its turn, however many are marked again meanwhile.
    """
    rows = await _MARKED_BEHIND.rows(conn, after=after, limit=limit)
    if after and len(rows) < limit:
        rows += await _MARKED_UP_TO.rows(conn, after=after, limit=limit - len(rows))
    return {Sku(row["sku"]): row["version"] for row in rows}


_CLEAR_TOUCHED = BulkUpdate(touched, ("sku", "version"), {"dirty": "false"})


def clear_touched(versions: Mapping[Sku, int]) -> Write:
    """Take marks away, each only if nobody has marked the SKU again since its version was read."""
    return Write(_CLEAR_TOUCHED, [{"sku": sku, "version": version} for sku, version in sorted(versions.items())])


async def read_stocked_skus(conn: AsyncConnection, *, after: str, limit: int) -> list[Sku]:
    """SKUs anything was ever booked for, in order, from just after one."""
    c = balance.c
    statement = select(c.sku).where(c.sku > after).distinct().order_by(c.sku).limit(limit)
    return [Sku(sku) for sku in (await conn.execute(statement)).scalars()]

"""The database: engines for reading and writing, column types, and how other processes' commits are noticed.

One transaction writes at a time, whichever process it is of: SQLite begins it with BEGIN IMMEDIATE, PostgreSQL with one
advisory lock (docs/decisions/0007). SQLite runs in WAL mode with synchronous=FULL, so that what was acknowledged
survives a power cut. Readers never wait, and see one state for as long as they look.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import uuid4

from sqlalchemy import Connection, DateTime, Dialect, Engine, String, Table, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel

from syncd.bulk import BulkUpsert, at_once, on_conflict, send
from syncd.checkpoint import Checkpointer
from syncd.errors import OperatorError
from syncd.reading import InlineReader

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

BUSY_SECONDS = 30
"""How long a second process waits for the one that is writing."""

SILENT_SECONDS = 7
"""How long PostgreSQL lets a process that fell silent keep others from writing; then its transaction is undone.

Shorter than it takes to take over a silent node's work, much longer than any pause between two statements.
"""

CONNECT_SECONDS = 5
UNHEARD_SECONDS = 8
"""How long what was sent to PostgreSQL may stay unacknowledged before the connection counts as lost."""

TRANSACTION_ATTEMPTS_MAX = 5
"""How often a transaction is begun that the store undid because of somebody else's."""

UNDONE_BY_OTHERS = frozenset({"40001", "40P01"})
"""SQLSTATE of a serialisation failure and of a deadlock: nothing was written, and the next attempt may well succeed."""

WRITERS_LOCK = 0x73796E6364
"""The advisory lock of PostgreSQL that a writing transaction holds: "syncd" as a number."""

COMMITTED = "syncd_committed"
"""The channel of PostgreSQL on which a commit is told, with the name of the database object that made it."""

WRITER_PRAGMAS = ("cache_size=-65536", "wal_autocheckpoint=32000")
"""SQLite: 64 MB of pages at hand; at most 128 MB written ahead before the writer itself puts them in their places."""

READ_CONNECTIONS = 4

BIND_VARIABLES_MAX = 900
"""Values in one IN (…) list; SQLite's own limit is 32,766, older builds allow 999."""

UNTOLD: Mapping[str, Any] = {"hide_parameters": True}
"""Values of a statement that failed may be a customer's: they reach no error and no log."""

BEGIN_OPTION = "syncd_begin"
"""Execution option: how a transaction of this one connection begins."""

LAZY_OPTION = "syncd_lazy"
"""Execution option: a power cut may undo the transaction, together with all that came after it."""

T = TypeVar("T")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, always aware and in UTC on our side, whatever the store keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment without time zone cannot be stored: {value.isoformat()}")
        return value.astimezone(UTC)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        """SQLite keeps moments as text; SQLAlchemy's own way of writing it takes three times as long."""
        if dialect.name != "sqlite":
            return super().bind_processor(dialect)

        def written(value: datetime | None) -> str | None:
            moment = self.process_bind_param(value, dialect)
            return None if moment is None else moment.replace(tzinfo=None).isoformat(" ", "microseconds")

        return written

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal kept as text, so that no store turns money into floats."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


def table_of(model: type[SQLModel]) -> Table:
    """The Core table behind a SQLModel class; statements are built on it, never on ORM objects."""
    return cast(Table, model.__table__)  # type: ignore[attr-defined]


def values_of(value: DataclassInstance) -> dict[str, Any]:
    """A flat dataclass's fields by name; `asdict` copies each of them deeply, which takes longer than writing a row."""
    return {name: getattr(value, name) for name in _field_names(type(value))}


@lru_cache(256)  # as many classes of rows as there may ever be
def _field_names(kind: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def chunks(values: Iterable[T], size: int = BIND_VARIABLES_MAX) -> Iterator[list[T]]:
    """The values in lists of at most `size`."""
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk


def upsert(
    table: Table, key: Sequence[str], columns: Sequence[str], expressions: Mapping[str, str] | None = None
) -> BulkUpsert:
    """INSERT … ON CONFLICT (key): `columns` are overwritten, `expressions` say in SQL what others become.

    With neither, an existing row is left alone.
    """
    return _upsert(table, tuple(key), tuple(columns), tuple((expressions or {}).items()))


@lru_cache(256)  # the same statement for every row of a table: neighbours in a transaction are written together
def _upsert(
    table: Table, key: tuple[str, ...], columns: tuple[str, ...], expressions: tuple[tuple[str, str], ...]
) -> BulkUpsert:
    return BulkUpsert(table, key, on_conflict(key, columns, dict(expressions)))


GONE = ("08", "57P", "53")
"""First characters of SQLSTATEs that say the store, not the statement, is at fault: lost, ending, out of room."""

UNWRITABLE = ("disk is full", "disk I/O error", "readonly database", "unable to open", "database is locked")
"""The same in SQLite's words."""


def is_gone(fault: BaseException) -> bool:
    """Whether the store cannot be reached or written to at all: whoever waits may find it again."""
    if not isinstance(fault, DBAPIError):
        return False
    state = getattr(fault.orig, "sqlstate", None)
    if fault.connection_invalidated or (state or "").startswith(GONE):
        return True
    said = str(fault.orig)
    if "sqlite3" in type(fault.orig).__module__:
        return any(words in said for words in UNWRITABLE)
    return isinstance(fault, OperationalError) and state is None


class Database:
    """One store: read by many connections in the event loop, written by one in a thread of its own.

    A transaction is some ten short statements; run in one thread they cost one hand-over instead of two dozen.
    """

    def __init__(self, url: str, password: str | None = None) -> None:
        self.url = store_url(url) if password is None else store_url(url).set(password=password)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._name = uuid4().hex
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer")
        self._watcher: AsyncConnection | None = None
        self._foreign_commits = 0
        if self.is_sqlite:
            Path(str(self.url.database)).parent.mkdir(parents=True, exist_ok=True)
            options: dict[str, Any] = {**UNTOLD, "max_overflow": 0, "connect_args": {"timeout": BUSY_SECONDS}}
            self._writer = create_engine(self.url.set(drivername="sqlite"), pool_size=1, **options)
            inline = create_engine(self.url.set(drivername="sqlite"), pool_size=READ_CONNECTIONS, **options)
            self._inline: InlineReader | None = InlineReader(inline, READ_CONNECTIONS)
            self._reader = create_async_engine(self.url, pool_size=READ_CONNECTIONS, **options)
            self._checkpointer: Checkpointer | None = Checkpointer(str(self.url.database))
            _configure_sqlite(self._writer, *WRITER_PRAGMAS, begin="BEGIN IMMEDIATE")
            _checkpoint_beside(self._writer, self._checkpointer)
            _configure_sqlite(inline)
            _configure_sqlite(self._reader.sync_engine, begin="BEGIN")
        else:
            self._inline = self._checkpointer = None
            # a plan made once, while a table was young, would go on reading all of it when it has grown
            writing = _postgresql_connection(plan_cache_mode="force_custom_plan")
            self._writer = create_engine(self.url, pool_size=1, max_overflow=0, connect_args=writing, **UNTOLD)
            options = {**UNTOLD, "max_overflow": 0, "connect_args": _postgresql_connection()}
            options |= {"isolation_level": "REPEATABLE READ", "pool_pre_ping": True}
            beside = 3  # one listens, one keeps the leases, one takes and gives them
            self._reader = create_async_engine(self.url, pool_size=READ_CONNECTIONS + beside, **options)
            _configure_postgresql(self._writer, self._name)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one consistent state for as long as it is held; what it writes is thrown away.

        For looking at some rows: on SQLite each statement holds the event loop until it is done.
        """
        if self._inline is None:
            async with self._reader.connect() as conn:
                yield conn
        else:
            async with self._inline.connect() as conn:
                yield conn

    @asynccontextmanager
    async def read_at_length(self) -> AsyncIterator[AsyncConnection]:
        """As `read`, for going through whole tables: the event loop is free meanwhile."""
        async with self._reader.connect() as conn:
            yield conn

    @asynccontextmanager
    async def each_alone(self) -> AsyncIterator[AsyncConnection]:
        """A connection on which every statement is committed by itself, without waiting for whoever writes.

        For leases only (PostgreSQL): they must be kept while a long import writes. All else goes through `transact`.
        """
        async with self._reader.connect() as conn:
            await conn.execution_options(isolation_level="AUTOCOMMIT")
            yield conn

    async def transact(self, work: Callable[[Connection], T], *, lazy: bool = False) -> T:
        """Do `work` in one transaction, in the writing thread: committed at the end, rolled back on any exception.

        Once begun it is carried to its end, whether or not the caller still waits. PostgreSQL may undo a transaction
        because of somebody else's; then `work` is done again, so it must have no effect but in the store. `lazy`: the
        commit does not wait for the disk. A power cut may undo it, and nothing else can; the next commit that waits
        keeps it too.
        """
        return await self._in_thread(self._transact, work, lazy)

    def _transact(self, work: Callable[[Connection], T], lazy: bool) -> T:
        for attempts_left in reversed(range(TRANSACTION_ATTEMPTS_MAX)):
            begun = False
            try:
                with self._writer.connect().execution_options(**{LAZY_OPTION: lazy}) as conn, conn.begin():
                    begun = True
                    return work(conn)
            except DBAPIError as fault:
                undone = getattr(fault.orig, "sqlstate", None) in UNDONE_BY_OTHERS
                lost_before = fault.connection_invalidated and not begun  # the server was started anew meanwhile
                if not attempts_left or not (undone or lost_before):
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def version(self) -> int:
        """A number that changes when another process has committed; cheap enough to be asked for all the time."""
        return await (self._in_thread(self._data_version) if self.is_sqlite else self._told_commits())

    def _data_version(self) -> int:
        with self._writer.connect().execution_options(**{BEGIN_OPTION: "BEGIN"}) as conn:  # looking must not lock
            return int(conn.execute(text("PRAGMA data_version")).scalar_one())

    async def _told_commits(self) -> int:
        """Ask nothing of a connection that listens: what was told meanwhile comes with the answer."""
        try:
            if self._watcher is None:
                self._watcher = await self._listening()
                self._foreign_commits += 1  # what was told while nobody listened is not known
            await self._watcher.exec_driver_sql("SELECT 1")
        except DBAPIError:
            await self._stop_listening()
            raise
        return self._foreign_commits

    async def _listening(self) -> AsyncConnection:
        conn = await self._reader.connect()
        await conn.execution_options(isolation_level="AUTOCOMMIT")
        driver: Any = (await conn.get_raw_connection()).driver_connection
        driver.add_notify_handler(self._hear)
        await conn.exec_driver_sql(f"LISTEN {COMMITTED}")
        return conn

    def _hear(self, notify: Any) -> None:
        if notify.payload != self._name:
            self._foreign_commits += 1

    async def _stop_listening(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            await watcher.invalidate()
            await watcher.close()

    async def aclose(self) -> None:
        """Close every connection. May be called twice."""
        await self._stop_listening()
        await self._reader.dispose()
        if self._inline is not None:
            self._inline.dispose()
        await asyncio.to_thread(self._close_writer)

    def _close_writer(self) -> None:
        with suppress(RuntimeError):  # closed before
            self._thread.submit(self._writer.dispose).result()
        self._thread.shutdown()
        if self._checkpointer is not None:  # only now: the transaction in hand may still ask for one
            self._checkpointer.close()

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)


def store_url(url: str) -> URL:
    """The URL with its asynchronous driver. Raises OperatorError for a store syncd cannot work with."""
    known = "use sqlite:/// or postgresql://"
    try:
        parsed = make_url(url)
    except ArgumentError:  # the text may hold a password and is not repeated
        raise OperatorError(f"[database] url: this is not a store's address; {known}") from None
    match parsed.get_backend_name():
        case "sqlite" if parsed.database in (None, "", ":memory:"):
            raise OperatorError("[database] url: this SQLite store is not a file; write sqlite:///PATH")
        case "sqlite":
            return parsed.set(drivername="sqlite+aiosqlite")
        case "postgresql":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise OperatorError(f"[database] url: {other!r} is not a store syncd knows; {known}")


def _configure_sqlite(engine: Engine, *pragmas: str, begin: str | None = None) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    if begin is None:
        return

    @event.listens_for(engine, "begin")
    def start(conn: Any) -> None:
        options = conn.get_execution_options()
        wanted = "NORMAL" if options.get(LAZY_OPTION) else "FULL"
        if conn.info.get(LAZY_OPTION, "FULL") != wanted:  # cannot be changed once the transaction has begun
            conn.exec_driver_sql(f"PRAGMA synchronous={wanted}")
            conn.info[LAZY_OPTION] = wanted
        conn.exec_driver_sql(options.get(BEGIN_OPTION, begin))


def _checkpoint_beside(engine: Engine, checkpointer: Checkpointer) -> None:
    @event.listens_for(engine, "commit")
    def tell(conn: Any) -> None:
        checkpointer.changed(conn.connection.driver_connection.total_changes)


def _postgresql_connection(**further: str) -> dict[str, Any]:
    """How to connect: a server that has gone without a word is noticed within seconds."""
    patience = {"connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": UNHEARD_SECONDS * 1000}
    alive = {"keepalives_idle": 3, "keepalives_interval": 2, "keepalives_count": 3}
    return {"options": _postgresql_options(**further), **patience, **alive}


def _postgresql_options(**further: str) -> str:
    limits = {"lock_timeout": BUSY_SECONDS, "idle_in_transaction_session_timeout": SILENT_SECONDS}
    settings = {**{name: int(seconds * 1000) for name, seconds in limits.items()}, **further}
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def _configure_postgresql(engine: Engine, name: str) -> None:
    @event.listens_for(engine, "begin")
    def start(conn: Any) -> None:
        with at_once(conn):
            if conn.get_execution_options().get(LAZY_OPTION):
                send(conn, "SET LOCAL synchronous_commit = off")
            send(conn, f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")

    @event.listens_for(engine, "commit")
    def tell(conn: Any) -> None:
        written = "pg_current_xact_id_if_assigned() IS NOT NULL"
        conn.exec_driver_sql(f"SELECT pg_notify('{COMMITTED}', '{name}') WHERE {written}")

"""Reading a SQLite file without leaving the event loop.

A look at some rows of a local file takes microseconds, and handing it to a thread and back takes longer than that by
far, most of all while the loop is busy (docs/decisions/0026). So a look is done at once, where it is asked for; what
goes through whole tables asks for `Database.read_at_length`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, CursorResult, Dialect, Engine, Executable
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.bulk import send

T = TypeVar("T")


class ReadingFace:
    """What rooms use of an `AsyncConnection`, over a connection that answers at once."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run a statement of SQLAlchemy Core."""
        return self._conn.execute(statement, parameters)

    @property
    def dialect(self) -> Dialect:
        """The store's."""
        return self._conn.dialect

    def fetch(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """What a statement written for the driver finds."""
        return send(self._conn, sql, values).fetchall()

    async def exec_driver_sql(self, statement: str, parameters: Any = None) -> CursorResult[Any]:
        """Run a statement written for the driver."""
        return self._conn.exec_driver_sql(statement, parameters)

    async def run_sync(self, work: Callable[[Connection], T]) -> T:
        """Let something look that knows only plain connections."""
        return work(self._conn)


class InlineReader:
    """Connections for reading one SQLite file, as many at a time as there is room for.

    They are kept as they are between two looks; the engine must begin no transaction of its own.
    """

    def __init__(self, engine: Engine, connections: int) -> None:
        self._engine = engine
        self._room = asyncio.Semaphore(connections)
        self._idle: list[Connection] = []

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one state for as long as it is held; what it writes is thrown away."""
        async with self._room:
            conn = self._idle.pop() if self._idle else self._engine.connect()
            is_as_before = False
            try:
                send(conn, "BEGIN")
                yield cast(AsyncConnection, ReadingFace(conn))
                if conn.in_transaction():  # SQLAlchemy's own, which it begins when it is asked to execute something
                    conn.rollback()
                else:
                    send(conn, "ROLLBACK")
                is_as_before = True
            finally:
                if is_as_before:
                    self._idle.append(conn)
                else:
                    conn.close()

    def dispose(self) -> None:
        """Close every connection."""
        while self._idle:
            self._idle.pop().close()
        self._engine.dispose()

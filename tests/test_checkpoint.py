"""SQLite's write-ahead log: put in place beside the writer, and nothing lost when that fails."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection

import syncd.checkpoint
from syncd.db import Database
from syncd.telemetry import Event, counts


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncd.checkpoint, "ROWS_BETWEEN", 100)


def _insert(rows: int) -> object:
    def work(conn: Connection) -> None:
        for number in range(rows):
            conn.exec_driver_sql("INSERT INTO thing (body) VALUES (?)", (f"{number}" * 200,))

    return work


async def _write(db: Database, rows: int, times: int) -> None:
    await db.transact(lambda conn: conn.exec_driver_sql("CREATE TABLE IF NOT EXISTS thing (body TEXT)"))
    for _ in range(times):
        await db.transact(_insert(rows))  # type: ignore[arg-type]


async def test_what_was_written_ahead_is_put_in_its_place(tmp_path: Path) -> None:
    """The database file has the rows although the writer never reached its own bound."""
    path = tmp_path / "store.db"
    db = Database(f"sqlite:///{path}")
    try:
        await _write(db, rows=120, times=3)
        assert db._checkpointer is not None
        db._checkpointer.close()
        assert path.stat().st_size > 100 * 200  # as long as the store is open nobody else would copy
    finally:
        await db.aclose()


async def test_closing_lets_the_transaction_in_hand_end(tmp_path: Path) -> None:
    """However many rows it changes: asking for a checkpoint must not undo it."""
    path = tmp_path / "store.db"
    db = Database(f"sqlite:///{path}")
    await _write(db, rows=1, times=1)
    begun = threading.Event()

    def work(conn: Connection) -> None:
        begun.set()
        time.sleep(0.2)  # `aclose` is waiting by now; if not, the test proves less and is not red
        _insert(500)(conn)  # type: ignore[operator]

    writing = asyncio.create_task(db.transact(work))
    await asyncio.to_thread(begun.wait)
    await db.aclose()
    await writing
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("SELECT count(*) FROM thing").fetchone() == (501,)


async def test_it_bars_neither_the_writer_nor_readers(tmp_path: Path) -> None:
    """A reader that holds an old state keeps it, and every commit stands."""
    db = Database(f"sqlite:///{tmp_path / 'store.db'}")
    try:
        await _write(db, rows=10, times=1)
        async with db.read() as conn:
            before = (await conn.exec_driver_sql("SELECT count(*) FROM thing")).scalar_one()
            await _write(db, rows=150, times=3)
            assert (await conn.exec_driver_sql("SELECT count(*) FROM thing")).scalar_one() == before == 10
        async with db.read() as conn:
            assert (await conn.exec_driver_sql("SELECT count(*) FROM thing")).scalar_one() == 460
    finally:
        await db.aclose()


async def test_a_checkpoint_that_fails_is_told_and_writing_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer does not need it."""
    db = Database(f"sqlite:///{tmp_path / 'store.db'}")

    def refuse(*_: object, **__: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("disk I/O error")

    try:
        await _write(db, rows=1, times=1)
        monkeypatch.setattr(syncd.checkpoint.sqlite3, "connect", refuse)
        before = counts()[Event.CHECKPOINT_FAILED]
        await _write(db, rows=150, times=2)
        assert db._checkpointer is not None
        db._checkpointer.close()
        assert counts()[Event.CHECKPOINT_FAILED] > before
        monkeypatch.undo()
        async with db.read() as conn:
            assert (await conn.exec_driver_sql("SELECT count(*) FROM thing")).scalar_one() == 301
    finally:
        await db.aclose()

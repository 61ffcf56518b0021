"""Putting what SQLite has written ahead in its place, beside the thread that writes.

A commit appends the pages it changed to the write-ahead log; now and then they must be copied into the database file,
each once however often it was written. SQLite lets the commit that crosses a bound do that, and everybody behind it
waits. Copying beside the writer bars neither it nor readers; only while it never pauses can the log not begin again
from its start, and then the writer's own bound holds (`wal_autocheckpoint`), when little is left to copy.
"""

from __future__ import annotations

import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor

from syncd.telemetry import Event, log

ROWS_BETWEEN = 16_000
"""Rows changed between two checkpoints: some ten thousand pages written, fewer to copy."""


class Checkpointer:
    """One per SQLite file and process. The writing thread calls `changed`; `close` it when nobody writes any more."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-checkpoint")
        self._under_way: Future[None] | None = None
        self._rows = 0

    def changed(self, rows: int) -> None:
        """So many rows were changed since the writer's connection was opened."""
        if rows < self._rows:  # another connection counts from the beginning
            self._rows = 0
        if rows - self._rows < ROWS_BETWEEN or (self._under_way is not None and not self._under_way.done()):
            return
        self._rows = rows
        self._under_way = self._thread.submit(self._checkpoint)

    def _checkpoint(self) -> None:
        try:
            conn = sqlite3.connect(self._path, isolation_level=None)
            try:
                conn.execute("PRAGMA synchronous=FULL")
                conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            finally:
                conn.close()
        except sqlite3.Error as fault:  # the writer's own bound holds without it
            log(Event.CHECKPOINT_FAILED, explanation=str(fault))

    def close(self) -> None:
        """Return once the last checkpoint is done."""
        self._thread.shutdown()

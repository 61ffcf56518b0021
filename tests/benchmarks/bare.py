"""The baseline of the ledger's figures: a group-commit writer on the driver alone, doing the same inserts and
updates."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import aiosqlite

BATCH = 500

Row = tuple[str, str, int, str, str]
"""key, SKU, quantity, source, destination."""

MOVEMENT = """
CREATE TABLE movement (position INTEGER PRIMARY KEY, key VARCHAR NOT NULL UNIQUE, sku VARCHAR NOT NULL,
quantity INTEGER NOT NULL, source VARCHAR NOT NULL, destination VARCHAR NOT NULL, reason VARCHAR NOT NULL,
reference VARCHAR NOT NULL, actor VARCHAR NOT NULL, happened_at DATETIME NOT NULL, recorded_at DATETIME NOT NULL)
"""
BALANCE = """
CREATE TABLE balance (sku VARCHAR NOT NULL, account VARCHAR NOT NULL, quantity INTEGER NOT NULL,
position BIGINT NOT NULL, PRIMARY KEY (sku, account))
"""


class BareSqlite:
    """Queue, one writer, executemany, commit: what any group commit on SQLite has to do, and nothing else."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue: asyncio.Queue[tuple[Row, asyncio.Future[None]] | None] = asyncio.Queue()
        self._position = 0

    async def post(self, row: Row) -> None:
        """Return once the row is durable."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._queue.put((row, future))
        await future

    async def stop(self) -> None:
        """End `run`."""
        await self._queue.put(None)

    async def run(self) -> None:
        """Write until stopped."""
        async with aiosqlite.connect(self._path, isolation_level=None) as db:
            for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", MOVEMENT, BALANCE):
                await db.execute(statement)
            while (item := await self._queue.get()) is not None:
                batch = [item]
                while len(batch) < BATCH and not self._queue.empty():
                    more = self._queue.get_nowait()
                    if more is None:
                        await self._queue.put(None)
                        break
                    batch.append(more)
                await self._commit(db, [row for row, _ in batch])
                for _, future in batch:
                    future.set_result(None)

    async def _commit(self, db: aiosqlite.Connection, rows: list[Row]) -> None:
        now = datetime.now(UTC).isoformat()
        moved: dict[tuple[str, str], int] = {}
        log = []
        for key, sku, quantity, source, destination in rows:
            self._position += 1
            log.append((self._position, key, sku, quantity, source, destination, "receipt", "", "", now, now))
            moved[(sku, source)] = moved.get((sku, source), 0) - quantity
            moved[(sku, destination)] = moved.get((sku, destination), 0) + quantity
        balances = [(sku, account, delta, self._position) for (sku, account), delta in moved.items()]
        await db.execute("BEGIN IMMEDIATE")
        await db.executemany("INSERT INTO movement VALUES (?,?,?,?,?,?,?,?,?,?,?)", log)
        await db.executemany(
            "INSERT INTO balance VALUES (?,?,?,?) ON CONFLICT (sku, account) DO UPDATE "
            "SET quantity = quantity + excluded.quantity, position = excluded.position",
            balances,
        )
        await db.execute("COMMIT")

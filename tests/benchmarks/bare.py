"""The baseline of the ledger's figures: a group-commit writer on the driver alone, doing the same inserts and updates.

It judges nothing, looks nothing up and guards nothing; its tables are the ledger's own.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import aiosqlite
import psycopg

BATCH = 500

Row = tuple[str, str, int, str, str]
"""key, SKU, quantity, source, destination."""

BALANCE_CONFLICT = (
    "ON CONFLICT (sku, account) DO UPDATE "
    "SET quantity = balance.quantity + excluded.quantity, position = excluded.position"
)
TOUCHED_CONFLICT = "ON CONFLICT (sku) DO UPDATE SET version = touched.version + 1, dirty = true"


class Bare(ABC):
    """Queue, one writer, bulk statements, commit: what any group commit has to do, and nothing else."""

    def __init__(self) -> None:
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
        await self.open()
        while (item := await self._queue.get()) is not None:
            batch = [item]
            while len(batch) < BATCH and not self._queue.empty():
                more = self._queue.get_nowait()
                if more is None:
                    await self._queue.put(None)
                    break
                batch.append(more)
            await self._commit([row for row, _ in batch])
            for _, future in batch:
                future.set_result(None)
        await self.aclose()

    async def _commit(self, rows: Sequence[Row]) -> None:
        now = datetime.now(UTC)
        moved: dict[tuple[str, str], int] = {}
        log = []
        for key, sku, quantity, source, destination in rows:
            self._position += 1
            log.append((self._position, key, sku, quantity, source, destination, "receipt", "", "", now, now))
            moved[(sku, source)] = moved.get((sku, source), 0) - quantity
            moved[(sku, destination)] = moved.get((sku, destination), 0) + quantity
        balances = [(sku, account, delta, self._position) for (sku, account), delta in moved.items()]
        await self.write(log, sorted(balances), sorted({(row[1], 1, True) for row in rows}))

    @abstractmethod
    async def open(self) -> None: ...

    @abstractmethod
    async def write(self, log: list[Any], balances: list[Any], touched: list[Any]) -> None:
        """One transaction."""

    @abstractmethod
    async def aclose(self) -> None: ...


class BareSqlite(Bare):
    """On aiosqlite."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    async def open(self) -> None:
        self._db = await aiosqlite.connect(self._path, isolation_level=None)
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL"):
            await self._db.execute(statement)

    async def write(self, log: list[Any], balances: list[Any], touched: list[Any]) -> None:
        rows = [(*row[:-2], row[-2].isoformat(), row[-1].isoformat()) for row in log]
        await self._db.execute("BEGIN IMMEDIATE")
        await self._db.executemany("INSERT INTO movement VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows)
        await self._db.executemany(f"INSERT INTO balance VALUES (?,?,?,?) {BALANCE_CONFLICT}", balances)
        await self._db.executemany(f"INSERT INTO touched VALUES (?,?,?) {TOUCHED_CONFLICT}", touched)
        await self._db.execute("COMMIT")

    async def aclose(self) -> None:
        await self._db.close()


class BarePostgresql(Bare):
    """On psycopg, with one array per column: the quickest form of a bulk statement there."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    async def open(self) -> None:
        self._db = await psycopg.AsyncConnection.connect(self._url)

    async def write(self, log: list[Any], balances: list[Any], touched: list[Any]) -> None:
        texts = "%s::text[]"
        types = ("%s::bigint[]", texts, texts, "%s::int[]", *[texts] * 5, *["%s::timestamptz[]"] * 2)
        await self._insert("movement", types, log)
        await self._insert("balance", (texts, texts, "%s::int[]", "%s::bigint[]"), balances, BALANCE_CONFLICT)
        await self._insert("touched", (texts, "%s::int[]", "%s::bool[]"), touched, TOUCHED_CONFLICT)
        await self._db.commit()

    async def _insert(self, table: str, types: Sequence[str], rows: list[Any], conflict: str = "") -> None:
        columns = [list(column) for column in zip(*rows, strict=True)]
        await self._db.execute(f"INSERT INTO {table} SELECT * FROM unnest({', '.join(types)}) {conflict}", columns)

    async def aclose(self) -> None:
        await self._db.close()

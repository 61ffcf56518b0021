"""A store for tests: a real database with every table, and its writer at work on a clock that stands still."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select
from sqlalchemy.engine import RowMapping

from syncd.db import Database
from syncd.identity import Sku
from syncd.ledger.balance import Balances
from syncd.ledger.movement import SUPPLIER, Account, Movement, Reason, available
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Outcome, Plan, post, read_balances, read_movements, read_touched
from syncd.ledger.store_look import Look
from syncd.migrations.tables import schema
from syncd.testkit.fake_clock import START_AT, FakeClock

GLOVES = Sku("GLOVES-X")
KIT = Sku("TOOL-KIT")
MAIN = available("main")


@dataclass
class Store:
    """A database, its writer and their clock."""

    db: Database
    writer: Writer
    clock: FakeClock

    async def rows(self, statement: Select[Any]) -> Sequence[RowMapping]:
        """What a query finds."""
        async with self.db.read() as conn:
            return list((await conn.execute(statement)).mappings())

    async def looked(self, look: Look) -> Sequence[RowMapping]:
        """What a command's read finds."""
        found = await self.writer.submit(Command(lambda view: Plan(view.rows[0]), reads=(look,)))
        assert found.value is not None
        return found.value

    async def balances(self) -> Balances:
        """Every balance as written."""
        async with self.db.read() as conn:
            return await read_balances(conn)

    async def units(self, account: Account = MAIN, sku: Sku = GLOVES) -> int:
        """Units of a SKU in one account, as written."""
        return (await self.balances()).of(sku, account)

    async def log(self) -> list[Movement]:
        """The movements as written, in order."""
        async with self.db.read() as conn:
            return [one.movement for one in await read_movements(conn, limit=100_000)]

    async def post(self, *movements: Movement) -> Outcome[None]:
        """Post movements as one command."""
        return await self.writer.submit(post(movements))

    async def receive(self, units: int, sku: Sku = GLOVES, key: str = "opening stock") -> None:
        """Put units on the main shelf."""
        await self.post(receipt(units, sku=sku, key=f"{key} of {sku}"))

    async def touched(self) -> dict[Sku, int]:
        """Marked SKUs with the version of their mark."""
        async with self.db.read() as conn:
            return await read_touched(conn, 1000)


@asynccontextmanager
async def opened_store(url: str) -> AsyncIterator[Store]:
    """A new store; on the way out everything submitted is written and the connections are closed."""
    db = Database(url)
    await create_tables(db)
    clock = FakeClock()
    writer = Writer(db, clock)
    writing = asyncio.create_task(writer.run())
    try:
        yield Store(db, writer, clock)
    finally:
        await writer.stop()
        await writing
        await db.aclose()


@asynccontextmanager
async def writing_held(db: Database) -> AsyncIterator[None]:
    """A transaction that is open as long as this block; every other writer of this process waits behind it."""
    begun, over = threading.Event(), threading.Event()

    def hold(_conn: Connection) -> None:
        begun.set()
        over.wait()

    holding = asyncio.create_task(db.transact(hold))
    try:
        await asyncio.to_thread(begun.wait)
        yield
    finally:
        over.set()
        await holding


async def create_tables(db: Database) -> None:
    """Every table, where they are not there yet."""
    await db.transact(schema().create_all)


def moved(
    units: int, source: Account, destination: Account, *, key: str, sku: Sku = GLOVES, reference: str = ""
) -> Movement:
    """A movement for tests that do not care why."""
    return Movement(key, sku, units, source, destination, Reason.OTHER, START_AT, reference, "test")


def receipt(units: int, *, key: str, sku: Sku = GLOVES) -> Movement:
    """Units that arrive on the main shelf."""
    return moved(units, SUPPLIER, MAIN, key=key, sku=sku)

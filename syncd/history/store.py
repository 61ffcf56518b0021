"""Reads the log as it stood at a past moment, and writes a whole log back, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal_column, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.db import chunks
from syncd.history.history import Order, Standing, standings
from syncd.identity import Sku
from syncd.ledger.balance import Balances
from syncd.ledger.movement import Account
from syncd.ledger.store import RecordedMovement, balance, movement, read_movements, recorded

PAGE_MOVEMENTS = 5_000
"""Movements held in memory at a time while the log is read through."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A movement of one SKU with what was held just after it."""

    recorded: RecordedMovement
    standing: Standing


def select_fold(*matching: ColumnElement[bool]) -> Select[Any]:
    """Movements that match, folded by the database itself: sku, account, quantity, position of the last one."""
    c = movement.c
    into = select(c.sku, c.destination.label("account"), c.quantity.label("delta"), c.position).where(*matching)
    out = select(c.sku, c.source.label("account"), (literal_column("0") - c.quantity).label("delta"), c.position)
    m = union_all(into, out.where(*matching)).subquery().c
    totals = (func.sum(m.delta).label("quantity"), func.max(m.position).label("position"))
    return select(m.sku, m.account, *totals).group_by(m.sku, m.account)


async def read_balances_at(
    conn: AsyncConnection, at: datetime, order: Order, skus: Sequence[Sku] | None = None
) -> Balances:
    """The balances at a moment, that moment included; of these SKUs, or of all. Folded from the log."""
    found = Balances()
    parts: list[list[Sku] | None] = [None] if skus is None else list(chunks(skus))
    for part in parts:
        chosen = () if part is None else (movement.c.sku.in_(part),)
        for sku, account, quantity, _ in await conn.execute(select_fold(_until(at, order), *chosen)):
            found.by_sku.setdefault(Sku(sku), {})[Account(*account.rsplit("/", 1))] = int(quantity)
    return found


async def read_history(
    conn: AsyncConnection, sku: Sku, *, order: Order, at: datetime | None, limit: int
) -> list[Entry]:
    """The last movements of a SKU up to a moment, newest first, each with the balance after it."""
    c = movement.c
    matching = [c.sku == sku] + ([] if at is None else [_until(at, order)])
    newest = (c.happened_at.desc(), c.position.desc()) if order is Order.HAPPENED else (c.position.desc(),)
    statement = select(movement).where(*matching).order_by(*newest).limit(limit)
    rows = [recorded(row) for row in (await conn.execute(statement)).mappings()][::-1]
    before = {
        Account(*account.rsplit("/", 1)): int(quantity)
        for _, account, quantity, _ in await conn.execute(select_fold(*matching))
    }
    for one in rows:  # what these movements did is taken back, which leaves what was held before the first of them
        moved = one.movement
        before[moved.source] += moved.quantity
        before[moved.destination] -= moved.quantity
    held = standings((one.movement for one in rows), before)
    return [Entry(one, standing) for one, standing in zip(rows, held, strict=True)][::-1]


def _until(at: datetime, order: Order) -> ColumnElement[bool]:
    moment = movement.c.happened_at if order is Order.HAPPENED else movement.c.recorded_at
    return moment <= at


async def read_log_size(conn: AsyncConnection) -> tuple[int, int]:
    """How many movements there are, and the position of the last."""
    statement = select(func.count(), func.coalesce(func.max(movement.c.position), 0)).select_from(movement)
    row = (await conn.execute(statement)).one()
    return int(row[0]), int(row[1])


async def read_log(conn: AsyncConnection, last: int) -> AsyncIterator[list[RecordedMovement]]:
    """The whole log up to a position, in order, page by page."""
    after = 0
    while page := await read_movements(conn, after=after, limit=PAGE_MOVEMENTS):
        kept = [one for one in page if one.position <= last]
        if kept:
            yield kept
        if len(kept) < len(page):
            return
        after = page[-1].position


async def read_posted(conn: AsyncConnection, keys: Sequence[str]) -> set[str]:
    """Those of these keys that were posted."""
    found: set[str] = set()
    for part in chunks(keys):
        found.update((await conn.execute(select(movement.c.key).where(movement.c.key.in_(part)))).scalars())
    return found


async def read_totals(conn: AsyncConnection) -> dict[Account, int]:
    """Units of all SKUs together, account by account."""
    b = balance.c
    rows = await conn.execute(select(b.account, func.sum(b.quantity)).group_by(b.account))
    return {Account.written(account): int(units) for account, units in rows}

"""Reads what the checks look at, one consistent view with the log folded by the database, and rebuilds balances from
it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, literal_column, select, union_all
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.availability.ats import Policies, derive
from syncd.availability.store import read_supplies
from syncd.db import Database, upsert
from syncd.doctor.checks import SkuAccount, Snapshot
from syncd.identity import Sku
from syncd.ledger.balance import BalanceKey, Repair, repairs
from syncd.ledger.movement import Account
from syncd.ledger.store import Command, Plan, View, Write, balance, movement, read_balances, touched
from syncd.listing.store import read_listings
from syncd.push.store import read_states
from syncd.reservation.store import demand, demand_of, reservation, reservation_of
from syncd.shortage.store import read_cases


async def read_snapshot(db: Database, policies: Policies, live_channels: frozenset[str], now: datetime) -> Snapshot:
    """The whole store as the checks want it."""
    async with db.read() as conn:
        balances = await read_balances(conn)
        listings = await read_listings(conn)
        skus = sorted({sku for listing in listings.values() for sku in listing.skus})
        supplies = await read_supplies(conn, skus, policies.suppliers, now)
        targets = {
            key: derive(listing, supplies, policies.channels[key.channel], policies.availability).target
            for key, listing in listings.items()
            if key.channel in policies.channels and listing.is_linked and listing.status == "active"
        }
        repeated = select(movement.c.key).group_by(movement.c.key).having(func.count() > 1)
        return Snapshot(
            fold=await _fold(conn),
            balances={(sku, account): n for sku, held in balances.by_sku.items() for account, n in held.items()},
            repeated_keys=list((await conn.execute(repeated)).scalars()),
            reservations=[reservation_of(row) for row in (await conn.execute(select(reservation))).mappings()],
            demands=[demand_of(row) for row in (await conn.execute(select(demand))).mappings()],
            cases=await read_cases(conn),
            listings=listings,
            pushes=await read_states(conn),
            targets=targets,
            marked=frozenset((await conn.execute(select(touched.c.sku).where(touched.c.dirty))).scalars()),
            live_channels=live_channels,
        )


async def _fold(conn: AsyncConnection) -> dict[SkuAccount, int]:
    rows = await conn.execute(select_fold())
    return {(Sku(sku), Account(*account.rsplit("/", 1))): int(total) for sku, account, total, _ in rows}


def select_fold() -> Select[Any]:
    """The log folded by the database itself: sku, account, quantity, position of the last movement."""
    c = movement.c
    into = select(c.sku, c.destination.label("account"), c.quantity.label("delta"), c.position)
    out = select(c.sku, c.source.label("account"), (literal_column("0") - c.quantity).label("delta"), c.position)
    m = union_all(into, out).subquery().c
    totals = (func.sum(m.delta).label("quantity"), func.max(m.position).label("position"))
    return select(m.sku, m.account, *totals).group_by(m.sku, m.account)


def rebuild_balances(skus: frozenset[Sku]) -> Command[tuple[Repair, ...]]:
    """A command that makes the balances of these SKUs the fold of their movements again; the log is never touched."""

    def decide(view: View) -> Plan[tuple[Repair, ...]]:
        fold, kept = ({_balance_key(row): row for row in rows if row["sku"] in skus} for rows in view.rows)
        found = repairs(*({key: row["quantity"] for key, row in side.items()} for side in (fold, kept)))
        below = next((r for r in found if r.account.is_ours and r.folded < 0), None)
        refusal = f"{below.sku}: its movements themselves take {below.account} to {below.folded}" if below else None
        empty = {"quantity": 0, "position": 0}
        rows = [
            {**empty, **dict(fold.get((r.sku, r.account), {})), "sku": r.sku, "account": str(r.account)} for r in found
        ]
        writes = (Write(upsert(balance, ("sku", "account"), ("quantity", "position")), rows),)
        return Plan(tuple(found), writes=writes, marks=frozenset(r.sku for r in found), refusal=refusal)

    return Command(decide, skus=skus, reads=(select_fold(), select(balance)))


def _balance_key(row: RowMapping) -> BalanceKey:
    return Sku(row["sku"]), Account(*row["account"].rsplit("/", 1))

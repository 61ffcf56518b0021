"""Reads the snapshot the checks look at: one consistent view, the log folded by the database itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.availability.ats import Policies, derive
from syncd.availability.store import read_supplies
from syncd.db import Database
from syncd.doctor.checks import SkuAccount, Snapshot
from syncd.identity import Sku
from syncd.ledger.movement import Account
from syncd.ledger.store import movement, read_balances, select_fold, touched
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

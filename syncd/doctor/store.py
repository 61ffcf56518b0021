"""Reads what the checks look at, one consistent view with the log folded by the database, and rebuilds balances from
it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, func, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.availability.ats import Policies, derive
from syncd.availability.store import read_supplies
from syncd.db import Database, UtcDateTime, upsert
from syncd.doctor.checks import SkuAccount, Snapshot, Timing
from syncd.doctor.rebuilding import Rebuilding, rebuild
from syncd.doctor.settlement import Accounts, Flight, Settlement, settle
from syncd.history.store import select_fold
from syncd.identity import Sku
from syncd.ledger.balance import BalanceKey
from syncd.ledger.location import Locations
from syncd.ledger.movement import Account
from syncd.ledger.store import Command, Plan, View, Write, balance, movement, read_balances, touched
from syncd.listing.store import component, listing, read_listings
from syncd.orders.store import order
from syncd.product.barcode import Barcode
from syncd.product.store import barcode, product
from syncd.push.store import read_states
from syncd.reservation.store import (
    demand,
    demand_of,
    reservation,
    reservation_of,
    save_demands,
    save_reservations,
)
from syncd.shortage.store import read_cases

AHEAD_MAX = timedelta(minutes=5)
"""How far the clocks of channels, scanners and nodes may be apart."""

TIMINGS_MAX = 100
"""Movements with impossible moments that are named."""


GROUND = (
    update(listing)
    .where(listing.c.channel == bindparam("a_channel"), listing.c.listing_id == bindparam("a_listing_id"))
    .values(in_flight=bindparam("units_in_flight"))
)
"""Fewer units of a listing are in flight than it says: those that are."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What the configuration says that the checks compare with."""

    policies: Policies
    live_channels: frozenset[str]
    locations: Locations


async def read_snapshot(db: Database, examined: Examined, now: datetime) -> Snapshot:
    """The whole store as the checks want it."""
    policies = examined.policies
    async with db.read_at_length() as conn:
        fold, balances = await _fold(conn), await read_balances(conn)
        listings = await read_listings(conn)
        skus = sorted({sku for one in listings.values() for sku in one.skus})
        supplies = await read_supplies(conn, skus, policies.suppliers, now)
        targets = {
            key: derive(one, supplies, policies.channels[key.channel], policies.availability).target
            for key, one in listings.items()
            if key.channel in policies.channels and one.is_linked and one.status == "active"
        }
        repeated = select(movement.c.key).group_by(movement.c.key).having(func.count() > 1)
        return Snapshot(
            fold={key: quantity for key, (quantity, _) in fold.items()},
            balances={(sku, account): n for sku, held in balances.by_sku.items() for account, n in held.items()},
            repeated_keys=list((await conn.execute(repeated)).scalars()),
            reservations=[reservation_of(row) for row in (await conn.execute(select(reservation))).mappings()],
            demands=[demand_of(row) for row in (await conn.execute(select(demand))).mappings()],
            cases=await read_cases(conn),
            listings=listings,
            pushes=await read_states(conn),
            targets=targets,
            marked=frozenset((await conn.execute(select(touched.c.sku).where(touched.c.dirty))).scalars()),
            live_channels=examined.live_channels,
            positions=await _positions(conn),
            last_positions={key: position for key, (_, position) in fold.items()},
            timings=await _timings(conn, now),
            orders=frozenset((await conn.execute(select(order.c.order_key))).scalars()),
            products=frozenset(map(Sku, (await conn.execute(select(product.c.sku))).scalars())),
            barcodes=[
                (Barcode(row.code, row.units), Sku(row.sku))
                for row in await conn.execute(select(barcode).order_by(barcode.c.code))
            ],
            locations=examined.locations,
        )


async def _fold(conn: AsyncConnection) -> dict[SkuAccount, tuple[int, int]]:
    """Units and the last movement's position."""
    rows = await conn.execute(select_fold())
    return {(Sku(sku), Account.written(account)): (int(total), position) for sku, account, total, position in rows}


async def _positions(conn: AsyncConnection) -> dict[SkuAccount, int]:
    b = balance.c
    rows = await conn.execute(select(b.sku, b.account, b.position))
    return {(Sku(sku), Account(*account.rsplit("/", 1))): position for sku, account, position in rows}


async def _timings(conn: AsyncConnection, now: datetime) -> list[Timing]:
    """Movements from the future, and those written down long before the one they follow."""
    c = movement.c
    ahead = (c.happened_at > now + AHEAD_MAX) | (c.recorded_at > now + AHEAD_MAX)
    future = select(c.position, c.sku).where(ahead).order_by(c.position).limit(TIMINGS_MAX)
    found = [
        Timing(position, Sku(sku), "happened, or was written down, in the future")
        for position, sku in await conn.execute(future)
    ]
    earlier = func.lag(c.recorded_at, type_=UtcDateTime).over(order_by=c.position).label("earlier")
    m = select(c.position, c.sku, c.recorded_at, earlier).subquery().c
    backwards = select(m.position, m.sku, m.recorded_at, m.earlier).where(m.recorded_at < m.earlier)
    for position, sku, recorded_at, before in await conn.execute(backwards.order_by(m.position).limit(TIMINGS_MAX)):
        if before - recorded_at > AHEAD_MAX:
            found.append(Timing(position, Sku(sku), "was written down before the movement it follows"))
    return found


def settle_sku(sku: Sku) -> Command[Settlement]:
    """A command that makes the promises of a SKU agree with its stock again."""

    def decide(view: View) -> Plan[Settlement]:
        reservations, demands, orders, flying = view.rows
        done = settle(
            Accounts(
                sku,
                view.balances,
                [reservation_of(row) for row in reservations],
                [demand_of(row) for row in demands],
                frozenset(row["order_key"] for row in orders),
                [Flight(row["channel"], row["listing_id"], row["in_flight"], row["units"]) for row in flying],
                view.now,
            )
        )
        grounded = [
            {"a_channel": one.channel, "a_listing_id": one.listing_id, "units_in_flight": one.waiting}
            for one in done.flights
        ]
        writes = (save_reservations(done.reservations), save_demands(done.demands), Write(GROUND, grounded))
        return Plan(done, done.movements, writes)

    keys = select(reservation.c.order_key).where(reservation.c.sku == sku)
    needed = select(demand.c.order_key).where(demand.c.sku == sku)
    shown, c = listing.c, component.c
    same = (shown.channel == c.channel) & (shown.listing_id == c.listing_id)
    reads: tuple[Select[Any], ...] = (
        select(reservation).where(reservation.c.sku == sku),
        select(demand).where(demand.c.sku == sku),
        select(order.c.order_key).where(order.c.order_key.in_(keys.union(needed))),
        select(shown.channel, shown.listing_id, shown.in_flight, c.units)
        .select_from(listing.join(component, same))
        .where(c.sku == sku, shown.in_flight > 0)
        .order_by(shown.channel, shown.listing_id),
    )
    return Command(decide, skus=frozenset({sku}), reads=reads)


def rebuild_balances(skus: frozenset[Sku]) -> Command[Rebuilding]:
    """A command that makes the balances of these SKUs the fold of their movements again; the log is never touched."""

    def decide(view: View) -> Plan[Rebuilding]:
        fold, kept = (
            {_balance_key(row): (row["quantity"], row["position"]) for row in rows if row["sku"] in skus}
            for rows in view.rows
        )
        done = rebuild(fold, kept, view.now)
        still, moved = list[dict[str, Any]](), list[dict[str, Any]]()
        for one in done.repairs:
            row = {"sku": one.sku, "account": str(one.account), "quantity": one.folded}
            position = done.positions.get((one.sku, one.account))
            if position is None:  # the movement's own position stands
                moved.append({**row, "position": 0})
            else:
                still.append({**row, "position": position})
        writes = (
            Write(upsert(balance, ("sku", "account"), ("quantity", "position")), still),
            Write(upsert(balance, ("sku", "account"), ("quantity",)), moved),
        )
        return Plan(done, done.movements, writes, frozenset(one.sku for one in done.repairs))

    return Command(decide, skus=skus, reads=(select_fold(), select(balance)))


def _balance_key(row: RowMapping) -> BalanceKey:
    return Sku(row["sku"]), Account(*row["account"].rsplit("/", 1))

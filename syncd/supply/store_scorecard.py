"""Suppliers' records as rows: their deals as they went, and how much of each is believed because of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.db import chunks, upsert
from syncd.identity import Sku, SupplierName
from syncd.ledger.store import Command, Plan, View, Write
from syncd.supply.purchase_order import PurchaseStatus
from syncd.supply.scorecard import Deal, Trust
from syncd.supply.store import offer, purchase, purchase_order
from syncd.supply.store_parcel import parcel
from syncd.supply.store_trust import supplier_trust

DEALS_MAX = 5_000
"""Deals read at once, the newest."""

UNKNOWN_TO_HIM = (
    *(PurchaseStatus.UNPAID, PurchaseStatus.DRAFT, PurchaseStatus.SENDING),
    *(PurchaseStatus.WITHDRAWN, PurchaseStatus.BY_HAND),
)
"""Purchase orders that say nothing of him: he has not got them, or nobody knows."""


@dataclass(frozen=True, slots=True)
class Record:
    """A supplier's deals made in a stretch of time, oldest first; `orders` are the customers' orders they were for."""

    deals: tuple[Deal, ...]
    orders: frozenset[str]


async def read_record(
    conn: AsyncConnection, supplier: SupplierName, since: datetime, until: datetime | None = None
) -> Record:
    """His deals from one moment to another, at most the newest `DEALS_MAX`."""
    o = purchase_order.c
    statement = select(purchase_order).where(
        o.supplier == supplier, o.created_at >= since, o.status.not_in([one.value for one in UNKNOWN_TO_HIM])
    )
    if until is not None:
        statement = statement.where(o.created_at < until)
    found = (await conn.execute(statement.order_by(o.created_at.desc(), o.reference).limit(DEALS_MAX))).mappings().all()
    rows = found[::-1]
    references = [row["reference"] for row in rows]
    units, sent = await _units(conn, references), await _sent(conn, references)
    deals: list[Deal] = []
    for row in rows:
        ordered, accepted = units.get(row["reference"], (0, None))
        gone, at = sent.get(row["reference"], (0, None))
        if row["status"] == PurchaseStatus.RECEIVED.value:  # it came to us: nobody told on which day it left
            gone = accepted if accepted is not None else ordered
        if ordered:
            deals.append(
                Deal(
                    row["reference"],
                    row["created_at"],
                    ordered,
                    accepted,
                    row["answered_at"],
                    gone,
                    at,
                    row["expected_on"],
                )
            )
    return Record(tuple(deals), frozenset(row["order_key"] for row in rows))


async def _units(conn: AsyncConnection, references: Sequence[str]) -> dict[str, tuple[int, int | None]]:
    """Ordered and accepted units; accepted is None while a line of it is unanswered."""
    found: dict[str, tuple[int, int | None]] = {}
    for part in chunks(references):
        for row in await conn.execute(select(purchase).where(purchase.c.reference.in_(part))):
            ordered, accepted = found.get(row.reference, (0, 0))
            more = None if accepted is None or row.accepted is None else accepted + row.accepted
            found[row.reference] = (ordered + row.quantity, more)
    return found


async def _sent(conn: AsyncConnection, references: Sequence[str]) -> dict[str, tuple[int, datetime | None]]:
    c, found = parcel.c, dict[str, tuple[int, datetime | None]]()
    for part in chunks(references):
        total = select(c.reference, func.sum(c.quantity).label("units"), func.max(c.shipped_at).label("at"))
        for row in await conn.execute(total.where(c.reference.in_(part)).group_by(c.reference)):
            found[row.reference] = (int(row.units), row.at)
    return found


async def read_trust(conn: AsyncConnection, supplier: SupplierName) -> Trust:
    """How much of him is believed; whole before anything was learned."""
    row = (await conn.execute(select(supplier_trust).where(supplier_trust.c.supplier == supplier))).one_or_none()
    return Trust() if row is None else Trust(row.share, row.kept, row.asked)


def learn(supplier: SupplierName, before: Trust, now: Trust) -> Command[bool]:
    """Believe him more or less from now on, and mark everything he offers: what may be sold of it changes with that.

    False: another process has learned it meanwhile.
    """
    known = select(supplier_trust).where(supplier_trust.c.supplier == supplier)
    offered = select(offer.c.sku).where(offer.c.supplier == supplier).distinct()

    def decide(view: View) -> Plan[bool]:
        (row,) = view.rows[0] or (None,)
        if (Trust() if row is None else Trust(row["share"], row["kept"], row["asked"])) != before:
            return Plan(False)
        values = {"supplier": supplier, "share": now.share, "kept": now.kept, "asked": now.asked, "as_of": view.now}
        write = Write(upsert(supplier_trust, ("supplier",), ("share", "kept", "asked", "as_of")), values)
        marks = frozenset(Sku(one["sku"]) for one in view.rows[1])
        return Plan(True, writes=(write,), marks=marks)

    return Command(decide, reads=(known, offered))

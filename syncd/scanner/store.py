"""Scans that were posted, as rows, and what a scan has to know of a shelf."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Select, case, exists, func, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.bulk import BulkUpsert
from syncd.db import UtcDateTime, table_of
from syncd.identity import Sku
from syncd.ledger.balance import StockLevel
from syncd.ledger.count import CountVerdict
from syncd.ledger.movement import Account, State
from syncd.ledger.store import Write, movement
from syncd.ledger.store_look import Look, Shared
from syncd.orders.store import order
from syncd.prepared import Prepared, among
from syncd.reservation.hold import HoldStatus
from syncd.reservation.store import demand, reservation
from syncd.scanner.scan import Scan, ScanResult, ScanVerdict, result_values


class ScanRow(SQLModel, table=True):
    """A posted scan with its result, so that a repeat is told the same; a count may have moved nothing."""

    __tablename__ = "scan"

    scan_id: str = Field(primary_key=True)
    content: str
    actor: str
    happened_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    recorded_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    result: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


scan_table = table_of(ScanRow)

_KEEP = BulkUpsert(scan_table, ("scan_id",))
_POSTED = Shared(
    Prepared(select(scan_table).where(among(scan_table.c.scan_id, name="keys"))), ("scan_id",), {"scan": ("scan_id",)}
)


def keep(scan: Scan, result: ScanResult, now: datetime) -> Write:
    """Remember a posted scan. Fails if its id is taken, whoever took it: nothing of the command is written then."""
    values = {
        "scan_id": scan.scan_id,
        "content": scan.content,
        "actor": scan.actor,
        "happened_at": scan.at,
        "recorded_at": now,
        "result": result_values(result),
    }
    return Write(_KEEP, values)


def select_scan(scan_id: str) -> Look:
    """A posted scan, for a command's reads."""
    return _POSTED.of((scan_id,))


def select_moved_since(sku: Sku, location: str, at: datetime) -> Select[Any]:
    """The net change of what is on hand at a location after a moment, for a command's reads; one row, `units`."""
    c = movement.c
    here = [str(Account(location, state)) for state in State]
    came = case((c.destination.in_(here), c.quantity), else_=0)
    went = case((c.source.in_(here), c.quantity), else_=0)
    units = func.coalesce(func.sum(came - went), 0).label("units")
    return select(units).where(c.sku == sku, c.happened_at > at)


_PROMISED = Shared(
    Prepared(
        select(demand).where(
            among(demand.c.sku, name="keys"),
            exists().where(
                reservation.c.channel == demand.c.channel,
                reservation.c.line_id == demand.c.line_id,
                reservation.c.sku == demand.c.sku,
                reservation.c.status == HoldStatus.HELD.value,
            ),
        )
    ),
    ("sku",),
    {"demand": ("sku",), "reservation": ("sku",)},
)


def select_promised_demands(sku: Sku) -> Look:
    """The demands that open reservations of a SKU serve, for a command's reads."""
    return _PROMISED.of((sku,))


def result_of(row: RowMapping) -> ScanResult:
    """The result a posted scan had."""
    values = row["result"]
    count = values["count"]
    levels = tuple(
        StockLevel(
            Sku(level["sku"]),
            level["location"],
            available=level["available"],
            reserved=level["reserved"],
            in_flight=level["in_flight"],
            unavailable=level["unavailable"],
        )
        for level in values["stock"]
    )
    return ScanResult(
        values["scan_id"],
        ScanVerdict(values["verdict"]),
        values["sentence"],
        Sku(values["sku"]),
        levels,
        None if count is None else CountVerdict(count["expected"], count["counted"]),
        values["broken"],
    )


async def read_order_keys(conn: AsyncConnection, text: str) -> list[str]:
    """Keys of the orders a person may mean by a key, a channel's id or a number; a key goes before the others."""
    c = order.c
    meant = (c.order_key == text) | (c.order_id == text) | (c.number == text)
    keys = list((await conn.execute(select(c.order_key).where(meant).order_by(c.order_key).limit(10))).scalars())
    return [text] if text in keys else keys

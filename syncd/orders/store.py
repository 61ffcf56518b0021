"""Orders, their lines, the hints that came by webhook and how far each channel's order list was read, as rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    CompoundSelect,
    Select,
    bindparam,
    delete,
    exists,
    select,
    tuple_,
    union,
    update,
)
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.channel.port import (
    Address,
    Buyer,
    ChannelOrder,
    OrderLine,
    OrderStatus,
)
from syncd.db import ExactDecimal, UtcDateTime, chunks, table_of, upsert
from syncd.identity import ChannelName, ListingId, Money
from syncd.ledger.store import Write
from syncd.listing.store import component
from syncd.orders.combine import address_key
from syncd.orders.order import KnownLine, KnownOrder, fingerprint
from syncd.prepared import Prepared
from syncd.product.store import product


class OrderRow(SQLModel, table=True):
    """An order. Buyer and address are personal data; they leave this table only to reach the buyer or the parcel."""

    __tablename__ = "customer_order"

    order_key: str = Field(primary_key=True)
    channel: str = Field(index=True)
    order_id: str = Field(index=True)
    number: str
    status: str = Field(index=True)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    modified_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    imported_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    fingerprint: str
    before_start: bool
    total: Decimal = Field(sa_column=Column(ExactDecimal, nullable=False))
    currency: str
    buyer_id: str
    buyer_name: str
    buyer_email: str
    buyer_language: str
    copy_of: str
    address_key: str = Field(index=True)
    """A digest of the address, so that orders to one place are found without comparing addresses."""
    ship_to: dict[str, str] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    shipping: Decimal | None = Field(default=None, sa_column=Column(ExactDecimal, nullable=True))


class OrderLineRow(SQLModel, table=True):
    """A line of an order, as the channel told it and as we decided it."""

    __tablename__ = "order_line"

    channel: str = Field(primary_key=True)
    line_id: str = Field(primary_key=True)
    order_key: str = Field(index=True)
    listing_id: str | None
    sku: str | None
    title: str
    quantity: int
    cancelled: int
    refunded: int
    decremented: int | None
    unit_price: Decimal = Field(sa_column=Column(ExactDecimal, nullable=False))
    currency: str
    wanted: int
    taken: int
    revision: int
    linked: bool = Field(index=True)
    withdrawn: int
    aside: int


class CursorRow(SQLModel, table=True):
    """How far a channel's orders are known. `since` is when syncd began to answer for the channel."""

    __tablename__ = "order_cursor"

    channel: str = Field(primary_key=True)
    since: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    cursor: str | None
    watermark_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))


order = table_of(OrderRow)
order_line = table_of(OrderLineRow)
cursor = table_of(CursorRow)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a channel's orders are known."""

    channel: ChannelName
    since: datetime
    cursor: str | None = None
    watermark_at: datetime | None = None


def save_cursor(one: Cursor) -> Write:
    """Move a channel's cursor; `since` never changes once set."""
    return Write(upsert(cursor, ("channel",), ("cursor", "watermark_at")), asdict(one))


def begin_cursor(one: Cursor) -> Write:
    """Fix from when on syncd answers for a channel; where that is fixed already nothing changes."""
    return Write(upsert(cursor, ("channel",), ()), asdict(one))


def save_order(
    channel: ChannelName, one: ChannelOrder, order_key: str, *, before_start: bool, now: datetime, copy_of: str = ""
) -> Write:
    """Add or change an order."""
    values = {
        "order_key": order_key,
        "channel": channel,
        "order_id": one.order_id,
        "number": one.number,
        "status": one.status.value,
        "created_at": one.created_at,
        "modified_at": one.modified_at,
        "imported_at": now,
        "fingerprint": fingerprint(one),
        "before_start": before_start,
        "total": one.total.amount,
        "currency": one.total.currency,
        "buyer_id": one.buyer.buyer_id,
        "buyer_name": one.buyer.name,
        "buyer_email": one.buyer.email,
        "buyer_language": one.buyer.language,
        "copy_of": copy_of,
        "address_key": address_key(one.ship_to),
        "ship_to": asdict(one.ship_to) if one.ship_to else None,
        "shipping": one.shipping.amount if one.shipping else None,
    }
    changes = tuple(name for name in values if name not in ("order_key", "channel", "imported_at"))
    return Write(upsert(order, ("order_key",), changes), values)


def save_lines(channel: ChannelName, one: ChannelOrder, known: Sequence[KnownLine]) -> tuple[Write, ...]:
    """Add or change lines: the channel's word and our decision."""
    told = {line.line_id: line for line in one.lines}
    rows = [_line_values(channel, told[k.line_id], k) for k in known if k.line_id in told]
    changes = tuple(name for name in rows[0] if name not in ("channel", "line_id")) if rows else ()
    gone = [
        Write(
            update(order_line)
            .where(order_line.c.channel == channel, order_line.c.line_id == k.line_id)
            .values(
                order_key=k.order_key,
                wanted=k.wanted,
                taken=k.taken,
                decremented=k.taken,
                revision=k.revision,
                cancelled=order_line.c.quantity,
            )
        )
        for k in known
        if k.line_id not in told
    ]
    return (Write(upsert(order_line, ("channel", "line_id"), changes), rows), *gone) if rows else tuple(gone)


def _line_values(channel: ChannelName, line: OrderLine, known: KnownLine) -> dict[str, Any]:
    return {
        "channel": channel,
        "line_id": line.line_id,
        "order_key": known.order_key,
        "listing_id": line.listing_id,
        "sku": line.sku,
        "title": line.title,
        "quantity": line.quantity,
        "cancelled": line.cancelled,
        "refunded": line.refunded,
        "decremented": line.decremented,
        "unit_price": line.unit_price.amount,
        "currency": line.unit_price.currency,
        "wanted": known.wanted,
        "taken": known.taken,
        "revision": known.revision,
        "linked": known.linked,
        "withdrawn": known.withdrawn,
        "aside": known.aside,
    }


def drop_order(order_key: str) -> Write:
    """Forget an order whose lines all went into another (eBay shows a fresh order's lines apart for some seconds)."""
    return Write(delete(order).where(order.c.order_key == order_key))


def select_order_keys(channel: ChannelName, order_id: str, line_ids: Collection[str]) -> CompoundSelect[Any]:
    """The keys an order is known under: by its id on the channel, or by the lines it holds."""
    by_id = select(order.c.order_key).where(order.c.channel == channel, order.c.order_id == order_id)
    c = order_line.c
    by_line = select(c.order_key).where(c.channel == channel, c.line_id.in_(sorted(line_ids)))
    return union(by_id, by_line)


def select_orders(order_keys: CompoundSelect[Any]) -> Select[Any]:
    """Orders by key, for a command's reads."""
    return select(order).where(order.c.order_key.in_(order_keys)).order_by(order.c.imported_at, order.c.order_key)


def select_lines(order_keys: CompoundSelect[Any]) -> Select[Any]:
    """Every line of some orders, for a command's reads."""
    return select(order_line).where(order_line.c.order_key.in_(order_keys))


def known_line(row: RowMapping) -> KnownLine:
    """What was decided for a line."""
    return KnownLine(**{field.name: row[field.name] for field in fields(KnownLine)})


def known_order(row: RowMapping) -> KnownOrder:
    """What was decided for an order."""
    values = {field.name: row[field.name] for field in fields(KnownOrder)}
    return KnownOrder(**{**values, "status": OrderStatus(row["status"])})


_CURSOR = Prepared(select(cursor).where(cursor.c.channel == bindparam("channel")))


async def read_cursor(conn: AsyncConnection, channel: ChannelName) -> Cursor | None:
    """How far a channel's orders are known, or None before the first poll."""
    rows = await _CURSOR.rows(conn, channel=channel)
    return Cursor(**rows[0]) if rows else None


async def read_known(conn: AsyncConnection, channel: ChannelName, orders: Sequence[ChannelOrder]) -> dict[str, str]:
    """Fingerprints of orders already imported, by the channel's order id."""
    found: dict[str, str] = {}
    for part in chunks([one.order_id for one in orders]):
        statement = select(order.c.order_id, order.c.fingerprint).where(
            order.c.channel == channel, order.c.order_id.in_(part)
        )
        found.update({row.order_id: row.fingerprint for row in await conn.execute(statement)})
    return found


async def read_orders(
    conn: AsyncConnection, order_keys: Collection[str] | None = None, limit: int = 500
) -> dict[str, ChannelOrder]:
    """Orders as last told by their channels, by order key: those named, or the newest, newest first."""
    wanted = select(order).order_by(order.c.created_at.desc())
    parts = None if order_keys is None else chunks(sorted(order_keys))
    selects = [wanted.limit(limit)] if parts is None else [wanted.where(order.c.order_key.in_(part)) for part in parts]
    rows = [row for statement in selects for row in (await conn.execute(statement)).mappings()]
    lines: dict[str, list[OrderLine]] = {}
    for part in chunks([row["order_key"] for row in rows]):
        for row in (await conn.execute(select(order_line).where(order_line.c.order_key.in_(part)))).mappings():
            lines.setdefault(row["order_key"], []).append(_line(row))
    return {row["order_key"]: _order(row, lines.get(row["order_key"], [])) for row in rows}


async def read_orders_of_lines(
    conn: AsyncConnection, lines: Collection[tuple[ChannelName, str]]
) -> dict[tuple[ChannelName, str], ChannelOrder]:
    """The order each line is in now, by channel and line id: a channel may merge orders at any time."""
    c, found = order_line.c, dict[tuple[ChannelName, str], str]()
    for part in chunks(sorted(set(lines)), 400):
        holding = select(c.channel, c.line_id, c.order_key).where(tuple_(c.channel, c.line_id).in_(part))
        found |= {(channel, line_id): key for channel, line_id, key in await conn.execute(holding)}
    orders = await read_orders(conn, set(found.values()))
    return {line: orders[key] for line, key in found.items()}


async def read_relinked(conn: AsyncConnection, channel: ChannelName) -> list[str]:
    """Keys of orders with a line that had no stock to go to and has now."""
    c = order_line.c
    by_listing = exists().where(component.c.channel == c.channel, component.c.listing_id == c.listing_id)
    by_sku = exists().where(product.c.sku == c.sku)
    statement = select(c.order_key).where(c.channel == channel, ~c.linked, by_listing | by_sku).distinct()
    return list((await conn.execute(statement)).scalars())


async def channels_of(conn: AsyncConnection, order_keys: Collection[str]) -> Mapping[str, ChannelName]:
    """The channel of each order."""
    statement = select(order.c.order_key, order.c.channel).where(order.c.order_key.in_(sorted(order_keys)))
    return {key: ChannelName(channel) for key, channel in await conn.execute(statement)}


def _line(row: RowMapping) -> OrderLine:
    return OrderLine(
        row["line_id"],
        ListingId(row["listing_id"]) if row["listing_id"] else None,
        row["sku"],
        row["title"],
        row["quantity"],
        Money(row["unit_price"], row["currency"]),
        row["cancelled"],
        row["refunded"],
        row["decremented"],
    )


def _order(row: RowMapping, lines: list[OrderLine]) -> ChannelOrder:
    return ChannelOrder(
        row["order_id"],
        row["number"],
        OrderStatus(row["status"]),
        row["created_at"],
        row["modified_at"],
        tuple(lines),
        Buyer(row["buyer_id"], row["buyer_name"], row["buyer_email"], row["buyer_language"]),
        Address(**row["ship_to"]) if row["ship_to"] else None,
        Money(row["total"], row["currency"]),
        shipping=Money(row["shipping"], row["currency"]) if row["shipping"] is not None else None,
    )


async def read_newest(conn: AsyncConnection, *, after: str | None, limit: int) -> list[str]:
    """Keys of orders, newest first, from just after one."""
    c = order.c
    statement = select(c.order_key).order_by(c.created_at.desc(), c.order_key).limit(limit)
    if after is not None:
        known = select(c.created_at).where(c.order_key == after).scalar_subquery()
        statement = statement.where((c.created_at < known) | ((c.created_at == known) & (c.order_key > after)))
    return list((await conn.execute(statement)).scalars())

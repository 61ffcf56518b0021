"""Which orders belong together, and which look alike, read from their rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.channel.port import OrderStatus
from syncd.db import chunks
from syncd.identity import ChannelName, Money
from syncd.ledger.store import Write
from syncd.orders.combine import OPEN, OpenOrder
from syncd.orders.copy import TAKING_STOCK, WINDOW, Lookalike
from syncd.orders.store import order, order_line

LOOKALIKES_MAX = 100
"""Rows looked at; an address with more lines within two days is a shop's own."""


def select_lookalikes(channel: ChannelName, address_key: str, created_at: datetime) -> Select[Any]:
    """The lines of other channels' orders to one address around a moment, for a command's reads."""
    o, x = order.c, order_line.c
    wanted = select(o.order_key, o.channel, o.created_at, o.copy_of, x.sku, x.title, x.quantity).join(
        order_line, x.order_key == o.order_key
    )
    around = o.created_at.between(created_at - WINDOW, created_at + WINDOW)
    return wanted.where(o.address_key == address_key, o.address_key != "", o.channel != channel, around).limit(
        LOOKALIKES_MAX
    )


def lookalikes_of(rows: Sequence[RowMapping]) -> list[Lookalike]:
    """Those rows as values."""
    things: dict[str, list[tuple[str, int]]] = {}
    first: dict[str, RowMapping] = {}
    for row in rows:
        first.setdefault(row["order_key"], row)
        if row["quantity"]:
            things.setdefault(row["order_key"], []).append(((row["sku"] or row["title"]).strip(), row["quantity"]))
    return [
        Lookalike(key, ChannelName(row["channel"]), row["created_at"], row["copy_of"], tuple(sorted(things[key])))
        for key, row in first.items()
        if key in things
    ]


async def read_copies(conn: AsyncConnection, order_keys: Collection[str]) -> dict[str, str]:
    """The marks of those orders that are copies and take no stock."""
    found: dict[str, str] = {}
    for part in chunks(sorted(order_keys)):
        marks = select(order.c.order_key, order.c.copy_of).where(order.c.order_key.in_(part))
        found |= {key: mark for key, mark in await conn.execute(marks) if mark not in TAKING_STOCK}
    return found


def mark_copy(order_key: str, mark: str) -> tuple[Write, ...]:
    """A person said whether an order is a copy; its lines are judged again at the intake's next run."""
    said = update(order).where(order.c.order_key == order_key).values(copy_of=mark)
    again = update(order_line).where(order_line.c.order_key == order_key).values(linked=False)
    return Write(said), Write(again)


async def read_open_orders(
    conn: AsyncConnection, *, channel: ChannelName | None = None, beside: Collection[str] | None = None
) -> list[OpenOrder]:
    """Orders still to be sent: all, a channel's, or those of the buyers and addresses of some orders."""
    o = order.c
    wanted = select(order).where(o.status.in_([one.value for one in OPEN]), o.copy_of.in_(sorted(TAKING_STOCK)))
    if channel is not None:
        wanted = wanted.where(o.channel == channel)
    selects = [wanted]
    if beside is not None:
        selects = []
        for part in chunks(sorted(beside)):
            own = o.order_key.in_(part)
            places, buyers = select(o.address_key).where(own), select(o.buyer_id).where(own)
            selects.append(wanted.where(o.address_key.in_(places), o.buyer_id.in_(buyers)))
    rows = {row["order_key"]: row for one in selects for row in (await conn.execute(one)).mappings()}
    lines: dict[str, list[RowMapping]] = {}
    for part in chunks(list(rows)):
        held = select(order_line).where(order_line.c.order_key.in_(part)).order_by(order_line.c.line_id)
        for line in (await conn.execute(held)).mappings():
            lines.setdefault(line["order_key"], []).append(line)
    return [_open(row, lines.get(key, [])) for key, row in rows.items()]


def _open(row: RowMapping, lines: Sequence[RowMapping]) -> OpenOrder:
    wanted = [(line["unit_price"], max(0, line["quantity"] - line["cancelled"])) for line in lines]
    return OpenOrder(
        row["order_key"],
        ChannelName(row["channel"]),
        OrderStatus(row["status"]),
        row["created_at"],
        row["buyer_id"],
        row["address_key"],
        Money(sum((price * count for price, count in wanted), Decimal(0)), row["currency"]),
        sum(count for _, count in wanted),
        tuple(line["line_id"] for line in lines),
    )

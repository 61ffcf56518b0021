"""Reads what customers bought on the channels: when, how much, and when we knew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.identity import ChannelName, ListingId, ListingKey
from syncd.orders.store import order, order_line


@dataclass(frozen=True, slots=True)
class Sold:
    """One order line that stands. `quantity` in listing units, what was cancelled taken off; `heard_at`: first read."""

    key: ListingKey | None
    quantity: int
    sold_at: datetime
    heard_at: datetime


async def read_sold(conn: AsyncConnection, since: datetime, until: datetime) -> list[Sold]:
    """Lines of orders first read after `since` and no later than `until`, oldest first.

    Without orders made before syncd answered for the channel, copies of other orders, and what was cancelled.
    """
    o, line = order.c, order_line.c
    statement = (
        select(o.channel, o.created_at, o.imported_at, line.listing_id, line.quantity, line.cancelled)
        .join(order_line, line.order_key == o.order_key)
        .where(o.imported_at > since, o.imported_at <= until, ~o.before_start, o.copy_of == "")
        .order_by(o.created_at, line.line_id)
    )
    return [
        Sold(
            None if row.listing_id is None else ListingKey(ChannelName(row.channel), ListingId(row.listing_id)),
            row.quantity - row.cancelled,
            row.created_at,
            row.imported_at,
        )
        for row in await conn.execute(statement)
        if row.quantity > row.cancelled
    ]

"""An order as we keep it, and what we remember of each of its lines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from syncd.channel.port import ChannelOrder, OrderStatus
from syncd.identity import ChannelName, ListingId


@dataclass(frozen=True, slots=True)
class KnownLine:
    """A line as last imported. `wanted` and `taken` are in listing units; `revision` counts its changes to stock."""

    line_id: str
    order_key: str
    listing_id: ListingId | None
    wanted: int
    taken: int
    revision: int
    linked: bool


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order as last imported. `order_key` never changes, whatever the channel does to its own order id."""

    order_key: str
    order_id: str
    status: OrderStatus
    fingerprint: str
    before_start: bool


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """An order as a person wants to see it in a list."""

    order_key: str
    channel: ChannelName
    number: str
    status: OrderStatus
    created_at: datetime
    lines: tuple[tuple[str, int, int, int], ...]
    """(SKU or title, wanted, reserved, short) per line and SKU."""


def fingerprint(order: ChannelOrder) -> str:
    """Everything about an order that stock depends on; equal fingerprints need no second look."""
    lines = [(x.line_id, x.quantity, x.cancelled, x.refunded, x.decremented, x.listing_id, x.sku) for x in order.lines]
    return repr((order.order_id, order.status.value, sorted(lines, key=lambda line: line[0])))


def new_order_key(channel: ChannelName, order_id: str) -> str:
    """The key of an order seen for the first time."""
    return f"{channel}:{order_id}"

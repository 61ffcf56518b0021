"""An order as we keep it, and what we remember of each of its lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.channel.port import ChannelOrder, OrderStatus
from syncd.identity import ChannelName, ListingId


@dataclass(frozen=True, slots=True)
class KnownLine:
    """A line as last imported. `wanted` and `taken` are in listing units; `revision` counts its changes to stock.

    `withdrawn` were refunded before the order was sent: what is refunded after that did leave the house.
    """

    line_id: str
    order_key: str
    listing_id: ListingId | None
    wanted: int
    taken: int
    revision: int
    linked: bool
    withdrawn: int = 0


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order as last imported. `order_key` never changes, whatever the channel does to its own order id."""

    order_key: str
    order_id: str
    status: OrderStatus
    fingerprint: str
    before_start: bool
    modified_at: datetime


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


def is_outdated(order: ChannelOrder, known: KnownOrder) -> bool:
    """Whether this is an older version of the same order than the one known: a list may be later than a direct read."""
    return order.order_id == known.order_id and order.modified_at < known.modified_at


def waves(orders: Sequence[ChannelOrder]) -> list[list[ChannelOrder]]:
    """Orders that may be judged side by side: those that share a line or an id go one after the other, as listed."""
    found: list[list[ChannelOrder]] = []
    last: dict[str, int] = {}
    for order in orders:
        names = {f"order {order.order_id}", *(f"line {line.line_id}" for line in order.lines)}
        at = max((last[name] + 1 for name in names if name in last), default=0)
        if at == len(found):
            found.append([])
        found[at].append(order)
        last.update(dict.fromkeys(names, at))
    return found

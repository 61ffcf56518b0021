"""An order as we keep it, and what we remember of each of its lines."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

from syncd.channel.port import ChannelOrder, OrderStatus
from syncd.identity import ChannelName, ListingId


@dataclass(frozen=True, slots=True)
class KnownLine:
    """A line as last imported. `wanted` and `taken` are in listing units; `revision` counts its changes to stock.

    `withdrawn` were refunded before the order was sent: what is refunded after that did leave the house. `aside` of
    them the channel did not put back on its number: they lie apart from what is for sale.
    """

    line_id: str
    order_key: str
    listing_id: ListingId | None
    wanted: int
    taken: int
    revision: int
    linked: bool
    withdrawn: int = 0
    aside: int = 0


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order as last imported. `order_key` never changes, whatever the channel does to its own order id."""

    order_key: str
    order_id: str
    status: OrderStatus
    fingerprint: str
    before_start: bool
    modified_at: datetime
    copy_of: str = ""


def fingerprint(order: ChannelOrder) -> str:
    """Everything about an order that is kept; equal fingerprints need no second look. A digest: it tells of nobody."""
    lines = sorted(map(repr, order.lines))
    people = (astuple(order.buyer), astuple(order.ship_to) if order.ship_to else None)
    told: tuple[object, ...] = (
        order.order_id,
        order.number,
        order.status.value,
        order.sold_at,
        order.copy_of,
        str(order.total),
    )
    told = told if order.shipping is None else (*told, str(order.shipping))
    return hashlib.sha256(repr((told, people, lines)).encode("utf-8", "backslashreplace")).hexdigest()


def new_order_key(channel: ChannelName, order_id: str) -> str:
    """The key of an order seen for the first time."""
    return f"{channel}:{order_id}"


def is_outdated(order: ChannelOrder, known: Mapping[str, KnownOrder], lines: Mapping[str, KnownLine]) -> bool:
    """Whether this is an older version than the one known: a list may be later than a direct read.

    `known` are orders by key. An order may have another id since (eBay renames it when it is paid): its lines tell.
    """
    here = {lines[line.line_id].order_key for line in order.lines if line.line_id in lines}
    if not here or any(line.line_id not in lines for line in order.lines):
        same = (one for one in known.values() if one.order_id == order.order_id)
        return any(order.modified_at < one.modified_at for one in same)
    return all(key in known and order.modified_at < known[key].modified_at for key in here)


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

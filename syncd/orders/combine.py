"""Orders that belong together: open orders of one buyer on one channel, to one address, made about the same time.

They are packed as one parcel, and where the channel allows it unpaid ones are offered as one invoice. Buyers are told
apart by the channel's own id and a digest of the address; nothing here knows a name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.channel.port import Address, OrderStatus
from syncd.identity import ChannelName, Money

OPEN = (OrderStatus.UNPAID, OrderStatus.PAID)
"""Orders that are still to be sent."""

WINDOW = timedelta(days=7)
"""Orders further apart are not kept waiting for each other."""


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order still to be sent, as far as it matters for what it is sent with. `buyer_id` is the channel's own."""

    order_key: str
    channel: ChannelName
    status: OrderStatus
    created_at: datetime
    buyer_id: str
    address_key: str
    goods: Money
    """What its lines cost, without shipping."""
    units: int
    line_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Orders that belong together, oldest first: at least two."""

    orders: tuple[OpenOrder, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Their keys."""
        return tuple(one.order_key for one in self.orders)

    def only(self, status: OrderStatus) -> Group | None:
        """Those of one status, if they still are at least two."""
        found = tuple(one for one in self.orders if one.status is status)
        return Group(found) if len(found) > 1 else None


def address_key(address: Address | None) -> str:
    """A digest by which the same address is known again, however it is spelt in case and blanks; '' for none."""
    if address is None:
        return ""
    parts = (address.name, address.street, address.city, address.postcode, address.country)
    spelt = "\n".join(" ".join(part.casefold().split()) for part in parts)
    return hashlib.sha256(spelt.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def groups(orders: Iterable[OpenOrder]) -> list[Group]:
    """Orders that belong together. A gap of more than the window between two neighbours parts them."""
    by_buyer: dict[tuple[ChannelName, str, str], list[OpenOrder]] = {}
    for one in sorted(orders, key=lambda one: (one.created_at, one.order_key)):
        if one.buyer_id and one.status in OPEN:
            by_buyer.setdefault((one.channel, one.buyer_id, one.address_key), []).append(one)
    found: list[Group] = []
    for own in by_buyer.values():
        run: list[OpenOrder] = []
        for one in own:
            if run and one.created_at - run[-1].created_at > WINDOW:
                found += [Group(tuple(run))] if len(run) > 1 else []
                run = []
            run.append(one)
        found += [Group(tuple(run))] if len(run) > 1 else []
    return found


def together(orders: Iterable[OpenOrder]) -> dict[str, tuple[str, ...]]:
    """Of each order that belongs to others: the keys of those others."""
    return {
        one.order_key: tuple(key for key in group.keys if key != one.order_key)
        for group in groups(orders)
        for one in group.orders
    }

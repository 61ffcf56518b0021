"""Takes a buyer's personal data out of the orders, which stay as what was sold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, null, select, update

from syncd.identity import ChannelName
from syncd.ledger.store import Write
from syncd.orders.combine import address_key
from syncd.orders.store import order


def select_keys_of_buyers(channel: ChannelName, buyer_ids: Sequence[str]) -> Select[Any]:
    """Keys of the orders of buyers, whatever state they are in."""
    return select(order.c.order_key).where(order.c.channel == channel, order.c.buyer_id.in_(sorted(set(buyer_ids))))


def forget_buyers(channel: ChannelName, buyer_ids: Sequence[str]) -> Write:
    """Names, addresses and the ids themselves; last, since the rest is found by them."""
    match = (order.c.channel == channel, order.c.buyer_id.in_(sorted(set(buyer_ids))))
    nobody = {"buyer_id": "", "buyer_name": "", "buyer_email": "", "ship_to": null(), "address_key": address_key(None)}
    return Write(update(order).where(*match).values(nobody))

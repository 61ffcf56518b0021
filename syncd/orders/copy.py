"""Copies of orders: a plug-in that carries one channel's orders into another would have every sale counted twice.

An order that bears a configured mark is a copy and takes no stock. One that a program wrote and that looks like an
order of another channel (same address, same things, about the same time) is asked about, and keeps its stock until a
person has said: holding a unit too many hides it for a while, letting one go too many sells it twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.attention.question import Question, Topic
from syncd.channel.port import COPY_PERHAPS, ChannelOrder
from syncd.identity import ChannelName

OWN = "own"
"""What a person said of an order that only looked like a copy."""

BY_HAND = "said by a person"
"""The mark of a copy that a person recognised."""

TAKING_STOCK = frozenset({"", COPY_PERHAPS, OWN})
"""Of these marks an order is met like any other."""

WINDOW = timedelta(days=2)
"""Copies are made within hours; two orders further apart are two orders."""


@dataclass(frozen=True, slots=True)
class Lookalike:
    """An order of another channel that goes to the same address. `things` are what it is of: (SKU or title, units)."""

    order_key: str
    channel: ChannelName
    created_at: datetime
    copy_of: str
    things: tuple[tuple[str, int], ...]


def mark_of(told: str, known: str) -> str:
    """The mark that counts: what a person said, then what the channel says now, then what it said before."""
    if known in (OWN, BY_HAND):
        return known
    return known if told in ("", COPY_PERHAPS) and known else told


def things_of(order: ChannelOrder) -> tuple[tuple[str, int], ...]:
    """What an order is of, however its lines are written down."""
    return tuple(sorted(((line.sku or line.title).strip(), line.quantity) for line in order.lines if line.quantity))


def doubt(
    order: ChannelOrder, order_key: str, mark: str, others: Sequence[Lookalike], now: datetime
) -> Question | None:
    """The question whether one of two orders is a copy of the other, if a program wrote one and they look alike."""
    things = things_of(order)
    alike = [
        one
        for one in others
        if one.things == things
        and abs(one.created_at - order.created_at) <= WINDOW
        and (mark, one.copy_of) in ((COPY_PERHAPS, ""), ("", COPY_PERHAPS))
    ]
    if not things or not alike:
        return None
    other = min(alike, key=lambda one: (abs(one.created_at - order.created_at), one.order_key))
    copied, first = (order_key, other.order_key) if mark else (other.order_key, order_key)
    sentence = (
        f"order {copied} was written by a program and looks like a copy of {first}: same address, same things; both "
        f"take stock until you say: syncd orders copied {copied}, or: syncd orders own {copied}"
    )
    return Question(Topic.COPIED_ORDER, copied, sentence, now)

"""Fences: what a piece of background work is allowed to touch, and how that is known at the moment it acts.

On several nodes every channel's work is held by a lease with a number that grows each time it changes hands
(`syncd/lease`). A worker's run carries the leases it began under as *fences* in its context; the writer compares their
numbers inside each transaction, and a line to a channel looks at the time left right before a request leaves. Where
only one process can be at work (SQLite) there are no fences, and everything is covered.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from syncd.errors import LeaseLost

HOUSE = "house"
"""The duty of everything that runs once for all channels: planning, cases, expiry, tidying up, the broker."""


def channel_duty(channel: str) -> str:
    """Everything that calls one channel."""
    return f"channel {channel}"


def supplier_duty(supplier: str) -> str:
    """Everything that calls one supplier."""
    return f"supplier {supplier}"


@dataclass(eq=False, slots=True)
class Fence:
    """One lease as this node holds it. `until`: the moment on this node's monotonic clock before which the database
    gives it to nobody else.
    """

    duty: str
    token: int
    until: float
    is_lost: bool = False


Fences = tuple[Fence, ...]

FENCES: ContextVar[Fences | None] = ContextVar("fences", default=None)
"""The fences of the work in hand; None: nobody has to ask."""


@contextmanager
def fenced(fences: Fences | None) -> Iterator[None]:
    """What is done in this block, and in the tasks it makes, is done under these fences."""
    before = FENCES.set(fences)
    try:
        yield
    finally:
        FENCES.reset(before)


def covers(duty: str) -> bool:
    """Whether the work in hand is this node's to do."""
    fences = FENCES.get()
    return fences is None or any(fence.duty == duty for fence in fences)


def covers_channel(channel: str, known: Container[str]) -> bool:
    """Whether this node is to do what concerns a channel; what concerns none of the known is the house's."""
    fences = FENCES.get()
    return fences is None or covers(channel_duty(channel) if channel in known else HOUSE)


def stand(monotonic: float) -> None:
    """Raise LeaseLost unless every fence of the work in hand surely stands at this moment."""
    for fence in FENCES.get() or ():
        if fence.is_lost or monotonic >= fence.until:
            raise LeaseLost(fence.duty)

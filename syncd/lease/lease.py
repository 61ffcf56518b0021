"""Leases: who does which part of the work, and how the parts are shared out among the nodes that are alive."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

LEASE_SECONDS = 5.0
"""How long a lease holds from its last renewal, by the database's clock."""

BEAT_SECONDS = 1.0
"""How often leases are renewed and looked through. A dead node's work is taken over after at most
`LEASE_SECONDS` + `BEAT_SECONDS`, and a moment."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One duty as the database tells of it.

    `holder` is '' while nobody holds it. `token` grows by one each time it changes hands. `is_free`: nobody holds it,
    or he has not renewed it in time, by the database's clock. All moments are the database's.
    """

    duty: str
    holder: str
    token: int
    since: datetime | None
    renewed_at: datetime | None
    is_free: bool


@dataclass(frozen=True, slots=True)
class Node:
    """One process at work on the store. `is_alive`: it was seen within the time of a lease."""

    holder: str
    name: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    is_alive: bool


@dataclass(frozen=True, slots=True)
class Moves:
    """What a node is to do about the leases: duties to take, and duties to give back after the run in hand."""

    take: tuple[str, ...] = ()
    give: tuple[str, ...] = ()


def moves(leases: Sequence[Lease], alive: Collection[str], me: str, wanted: Collection[str]) -> Moves:
    """Take what is free, up to a fair share of what this node is set up for; give back what is more than that.

    A node that is alone takes everything. Whoever holds too much gives back the last in order, for whoever has fewer.
    """
    mine = sorted(lease.duty for lease in leases if lease.holder == me)
    share = -(-len(leases) // max(1, len({*alive, me})))
    free = sorted(lease.duty for lease in leases if lease.is_free and lease.holder != me and lease.duty in wanted)
    room = max(0, share - len(mine))
    return Moves(tuple(free[:room]), tuple(mine[share:]))

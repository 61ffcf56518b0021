"""Leases and nodes as rows. Only the database's clock is ever asked: the nodes' own may be wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.bulk import BulkSelect
from syncd.db import WRITERS_LOCK, UtcDateTime, table_of
from syncd.lease.lease import LEASE_SECONDS, Lease, Node


class LeaseRow(SQLModel, table=True):
    """Who holds a duty. `token` grows with every change of hands and never falls."""

    __tablename__ = "lease"

    duty: str = Field(primary_key=True)
    holder: str
    token: int = Field(sa_column=Column(BigInteger, nullable=False))
    since: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    renewed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    expires_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))


class NodeRow(SQLModel, table=True):
    """A process that is or was at work on the store."""

    __tablename__ = "node"

    holder: str = Field(primary_key=True)
    name: str
    host: str
    pid: int
    started_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


lease = table_of(LeaseRow)
node = table_of(NodeRow)

SELECT_TOKENS = BulkSelect(lease, ("duty", "token"), key="duty")
"""What the writer compares fences with, inside its transaction."""

_TERM = {"term": LEASE_SECONDS}
_APPEAR = text(
    "INSERT INTO node (holder, name, host, pid, started_at, seen_at)"
    " VALUES (:holder, :name, :host, :pid, clock_timestamp(), clock_timestamp())"
    " ON CONFLICT (holder) DO UPDATE SET seen_at = clock_timestamp()"
)
_KNOW = text(
    "INSERT INTO lease (duty, holder, token) SELECT unnest(CAST(:duties AS text[])), '', 0 ON CONFLICT DO NOTHING"
)
_RENEW = text(
    "UPDATE lease SET renewed_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => :term)"
    " WHERE holder = :holder RETURNING duty, token"
)
# The door of all writers is waited for: what somebody still writes under the old lease is committed before it changes
# hands, and whatever he begins afterwards finds another number. The row itself is judged again when it is its turn.
_TAKE = text(
    "WITH door AS MATERIALIZED (SELECT pg_advisory_xact_lock(CAST(:door AS bigint)))"
    " UPDATE lease SET holder = :holder, token = token + 1, since = clock_timestamp(), renewed_at = clock_timestamp(),"
    " expires_at = clock_timestamp() + make_interval(secs => :term) FROM door"
    " WHERE duty = ANY(CAST(:duties AS text[])) AND (holder = '' OR expires_at < clock_timestamp())"
    " RETURNING duty, token"
)
_GIVE = text(
    "UPDATE lease SET holder = '', expires_at = clock_timestamp()"
    " WHERE holder = :holder AND duty = ANY(CAST(:duties AS text[]))"
)
_LEASES = text(
    "SELECT duty, holder, token, since, renewed_at, holder = '' OR expires_at < clock_timestamp() AS is_free"
    " FROM lease ORDER BY duty"
)
_NODES = text(
    "SELECT holder, name, host, pid, started_at, seen_at,"
    " seen_at > clock_timestamp() - make_interval(secs => :term) AS is_alive FROM node ORDER BY started_at"
)
_LEAVE = text("DELETE FROM node WHERE holder = :holder")
_TIDY = text("DELETE FROM node WHERE seen_at < clock_timestamp() - interval '1 day'")


@dataclass(frozen=True, slots=True)
class Holdings:
    """Who holds what since when, and who is there: what `syncd status` shows of several nodes."""

    leases: tuple[Lease, ...]
    nodes: tuple[Node, ...]


async def appear(conn: AsyncConnection, who: Mapping[str, object], duties: Collection[str]) -> None:
    """Tell that this node is there and which duties there are; forget nodes that are long gone."""
    await conn.execute(_APPEAR, dict(who))
    await conn.execute(_KNOW, {"duties": sorted(duties)})
    await conn.execute(_TIDY)


async def renew(conn: AsyncConnection, who: Mapping[str, object]) -> dict[str, int]:
    """Renew everything this node holds; returns the duties with their tokens. What somebody took is not among them."""
    await conn.execute(_APPEAR, dict(who))
    rows = await conn.execute(_RENEW, {"holder": who["holder"], **_TERM})
    return {row.duty: row.token for row in rows}


async def take(conn: AsyncConnection, holder: str, duties: Collection[str]) -> dict[str, int]:
    """Take duties that are still free; returns those that were got, with their new tokens."""
    wanted = {"holder": holder, "duties": sorted(duties), "door": WRITERS_LOCK, **_TERM}
    rows = await conn.execute(_TAKE, wanted)
    return {row.duty: row.token for row in rows}


async def give(conn: AsyncConnection, holder: str, duties: Collection[str]) -> None:
    """Give duties back: anybody may have them at once."""
    await conn.execute(_GIVE, {"holder": holder, "duties": sorted(duties)})


async def leave(conn: AsyncConnection, holder: str) -> None:
    """This node ends in order."""
    await conn.execute(_LEAVE, {"holder": holder})


async def read_holdings(conn: AsyncConnection) -> Holdings:
    """Every lease and every node, as the database's clock judges them. Empty on SQLite, where no leases are kept."""
    if conn.dialect.name == "sqlite":
        return Holdings((), ())
    leases = (await conn.execute(_LEASES)).mappings()
    nodes = (await conn.execute(_NODES, _TERM)).mappings()
    return Holdings(tuple(Lease(**row) for row in leases), tuple(Node(**row) for row in nodes))

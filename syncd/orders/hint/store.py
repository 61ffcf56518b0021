"""Hints that came by webhook, as rows, until they were followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, Integer, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.bulk import BulkUpdate
from syncd.channel.port import Hint, ListingObservation, ListingStatus
from syncd.db import UtcDateTime, table_of, upsert
from syncd.identity import ChannelName, ListingId
from syncd.ledger.store import Write
from syncd.prepared import Prepared, Row


class HintRow(SQLModel, table=True):
    """A hint that came by webhook, kept until it was followed."""

    __tablename__ = "hint"

    hint_id: int | None = Field(
        default=None, sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    )
    channel: str = Field(index=True)
    delivery_key: str = Field(unique=True)
    received_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    order_id: str | None
    listing_id: str | None
    available: int | None
    sold: int | None
    asked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    done: bool = Field(index=True)


hint = table_of(HintRow)


@dataclass(frozen=True, slots=True)
class WaitingHint:
    """A hint not yet followed."""

    hint_id: int
    hint: Hint


def keep_hints(channel: ChannelName, hints: Sequence[Hint], delivery_key: str, now: datetime) -> Write:
    """Keep hints until they are followed; the same delivery again adds nothing."""
    rows = [
        {
            "channel": channel,
            "delivery_key": f"{channel}:{delivery_key or _unnamed(one, now)}#{number}",
            "received_at": now,
            "order_id": one.order_id,
            **{name: getattr(one.observation, name, None) for name in ("listing_id", "available", "sold", "asked_at")},
            "done": False,
        }
        for number, one in enumerate(hints)
    ]
    return Write(upsert(hint, ("delivery_key",), ()), rows)


def _unnamed(one: Hint, now: datetime) -> str:
    """A key for a delivery its channel did not name: such a one is never taken for a repeat of an earlier one."""
    seen = one.observation
    return f"{now.isoformat()} {one.order_id} {seen.listing_id if seen else None} {seen.sold if seen else None}"


_FOLLOWED = BulkUpdate(hint, ("hint_id",), {"done": "true"})


def hints_followed(hint_ids: Sequence[int]) -> Write:
    """These hints were acted on."""
    return Write(_FOLLOWED, [{"hint_id": one} for one in hint_ids])


_WAITING = Prepared(
    select(hint)
    .where(hint.c.channel == bindparam("channel"), ~hint.c.done)
    .order_by(hint.c.hint_id)
    .limit(bindparam("limit", type_=Integer))
)


async def waiting_hints(conn: AsyncConnection, channel: ChannelName, limit: int) -> list[WaitingHint]:
    """Hints not yet followed, oldest first."""
    return [WaitingHint(row["hint_id"], _hint(row)) for row in await _WAITING.rows(conn, channel=channel, limit=limit)]


_COUNTED = Prepared(
    select(hint)
    .where(hint.c.channel == bindparam("channel"), ~hint.c.done, hint.c.sold.is_not(None))
    .where(hint.c.listing_id.is_not(None), hint.c.hint_id > bindparam("after", type_=Integer))
    .order_by(hint.c.hint_id)
    .limit(bindparam("limit", type_=Integer))
)


async def read_counted(
    conn: AsyncConnection, channel: ChannelName, *, after: int, limit: int
) -> list[tuple[int, ListingObservation]]:
    """What hints not yet followed tell of listings' sold counters, oldest first, from just after one, with its id."""
    rows = await _COUNTED.rows(conn, channel=channel, after=after, limit=limit)
    return [(row["hint_id"], _observation(row)) for row in rows]


def _hint(row: Row) -> Hint:
    return Hint(row["order_id"], None if row["listing_id"] is None else _observation(row))


def _observation(row: Row) -> ListingObservation:
    status, asked_at = ListingStatus.ACTIVE, row["asked_at"]
    return ListingObservation(ListingId(row["listing_id"]), row["available"], row["sold"], status, asked_at)

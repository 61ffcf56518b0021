"""Reads what there is of SKUs (balances, offers, the channels' own holds and sales) for the pure function beside it,
and keeps how fast they sell and how long news takes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.availability.ats import SkuSupply
from syncd.availability.pace import Figures, Key
from syncd.availability.velocity import Delay, Velocity, Way
from syncd.channel.port import ListingStatus
from syncd.db import UtcDateTime, table_of, upsert
from syncd.identity import ChannelName, ListingKey, Sku, SupplierName
from syncd.ledger.movement import State
from syncd.ledger.store import Write, last_position, movement, read_balances
from syncd.listing.store import component, listing, read_unheld
from syncd.prepared import Prepared, among
from syncd.reservation.store import read_channel_holds
from syncd.supply.offer import SupplierPolicy, usable
from syncd.supply.store import read_offers


class VelocityRow(SQLModel, table=True):
    """How fast a SKU sells on a channel; the channel '' is the shop's own counter."""

    __tablename__ = "velocity"

    sku: str = Field(primary_key=True)
    channel: str = Field(primary_key=True)
    rush: float
    steady: float
    as_of: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class DelayRow(SQLModel, table=True):
    """How long news takes on its way from a channel, or to it."""

    __tablename__ = "delay"

    channel: str = Field(primary_key=True)
    way: str = Field(primary_key=True)
    mean_seconds: float
    spread_seconds: float
    measured_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class FoldRow(SQLModel, table=True):
    """How far into the log a running figure has counted."""

    __tablename__ = "fold"

    name: str = Field(primary_key=True)
    position: int = Field(sa_column=Column(BigInteger, nullable=False))


velocity = table_of(VelocityRow)
delay = table_of(DelayRow)
fold = table_of(FoldRow)

PACE_FOLD = "pace"

_VELOCITIES = select(velocity)
_VELOCITIES_OF_SKUS = Prepared(_VELOCITIES.where(among(velocity.c.sku, name="skus")))
_EVERY_VELOCITY = Prepared(_VELOCITIES)
_DELAYS = Prepared(select(delay))
_IS_ACTIVE = and_(
    listing.c.channel == component.c.channel,
    listing.c.listing_id == component.c.listing_id,
    listing.c.status == ListingStatus.ACTIVE.value,
)
_OFFERED = Prepared(
    select(component.c.sku, component.c.channel)
    .join(listing, _IS_ACTIVE)
    .where(among(component.c.sku, name="skus"))
    .distinct()
)


async def read_supplies(
    conn: AsyncConnection,
    skus: Sequence[Sku],
    suppliers: Mapping[SupplierName, SupplierPolicy],
    now: datetime,
) -> dict[Sku, SkuSupply]:
    """What there is of each SKU now; one entry for every SKU asked for. Offers of unknown suppliers count nothing."""
    balances = await read_balances(conn, skus)
    offers = await read_offers(conn, skus=skus) if suppliers else {}
    holds = await read_channel_holds(conn, skus)
    unheld = await read_unheld(conn, skus)
    figures = Figures(await read_velocities(conn, skus), await read_delays(conn))
    offered, sold_per_day = await read_offered(conn, skus), figures.sold_per_day()
    held: dict[Sku, dict[ListingKey, int]] = {}
    for (sku, key), units in holds.items():
        held.setdefault(sku, {})[key] = units
    supplies: dict[Sku, SkuSupply] = {}
    for sku in skus:
        trusted = [one for one in offers.get(sku, ()) if one.supplier in suppliers]
        supplies[sku] = SkuSupply(
            available=balances.by_location(sku, State.AVAILABLE),
            as_of=now,
            offers=[usable(one, suppliers[one.supplier], now) for one in trusted],
            held_on_channel=held.get(sku, {}),
            sold_unheld=unheld.get(sku, 0),
            outlets=figures.outlets(sku, offered.get(sku, ())),
            sold_per_day=sold_per_day.get(sku, 0.0),
        )
    return supplies


async def read_offered(conn: AsyncConnection, skus: Iterable[Sku]) -> dict[Sku, Collection[ChannelName]]:
    """The channels with an active listing of each SKU, in order; no entry for what is offered nowhere."""
    found: dict[Sku, list[ChannelName]] = {}
    for row in await _OFFERED.rows(conn, skus=list(skus)):
        found.setdefault(Sku(row["sku"]), []).append(ChannelName(row["channel"]))
    return {sku: sorted(names) for sku, names in found.items()}


async def read_velocities(conn: AsyncConnection, skus: Sequence[Sku] | None = None) -> dict[Key, Velocity]:
    """How fast these SKUs sell, or all, by channel."""
    rows = await (_EVERY_VELOCITY.rows(conn) if skus is None else _VELOCITIES_OF_SKUS.rows(conn, skus=skus))
    return {
        (Sku(row["sku"]), ChannelName(row["channel"])): Velocity(row["rush"], row["steady"], row["as_of"])
        for row in rows
    }


async def read_delays(conn: AsyncConnection) -> dict[tuple[ChannelName, Way], Delay]:
    """How long news takes, by channel and way: two rows a channel."""
    return {
        (ChannelName(row["channel"]), Way(row["way"])): Delay(row["mean_seconds"], row["spread_seconds"])
        for row in await _DELAYS.rows(conn)
    }


def save_velocities(velocities: Mapping[Key, Velocity]) -> Write:
    """Remember how fast SKUs sell."""
    rows = [
        {"sku": sku, "channel": name, "rush": one.rush, "steady": one.steady, "as_of": one.as_of}
        for (sku, name), one in sorted(velocities.items())
    ]
    return Write(upsert(velocity, ("sku", "channel"), ("rush", "steady", "as_of")), rows)


def save_delays(delays: Mapping[ChannelName, Delay], way: Way, now: datetime) -> Write:
    """Remember how long news takes."""
    rows = [
        {
            "channel": name,
            "way": way.value,
            "mean_seconds": one.mean_seconds,
            "spread_seconds": one.spread_seconds,
            "measured_at": now,
        }
        for name, one in sorted(delays.items())
    ]
    return Write(upsert(delay, ("channel", "way"), ("mean_seconds", "spread_seconds", "measured_at")), rows)


def select_fold(name: str) -> Select[Any]:
    """How far a figure has counted, for a command's reads."""
    return select(fold.c.position).where(fold.c.name == name)


async def read_fold(conn: AsyncConnection, name: str) -> int | None:
    """How far a figure has counted; None if it never began."""
    found = (await conn.execute(select_fold(name))).scalar_one_or_none()
    return None if found is None else int(found)


def save_fold(name: str, position: int) -> Write:
    """A figure has counted up to here."""
    return Write(upsert(fold, ("name",), ("position",)), {"name": name, "position": position})


async def position_before(conn: AsyncConnection, moment: datetime) -> int:
    """The position just before the first movement that happened since a moment."""
    statement = select(func.min(movement.c.position)).where(movement.c.happened_at >= moment)
    first = (await conn.execute(statement)).scalar_one_or_none()
    if first is not None:
        return int(first) - 1
    return await last_position(conn)


def named(names: Iterable[Key]) -> list[Sku]:
    """The SKUs among keys."""
    return sorted({sku for sku, _ in names})

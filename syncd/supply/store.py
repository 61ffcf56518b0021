"""Offers, suppliers' feeds and purchase orders, as rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Column, CompoundSelect, Select, delete, func, null, or_, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.channel.port import Address
from syncd.db import ExactDecimal, UtcDateTime, chunks, table_of, upsert
from syncd.identity import ChannelName, Money, Sku, SupplierName
from syncd.ledger.store import Write
from syncd.prepared import Prepared, Row, among
from syncd.supply.offer import Offer
from syncd.supply.purchase_order import UNANSWERED, UNSENT, Purchase, PurchaseOrder, PurchaseStatus
from syncd.supply.scorecard import Trust
from syncd.supply.store_trust import supplier_trust


class OfferRow(SQLModel, table=True):
    """What a supplier last said he has of one thing."""

    __tablename__ = "offer"

    supplier: str = Field(primary_key=True)
    supplier_sku: str = Field(primary_key=True)
    sku: str = Field(index=True)
    quantity: int
    as_of: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    confirmed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    title: str
    cost: Decimal | None = Field(default=None, sa_column=Column(ExactDecimal, nullable=True))
    currency: str | None


class FeedRow(SQLModel, table=True):
    """How far a supplier's feed was read."""

    __tablename__ = "supplier_feed"

    supplier: str = Field(primary_key=True)
    version: str
    as_of: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    fetched_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    stale: bool
    held_version: str
    released_version: str


class PurchaseOrderRow(SQLModel, table=True):
    """An order of ours to a supplier."""

    __tablename__ = "purchase_order"

    reference: str = Field(primary_key=True)
    supplier: str = Field(index=True)
    order_key: str = Field(index=True)
    status: str = Field(index=True)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    answered_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    ship_to: dict[str, str] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    attempts: int
    next_attempt_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    supplier_reference: str
    message: str
    expected_on: date | None = Field(default=None)


class PurchaseRow(SQLModel, table=True):
    """One line of a purchase order."""

    __tablename__ = "purchase"

    reference: str = Field(primary_key=True)
    channel: str = Field(primary_key=True)
    line_id: str = Field(primary_key=True)
    supplier_sku: str = Field(primary_key=True, index=True)
    sku: str
    supplier: str
    quantity: int
    accepted: int | None


offer = table_of(OfferRow)
feed = table_of(FeedRow)
purchase_order = table_of(PurchaseOrderRow)
purchase = table_of(PurchaseRow)


@dataclass(frozen=True, slots=True)
class Feed:
    """How far a supplier's feed was read. `held_version` waits for a person, who may release it."""

    supplier: SupplierName
    version: str
    as_of: datetime
    fetched_at: datetime
    stale: bool = False
    held_version: str = ""
    released_version: str = ""


def save_offers(offers: Sequence[Offer]) -> Write:
    """Add or change offers."""
    rows = [
        {
            "supplier": one.supplier,
            "supplier_sku": one.supplier_sku,
            "sku": one.sku,
            "quantity": one.quantity,
            "as_of": one.as_of,
            "confirmed_at": one.confirmed_at,
            "title": one.title,
            "cost": one.cost.amount if one.cost else None,
            "currency": one.cost.currency if one.cost else None,
        }
        for one in offers
    ]
    changes = ("sku", "quantity", "as_of", "confirmed_at", "title", "cost", "currency")
    return Write(upsert(offer, ("supplier", "supplier_sku"), changes), rows)


def confirm_offers(supplier: SupplierName, confirmed_at: datetime) -> Write:
    """The supplier says nothing changed: his offers are as fresh as that, and what we ordered since still counts."""
    return Write(update(offer).where(offer.c.supplier == supplier).values(confirmed_at=confirmed_at))


def drop_offers(supplier: SupplierName, supplier_skus: Sequence[str]) -> tuple[Write, ...]:
    """The supplier no longer offers these."""
    c = offer.c
    return tuple(
        Write(delete(offer).where(c.supplier == supplier, c.supplier_sku.in_(part))) for part in chunks(supplier_skus)
    )


def save_feed(one: Feed) -> Write:
    """Remember how far a feed was read."""
    changes = ("version", "as_of", "fetched_at", "stale", "held_version", "released_version")
    return Write(upsert(feed, ("supplier",), changes), asdict(one))


_ORDER_CHANGES = (
    *("status", "ship_to", "answered_at", "attempts", "next_attempt_at"),
    *("supplier_reference", "message", "expected_on"),
)


def save_purchase_order(one: PurchaseOrder) -> tuple[Write, ...]:
    """Add or change a purchase order with its lines."""
    row = {
        "reference": one.reference,
        "supplier": one.supplier,
        "order_key": one.order_key,
        "status": one.status.value,
        "created_at": one.created_at,
        "answered_at": one.answered_at,
        "ship_to": asdict(one.ship_to) if one.ship_to else None,
        "attempts": one.attempts,
        "next_attempt_at": one.next_attempt_at,
        "supplier_reference": one.supplier_reference,
        "message": one.message,
        "expected_on": one.expected_on,
    }
    lines = [{**asdict(p), "reference": one.reference} for p in one.purchases]
    return (
        Write(upsert(purchase_order, ("reference",), _ORDER_CHANGES), row),
        Write(upsert(purchase, ("reference", "channel", "line_id", "supplier_sku"), ("quantity", "accepted")), lines),
    )


def forget_addresses(order_keys: Select[Any]) -> Write:
    """Take where to send it out of purchase orders for some orders."""
    return Write(update(purchase_order).where(purchase_order.c.order_key.in_(order_keys)).values(ship_to=null()))


def release_purchases(order_keys: Collection[str], ship_to: Address | None) -> Write:
    """What waited for the payment of these orders may be ordered, to the address they have now."""
    c = purchase_order.c
    waiting = update(purchase_order).where(c.order_key.in_(sorted(order_keys)), c.status == PurchaseStatus.UNPAID.value)
    return Write(waiting.values(status=PurchaseStatus.DRAFT.value, ship_to=asdict(ship_to) if ship_to else None))


def adopt_purchases(absorbed: Collection[str], order_key: str) -> Write:
    """These orders are one with another now: what was bought for them belongs to it."""
    theirs = purchase_order.c.order_key.in_(sorted(absorbed))
    return Write(update(purchase_order).where(theirs).values(order_key=order_key))


def select_offers(skus: Sequence[Sku] | None = None) -> Select[Any]:
    """Offers with what we ordered of each and the supplier's word cannot know of, for a command's reads.

    That is everything not sent or not answered yet, however old, and what he answered since he said it (by hand: was
    created since).
    """
    p, o = purchase.c, purchase_order.c
    still_counts = func.coalesce(p.accepted, p.quantity)
    told_at = func.coalesce(o.answered_at, o.created_at)
    since = (
        select(func.coalesce(func.sum(still_counts), 0))
        .join(purchase_order, o.reference == p.reference)
        .where(
            p.supplier == offer.c.supplier,
            p.supplier_sku == offer.c.supplier_sku,
            or_(*(o.status == one.value for one in (*UNSENT, *UNANSWERED)), told_at >= offer.c.as_of),
        )
        .scalar_subquery()
        .label("ordered_since")
    )
    his = [
        select(supplier_trust.c[name])
        .where(supplier_trust.c.supplier == offer.c.supplier)
        .scalar_subquery()
        .label(f"trust_{name}")
        for name in ("share", "kept", "asked")
    ]
    statement = select(offer, since, *his).order_by(offer.c.supplier, offer.c.supplier_sku)
    return statement if skus is None else statement.where(offer.c.sku.in_(skus))


def offer_of(row: Row) -> Offer:
    """An offer row as a value."""
    cost = Money(row["cost"], row["currency"]) if row["cost"] is not None and row["currency"] else None
    return Offer(
        SupplierName(row["supplier"]),
        row["supplier_sku"],
        Sku(row["sku"]),
        row["quantity"],
        row["as_of"],
        row["title"],
        cost,
        int(row["ordered_since"]),
        row["confirmed_at"],
        Trust() if row["trust_share"] is None else Trust(row["trust_share"], row["trust_kept"], row["trust_asked"]),
    )


_OFFERS = select_offers()
_OFFERS_OF_ALL = Prepared(_OFFERS)
_OFFERS_OF_SKUS = Prepared(_OFFERS.where(among(offer.c.sku, name="skus")))


async def read_offers(
    conn: AsyncConnection, *, skus: Sequence[Sku] | None = None, supplier: SupplierName | None = None
) -> dict[Sku, list[Offer]]:
    """Offers by SKU."""
    found: dict[Sku, list[Offer]] = {}
    for row in await (_OFFERS_OF_ALL.rows(conn) if skus is None else _OFFERS_OF_SKUS.rows(conn, skus=skus)):
        one = offer_of(row)
        if supplier in (None, one.supplier):
            found.setdefault(one.sku, []).append(one)
    return found


async def count_offers(conn: AsyncConnection, supplier: SupplierName) -> int:
    """How many SKUs a supplier has any of, as he says."""
    c = offer.c
    found = await conn.execute(select(func.count()).where(c.supplier == supplier, c.quantity > 0))
    return int(found.scalar_one())


async def read_feed(conn: AsyncConnection, supplier: SupplierName) -> Feed | None:
    """How far a supplier's feed was read, or None if never."""
    row = (await conn.execute(select(feed).where(feed.c.supplier == supplier))).mappings().one_or_none()
    return None if row is None else Feed(**dict(row))


def select_purchase_orders(order_keys: CompoundSelect[Any] | Select[Any] | Collection[str]) -> Select[Any]:
    """The purchase orders made for some orders, one row for each line, for a command's reads."""
    o, p = purchase_order.c, purchase.c
    keys = sorted(order_keys) if isinstance(order_keys, Collection) else order_keys
    both = select(purchase_order, *(p[name].label(f"line_{name}") for name in p.keys()))  # noqa: SIM118  a column set
    return (
        both.join(purchase, p.reference == o.reference)
        .where(o.order_key.in_(keys))
        .order_by(o.created_at, o.reference, p.line_id, p.supplier_sku)
    )


def purchase_orders_of(rows: Sequence[RowMapping]) -> list[PurchaseOrder]:
    """Those rows as values."""
    lines: dict[str, list[Purchase]] = {}
    for row in rows:
        lines.setdefault(row["reference"], []).append(
            Purchase(
                SupplierName(row["line_supplier"]),
                row["line_supplier_sku"],
                Sku(row["line_sku"]),
                ChannelName(row["line_channel"]),
                row["line_line_id"],
                row["line_quantity"],
                row["line_accepted"],
            )
        )
    first = {row["reference"]: row for row in reversed(rows)}
    return [_purchase_order(first[reference], lines[reference]) for reference in lines]


async def read_orders_for(conn: AsyncConnection, order_key: str) -> list[PurchaseOrder]:
    """The purchase orders made for one customer's order, oldest first."""
    rows = (await conn.execute(select_purchase_orders([order_key]))).mappings().all()
    return purchase_orders_of(rows)


async def read_purchase_orders(
    conn: AsyncConnection, *, status: PurchaseStatus | None = None, supplier: SupplierName | None = None
) -> list[PurchaseOrder]:
    """Purchase orders, oldest first."""
    statement = select(purchase_order).order_by(purchase_order.c.created_at, purchase_order.c.reference)
    if status is not None:
        statement = statement.where(purchase_order.c.status == status.value)
    if supplier is not None:
        statement = statement.where(purchase_order.c.supplier == supplier)
    rows = (await conn.execute(statement)).mappings().all()
    lines = await _purchases(conn, [row["reference"] for row in rows])
    return [_purchase_order(row, lines.get(row["reference"], [])) for row in rows]


async def _purchases(conn: AsyncConnection, references: Sequence[str]) -> Mapping[str, list[Purchase]]:
    found: dict[str, list[Purchase]] = {}
    for part in chunks(references):
        chosen = select(purchase).where(purchase.c.reference.in_(part))
        for row in await conn.execute(chosen.order_by(purchase.c.line_id, purchase.c.supplier_sku)):
            found.setdefault(row.reference, []).append(
                Purchase(
                    SupplierName(row.supplier),
                    row.supplier_sku,
                    Sku(row.sku),
                    ChannelName(row.channel),
                    row.line_id,
                    row.quantity,
                    row.accepted,
                )
            )
    return found


def _purchase_order(row: RowMapping, lines: list[Purchase]) -> PurchaseOrder:
    return PurchaseOrder(
        row["reference"],
        SupplierName(row["supplier"]),
        row["order_key"],
        PurchaseStatus(row["status"]),
        row["created_at"],
        tuple(lines),
        Address(**row["ship_to"]) if row["ship_to"] else None,
        row["attempts"],
        row["next_attempt_at"],
        row["supplier_reference"],
        row["message"],
        row["answered_at"],
        row["expected_on"],
    )

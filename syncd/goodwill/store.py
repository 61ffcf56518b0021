"""Coupons, as rows: one for each reason, whoever asks how often."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Column, Select, delete, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close
from syncd.db import ExactDecimal, UtcDateTime, table_of, upsert
from syncd.goodwill.goodwill import (
    CUSTOMER_WINDOW,
    DAY,
    Coupon,
    CouponStatus,
    GoodwillConfig,
    Occasion,
    hesitation,
)
from syncd.identity import ChannelName, Money
from syncd.ledger.store import Command, Plan, View, Write
from syncd.orders.store_erasure import select_keys_of_buyers


class CouponRow(SQLModel, table=True):
    """A coupon for the buyer of an order; who that is stands with the order alone."""

    __tablename__ = "coupon"

    reference: str = Field(primary_key=True)
    occasion: str
    channel: str
    order_key: str = Field(index=True)
    line_id: str
    code: str = Field(unique=True)
    percent: Decimal = Field(sa_column=Column(ExactDecimal, nullable=False))
    amount: Decimal | None = Field(default=None, sa_column=Column(ExactDecimal, nullable=True))
    minimum: Decimal | None = Field(default=None, sa_column=Column(ExactDecimal, nullable=True))
    currency: str
    categories: list[str] = Field(sa_column=Column(JSON, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    asked_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    status: str = Field(index=True)
    attempts: int
    next_attempt_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    coupon_id: str
    message: str
    issued_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    told_in: str


coupon = table_of(CouponRow)

CHANGING = ("expires_at", "status", "attempts", "next_attempt_at", "coupon_id", "message", "issued_at", "told_in")


def save_coupon(one: Coupon) -> Write:
    """Add or change a coupon; what it is worth and its code never change."""
    money = one.amount or one.minimum
    values = {
        "reference": one.reference,
        "occasion": one.occasion.value,
        "channel": one.channel,
        "order_key": one.order_key,
        "line_id": one.line_id,
        "code": one.code,
        "percent": one.percent,
        "amount": one.amount.amount if one.amount else None,
        "minimum": one.minimum.amount if one.minimum else None,
        "currency": money.currency if money else "",
        "categories": list(one.categories),
        "expires_at": one.expires_at,
        "asked_at": one.asked_at,
        "status": one.status.value,
        "attempts": one.attempts,
        "next_attempt_at": one.next_attempt_at,
        "coupon_id": one.coupon_id,
        "message": one.message,
        "issued_at": one.issued_at,
        "told_in": one.told_in,
    }
    return Write(upsert(coupon, ("reference",), CHANGING), values)


def draft(one: Coupon, buyer_id: str, config: GoodwillConfig, *writes: Write) -> Command[Coupon]:
    """Want a coupon, once for its reference: to be made at once, or after a person agreed. Returns the one there is."""

    def decide(view: View) -> Plan[Coupon]:
        known, today, customer = ([coupon_of(row) for row in rows] for rows in view.rows)
        if known:
            return Plan(known[0])
        why = hesitation(config, one.occasion, today, customer)
        if not why:
            return Plan(one, writes=(save_coupon(one), *writes))
        asked = replace(one, status=CouponStatus.ASKED, message=why)
        sentence = (
            f"a coupon of {one.worth} for the buyer of {one.order_key} ({one.reference})? ({why}); "
            f"agree with: syncd coupons agree {one.reference}; or: syncd coupons decline {one.reference}"
        )
        question = ask(Question(Topic.COUPON, one.reference, sentence, view.now))
        return Plan(asked, writes=(save_coupon(asked), question, *writes))

    keys = select_keys_of_buyers(one.channel, [buyer_id] if buyer_id else [])
    c = coupon.c
    reads = (
        _named(one.reference),
        select(coupon).where(c.asked_at >= one.asked_at - DAY),
        select(coupon).where(c.asked_at >= one.asked_at - CUSTOMER_WINDOW, c.order_key.in_(keys)),
    )
    return Command(decide, reads=reads)


def answer_coupon(reference: str, *, agreed: bool) -> Command[Coupon | None]:
    """A person agrees to a coupon or declines it; None where nothing is asked about it (any more)."""

    def decide(view: View) -> Plan[Coupon | None]:
        known = next((coupon_of(row) for row in view.rows[0]), None)
        if known is None or known.status not in (CouponStatus.ASKED, CouponStatus.NEEDS_PERSON):
            return Plan(None)
        status = CouponStatus.WAITING if agreed else CouponStatus.DECLINED
        then = replace(known, status=status, attempts=0, next_attempt_at=None, message="")
        if known.status is CouponStatus.ASKED:  # as long as was meant, from now on; another's channel may know it so
            then = replace(then, expires_at=view.now + (known.expires_at - known.asked_at))
        return Plan(then, writes=(save_coupon(then), close(Topic.COUPON, reference, view.now)))

    return Command(decide, reads=(_named(reference),))


def tell(reference: str, letter: str) -> Write:
    """The letter that holds a coupon's code is written."""
    return Write(update(coupon).where(coupon.c.reference == reference).values(told_in=letter))


def forget_coupons(order_keys: Select[Any]) -> Write:
    """Coupons nobody has got yet go with their buyer; made ones stay, and name nobody."""
    waiting = coupon.c.status.in_([CouponStatus.ASKED.value, CouponStatus.WAITING.value])
    return Write(delete(coupon).where(coupon.c.order_key.in_(order_keys), waiting))


def _named(reference: str) -> Select[Any]:
    return select(coupon).where(coupon.c.reference == reference)


async def read_coupon(conn: AsyncConnection, reference: str) -> Coupon | None:
    """One coupon by its reference."""
    row = (await conn.execute(_named(reference))).mappings().one_or_none()
    return None if row is None else coupon_of(row)


async def read_coupons(
    conn: AsyncConnection, statuses: Collection[CouponStatus], *, limit: int | None = None
) -> list[Coupon]:
    """Coupons in some states, the newest `limit` of them, oldest first."""
    c = coupon.c
    statement = select(coupon).where(c.status.in_([one.value for one in statuses]))
    rows = await conn.execute(statement.order_by(c.asked_at.desc(), c.reference.desc()).limit(limit))
    return [coupon_of(row) for row in rows.mappings()][::-1]


async def read_untold(conn: AsyncConnection, occasion: Occasion) -> list[Coupon]:
    """Coupons that were made and whose customer does not know of them yet, oldest first."""
    c = coupon.c
    statement = select(coupon).where(c.status == CouponStatus.ISSUED.value, c.told_in == "")
    rows = await conn.execute(statement.where(c.occasion == occasion.value).order_by(c.asked_at, c.reference))
    return [coupon_of(row) for row in rows.mappings()]


def coupon_of(row: RowMapping) -> Coupon:
    """A coupon row as a value."""
    return Coupon(
        row["reference"],
        Occasion(row["occasion"]),
        ChannelName(row["channel"]),
        row["order_key"],
        row["line_id"],
        row["code"],
        row["percent"],
        Money(row["amount"], row["currency"]) if row["amount"] is not None else None,
        tuple(row["categories"]),
        Money(row["minimum"], row["currency"]) if row["minimum"] is not None else None,
        row["expires_at"],
        row["asked_at"],
        CouponStatus(row["status"]),
        row["attempts"],
        row["next_attempt_at"],
        row["coupon_id"],
        row["message"],
        row["issued_at"],
        row["told_in"],
    )

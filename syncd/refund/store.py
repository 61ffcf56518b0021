"""Refunds, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Select, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.attention.question import Topic
from syncd.attention.store import close
from syncd.db import ExactDecimal, UtcDateTime, table_of, upsert
from syncd.identity import ChannelName, Money
from syncd.ledger.store import Command, Plan, View, Write
from syncd.refund.refund import Refund, RefundStatus


class RefundRow(SQLModel, table=True):
    """Money to give back. Written with the decision, carried out once."""

    __tablename__ = "refund"

    reference: str = Field(primary_key=True)
    channel: str
    order_key: str = Field(index=True)
    line_id: str
    quantity: int
    amount: Decimal = Field(sa_column=Column(ExactDecimal, nullable=False))
    currency: str
    status: str = Field(index=True)
    asked_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    attempts: int
    next_attempt_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    refund_id: str
    message: str
    done_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    shipping: Decimal = Field(sa_column=Column(ExactDecimal, nullable=False))


refund = table_of(RefundRow)

CHANGING = ("status", "attempts", "next_attempt_at", "refund_id", "message", "done_at")


def save_refund(one: Refund) -> Write:
    """Add or change a refund."""
    values = {
        "reference": one.reference,
        "channel": one.channel,
        "order_key": one.order_key,
        "line_id": one.line_id,
        "quantity": one.quantity,
        "amount": one.amount.amount,
        "currency": one.amount.currency,
        "status": one.status.value,
        "asked_at": one.asked_at,
        "attempts": one.attempts,
        "next_attempt_at": one.next_attempt_at,
        "refund_id": one.refund_id,
        "message": one.message,
        "done_at": one.done_at,
        "shipping": one.shipping,
    }
    return Write(upsert(refund, ("reference",), CHANGING), values)


def made_by_hand(reference: str, how: str) -> Command[Refund | None]:
    """A person has given the money back himself, and says how; None where it is not his to give."""

    def decide(view: View) -> Plan[Refund | None]:
        known = next((refund_of(row) for row in view.rows[0]), None)
        if known is None or known.status is not RefundStatus.NEEDS_PERSON:
            return Plan(None)
        done = replace(known, status=RefundStatus.DONE, done_at=view.now, message=how)
        return Plan(done, writes=(save_refund(done), close(Topic.REFUND, reference, view.now)))

    return Command(decide, reads=(select_refund(reference),))


async def read_refunds(conn: AsyncConnection, statuses: Sequence[RefundStatus]) -> list[Refund]:
    """Refunds in some states, oldest first."""
    wanted = [status.value for status in statuses]
    statement = select(refund).where(refund.c.status.in_(wanted)).order_by(refund.c.asked_at, refund.c.reference)
    return [refund_of(row) for row in (await conn.execute(statement)).mappings()]


def select_refund(reference: str) -> Select[Any]:
    """One refund by its reference, for a command's reads."""
    return select(refund).where(refund.c.reference == reference)


def select_refunds_of(channel: ChannelName, *line_ids: str) -> Select[Any]:
    """Every refund of some lines, for a command's reads."""
    return select(refund).where(refund.c.channel == channel, refund.c.line_id.in_(sorted(line_ids)))


def select_refunds_since(at: datetime, order_keys: Select[Any] | None = None) -> Select[Any]:
    """Every refund asked for since a moment, or of them those of some orders, for a command's reads."""
    statement = select(refund).where(refund.c.asked_at >= at)
    return statement if order_keys is None else statement.where(refund.c.order_key.in_(order_keys))


async def read_refund(conn: AsyncConnection, reference: str) -> Refund | None:
    """One refund by its reference."""
    row = (await conn.execute(select_refund(reference))).mappings().one_or_none()
    return None if row is None else refund_of(row)


async def read_refunds_of_line(conn: AsyncConnection, channel: ChannelName, *line_ids: str) -> list[Refund]:
    """Every refund of some lines, oldest first."""
    statement = select_refunds_of(channel, *line_ids).order_by(refund.c.asked_at, refund.c.reference)
    return [refund_of(row) for row in (await conn.execute(statement)).mappings()]


def refund_of(row: RowMapping) -> Refund:
    """A refund row as a value."""
    return Refund(
        row["reference"],
        ChannelName(row["channel"]),
        row["order_key"],
        row["line_id"],
        row["quantity"],
        Money(row["amount"], row["currency"]),
        RefundStatus(row["status"]),
        row["asked_at"],
        row["attempts"],
        row["next_attempt_at"],
        row["refund_id"],
        row["message"],
        row["done_at"],
        row["shipping"],
    )

"""Invoices, as rows. They name order lines, never a buyer."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import JSON, Column, Select, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.db import ExactDecimal, UtcDateTime, table_of, upsert
from syncd.identity import ChannelName, Money
from syncd.invoice.invoice import Invoice, InvoiceStatus
from syncd.ledger.store import Write


class InvoiceRow(SQLModel, table=True):
    """One invoice over several orders."""

    __tablename__ = "invoice"

    reference: str = Field(primary_key=True)
    channel: str = Field(index=True)
    line_ids: list[str] = Field(sa_column=Column(JSON, nullable=False))
    order_keys: list[str] = Field(sa_column=Column(JSON, nullable=False))
    shipping: Decimal = Field(sa_column=Column(ExactDecimal, nullable=False))
    total: Decimal = Field(sa_column=Column(ExactDecimal, nullable=False))
    currency: str
    status: str = Field(index=True)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    attempts: int
    next_attempt_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    sent_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))


invoice = table_of(InvoiceRow)


def save_invoice(one: Invoice) -> Write:
    """Add or change an invoice; one that was void may be offered anew."""
    values = {
        "reference": one.reference,
        "channel": one.channel,
        "line_ids": list(one.line_ids),
        "order_keys": list(one.order_keys),
        "shipping": one.shipping.amount,
        "total": one.total.amount,
        "currency": one.total.currency,
        "status": one.status.value,
        "created_at": one.created_at,
        "attempts": one.attempts,
        "next_attempt_at": one.next_attempt_at,
        "sent_at": one.sent_at,
    }
    changes = tuple(name for name in values if name not in ("reference", "channel", "line_ids"))
    return Write(upsert(invoice, ("reference",), changes), values)


def select_invoice(reference: str) -> Select[tuple[InvoiceRow]]:
    """One invoice, for a command's reads."""
    found: Select[tuple[InvoiceRow]] = select(invoice).where(invoice.c.reference == reference)
    return found


def invoice_of(row: RowMapping) -> Invoice:
    """An invoice row as a value."""
    return Invoice(
        row["reference"],
        ChannelName(row["channel"]),
        tuple(row["line_ids"]),
        tuple(row["order_keys"]),
        Money(row["shipping"], row["currency"]),
        Money(row["total"], row["currency"]),
        InvoiceStatus(row["status"]),
        row["created_at"],
        row["attempts"],
        row["next_attempt_at"],
        row["sent_at"],
    )


async def read_invoices(conn: AsyncConnection, channel: ChannelName | None = None) -> list[Invoice]:
    """Invoices, oldest first: all, or a channel's."""
    statement = select(invoice).order_by(invoice.c.created_at, invoice.c.reference)
    if channel is not None:
        statement = statement.where(invoice.c.channel == channel)
    return [invoice_of(row) for row in (await conn.execute(statement)).mappings()]

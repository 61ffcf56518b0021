"""Shortage cases, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, Select, func, select, text
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.db import UtcDateTime, table_of, upsert
from syncd.identity import ChannelName, Money, Sku, SupplierName
from syncd.ledger.store import Write
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.resolution import Option, OptionKind


class CaseRow(SQLModel, table=True):
    """A shortage case."""

    __tablename__ = "shortage_case"

    case_id: str = Field(primary_key=True)
    channel: str
    order_key: str = Field(index=True)
    line_id: str
    sku: str
    units: int
    cause: str
    status: str = Field(index=True)
    opened_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    options: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    deadline_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    chosen: str | None
    chosen_by: str
    resolved_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    resolution: str
    asked: int
    instead: str | None
    owner: str
    awaits: str

    __table_args__ = (
        Index(
            "one_open_case",
            *("channel", "line_id", "sku"),
            unique=True,
            sqlite_where=text("status != 'resolved'"),
            postgresql_where=text("status != 'resolved'"),
        ),
    )


shortage_case = table_of(CaseRow)


def save_case(case: Case) -> Write:
    """Add or change a case."""
    values = {
        "case_id": case.case_id,
        "channel": case.channel,
        "order_key": case.order_key,
        "line_id": case.line_id,
        "sku": case.sku,
        "units": case.units,
        "cause": case.cause,
        "status": case.status.value,
        "opened_at": case.opened_at,
        "options": [_option_values(option) for option in case.options],
        "deadline_at": case.deadline_at,
        "chosen": case.chosen.value if case.chosen else None,
        "chosen_by": case.chosen_by,
        "resolved_at": case.resolved_at,
        "resolution": case.resolution,
        "asked": case.asked,
        "instead": case.instead,
        "owner": case.owner,
        "awaits": case.awaits,
    }
    changes = tuple(name for name in values if name not in ("case_id", "channel", "line_id", "sku", "opened_at"))
    return Write(upsert(shortage_case, ("case_id",), changes), values)


def select_case(case_id: str) -> Select[Any]:
    """One case, for a command's reads."""
    return select(shortage_case).where(shortage_case.c.case_id == case_id)


def select_cases_of(channel: ChannelName, line_id: str, sku: Sku) -> Select[Any]:
    """Every case a line ever had for a SKU, for a command's reads."""
    c = shortage_case.c
    return select(shortage_case).where(c.channel == channel, c.line_id == line_id, c.sku == sku).order_by(c.opened_at)


async def read_case(conn: AsyncConnection, case_id: str) -> Case | None:
    """One case by its id."""
    row = (await conn.execute(select_case(case_id))).mappings().one_or_none()
    return None if row is None else case_of(row)


async def read_cases_of_order(conn: AsyncConnection, channel: ChannelName, line_ids: Sequence[str]) -> list[Case]:
    """Every case of some lines of an order, oldest first."""
    c = shortage_case.c
    statement = select(shortage_case).where(c.channel == channel, c.line_id.in_(sorted(line_ids)))
    rows = await conn.execute(statement.order_by(c.opened_at, c.case_id))
    return [case_of(row) for row in rows.mappings()]


async def read_cases(conn: AsyncConnection, statuses: Sequence[CaseStatus] | None = None) -> list[Case]:
    """Cases, oldest first."""
    statement = select(shortage_case).order_by(shortage_case.c.opened_at, shortage_case.c.case_id)
    if statuses is not None:
        statement = statement.where(shortage_case.c.status.in_([status.value for status in statuses]))
    return [case_of(row) for row in (await conn.execute(statement)).mappings()]


def case_of(row: RowMapping) -> Case:
    """A case row as a value."""
    return Case(
        row["case_id"],
        ChannelName(row["channel"]),
        row["order_key"],
        row["line_id"],
        Sku(row["sku"]),
        row["units"],
        row["cause"],
        CaseStatus(row["status"]),
        row["opened_at"],
        tuple(_option(values) for values in row["options"]),
        row["deadline_at"],
        OptionKind(row["chosen"]) if row["chosen"] else None,
        row["chosen_by"],
        row["resolved_at"],
        row["resolution"],
        row["asked"],
        Sku(row["instead"]) if row["instead"] else None,
        row["owner"],
        row["awaits"],
    )


def _option_values(option: Option) -> dict[str, Any]:
    cost = option.cost
    return {
        "kind": option.kind.value,
        "units": option.units,
        "amount": str(cost.amount) if cost else None,
        "currency": cost.currency if cost else None,
        "substitute": option.substitute,
        "title": option.title,
        "until": option.until.isoformat() if option.until else None,
        "shipping": str(option.shipping.amount) if option.shipping else None,
        "gift": option.gift,
        "supplier": option.supplier,
    }


def _option(values: dict[str, Any]) -> Option:
    cost = Money.parse(values["amount"], values["currency"]) if values["amount"] is not None else None
    substitute = Sku(values["substitute"]) if values["substitute"] else None
    until = date.fromisoformat(values["until"]) if values.get("until") else None  # older rows have none
    kind, back = OptionKind(values["kind"]), values.get("shipping")
    shipping = Money.parse(back, values["currency"]) if back is not None else None
    supplier, gift = SupplierName(values["supplier"]) if values.get("supplier") else None, values.get("gift", "")
    return Option(kind, values["units"], cost, substitute, values["title"], until, supplier, shipping, gift)


async def read_case_page(
    conn: AsyncConnection, *, after: str | None, limit: int, status: CaseStatus | None = None
) -> list[Case]:
    """Cases, oldest first, from just after one; in one state where chosen."""
    c = shortage_case.c
    statement = select(shortage_case).order_by(c.opened_at, c.case_id).limit(limit)
    if after is not None:
        known = select(c.opened_at).where(c.case_id == after).scalar_subquery()
        statement = statement.where((c.opened_at > known) | ((c.opened_at == known) & (c.case_id > after)))
    if status is not None:
        statement = statement.where(c.status == status.value)
    return [case_of(row) for row in (await conn.execute(statement)).mappings()]


async def count_waiting(conn: AsyncConnection) -> int:
    """How many cases are not resolved."""
    c = shortage_case.c
    statement = select(func.count()).select_from(shortage_case).where(c.status != CaseStatus.RESOLVED.value)
    return int((await conn.execute(statement)).scalar_one())

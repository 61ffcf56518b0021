"""Reads what figures and clocks of cases rest on: cases, first letters, contacts, money, coupons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.channel.port import OrderStatus
from syncd.db import chunks
from syncd.goodwill.goodwill import CouponStatus
from syncd.goodwill.store import coupon
from syncd.identity import Money
from syncd.letter.store import letter
from syncd.orders.store import read_orders_of_lines
from syncd.refund.refund import RefundStatus
from syncd.refund.store import refund
from syncd.shortage.case import Case
from syncd.shortage.figures import Record
from syncd.shortage.levels import Watched
from syncd.shortage.store import case_of, shortage_case
from syncd.shortage.store_timeline import read_contacts, read_last_steps

CASES_MAX = 20_000
"""Cases figures are made of at most: the newest."""


async def read_told(conn: AsyncConnection, cases: Sequence[Case]) -> dict[str, datetime]:
    """When the first letter about each case had gone out; those nobody was told of are left out."""
    of_line: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        of_line.setdefault((case.channel, case.line_id), []).append(case)
    told: dict[str, datetime] = {}
    c = letter.c
    for some in chunks(sorted({line_id for _, line_id in of_line})):
        statement = select(c.channel, c.line_id, c.reference, c.sent_at)
        rows = await conn.execute(statement.where(c.line_id.in_(some), c.sent_at.is_not(None)).order_by(c.sent_at))
        for row in rows:
            for case in of_line.get((row.channel, row.line_id), ()):
                if row.reference.startswith(f"{case.case_id}/"):
                    told.setdefault(case.case_id, row.sent_at)
    return told


async def read_watched(conn: AsyncConnection, cases: Sequence[Case]) -> list[Watched]:
    """Cases that are not resolved, with what their clocks depend on."""
    since = await read_last_steps(conn, [one.case_id for one in cases])
    told = await read_told(conn, cases)
    orders = await read_orders_of_lines(conn, [(one.channel, one.line_id) for one in cases])
    return [
        Watched(
            one,
            since.get(one.case_id, one.opened_at),
            told.get(one.case_id),
            orders[(one.channel, one.line_id)].status is not OrderStatus.UNPAID,
        )
        for one in cases
    ]


async def read_records(conn: AsyncConnection, since: datetime) -> list[Record]:
    """Every case opened since a moment, oldest first."""
    c = shortage_case.c
    newest = select(shortage_case).where(c.opened_at >= since).order_by(c.opened_at.desc()).limit(CASES_MAX)
    cases = [case_of(row) for row in (await conn.execute(newest)).mappings()][::-1]
    ids = [one.case_id for one in cases]
    told, contacts = await read_told(conn, cases), await read_contacts(conn, ids)
    spent = await _spent(conn, ids)
    given = await _given(conn, ids)
    return [
        Record(
            one.opened_at,
            one.cause,
            told.get(one.case_id),
            one.resolved_at,
            contacts.get(one.case_id, 0),
            spent.get(one.case_id, ()),
            one.case_id in given,
        )
        for one in cases
    ]


async def _spent(conn: AsyncConnection, ids: Sequence[str]) -> dict[str, tuple[Money, ...]]:
    found: dict[str, tuple[Money, ...]] = {}
    c = refund.c
    for some in chunks(f"{one}/refund" for one in ids):
        statement = select(c.reference, c.amount, c.currency)
        for row in await conn.execute(statement.where(c.reference.in_(some), c.status == RefundStatus.DONE.value)):
            found[row.reference.removesuffix("/refund")] = (Money(row.amount, row.currency),)
    return found


async def _given(conn: AsyncConnection, ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    c = coupon.c
    for some in chunks(f"{one}/coupon" for one in ids):
        statement = select(c.reference).where(c.reference.in_(some), c.status == CouponStatus.ISSUED.value)
        found |= {one.removesuffix("/coupon") for one in (await conn.execute(statement)).scalars()}
    return found

"""A case's timeline as rows: its own entries, appended with what they tell of; letters and money beside them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, Select, func, insert, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.db import ExactDecimal, UtcDateTime, chunks, table_of
from syncd.goodwill.store import read_coupon
from syncd.identity import Money
from syncd.ledger.store import Command, Plan, View, Write
from syncd.letter.letter import LetterStatus
from syncd.letter.store import read_traces
from syncd.refund.refund import RefundStatus
from syncd.refund.store import read_refunds_of_line
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.store import case_of, save_case, select_case, shortage_case
from syncd.shortage.timeline import BY_ITSELF, Entry, EntryKind, handed_over, in_order, step_of

ENTRIES_MAX = 500
"""Entries of one case that are told at most: the newest."""


class EntryRow(SQLModel, table=True):
    """One thing said or done about a case. The words of notes and contacts may be personal data."""

    __tablename__ = "case_entry"

    position: int | None = Field(
        default=None, sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    )
    case_id: str
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    kind: str
    by: str
    words: str
    status: str | None
    amount: Decimal | None = Field(default=None, sa_column=Column(ExactDecimal, nullable=True))
    currency: str | None

    __table_args__ = (Index("ix_case_entry_case", "case_id", "position"), Index("ix_case_entry_at", "at"))


case_entry = table_of(EntryRow)

APPEND = insert(case_entry)

PERSONAL = (EntryKind.NOTE.value, EntryKind.CONTACT.value, EntryKind.OWNER.value)
"""Entries whose words somebody typed."""


def append(case_id: str, entry: Entry) -> Write:
    """Add an entry."""
    values = {
        "case_id": case_id,
        "at": entry.at,
        "kind": entry.kind.value,
        "by": entry.by,
        "words": entry.words,
        "status": entry.status.value if entry.status else None,
        "amount": entry.money.amount if entry.money else None,
        "currency": entry.money.currency if entry.money else None,
    }
    return Write(APPEND, values)


def keep(seen: Case | None, then: Case, now: datetime) -> tuple[Write, ...]:
    """Write a case as it is now, with the entry that tells how it came to be so."""
    entry = step_of(seen, then, now)
    return (save_case(then),) if entry is None else (save_case(then), append(then.case_id, entry))


def step(seen: Case, then: Case, *writes: Write) -> Command[bool]:
    """Take a case one step further, if it still stands as it was seen: an agent and the daemon may both decide it."""

    def decide(view: View) -> Plan[bool]:
        if [case_of(row) for row in view.rows[0]] != [seen]:
            return Plan(False)
        return Plan(True, writes=(*keep(seen, then, view.now), *writes))

    return Command(decide, reads=(select_case(seen.case_id),))


def assign(case_id: str, owner: str, *, by: str, why: str = "") -> Command[Case | None]:
    """Give a case that is not resolved to somebody; None where there is no such case, or it is resolved."""

    def decide(view: View) -> Plan[Case | None]:
        case = next((case_of(row) for row in view.rows[0]), None)
        if case is None or case.status is CaseStatus.RESOLVED:
            return Plan(None)
        if case.owner == owner:
            return Plan(case)
        entry = Entry(view.now, EntryKind.OWNER, by, handed_over(case, owner, why))
        then = replace(case, owner=owner)
        return Plan(then, writes=(save_case(then), append(case_id, entry)))

    return Command(decide, reads=(select_case(case_id),))


def forget_entries(order_keys: Select[Any]) -> Write:
    """Take the words that people typed out of the timelines of some orders' cases."""
    cases = select(shortage_case.c.case_id).where(shortage_case.c.order_key.in_(order_keys))
    about = (case_entry.c.case_id.in_(cases), case_entry.c.kind.in_(PERSONAL))
    return Write(update(case_entry).where(*about).values(words=""))


async def read_entries(
    conn: AsyncConnection, case_id: str, *, after: int = 0, limit: int = ENTRIES_MAX
) -> list[tuple[int, Entry]]:
    """A case's own entries with their positions, oldest first, from just after one."""
    c = case_entry.c
    statement = select(case_entry).where(c.case_id == case_id, c.position > after).order_by(c.position).limit(limit)
    return [(row["position"], _entry(row)) for row in (await conn.execute(statement)).mappings()]


async def read_timeline(conn: AsyncConnection, case: Case) -> list[Entry]:
    """Everything said and done about a case, oldest first: its entries, its letters, its money."""
    c = case_entry.c
    newest = select(case_entry).where(c.case_id == case.case_id).order_by(c.position.desc()).limit(ENTRIES_MAX)
    own = [_entry(row) for row in (await conn.execute(newest)).mappings()][::-1]
    return in_order([*own, *await _letters(conn, case), *await _money(conn, case)])


async def _letters(conn: AsyncConnection, case: Case) -> list[Entry]:
    found: list[Entry] = []
    for one in await read_traces(conn, case.channel, case.line_id):
        what = one.reference.removeprefix(f"{case.case_id}/").partition("/")[0]
        if one.reference == f"{case.case_id}/{what}" or one.reference.startswith(f"{case.case_id}/{what}/"):
            found.append(Entry(one.written_at, EntryKind.LETTER, BY_ITSELF, f"{what} letter written"))
            if one.sent_at is not None:
                found.append(Entry(one.sent_at, EntryKind.LETTER, BY_ITSELF, f"{what} letter sent"))
            elif one.status is LetterStatus.NEEDS_PERSON:
                found.append(Entry(one.written_at, EntryKind.LETTER, BY_ITSELF, f"{what} letter: a person must write"))
    return found


async def _money(conn: AsyncConnection, case: Case) -> list[Entry]:
    found: list[Entry] = []
    for one in await read_refunds_of_line(conn, case.channel, case.line_id):
        if one.reference == f"{case.case_id}/refund":
            found.append(Entry(one.asked_at, EntryKind.MONEY, BY_ITSELF, "refund decided", money=one.amount))
            if one.done_at is not None:
                words = "refund made" + (f": {one.message}" if one.message else "")
                found.append(Entry(one.done_at, EntryKind.MONEY, BY_ITSELF, words, money=one.amount))
            elif one.status is RefundStatus.NEEDS_PERSON:
                words = f"refund needs a person: {one.message}"
                found.append(Entry(one.asked_at, EntryKind.MONEY, BY_ITSELF, words, money=one.amount))
    coupon = await read_coupon(conn, f"{case.case_id}/coupon")
    if coupon is not None:
        at, words = coupon.issued_at or coupon.asked_at, f"coupon {coupon.code}, {coupon.worth}: {coupon.status}"
        found.append(Entry(at, EntryKind.COUPON, BY_ITSELF, words.replace("_", " ")))
    return found


async def read_last_steps(conn: AsyncConnection, case_ids: Sequence[str]) -> dict[str, datetime]:
    """Since when each case stands as it does."""
    c = case_entry.c
    since: dict[str, datetime] = {}
    for some in chunks(case_ids):
        statement = select(c.case_id, func.max(c.at).label("at")).where(
            c.case_id.in_(some), c.kind == EntryKind.STEP.value
        )
        rows = await conn.execute(statement.group_by(c.case_id))
        since |= {row.case_id: row.at for row in rows}
    return since


async def read_contacts(conn: AsyncConnection, case_ids: Collection[str]) -> dict[str, int]:
    """How often the customers of cases had to write or phone."""
    c = case_entry.c
    counted: dict[str, int] = {}
    for some in chunks(sorted(case_ids)):
        statement = select(c.case_id, func.count().label("contacts")).where(
            c.case_id.in_(some), c.kind == EntryKind.CONTACT.value
        )
        rows = await conn.execute(statement.group_by(c.case_id))
        counted |= {row.case_id: row.contacts for row in rows}
    return counted


def _entry(row: RowMapping) -> Entry:
    money = Money(row["amount"], row["currency"]) if row["amount"] is not None else None
    status = CaseStatus(row["status"]) if row["status"] else None
    return Entry(row["at"], EntryKind(row["kind"]), row["by"], row["words"], status, money)

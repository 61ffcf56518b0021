"""Week by week: how many, why, how soon told and helped, how often they had to call, what it cost."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from syncd.identity import Money
from syncd.shortage.figures import Record, weekly
from syncd.shortage.store_figures import read_records
from syncd.shortage.store_timeline import append
from syncd.shortage.timeline import Entry, EntryKind
from tests.support.care import LAG_SECONDS, THINK_SECONDS, Care

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
"""A Wednesday."""


def record(days_ago: float, minutes: float | None, hours: float | None, contacts: int = 0, *euros: str) -> Record:
    """A case opened so many days ago, told after minutes, resolved after hours."""
    at = NOW - timedelta(days=days_ago)
    told = None if minutes is None else at + timedelta(minutes=minutes)
    ended = None if hours is None else at + timedelta(hours=hours)
    spent = tuple(Money(Decimal(one), "EUR") for one in euros)
    return Record(at, "a pick found nothing", told, ended, contacts, spent, len(euros))


def test_weeks_are_told_apart() -> None:
    """Monday begins one; a week without cases is told too, and what is older is not."""
    records = [record(1, 2, 5, 1, "9.90"), record(2, 20, None), record(3, 4, 1, 0, "1"), record(30, 1, 1)]
    first, second, third = weekly(records, NOW, 3, 900)
    assert (first.starts_on, first.cases, first.minutes_to_notice, first.spent) == (date(2026, 2, 16), 0, None, {})
    assert (second.cases, second.hours_to_resolution, second.coupons) == (1, 1.0, 1)
    assert (third.starts_on, third.cases, third.causes) == (date(2026, 3, 2), 2, {"a pick found nothing": 2})
    assert (third.minutes_to_notice, third.told, third.told_in_time) == (11.0, 2, 1)
    assert (third.hours_to_resolution, third.resolved, third.contacts) == (5.0, 1, 1)
    assert third.spent == {"EUR": Decimal("9.90")}


async def test_figures_are_made_of_what_happened(tmp_path: Path) -> None:
    """A case that was asked, refunded and phoned about once tells exactly that."""
    async with Care(tmp_path) as care:
        began = care.clock.now()
        await care.oversold()
        (case,) = await care.cases()
        await care.writer.write(append(case.case_id, Entry(care.clock.now(), EntryKind.CONTACT, "anna", "phoned")))
        await care.tend_for(THINK_SECONDS)
        await care.tend_for(LAG_SECONDS)
        async with care.db.read() as conn:
            (seen,) = await read_records(conn, began)
        assert seen.told_at is not None
        assert seen.told_at - seen.opened_at < timedelta(minutes=1)
        assert seen.resolved_at is not None
        assert (seen.contacts, seen.spent, seen.coupons) == (1, (Money(Decimal("9.90"), "EUR"),), 0)

"""What the care of customers comes to, week by week: how many were failed, how soon they were told, what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median

from syncd.identity import Money


@dataclass(frozen=True, slots=True)
class Record:
    """A case as the figures see it. `told_at` is when its first letter had gone out; `spent` what went back for it."""

    opened_at: datetime
    cause: str
    told_at: datetime | None
    resolved_at: datetime | None
    contacts: int
    spent: tuple[Money, ...]
    coupons: int


@dataclass(frozen=True, slots=True)
class Week:
    """The cases opened in a week from Monday on (UTC). Medians are None where there is nothing to measure."""

    starts_on: date
    cases: int
    causes: Mapping[str, int]
    minutes_to_notice: float | None
    told_in_time: int
    told: int
    hours_to_resolution: float | None
    resolved: int
    contacts: int
    spent: Mapping[str, Decimal]
    coupons: int


def monday(at: datetime) -> date:
    """The first day of a moment's week."""
    day = at.date()
    return day - timedelta(days=day.weekday())


def weekly(records: Iterable[Record], now: datetime, weeks: int, notice_within_seconds: float) -> list[Week]:
    """The last so many weeks, this one included, oldest first; those without cases too."""
    starts = [monday(now) - timedelta(weeks=back) for back in range(weeks - 1, -1, -1)]
    by_week: dict[date, list[Record]] = {start: [] for start in starts}
    for one in records:
        by_week.get(monday(one.opened_at), []).append(one)
    return [_week(start, by_week[start], notice_within_seconds) for start in starts]


def _week(starts_on: date, records: Sequence[Record], notice_within_seconds: float) -> Week:
    notices = [(one.told_at - one.opened_at).total_seconds() for one in records if one.told_at]
    endings = [(one.resolved_at - one.opened_at).total_seconds() for one in records if one.resolved_at]
    sums: dict[str, Decimal] = {}
    for money in (money for one in records for money in one.spent):
        sums[money.currency] = sums.get(money.currency, Decimal(0)) + money.amount

    return Week(
        starts_on,
        len(records),
        dict(Counter(one.cause for one in records).most_common()),
        round(median(notices) / 60, 1) if notices else None,
        sum(seconds <= notice_within_seconds for seconds in notices),
        len(notices),
        round(median(endings) / 3600, 1) if endings else None,
        len(endings),
        sum(one.contacts for one in records),
        sums,
        sum(one.coupons for one in records),
    )

"""How far a supplier keeps his word, from what happened: what he took of what he had offered, what he sent, when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from statistics import median

LEARNED_FROM = timedelta(days=90)
"""How far back his word is judged when it is decided how much of an offer is believed."""

DEALS_MIN = 5
"""Answered purchase orders before his record changes how much of him is believed."""

DOUBT_UNITS = 20
"""Units he is credited with keeping before the first: a short record moves belief little."""

STEP = Decimal("0.05")
"""Belief moves in steps, so that one purchase order does not touch every listing of his."""

LEAST = Decimal("0.3")
"""Belief never falls lower by itself: who keeps so little is a person's decision."""


@dataclass(frozen=True, slots=True)
class Deal:
    """One purchase order he knows of, as it went. Units are base units; `accepted` None: not answered.

    `sent` counts what he told of as sent, or what came to us; `sent_at` is the last of it. `expected_on` is the later
    day he named, if he named one.
    """

    reference: str
    created_at: datetime
    ordered: int
    accepted: int | None = None
    answered_at: datetime | None = None
    sent: int = 0
    sent_at: datetime | None = None
    expected_on: date | None = None

    def due_on(self, lead_days: int | None) -> date | None:
        """The day by which he stands for dispatch."""
        return None if lead_days is None else (self.created_at + timedelta(days=lead_days)).date()

    def is_late(self, lead_days: int | None, today: date) -> bool:
        """Whether he named a later day, sent it after the day he stands for, or has let that day pass."""
        if self.expected_on is not None:
            return True
        due, taken = self.due_on(lead_days), self.ordered if self.accepted is None else self.accepted
        if due is None or not taken:
            return False
        return (self.sent_at.date() if self.sent_at and self.sent >= taken else today) > due

    @property
    def hours_to_answer(self) -> float | None:
        """How long he took to confirm or refuse."""
        return None if self.answered_at is None else (self.answered_at - self.created_at).total_seconds() / 3600


@dataclass(frozen=True, slots=True)
class Score:
    """A supplier's figures over some deals; None where nothing has been seen yet.

    `accuracy`: of the units he offered and we ordered, the share he took. `fill`: the share he sent. `confirm_hours`:
    the median time to his answer. `lead_kept`: of the deals whose day has come, the share sent by then. `late`: deals
    that were, or are, late.
    """

    deals: int
    ordered: int
    answered: int
    asked: int
    accepted: int
    sent: int
    accuracy: float | None
    fill: float | None
    confirm_hours: float | None
    lead_kept: float | None
    late: int


def score(deals: Sequence[Deal], lead_days: int | None, today: date) -> Score:
    """The figures of some deals. Fill and lead time are judged only where he tells of what he sends."""
    answered = [one for one in deals if one.accepted is not None]
    asked, accepted = sum(one.ordered for one in answered), sum(one.accepted or 0 for one in answered)
    tells = any(one.sent for one in deals)
    ordered, sent = sum(one.ordered for one in deals), sum(min(one.sent, one.ordered) for one in deals)
    hours = [one.hours_to_answer for one in deals if one.hours_to_answer is not None]
    kept = [not one.is_late(lead_days, today) for one in deals if _is_judged(one, lead_days, today)] if tells else []
    return Score(
        len(deals),
        ordered,
        len(answered),
        asked,
        accepted,
        sent,
        accepted / asked if asked else None,
        sent / ordered if ordered and tells else None,
        median(hours) if hours else None,
        sum(kept) / len(kept) if kept else None,
        sum(one.is_late(lead_days, today) for one in deals) if tells else sum(bool(one.expected_on) for one in deals),
    )


def _is_judged(deal: Deal, lead_days: int | None, today: date) -> bool:
    """Whether the day of a deal has come, or it was kept or missed before that."""
    if deal.accepted == 0:
        return False
    due = deal.due_on(lead_days)
    return deal.expected_on is not None or (due is not None and (deal.sent_at is not None or today > due))


@dataclass(frozen=True, slots=True)
class Trust:
    """How much of an offer his record lets us believe, and the record: of `asked` units he took `kept`."""

    share: Decimal = Decimal(1)
    kept: int = 0
    asked: int = 0


UNTRIED = Trust()
"""Nothing was learned of him: his word stands."""


def trust(found: Score) -> Trust:
    """The belief his record earns, in steps; whole while there is too little of one."""
    if found.answered < DEALS_MIN:
        return UNTRIED
    share = Decimal(found.accepted + DOUBT_UNITS) / Decimal(found.asked + DOUBT_UNITS)
    stepped = (share / STEP).quantize(Decimal(1), ROUND_HALF_EVEN) * STEP
    return Trust(max(LEAST, min(Decimal(1), stepped)), found.accepted, found.asked)


def month_of(moment: datetime | date) -> str:
    """Such as 2026-11."""
    return f"{moment:%Y-%m}"


def months_before(last: str, count: int) -> list[str]:
    """So many months, oldest first, ending with `last`."""
    year, month = int(last[:4]), int(last[5:7])
    total = year * 12 + month - 1
    return [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(total - count + 1, total + 1)]


def by_month(
    deals: Iterable[Deal], months: Sequence[str], lead_days: int | None, today: date
) -> list[tuple[str, Score]]:
    """The figures month by month, by when the deals were made; a month without deals has none."""
    found: dict[str, list[Deal]] = {one: [] for one in months}
    for deal in deals:
        if month_of(deal.created_at) in found:
            found[month_of(deal.created_at)].append(deal)
    return [(month, score(found[month], lead_days, today)) for month in months]

"""A month of a supplier on a page he can be shown, or as a table: what was agreed, and what became of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

from syncd.supply.plot import Panel, small_multiples
from syncd.supply.scorecard import Deal, Score
from syncd.wording.wording import Voice


@dataclass(frozen=True, slots=True)
class Month:
    """Everything the report tells of one month; `trend` are the months up to it."""

    shop: str
    supplier: str
    month: str
    score: Score
    trend: Sequence[tuple[str, Score]]
    deals: Sequence[Deal]
    lead_days: int | None
    today: date


@dataclass(frozen=True, slots=True)
class Row:
    """A purchase order as the report lists it; '' for what has not happened."""

    reference: str
    made: str
    ordered: int
    accepted: str
    sent: int
    due: str
    sent_on: str
    late: bool


def rows(month: Month) -> list[Row]:
    """Every purchase order of the month."""
    return [_row(one, month) for one in month.deals]


def html(month: Month, voice: Voice) -> str:
    """The page: one answer first, the figures, the trend, and what went wrong."""
    broken = [
        row
        for row, deal in zip(rows(month), month.deals, strict=True)
        if row.late or (deal.accepted is not None and deal.accepted < deal.ordered)
    ]
    gettext = voice.gettext
    panels = [
        Panel(gettext("Taken of what was offered"), [(name, one.accuracy) for name, one in month.trend]),
        Panel(gettext("Sent of what was ordered"), [(name, one.fill) for name, one in month.trend]),
        Panel(gettext("Sent in time"), [(name, one.lead_kept) for name, one in month.trend]),
    ]
    return (
        voice.templates("syncd.supply", html=True)
        .get_template("report.html.j2")
        .render(
            language=voice.language,
            shop=month.shop,
            supplier=month.supplier,
            month=month.month,
            headline=headline(month, voice),
            figures=figures(month.score, voice),
            plot=small_multiples(panels, gettext("Month by month")),
            broken=broken,
        )
    )


def headline(month: Month, voice: Voice) -> str:
    """The answer: what was ordered, taken and sent, and how much of it late."""
    found, gettext = month.score, voice.gettext
    if not found.deals:
        return gettext("Nothing was ordered from %(supplier)s.") % {"supplier": month.supplier}
    said = gettext("%(supplier)s took %(accepted)s of %(asked)s units and sent %(sent)s; late: %(late)s of %(deals)s.")
    told = {name: getattr(found, name) for name in ("accepted", "asked", "sent", "late", "deals")}
    return said % {"supplier": month.supplier, **told}


def figures(found: Score, voice: Voice) -> list[tuple[str, str, str]]:
    """Each measure with its value and what it means."""
    gettext = voice.gettext
    hours = "–" if found.confirm_hours is None else f"{found.confirm_hours:.1f} h"
    return [
        (
            gettext("Taken of what was offered"),
            share(found.accuracy),
            gettext("units taken of those ordered from the list"),
        ),
        (gettext("Sent of what was ordered"), share(found.fill), gettext("units sent of those ordered")),
        (gettext("Time to confirm"), hours, gettext("half of the orders are answered sooner")),
        (gettext("Sent in time"), share(found.lead_kept), gettext("orders sent by the day agreed")),
        (gettext("Late"), str(found.late), gettext("orders sent, or to be sent, after that day")),
    ]


def share(value: float | None) -> str:
    """Such as 85 %, or a dash where nothing was seen."""
    return "–" if value is None else f"{value:.0%}"


def as_csv(month: Month) -> str:
    """Every purchase order of the month, one a line."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(Row.__dataclass_fields__), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _plain(value) for name, value in asdict(row).items()} for row in rows(month))
    return out.getvalue()


def _plain(value: object) -> object:
    """A cell no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value


def _row(deal: Deal, month: Month) -> Row:
    due = deal.due_on(month.lead_days)
    return Row(
        deal.reference,
        f"{deal.created_at:%Y-%m-%d}",
        deal.ordered,
        "" if deal.accepted is None else str(deal.accepted),
        deal.sent,
        due.isoformat() if due else "",
        f"{deal.sent_at:%Y-%m-%d}" if deal.sent_at else "",
        deal.is_late(month.lead_days, month.today),
    )

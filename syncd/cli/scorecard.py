"""supplier scorecard and supplier report: how far each supplier keeps his word, on the terminal and to bring to him."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from syncd.cli.chart import Bars, chart
from syncd.cli.options import Common, command
from syncd.cli.screen import LOOK, answer, data, out, say, table
from syncd.cli.session import Session, in_session, unknown
from syncd.config.sections import SupplierConfig
from syncd.errors import OperatorError
from syncd.identity import SupplierName
from syncd.shortage.page import PageConfig
from syncd.shortage.resolution import ShortageConfig
from syncd.supply.report import Month, as_csv, figures, headline, html, share
from syncd.supply.scorecard import LEARNED_FROM, Score, Trust, by_month, month_of, months_before, score
from syncd.supply.store_scorecard import read_record, read_trust
from syncd.wording.wording import LANGUAGES, Voice

MONTHS = 6
"""Months of trend."""


class Language(StrEnum):
    """The languages a report is written in."""

    IT = "it"
    EN = "en"


@dataclass(frozen=True)
class Card:
    """One supplier's record."""

    name: SupplierName
    score: Score
    trust: Trust
    confidence: str
    trend: list[tuple[str, Score]]


def register(group: typer.Typer) -> None:
    """Add these commands."""
    command(group, "scorecard")(scorecard)
    command(group, "report")(report)


def scorecard(
    common: Common, name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this one.")] = None
) -> None:
    """Show how far suppliers keep their word: over 90 days, and month by month for one of them.

    JSON: [{"supplier", "days", "score": {"deals", "ordered", "answered", "asked", "accepted", "sent", "accuracy",
    "fill", "confirm_hours", "lead_kept", "late"}, "believed", "trend": [{"month", …}]}, …]; shares from 0 to 1
    """
    cards = in_session(common.path, lambda session: _cards(session, name))
    if common.as_json:
        data([_shape(one) for one in cards])
        return
    doubted = [one.name for one in cards if one.trust.share < 1]
    said = f"{', '.join(doubted)}: less is believed than offered." if doubted else "Every supplier's word stands."
    answer(said if cards else "No supplier is configured.", LOOK if doubted else "")
    heads = ["Supplier", ">Orders", ">Taken", ">Sent", ">Confirms in", ">In time", ">Late", ">Believed"]
    if cards:
        table(heads, [_row(one) for one in cards])
        say(f"Over {LEARNED_FROM.days} days. Taken: units of those ordered from his list; believed: share of an offer.")
    if name and cards:
        colours = {"taken": "cyan", "sent": "green", "in time": "yellow"}
        bars = [Bars(month, _percents(one)) for month, one in cards[0].trend if one.deals]
        if bars:
            out().print(chart(bars, colours))
            say("Per cent, month by month.")


def report(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    common: Common,
    month: Annotated[str | None, typer.Option("--month", help="Such as 2026-11; else the last whole one.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="report.html to show him, or report.csv for every order."),
    ] = None,
    language: Annotated[Language | None, typer.Option("--language", help="Of the page; else the shop's.")] = None,
) -> None:
    """Write a month of a supplier down, to bring it to him; without a file its figures are shown.

    JSON: {"supplier", "month", "headline", "score", "file"}
    """
    if file is not None and file.suffix not in (".html", ".csv"):
        raise OperatorError(f"{file}: the name must end in .html or .csv", ["-o report.html", "-o report.csv"])
    found, voice = in_session(common.path, lambda session: _month(session, name, month, language))
    if file is not None:
        try:
            text = html(found, voice) if file.suffix == ".html" else as_csv(found)
            file.write_text(text, encoding="utf-8", newline="")
        except OSError as error:
            raise OperatorError(f"the report cannot be written to {file}: {error.strerror}") from None
    if common.as_json:
        told = {"supplier": name, "month": found.month, "headline": headline(found, voice)}
        data({**told, "score": asdict(found.score), "file": str(file) if file else None})
        return
    answer(f"{found.month}: {headline(found, voice)}")
    table(["", ">", "…"], [(what, value, meaning) for what, value, meaning in figures(found.score, voice)])
    say(f"Written: {file}" if file else "Write it down with: -o report.html")


async def _cards(session: Session, name: str | None) -> list[Card]:
    now = session.clock.now()
    chosen = [_supplier(session, name)] if name else list(session.config.suppliers.values())
    return [await _card(session, one, now) for one in chosen]


async def _card(session: Session, supplier: SupplierConfig, now: datetime) -> Card:
    lead = supplier.options.lead_days
    months = months_before(month_of(now), MONTHS)
    async with session.db.read() as conn:
        recent = await read_record(conn, supplier.name, now - LEARNED_FROM)
        whole = await read_record(conn, supplier.name, _begin(months[0]))
        believed = await read_trust(conn, supplier.name)
    found = score(recent.deals, lead, now.date())
    confidence = f"{supplier.options.confidence * believed.share:.0%}"
    return Card(supplier.name, found, believed, confidence, by_month(whole.deals, months, lead, now.date()))


async def _month(session: Session, name: str, month: str | None, language: Language | None) -> tuple[Month, Voice]:
    supplier, now = _supplier(session, name), session.clock.now()
    chosen = _chosen(month, now)
    lead, months = supplier.options.lead_days, months_before(chosen, MONTHS)
    async with session.db.read() as conn:
        record = await read_record(conn, supplier.name, _begin(chosen), _begin(_after(chosen)))
        whole = await read_record(conn, supplier.name, _begin(months[0]), _begin(_after(chosen)))
    rules, page = session.config.room(ShortageConfig), session.config.room(PageConfig)
    today = now.date()
    found = Month(
        rules.shop_name,
        supplier.name,
        chosen,
        score(record.deals, lead, today),
        by_month(whole.deals, months, lead, today),
        record.deals,
        lead,
        today,
    )
    spoken = language.value if language else rules.language
    return found, Voice(spoken if spoken in LANGUAGES else "en", page.time_zone)


def _chosen(month: str | None, now: datetime) -> str:
    if month is None:
        return month_of(now.replace(day=1) - timedelta(days=1))
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month) or month < "2000":
        raise OperatorError(f"--month {month}: write a month such as 2026-11")
    return month


def _begin(month: str) -> datetime:
    return datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)


def _after(month: str) -> str:
    return month_of(_begin(month) + timedelta(days=32))


def _supplier(session: Session, name: str) -> SupplierConfig:
    found = session.config.suppliers.get(SupplierName(name))
    if found is None:
        raise unknown("supplier", name, session.config.suppliers)
    return found


def _row(card: Card) -> tuple[Any, ...]:
    found = card.score
    hours = "–" if found.confirm_hours is None else f"{found.confirm_hours:.1f} h"
    shares = (share(found.accuracy), share(found.fill), hours, share(found.lead_kept))
    return (card.name, found.deals, *shares, found.late, card.confidence)


def _percents(found: Score) -> dict[str, int]:
    told = {"taken": found.accuracy, "sent": found.fill, "in time": found.lead_kept}
    return {name: round(value * 100) for name, value in told.items() if value is not None}


def _shape(card: Card) -> dict[str, Any]:
    return {
        "supplier": card.name,
        "days": LEARNED_FROM.days,
        "score": asdict(card.score),
        "believed": str(card.trust.share),
        "trend": [{"month": month, **asdict(one)} for month, one in card.trend],
    }

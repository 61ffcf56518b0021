"""The figures of cases week by week: in a table, and as bars where looking says more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from syncd.cli.chart import Bars, chart
from syncd.cli.options import Common, command
from syncd.cli.screen import GOOD, LOOK, answer, counted, data, out, say, table
from syncd.cli.session import Session, in_session
from syncd.shortage.figures import Week, weekly
from syncd.shortage.levels import ServiceConfig
from syncd.shortage.store_figures import read_records

COLOURS = {"cases": "cyan", "contacts": "yellow"}


def register(group: typer.Typer) -> None:
    """Add this command to those about cases."""
    command(group, "figures")(figures)


def figures(
    common: Common,
    weeks: Annotated[int, typer.Option("--weeks", min=1, max=104, help="How many weeks, this one included.")] = 8,
) -> None:
    """Show how many customers were failed, how soon they were told and helped, and what it cost, week by week.

    JSON: [{"week", "cases", "causes": {CAUSE: COUNT}, "minutes_to_notice", "told", "told_in_time",
    "hours_to_resolution", "resolved", "contacts", "spent": {CURRENCY: AMOUNT}, "coupons"}, …]
    """

    async def work(session: Session) -> list[Week]:
        now: datetime = session.clock.now()
        async with session.db.read() as conn:
            records = await read_records(conn, now - timedelta(weeks=weeks))
        return weekly(records, now, weeks, session.config.room(ServiceConfig).notice_within_seconds)

    found = in_session(common.path, work)
    if common.as_json:
        data([values(one) for one in found])
        return
    cases, contacts = sum(one.cases for one in found), sum(one.contacts for one in found)
    told, in_time = sum(one.told for one in found), sum(one.told_in_time for one in found)
    headline = f"{counted(cases, 'case')} in {counted(weeks, 'week')}; {in_time} of {told} customers told in time; "
    answer(f"{headline}{counted(contacts, 'contact')} needed.", LOOK if contacts or in_time < told else GOOD)
    rows = [
        (
            f"{one.starts_on}",
            one.cases,
            _figure(one.minutes_to_notice),
            _figure(one.hours_to_resolution),
            one.contacts,
            ", ".join(f"{amount:.2f} {currency}" for currency, amount in one.spent.items()),
            one.coupons,
        )
        for one in found
    ]
    table(["Week from", "Cases", "Min. to notice", "Hours to end", "Contacts", "Spent", "Coupons"], rows)
    if cases:
        bars = [Bars(f"{one.starts_on}", {"cases": one.cases, "contacts": one.contacts}) for one in found]
        out().print(chart(bars, COLOURS))
    causes: dict[str, int] = {}
    for one in found:
        for cause, count in one.causes.items():
            causes[cause] = causes.get(cause, 0) + count
    for cause, count in sorted(causes.items(), key=lambda item: -item[1]):
        say(f"{count} × {cause}")


def values(one: Week) -> dict[str, Any]:
    """A week as JSON tells it."""
    return {
        "week": one.starts_on.isoformat(),
        "cases": one.cases,
        "causes": dict(one.causes),
        "minutes_to_notice": one.minutes_to_notice,
        "told": one.told,
        "told_in_time": one.told_in_time,
        "hours_to_resolution": one.hours_to_resolution,
        "resolved": one.resolved,
        "contacts": one.contacts,
        "spent": {currency: str(amount) for currency, amount in one.spent.items()},
        "coupons": one.coupons,
    }


def _figure(number: float | None) -> str:
    return "" if number is None else f"{number:g}"

"""Commands about what waits for a person: shortage cases with their choices, and open questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from syncd.attention.question import Question
from syncd.attention.store import open_questions
from syncd.cli import case_figures, case_notes
from syncd.cli.age import ago
from syncd.cli.options import Common, callback, command
from syncd.cli.screen import BAD, GOOD, LOOK, answer, counted, data, say, table
from syncd.cli.session import Session, in_session, unknown
from syncd.errors import OperatorError
from syncd.http import shape
from syncd.identity import Sku
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.resolution import Option, OptionKind
from syncd.shortage.service import ShortageService
from syncd.shortage.store import read_cases
from syncd.shortage.store_timeline import read_timeline
from syncd.shortage.timeline import Entry
from syncd.steering import care_rules

CaseArgument = Annotated[str, typer.Argument(metavar="ID", help="As `syncd cases` shows it.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(
        help="Promises that exceed the stock; `cases show ID` for one, `cases choose ID KIND` to decide."
    )
    callback(group)(cases)
    command(group, "show")(show)
    command(group, "choose")(choose)
    case_notes.register(group)
    case_figures.register(group)
    app.add_typer(group, name="cases")
    command(app, "questions")(questions)


def cases(
    ctx: typer.Context,
    common: Common,
    everything: Annotated[bool, typer.Option("--all", help="Also the resolved ones.")] = False,
    owner: Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Only those of one person.")] = None,
) -> None:
    """Show the shortage cases that are not resolved, the next deadline first.

    JSON: [CASE, …], each as in `cases show`.
    """
    if ctx.invoked_subcommand is not None:
        return
    found, now = in_session(common.path, _read)
    found = [case for case in found if owner in (None, case.owner)]
    unsettled = [case for case in found if case.status is not CaseStatus.RESOLVED]
    shown = sorted(
        found if everything else unsettled, key=lambda case: (case.deadline_at or case.opened_at, case.case_id)
    )
    if common.as_json:
        data([shape.case(case) for case in shown])
        return
    counts = Counter(case.status for case in unsettled)
    said = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.items())
    headline = f"{counted(len(unsettled), 'case')}: {said}." if unsettled else "No promise exceeds the stock."
    answer(headline, BAD if unsettled else "")
    rows = [
        (
            case.case_id,
            f"{case.units} × {case.sku}",
            case.status.replace("_", " "),
            _deadline(case, now),
            case.owner,
            _ending(case),
        )
        for case in shown
    ]
    if rows:
        table(["Case", "Short of", "Status", "Deadline", "Owner", "Answer"], rows)


def show(case_id: CaseArgument, common: Common) -> None:
    """Show one case: what is short, what can be offered, until when, and everything said and done about it.

    JSON: as the API's cases: {"case", "channel", "order", "line_id", "sku", "units", "cause", "status", "opened_at",
    "deadline_at", "options": [{"kind", "units", "cost", "substitute", "title", "until", "supplier"}], "owner", …}
    and "timeline": [{"at", "kind", "by", "words", "status", "money"}]
    """

    async def work(session: Session) -> tuple[Case, list[Entry], datetime]:
        case, now = await _one(session, case_id)
        async with session.db.read() as conn:
            return case, await read_timeline(conn, case), now

    found, timeline, now = in_session(common.path, work)
    if common.as_json:
        data({**shape.case(found), "timeline": [shape.entry(one) for one in timeline]})
        return
    lacking = "late" if found.awaits else "short"
    answer(f"{found.units} × {found.sku} {lacking} for {found.order_key}: {found.status.replace('_', ' ')}.", LOOK)
    say(f"Because {found.cause}; opened {ago(found.opened_at, now)}; deadline {_deadline(found, now)}.")
    say(f"Owner: {found.owner or 'nobody yet'}")
    if found.options:
        table(
            ["Choice", "Units", "What", ">Costs us", "Holds until"],
            [
                (o.kind.value, o.units, o.substitute or o.title, str(o.cost) if o.cost else "nothing", _holds(o))
                for o in found.options
            ],
        )
        if found.status in (CaseStatus.ASKED, CaseStatus.NEEDS_PERSON):
            say(f"Choose with: syncd cases choose {found.case_id} CHOICE")
    if _ending(found):
        say(f"Answer: {_ending(found)}")
    if timeline:
        case_notes.show_timeline(timeline)


def choose(
    case_id: CaseArgument,
    kind: Annotated[OptionKind, typer.Argument(help="What the customer gets.")],
    common: Common,
    substitute: Annotated[
        str | None, typer.Option("--sku", help="Which substitute, where several are offered.")
    ] = None,
) -> None:
    """Decide a case for the customer: what follows (money, message) is done by the daemon, once.

    JSON: as for `cases show`.
    """

    async def work(session: Session) -> Case:
        await _one(session, case_id)
        service = ShortageService(
            session.db, session.writer, policies=session.policies, rules=care_rules(session.config), clock=session.clock
        )
        why_not = await service.choose(
            case_id, kind, by=session.actor, substitute=None if substitute is None else Sku(substitute)
        )
        if why_not is not None:
            raise OperatorError(why_not)
        return (await _one(session, case_id))[0]

    chosen = in_session(common.path, work)
    if common.as_json:
        data(shape.case(chosen))
        return
    answer(f"{kind.value} is under way for {case_id}.", GOOD)
    say(f"Follow it with: syncd cases show {case_id}")


async def _read(session: Session) -> tuple[list[Case], datetime]:
    async with session.db.read() as conn:
        return await read_cases(conn), session.clock.now()


async def _one(session: Session, case_id: str) -> tuple[Case, datetime]:
    found, now = await _read(session)
    for case in found:
        if case.case_id == case_id:
            return case, now
    raise unknown("case", case_id, [case.case_id for case in found])


def _holds(option: Option) -> str:
    day = option.until.isoformat() if option.until else "at once"
    return f"{day}, from {option.supplier}" if option.supplier else day


def _deadline(case: Case, now: datetime) -> str:
    return ago(case.deadline_at, now) if case.deadline_at else "none yet"


def _ending(case: Case) -> str:
    who = f" ({case.chosen_by})" if case.chosen_by else ""
    return f"{case.resolution or case.chosen or ''}{who}"


def questions(common: Common) -> None:
    """Show everything that waits for a person, oldest first, each with what to type.

    JSON: [{"topic", "subject", "sentence", "asked_at"}, …]
    """

    async def work(session: Session) -> tuple[Sequence[Question], datetime]:
        async with session.db.read() as conn:
            return await open_questions(conn), session.clock.now()

    asked, now = in_session(common.path, work)
    if common.as_json:
        data([shape.question(one) for one in asked])
        return
    headline = f"{counted(len(asked), 'question')} for a person." if asked else "Nothing waits for a person."
    answer(headline, LOOK if asked else "")
    if asked:
        table(
            ["Asked", "About", "What"], [(ago(q.asked_at, now), q.topic.replace("_", " "), q.sentence) for q in asked]
        )

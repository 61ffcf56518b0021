"""Commands about who sees to a case and what is noted with it: notes, contacts, assignment, hand-over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from syncd.cli.options import Common, command
from syncd.cli.screen import GOOD, answer, data, table
from syncd.cli.session import Session, in_session, unknown
from syncd.errors import OperatorError
from syncd.http import shape
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.store import read_case, read_cases
from syncd.shortage.store_timeline import append, assign
from syncd.shortage.timeline import OWNER_LENGTH_MAX, WORDS_LENGTH_MAX, Entry, EntryKind

CaseArgument = Annotated[str, typer.Argument(metavar="ID", help="As `syncd cases` shows it.")]


def register(group: typer.Typer) -> None:
    """Add these commands to those about cases."""
    command(group, "note")(note)
    command(group, "assign")(give)


def note(
    case_id: CaseArgument,
    words: Annotated[str, typer.Argument(help="What the next one who looks at the case should know.")],
    common: Common,
    contact: Annotated[
        bool, typer.Option("--contact", help="The customer had to write or phone: it is counted.")
    ] = False,
) -> None:
    """Note something with a case. It stays when the case goes to somebody else, and goes when its buyer is forgotten.

    JSON: {"at", "kind", "by", "words", "status", "money"}
    """
    said = " ".join(words.split())
    if not said or len(said) > WORDS_LENGTH_MAX:
        raise OperatorError(f"a note has 1 to {WORDS_LENGTH_MAX} characters")

    async def work(session: Session) -> Entry:
        await known(session, case_id)
        kind = EntryKind.CONTACT if contact else EntryKind.NOTE
        entry = Entry(session.clock.now(), kind, session.actor, said)
        await session.writer.write(append(case_id, entry))
        return entry

    entry = in_session(common.path, work)
    if common.as_json:
        data(shape.entry(entry))
        return
    answer(f"Noted with {case_id}.", GOOD)


def give(
    case_id: CaseArgument,
    owner: Annotated[str, typer.Argument(metavar="NAME", help="Who sees to it, as customers may read the name.")],
    common: Common,
    why: Annotated[str, typer.Option("--note", help="What the new owner should know.")] = "",
) -> None:
    """Give a case to somebody, or hand it over. The owner signs the letters about it from then on.

    JSON: as the case in `cases show`.
    """
    name, reason = " ".join(owner.split()), " ".join(why.split())
    if not 0 < len(name) <= OWNER_LENGTH_MAX:
        raise OperatorError(f"a name has 1 to {OWNER_LENGTH_MAX} characters")
    if len(reason) > WORDS_LENGTH_MAX:
        raise OperatorError(f"a note has at most {WORDS_LENGTH_MAX} characters")

    async def work(session: Session) -> Case:
        case = await known(session, case_id)
        if case.status is CaseStatus.RESOLVED:
            raise OperatorError(f"case {case_id} is resolved: nobody has to see to it any more")
        given = (await session.submit(assign(case_id, name, by=session.actor, why=reason))).value
        if given is None:
            raise OperatorError(f"case {case_id} was resolved in this moment; see: syncd cases show {case_id}")
        return given

    given = in_session(common.path, work)
    if common.as_json:
        data(shape.case(given))
        return
    answer(f"{case_id} is {given.owner}'s.", GOOD)


async def known(session: Session, case_id: str) -> Case:
    """The case. Raises OperatorError with the nearest name."""
    async with session.db.read() as conn:
        found = await read_case(conn, case_id)
        if found is not None:
            return found
        raise unknown("case", case_id, [case.case_id for case in await read_cases(conn)])


def show_timeline(timeline: Sequence[Entry]) -> None:
    """What was said and done, oldest first."""
    rows = [(_when(one.at), one.kind.value, f"{one.words}{_sum(one)}", one.by) for one in timeline]
    table(["When (UTC)", "", "What", "By"], rows)


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _sum(one: Entry) -> str:
    return f" ({one.money})" if one.money else ""

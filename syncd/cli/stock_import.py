"""The command that takes an opening stock from a CSV file: all of it, or all that is good, every bad row named.

Everything is looked at before anything is written, and judged again as it is written: in one transaction, part by
part, so that memory stays small. Cut short at any moment, nothing of it is there, and the same command starts afresh.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import TaskID

from syncd.cli.opening import Row, file_key, on_hand_already, read_opening, row_key
from syncd.cli.options import Common, command
from syncd.cli.screen import GOOD, LOOK, answer, counted, data, progress, say
from syncd.cli.session import Session, in_session, open_config
from syncd.db import chunks
from syncd.errors import OperatorError
from syncd.history.store import read_posted
from syncd.ledger.movement import OPENING, Movement, Reason, available
from syncd.ledger.store import Command, Plan, Verdict, View, read_balances
from syncd.product.product import Product
from syncd.product.store import mention, save

CHUNK_ROWS = 1_000
"""Rows that are one command, and in memory as movements at a time."""


@dataclass(frozen=True)
class _Taken:
    """What became of a file: the rows taken in, and what is wrong with those that were left out."""

    verdict: Verdict
    rows: Sequence[Row]
    problems: Sequence[str]


def register(group: typer.Typer) -> None:
    """Add this command to `stock`."""
    command(group, "import")(import_stock)


def import_stock(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="Columns: sku, quantity, and maybe location, title.")
    ],
    common: Common,
    skip_bad: Annotated[
        bool,
        typer.Option("--skip-bad", help="Take in all good rows and name the bad ones; else one bad row is enough."),
    ] = False,
) -> None:
    """Take an opening stock from a CSV file, all of it or nothing. The same file again moves nothing.

    JSON: {"verdict", "rows", "products", "units", "skipped": ["line N: …", …]}
    """
    locations = open_config(common.path, may_be_sealed=True).locations
    with progress(f"reading {file.name}", total=1) as bar:
        rows, problems = read_opening(
            file, locations, lambda done, total: bar.update(bar.task_ids[0], completed=done, total=total)
        )
    if (problems and not skip_bad) or not rows:
        raise _refused(file, problems)
    taken = in_session(common.path, lambda session: _import(session, file, rows, skip_bad=skip_bad))
    _tell(common, file, taken, problems)


def _tell(common: Common, file: Path, taken: _Taken, problems: Sequence[str]) -> None:
    units, skus = sum(row.quantity for row in taken.rows), {row.sku for row in taken.rows}
    skipped = sorted([*problems, *taken.problems], key=_line)
    if common.as_json:
        said = {"verdict": taken.verdict.value, "rows": len(taken.rows), "products": len(skus), "units": units}
        data({**said, "skipped": skipped})
        return
    if taken.verdict is Verdict.DUPLICATE:
        answer(f"{file} was taken in before: nothing moved.")
        return
    whence = f"{counted(len(skus), 'product')} from {counted(len(taken.rows), 'row')}"
    answer(f"Took in {counted(units, 'unit')} of {whence}.", GOOD)
    if skipped:
        say(f"{counted(len(skipped), 'row')} left out:", LOOK)
        for problem in skipped:
            say(f"  - {problem}")
    say("See them with: syncd stock show")


def _line(problem: str) -> int:
    """What a problem is sorted by; one about the whole file comes first."""
    number = problem.removeprefix("line ").partition(":")[0]
    return int(number) if number.isdigit() else 0


def _refused(file: Path, problems: Sequence[str]) -> OperatorError:
    return OperatorError(f"{file} was not taken in, and nothing of it was written", sorted(problems, key=_line))


async def _import(session: Session, file: Path, rows: Sequence[Row], *, skip_bad: bool) -> _Taken:
    key = file_key(rows)
    known, bad = await _looked_at(session, key, rows)
    if bad and not skip_bad:
        raise _refused(file, list(bad.values()))
    good = [row for row in rows if row.line not in bad]
    fresh = [row for row in good if row.line not in known]
    now = session.clock.now()
    with progress(f"writing {file.name}", total=len(fresh)) as bar:
        outcome = await session.writer.submit_together(
            lambda: parts(key, fresh, file.name, session.actor, now),
            lambda number: bar.update(TaskID(0), completed=min(number * CHUNK_ROWS, len(fresh))),
        )
    if outcome.value is None:
        raise _refused(file, outcome.explanation.split("\n"))
    return _Taken(outcome.verdict, good, tuple(bad.values()))


async def _looked_at(session: Session, key: str, rows: Sequence[Row]) -> tuple[set[int], dict[int, str]]:
    """The lines of rows that are in already, and those of others that cannot be taken in."""
    known: set[int] = set()
    async with session.db.read_at_length() as conn:
        for chunk in chunks(rows, CHUNK_ROWS):
            posted = await read_posted(conn, [row_key(key, row) for row in chunk])
            known.update(row.line for row in chunk if row_key(key, row) in posted)
        if known:  # rows of nothing have no movement: they came in with the others
            known.update(row.line for row in rows if not row.quantity)
        bad: dict[int, str] = {}
        for chunk in chunks((row for row in rows if row.line not in known), CHUNK_ROWS):
            bad |= on_hand_already(chunk, await read_balances(conn, sorted({row.sku for row in chunk})))
    return known, bad


def parts(key: str, rows: Sequence[Row], reference: str, actor: str, now: datetime) -> Iterator[Command[None]]:
    """The rows of a file as commands, each made when it is asked for."""
    return (opening(key, part, reference, actor, now) for part in chunks(rows, CHUNK_ROWS))


def opening(key: str, rows: Sequence[Row], reference: str, actor: str, now: datetime) -> Command[None]:
    """Some rows of a file as one command: none of them is written unless all are."""
    movements = tuple(
        Movement(
            row_key(key, row),
            *(row.sku, row.quantity, OPENING, available(row.location), Reason.CORRECTION, now),
            reference=reference,
            actor=actor,
        )
        for row in rows
        if row.quantity
    )
    named = {row.sku: Product(row.sku, row.title) for row in rows if row.title}
    skus = frozenset(row.sku for row in rows)
    writes = (*save(tuple(named.values())), mention([(sku, sku) for sku in sorted(skus - named.keys())]))

    def decide(view: View) -> Plan[None]:
        refusal = "\n".join(on_hand_already(rows, view.balances).values())
        return Plan(None, movements, writes, skus, refusal or None)

    return Command(decide, tuple(movement.key for movement in movements), skus)

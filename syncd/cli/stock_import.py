"""The command that takes an opening stock from a CSV file: all of it, or all that is good, every bad row named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from syncd.cli.opening import Row, file_key, on_hand_already, read_opening
from syncd.cli.options import Common, command
from syncd.cli.screen import GOOD, LOOK, answer, counted, data, progress, say, waiting
from syncd.cli.session import Session, in_session, open_config
from syncd.errors import OperatorError
from syncd.history.store import is_begun
from syncd.ledger.movement import OPENING, Movement, Reason, available
from syncd.ledger.store import Command, Plan, Verdict, View, read_balances
from syncd.product.product import Product
from syncd.product.store import mention, save


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
    locations = open_config(common.path).locations
    with progress(f"reading {file.name}", total=1) as bar:
        rows, problems = read_opening(
            file, locations, lambda done, total: bar.update(bar.task_ids[0], completed=done, total=total)
        )
    if (problems and not skip_bad) or not rows:
        raise _refused(file, problems)
    with waiting(f"writing {counted(len(rows), 'row')} in one transaction"):
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
    return int(problem.removeprefix("line ").partition(":")[0])


def _refused(file: Path, problems: Sequence[str]) -> OperatorError:
    return OperatorError(f"{file} was not taken in, and nothing of it was written", sorted(problems, key=_line))


async def _import(session: Session, file: Path, rows: list[Row], *, skip_bad: bool) -> _Taken:
    key, bad = file_key(rows), dict[int, str]()
    async with session.db.read() as conn:
        if await is_begun(conn, f"{key}:"):
            return _Taken(Verdict.DUPLICATE, rows, ())
        if skip_bad:
            bad = on_hand_already(rows, await read_balances(conn, sorted({row.sku for row in rows})))
    good = [row for row in rows if row.line not in bad]
    outcome = await session.submit(_opening(session, file, key, good))
    if outcome.verdict in (Verdict.REFUSED, Verdict.CONFLICT):
        raise OperatorError(f"{file} was not taken in, and nothing of it was written", outcome.explanation.split("\n"))
    return _Taken(outcome.verdict, good, tuple(bad.values()))


def _opening(session: Session, file: Path, key: str, rows: Sequence[Row]) -> Command[None]:
    """All rows as one command: none of them is written unless all are."""
    now = session.clock.now()
    movements = tuple(
        Movement(
            f"{key}:{row.line}",
            *(row.sku, row.quantity, OPENING, available(row.location), Reason.CORRECTION, now),
            reference=file.name,
            actor=session.actor,
        )
        for row in rows
        if row.quantity
    )
    named = [Product(row.sku, row.title) for row in {row.sku: row for row in rows if row.title}.values()]
    writes = (mention([(row.sku, row.sku) for row in rows]), *save(named))
    skus = frozenset(row.sku for row in rows)

    def decide(view: View) -> Plan[None]:
        refusal = "\n".join(on_hand_already(rows, view.balances).values())
        return Plan(None, movements, writes, skus, refusal or None)

    return Command(decide, tuple(movement.key for movement in movements), skus)

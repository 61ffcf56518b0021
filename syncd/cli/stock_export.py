"""Commands that carry a whole ledger out of the store and into another: stock export and import-movements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import TaskID

from syncd.cli.log_file import format_of, read, written
from syncd.cli.options import Common, command
from syncd.cli.screen import GOOD, LOOK, answer, counted, data, progress, say
from syncd.cli.session import Session, in_session
from syncd.errors import OperatorError
from syncd.history.log_row import FileFormat, row_values
from syncd.history.store import read_log, read_log_size, read_totals
from syncd.ledger.movement import Movement, State
from syncd.ledger.store import Command, Plan, Verdict
from syncd.product.store import mention

CHUNK_MOVEMENTS = 1_000
"""Movements that are posted as one command."""

PROBLEMS_MAX = 100_000
"""Bad lines named at most; a file with more is another kind of file."""

FormatOption = Annotated[
    FileFormat | None, typer.Option("--format", "-f", help="csv or jsonl; else what the name of the file ends with.")
]
Numbered = tuple[int, Movement]


def register(group: typer.Typer) -> None:
    """Add these commands to `stock`."""
    command(group, "export")(export)
    command(group, "import-movements")(import_movements)


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Written anew; complete or not at all.")],
    common: Common,
    form: FormatOption = None,
) -> None:
    """Write every movement to a file, oldest first.

    JSON: {"file", "format", "movements"}
    """
    chosen = format_of(file, form)

    async def work(session: Session) -> int:
        async with session.db.read_at_length() as conn:
            size, last = await read_log_size(conn)
            with progress(f"writing {file.name}", total=size) as bar, written(file, chosen) as append:
                async for page in read_log(conn, last):
                    for one in page:
                        append(row_values(one.position, one.movement, one.recorded_at))
                    bar.advance(TaskID(0), len(page))
            return size

    size = in_session(common.path, work)
    if common.as_json:
        data({"file": file, "format": chosen.value, "movements": size})
        return
    answer(f"Wrote {counted(size, 'movement')} to {file}.", GOOD)
    say(f"Another, empty ledger takes them in with: syncd stock import-movements {file}")


def import_movements(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As `stock export` wrote it.")],
    common: Common,
    form: FormatOption = None,
) -> None:
    """Post the movements of a file, oldest first, after every line of it was found good.

    Meant for an empty ledger. Cut short, the same command goes on where it stopped: what is in is not posted twice.

    JSON: {"posted", "known", "reserved", "in_flight"}
    """
    chosen = format_of(file, form)
    total = _check(file, chosen)

    async def work(session: Session) -> dict[str, int]:
        posted = 0
        with progress(f"posting {file.name}", total=total) as bar:
            for chunk in _chunks(file, chosen):
                posted += len(chunk) if await _post(session, file, chunk) is Verdict.POSTED else 0
                bar.advance(TaskID(0), len(chunk))
        return {"posted": posted, "known": total - posted, **await _promised(session)}

    told = in_session(common.path, work)
    if common.as_json:
        data(told)
        return
    known = f"; {told['known']} were in before" if told["known"] else ""
    answer(f"Posted {counted(told['posted'], 'movement')} of {file}{known}.", GOOD)
    if told["reserved"] or told["in_flight"]:
        what = f"{told['reserved']} units are reserved and {told['in_flight']} in flight"
        say(f"{what}: the orders behind them are not part of the file; syncd doctor names what none explains.", LOOK)


def _check(file: Path, form: FileFormat) -> int:
    """How many movements the file holds. Raises OperatorError naming every bad line; nothing is kept in memory."""
    total, problems = 0, list[str]()
    with progress(f"checking {file.name}", total=1) as bar:
        for line, found in read(file, form):
            total += 1
            if isinstance(found, str) and len(problems) < PROBLEMS_MAX:
                problems.append(f"line {line}: {found}")
            if total % CHUNK_MOVEMENTS == 0:
                bar.update(TaskID(0), completed=total, total=None)
    if problems:
        raise OperatorError(f"{file} was not taken in, and nothing of it was written", problems)
    return total


def _chunks(file: Path, form: FileFormat) -> Iterator[Sequence[Numbered]]:
    rows = ((line, found) for line, found in read(file, form) if isinstance(found, Movement))
    while chunk := list(islice(rows, CHUNK_MOVEMENTS)):
        yield chunk


async def _post(session: Session, file: Path, chunk: Sequence[Numbered]) -> Verdict:
    movements = tuple(moved for _, moved in chunk)
    skus = frozenset(moved.sku for moved in movements)

    def decide(_view: Any) -> Plan[None]:
        return Plan(None, movements, (mention([(sku, sku) for sku in sorted(skus)]),))

    outcome = await session.submit(Command(decide, tuple(moved.key for moved in movements), skus))
    if outcome.verdict in (Verdict.REFUSED, Verdict.CONFLICT):
        where = f"lines {chunk[0][0]} to {chunk[-1][0]}"
        raise OperatorError(f"{file}: {where} were not posted, those before are in: {outcome.explanation}")
    return outcome.verdict


async def _promised(session: Session) -> dict[str, int]:
    """Units that the ledger now holds for orders."""
    async with session.db.read_at_length() as conn:
        totals = await read_totals(conn)
    states = {"reserved": State.RESERVED, "in_flight": State.IN_FLIGHT}
    return {
        name: sum(units for account, units in totals.items() if account.is_ours and account.state == state)
        for name, state in states.items()
    }

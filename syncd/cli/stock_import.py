"""The command that takes an opening stock from a CSV file: all of it, or nothing and every bad row named."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from syncd.cli.opening import Row, file_key, problems_with_stock, read_opening
from syncd.cli.options import Common, command
from syncd.cli.screen import GOOD, answer, counted, data, progress, say, waiting
from syncd.cli.session import Session, in_session
from syncd.errors import OperatorError
from syncd.ledger.movement import OPENING, Movement, Reason, available
from syncd.ledger.store import Command, Plan, Verdict, View
from syncd.product.product import Product
from syncd.product.store import mention, save

PROBLEMS_SHOWN_MAX = 50


def register(group: typer.Typer) -> None:
    """Add this command to `stock`."""
    command(group, "import")(import_stock)


def import_stock(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="Columns: sku, quantity, and maybe location, title.")
    ],
    common: Common,
) -> None:
    """Take an opening stock from a CSV file, all of it or nothing. The same file again moves nothing.

    JSON: {"verdict", "rows", "products", "units"}
    """
    with progress(f"reading {file.name}", total=1) as bar:
        rows, problems = read_opening(
            file, lambda done, total: bar.update(bar.task_ids[0], completed=done, total=total)
        )
    if problems:
        raise _refused(file, problems)
    with waiting(f"writing {counted(len(rows), 'row')} in one transaction"):
        verdict = in_session(common.path, lambda session: _import(session, file, rows))
    units, skus = sum(row.quantity for row in rows), {row.sku for row in rows}
    if common.as_json:
        data({"verdict": verdict.value, "rows": len(rows), "products": len(skus), "units": units})
    elif verdict is Verdict.DUPLICATE:
        answer(f"{file} was taken in before: nothing moved.")
    else:
        whence = f"{counted(len(skus), 'product')} from {counted(len(rows), 'row')}"
        answer(f"Took in {counted(units, 'unit')} of {whence}.", GOOD)
        say("See them with: syncd stock show")


def _refused(file: Path, problems: list[str]) -> OperatorError:
    shown = problems[:PROBLEMS_SHOWN_MAX]
    if len(problems) > len(shown):
        shown.append(f"and {len(problems) - len(shown)} more")
    return OperatorError(f"{file} was not taken in, and nothing of it was written", shown)


async def _import(session: Session, file: Path, rows: list[Row]) -> Verdict:
    key, now = file_key(rows), session.clock.now()
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
    found: list[str] = []

    def decide(view: View) -> Plan[None]:
        found[:] = problems_with_stock(rows, view.balances)
        return Plan(None, movements, writes, frozenset(row.sku for row in rows), found[0] if found else None)

    keys, skus = tuple(movement.key for movement in movements), frozenset(row.sku for row in rows)
    outcome = await session.submit(Command(decide, keys, skus))
    if outcome.verdict in (Verdict.REFUSED, Verdict.CONFLICT):
        raise _refused(file, found or [outcome.explanation])
    return outcome.verdict

"""The command that enters a count: the same desk as a scanner's, so the same rules and the same repeats."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Annotated

import typer

from syncd.cli.levels import show_levels
from syncd.cli.options import Common, command
from syncd.cli.screen import GOOD, LOOK, answer, data, fail, say
from syncd.cli.session import Session, in_session
from syncd.errors import OperatorError
from syncd.scanner.scan import Problems, ScanKind, ScanResult, ScanVerdict, result_values
from syncd.scanner.service import ScanDesk


@dataclass(frozen=True)
class Shelf:
    """Which shelf was counted when."""

    location: Annotated[str, typer.Option("--location", "-l", help="Which shelf.")] = "main"
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="When they were counted, e.g. 2026-03-02T08:00:00Z; else now."),
    ] = None
    key: Annotated[
        str | None, typer.Option("--key", help="Makes a repeat harmless; without it a new one is made and shown.")
    ] = None


def register(group: typer.Typer) -> None:
    """Add this command to `stock`."""
    command(group, "count")(count)


def count(
    sku: Annotated[str, typer.Argument(metavar="SKU", help="The SKU, or a barcode of it.")],
    counted: Annotated[int, typer.Argument(metavar="N", min=0, help="How many are there, promised ones included.")],
    shelf: Shelf,
    common: Common,
) -> None:
    """Say what was counted on a shelf: the difference is posted, and promises that cannot be kept become cases.

    JSON: {"scan_id", "verdict", "sku", "sentence", "stock": [LOCATION, …], "count": {"expected", "counted",
    "difference"}, "broken"}, as a scanner is answered.
    """
    key = shelf.key or str(uuid.uuid4())

    async def work(session: Session) -> ScanResult:
        said = {"scan_id": key, "kind": ScanKind.COUNT.value, "code": sku, "quantity": counted}
        where = {"location": shelf.location, "actor": session.actor} | ({"at": shelf.at} if shelf.at else {})
        desk = ScanDesk(session.db, session.writer, session.clock)
        scan = desk.read(said | where)
        if isinstance(scan, Problems):
            raise OperatorError("this is no count", scan.sentences)
        return await desk.post(scan)

    result = in_session(common.path, work)
    if common.as_json:
        data(result_values(result))
    else:
        _told(result, key)
    if result.verdict not in (ScanVerdict.POSTED, ScanVerdict.DUPLICATE):
        fail()


def _told(result: ScanResult, key: str) -> None:
    moved = result.verdict is ScanVerdict.POSTED
    answer(result.sentence, GOOD if moved else LOOK)
    if result.broken:
        say("Follow what their customers are offered with: syncd cases")
    if result.levels:
        show_levels(result.levels)
    say(f"key {key}: with --key the same command again counts nothing twice", "bright_black")

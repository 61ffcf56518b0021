"""The command that enters a count: the same desk as a scanner's, so the same rules and the same repeats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from syncd.cli.desk import scanned
from syncd.cli.options import Common, command
from syncd.scanner.scan import ScanKind


@dataclass(frozen=True)
class Shelf:
    """Which shelf was counted when."""

    location: Annotated[str | None, typer.Option("--location", "-l", help="Which shelf; else the first one.")] = None
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

    With a pack's barcode N are packs.

    JSON: {"scan_id", "verdict", "sku", "sentence", "stock": [LOCATION, …], "count": {"expected", "counted",
    "difference"}, "broken"}, as a scanner is answered.
    """
    fields = {"code": sku, "quantity": counted, "location": shelf.location, "at": shelf.at}
    scanned(common, ScanKind.COUNT, shelf.key, fields)

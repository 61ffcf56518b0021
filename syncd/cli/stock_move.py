"""Commands that carry units: from place to place, and out of the house for an order."""

from __future__ import annotations

from typing import Annotated

import typer

from syncd.cli.desk import scanned
from syncd.cli.options import Common, command
from syncd.scanner.scan import QUANTITY_MAX, ScanKind

KeyOption = Annotated[
    str | None, typer.Option("--key", help="Makes a repeat harmless; without it a new one is made and shown.")
]
SkuArgument = Annotated[str, typer.Argument(metavar="SKU", help="The SKU, or a barcode of it.")]


def register(group: typer.Typer) -> None:
    """Add these commands to `stock`."""
    command(group, "transfer")(transfer)
    command(group, "pick")(pick)


def transfer(
    sku: SkuArgument,
    quantity: Annotated[int, typer.Argument(metavar="QTY", min=1, max=QUANTITY_MAX, help="How many.")],
    source: Annotated[str, typer.Argument(metavar="FROM", help="The place they lie at.")],
    destination: Annotated[str, typer.Argument(metavar="TO", help="The place they are carried to.")],
    common: Common,
    key: KeyOption = None,
) -> None:
    """Carry free units from one place to another. Promised ones stay where they are promised from.

    JSON: as for `stock count`.
    """
    fields = {"code": sku, "quantity": quantity, "location": source, "to_location": destination}
    scanned(common, ScanKind.TRANSFER, key, fields)


def pick(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="Its key as `syncd orders` shows it, or its number.")],
    sku: SkuArgument,
    quantity: Annotated[
        int,
        typer.Argument(metavar="QTY", min=0, max=QUANTITY_MAX, help="How many were taken and sent; 0: none is there."),
    ],
    common: Common,
    location: Annotated[str | None, typer.Option("--location", "-l", help="Where; else the first place.")] = None,
    key: KeyOption = None,
) -> None:
    """Take units held for an order off the shelf and send them: all of them, or some now and some later.

    With 0 the order's promise is broken: its customer is asked, and what the books call free there is set aside.

    JSON: as for `stock count`.
    """
    fields = {"code": sku, "quantity": quantity, "location": location, "order": order}
    scanned(common, ScanKind.PICK, key, fields)

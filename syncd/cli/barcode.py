"""Commands about the codes scanners read: product barcode add, remove and list."""

from __future__ import annotations

from typing import Annotated

import typer

from syncd.cli.options import Common, command
from syncd.cli.screen import GOOD, LOOK, answer, counted, data, say, table
from syncd.cli.session import Session, in_session
from syncd.errors import OperatorError
from syncd.identity import Sku
from syncd.ledger.store import Command, Plan
from syncd.product.barcode import UNITS_MAX, Barcode, barcode, remark
from syncd.product.product import Coded, Product
from syncd.product.store import forget_barcode, read_owners, read_products, save_barcode

CodeArgument = Annotated[str, typer.Argument(metavar="CODE", help="As it stands on the label.")]


def register(group: typer.Typer) -> None:
    """Add these commands to `product`."""
    own = typer.Typer(no_args_is_help=True, help="Codes scanners read: add, remove, list.")
    command(own, "add")(add)
    command(own, "remove")(remove)
    command(own, "list")(show)
    group.add_typer(own, name="barcode")


def barcode_shape(one: Barcode) -> dict[str, object]:
    """A barcode as JSON."""
    return {"code": one.shown, "units": one.units}


def add(
    sku: Annotated[str, typer.Argument(metavar="SKU")],
    code: CodeArgument,
    common: Common,
    units: Annotated[
        int, typer.Option("--units", "-u", min=1, max=UNITS_MAX, help="Units it means: 12 for a case of 12.")
    ] = 1,
) -> None:
    """Say what a barcode means: a SKU, or with --units a pack of it.

    JSON: {"sku", "code", "units", "notes"}
    """
    one = read_barcode(code, units)

    async def work(session: Session) -> tuple[Sku, Coded | None]:
        found = await session.sku(sku)
        async with session.db.read() as conn:
            before = (await read_owners(conn, [one.code])).get(one.code)
        await session.submit(Command(lambda _view: Plan(None, writes=(save_barcode(found, one),))))
        return found, before

    found, before = in_session(common.path, work)
    notes = [note for note in (meaning_before(one, found, before), remark(code.strip())) if note]
    if common.as_json:
        data({"sku": found, **barcode_shape(one), "notes": notes})
        return
    answer(f"{one.shown} means {counted(units, 'unit')} of {found}.", GOOD)
    for note in notes:
        say(note, LOOK)


def read_barcode(text: str, units: int = 1) -> Barcode:
    """A barcode as typed; what can be none is typed wrongly."""
    try:
        return barcode(text, units)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def meaning_before(one: Barcode, sku: Sku, before: Coded | None) -> str:
    """What a code meant until now, where that was something else."""
    if before is None or before == Coded(sku, one.units):
        return ""
    return f"{one.shown} meant {counted(before.units, 'unit')} of {before.sku} until now."


def remove(code: CodeArgument, common: Common) -> None:
    """Forget a barcode: scanned again, it is told as unknown.

    JSON: {"sku", "code", "units"}
    """

    async def work(session: Session) -> Coded:
        async with session.db.read() as conn:
            owners = await read_owners(conn, [one.code, code.strip()])
        if not owners:
            raise OperatorError(f"{code} is no barcode that syncd knows; see them with: syncd product barcode list")
        await session.submit(Command(lambda _view: Plan(None, writes=(forget_barcode(code.strip()),))))
        return next(iter(owners.values()))

    one = read_barcode(code)
    before = in_session(common.path, work)
    if common.as_json:
        data({"sku": before.sku, "code": one.shown, "units": before.units})
        return
    answer(f"{one.shown} means nothing any more; it meant {counted(before.units, 'unit')} of {before.sku}.", GOOD)


def show(
    common: Common,
    sku: Annotated[str | None, typer.Argument(metavar="[SKU]", help="Only this one's; a barcode will do.")] = None,
) -> None:
    """List barcodes with what they mean.

    JSON: [{"sku", "code", "units"}, …]
    """

    async def work(session: Session) -> dict[Sku, Product]:
        wanted = None if sku is None else [await session.sku(sku)]
        async with session.db.read() as conn:
            return await read_products(conn, wanted)

    products = in_session(common.path, work)
    found = [(owner, one) for owner, product in sorted(products.items()) for one in product.barcodes]
    if common.as_json:
        data([{"sku": owner, **barcode_shape(one)} for owner, one in found])
        return
    answer(f"{counted(len(found), 'barcode')}." if found else "No barcode is known yet.")
    if found:
        table(["SKU", "Barcode", ">Units"], [(owner, one.shown, one.units) for owner, one in found])

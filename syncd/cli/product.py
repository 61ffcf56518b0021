"""Commands about what is stocked: product add and list; those about its barcodes stand beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import typer

from syncd.cli import barcode as barcode_commands
from syncd.cli.barcode import meaning_before, read_barcode
from syncd.cli.options import Common, command
from syncd.cli.screen import GOOD, LOOK, answer, counted, data, say, table
from syncd.cli.session import Session, in_session, parsed
from syncd.identity import sku as parse_sku
from syncd.ledger.store import Command, Plan, View
from syncd.product.barcode import Barcode, remark
from syncd.product.product import Product
from syncd.product.store import read_owners, read_products, save


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(no_args_is_help=True, help="What is stocked: add, list, barcode.")
    command(group, "add")(add)
    command(group, "list")(show)
    barcode_commands.register(group)
    app.add_typer(group, name="product")


def add(
    sku: Annotated[str, typer.Argument(metavar="SKU")],
    title: Annotated[str, typer.Option("--title", "-t", help="What people call it.")],
    common: Common,
    barcodes: Annotated[
        list[str] | None, typer.Option("--barcode", "-b", help="A code scanners read; may repeat.")
    ] = None,
    category: Annotated[
        str | None, typer.Option("--category", help="What kind of thing it is: others of its kind may replace it.")
    ] = None,
    brand: Annotated[str | None, typer.Option("--brand", help="Whose it is.")] = None,
) -> None:
    """Make a product known, or rename a known one; barcodes are added to those it has.

    JSON: {"sku", "title", "category", "brand", "barcodes", "was_known", "notes"}
    """
    texts = [text.strip() for text in barcodes or ()]
    codes = tuple(dict.fromkeys(read_barcode(text) for text in texts))
    wanted = Product(parsed(parse_sku, sku), title.strip() or sku, barcodes=codes)
    said = {name: text.strip() for name, text in (("category", category), ("brand", brand)) if text is not None}
    product, before, notes = in_session(common.path, lambda session: _add(session, wanted, said))
    notes += [note for note in map(remark, texts) if note]
    if common.as_json:
        data({**_shape(product), "was_known": before is not None, "notes": notes})
        return
    done = "Added" if before is None else "Changed"
    answer(f"{done} {product.sku}, {product.title}.", GOOD)
    if before is not None and before.title != product.title:
        say(f"It was called {before.title}.")
    for note in notes:
        say(note, LOOK)


async def _add(
    session: Session, product: Product, said: Mapping[str, str]
) -> tuple[Product, Product | None, list[str]]:
    async with session.db.read() as conn:
        before = (await read_products(conn, [product.sku])).get(product.sku)
        owners = await read_owners(conn, [one.code for one in product.barcodes])
    told = {"category": before.category, "brand": before.brand, **said} if before is not None else said
    product = replace(product, category=told.get("category", ""), brand=told.get("brand", ""))
    was = [meaning_before(one, product.sku, owners.get(one.code)) for one in product.barcodes]

    def decide(_view: View) -> Plan[None]:
        return Plan(None, writes=save([product]), marks=frozenset({product.sku}))

    await session.submit(Command(decide))
    known = {one.code: one for one in before.barcodes} if before else {}
    known |= {one.code: one for one in product.barcodes}
    return replace(product, barcodes=tuple(known.values())), before, [note for note in was if note]


def _shape(product: Product) -> dict[str, object]:
    codes = [one.shown for one in product.barcodes]
    kind = {"category": product.category, "brand": product.brand}
    return {"sku": product.sku, "title": product.title, **kind, "barcodes": codes}


def _written(one: Barcode) -> str:
    return one.shown if one.units == 1 else f"{one.shown} (× {one.units})"


def show(common: Common) -> None:
    """List every product with its barcodes.

    JSON: [{"sku", "title", "category", "brand", "barcodes"}, …]
    """

    async def work(session: Session) -> list[Product]:
        async with session.db.read() as conn:
            return [product for _, product in sorted((await read_products(conn)).items())]

    products = in_session(common.path, work)
    if common.as_json:
        data([_shape(product) for product in products])
        return
    answer(f"{counted(len(products), 'product')}." if products else "No product is known yet.")
    rows = [(one.sku, one.title, one.category, one.brand, ", ".join(map(_written, one.barcodes))) for one in products]
    if rows:
        table(["SKU", "Title…", "Category", "Brand", "Barcodes"], rows)

"""Commands about what is stocked: product add and list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer
from stdnum import ean

from syncd.cli.options import Common, command
from syncd.cli.screen import GOOD, LOOK, answer, counted, data, say, table
from syncd.cli.session import Session, in_session, parsed
from syncd.identity import Sku
from syncd.identity import sku as parse_sku
from syncd.ledger.store import Command, Plan, View
from syncd.product.product import Product
from syncd.product.store import read_barcodes, read_products, save

GTIN_LENGTHS = (8, 12, 13, 14)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(no_args_is_help=True, help="What is stocked: add, list.")
    command(group, "add")(add)
    command(group, "list")(show)
    app.add_typer(group, name="product")


def add(
    sku: Annotated[str, typer.Argument(metavar="SKU")],
    title: Annotated[str, typer.Option("--title", "-t", help="What people call it.")],
    common: Common,
    barcodes: Annotated[
        list[str] | None, typer.Option("--barcode", "-b", help="A code scanners read; may repeat.")
    ] = None,
    category: Annotated[str | None, typer.Option("--category", help="What kind of thing it is.")] = None,
) -> None:
    """Make a product known, or rename a known one; barcodes are added to those it has.

    JSON: {"sku", "title", "category", "barcodes", "was_known", "notes"}
    """
    wanted = Product(parsed(parse_sku, sku), title.strip() or sku, (category or "").strip(), _codes(barcodes or ()))
    keeps = category is None
    product, before, notes = in_session(common.path, lambda session: _add(session, wanted, keeps_category=keeps))
    if common.as_json:
        data({**_shape(product, product.barcodes), "was_known": before is not None, "notes": notes})
        return
    done = "Added" if before is None else "Changed"
    answer(f"{done} {product.sku}, {product.title}.", GOOD)
    if before is not None and before.title != product.title:
        say(f"It was called {before.title}.")
    for note in notes:
        say(note, LOOK)


def _codes(texts: Sequence[str]) -> tuple[str, ...]:
    codes = tuple(dict.fromkeys(text.strip() for text in texts))
    for code in codes:
        if not code or not code.isprintable() or len(code) > 100:
            raise typer.BadParameter(f"{code!r} is no barcode")
    return codes


async def _add(
    session: Session, product: Product, *, keeps_category: bool
) -> tuple[Product, Product | None, list[str]]:
    async with session.db.read() as conn:
        before = (await read_products(conn, [product.sku])).get(product.sku)
        owners = await read_barcodes(conn)
    if before is not None and keeps_category:
        product = replace(product, category=before.category)
    notes = [
        f"{code} was a barcode of {owners[code]} and is one of {product.sku} now."
        for code in product.barcodes
        if owners.get(code, product.sku) != product.sku
    ]
    notes += [
        f"{code} has the length of a GTIN and a wrong check digit: is it typed rightly?"
        for code in product.barcodes
        if code.isdigit() and len(code) in GTIN_LENGTHS and not ean.is_valid(code)
    ]

    def decide(_view: View) -> Plan[None]:
        return Plan(None, writes=save([product]), marks=frozenset({product.sku}))

    await session.submit(Command(decide))
    own = [code for code, owner in owners.items() if owner == product.sku]
    return replace(product, barcodes=tuple(dict.fromkeys([*own, *product.barcodes]))), before, notes


def _shape(product: Product, codes: Sequence[str]) -> dict[str, object]:
    return {"sku": product.sku, "title": product.title, "category": product.category, "barcodes": list(codes)}


def show(common: Common) -> None:
    """List every product with its barcodes.

    JSON: [{"sku", "title", "category", "barcodes"}, …]
    """

    async def work(session: Session) -> tuple[dict[Sku, Product], dict[str, Sku]]:
        async with session.db.read() as conn:
            return await read_products(conn), await read_barcodes(conn)

    products, owners = in_session(common.path, work)
    codes = {sku: [code for code, owner in owners.items() if owner == sku] for sku in products}
    if common.as_json:
        data([_shape(product, codes[sku]) for sku, product in sorted(products.items())])
        return
    answer(f"{counted(len(products), 'product')}." if products else "No product is known yet.")
    rows = [(sku, one.title, one.category, ", ".join(codes[sku])) for sku, one in sorted(products.items())]
    if rows:
        table(["SKU", "Title…", "Category", "Barcodes"], rows)

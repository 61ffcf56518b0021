"""Commands about what is on the shelves: stock show and history. Those that write stand beside this file."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten
from typing import Annotated, Any

import typer

from syncd.cli import stock_count, stock_import, stock_post, stock_why
from syncd.cli.age import ago
from syncd.cli.levels import HEADS, level_cells
from syncd.cli.options import Common, command
from syncd.cli.screen import LOOK, Cell, answer, counted, data, say, table
from syncd.cli.session import Session, in_session
from syncd.identity import Sku
from syncd.ledger.balance import StockLevel, stock_levels
from syncd.ledger.store import RecordedMovement, read_balances, read_newest
from syncd.product.product import Product
from syncd.product.store import read_products
from syncd.scanner.scan import level_values


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(no_args_is_help=True, help="What is on the shelves: show, post, count, why, history, import.")
    command(group, "show")(show)
    stock_post.register(group)
    stock_count.register(group)
    stock_why.register(group)
    command(group, "history")(history)
    stock_import.register(group)
    app.add_typer(group, name="stock")


def show(
    common: Common,
    skus: Annotated[list[str] | None, typer.Argument(metavar="[SKU]...", help="Only these; without any: all.")] = None,
) -> None:
    """Show what is on hand, location by location, and how much of it is free to promise.

    JSON: [{"sku", "title", "location", "on_hand", "available", "reserved", "in_flight", "unavailable"}, …], one for
    each SKU and location; location is null where nothing was posted yet.
    """
    products, levels = in_session(common.path, lambda session: _stock(session, skus))
    if common.as_json:
        data([row for product in products for row in _shape(product, levels)])
    elif not products:
        answer("No product is known yet.", LOOK)
        say("Add one with: syncd product add SKU --title TITLE, or many with: syncd stock import FILE.csv")
    else:
        _show(products, levels)


async def _stock(session: Session, texts: Sequence[str] | None) -> tuple[list[Product], list[StockLevel]]:
    wanted = [await session.sku(text) for text in texts] if texts else None
    async with session.db.read() as conn:
        balances = await read_balances(conn, wanted)
        products = await read_products(conn, wanted)
    order: Sequence[Sku] = wanted or sorted(products)
    return [products[sku] for sku in order], stock_levels(balances)


def _shape(product: Product, levels: Sequence[StockLevel]) -> list[dict[str, Any]]:
    own = [level_values(level) for level in levels if level.sku == product.sku]
    nothing = dict.fromkeys(("on_hand", "available", "reserved", "in_flight", "unavailable"), 0)
    return [{**row, "title": product.title} for row in own or [{"sku": product.sku, "location": None, **nothing}]]


def _show(products: Sequence[Product], levels: Sequence[StockLevel]) -> None:
    titles = {product.sku: product.title for product in products}
    shown = [level for level in levels if level.sku in titles]
    free, held = sum(level.available for level in shown), sum(level.on_hand for level in shown)
    what = f"{products[0].sku}, {shorten(products[0].title, 60)}" if len(products) == 1 else f"{len(products)} products"
    answer(f"{what}: {free} free to promise, {held} on hand.")
    stocked = {level.sku for level in shown}
    rows: list[list[Cell]] = [[level.sku, titles[level.sku], level.location, *level_cells(level)] for level in shown]
    rows += [[sku, title, "nothing posted yet"] for sku, title in titles.items() if sku not in stocked]
    rows.sort(key=lambda row: (str(row[0]), str(row[2])))
    table(["SKU", "Title…", "Location", *HEADS], rows)


def history(
    sku: Annotated[str, typer.Argument(metavar="SKU")],
    common: Common,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many at most.")] = 20,
) -> None:
    """Show the movements of a SKU, newest first.

    JSON: [{"position", "key", "sku", "quantity", "source", "destination", "reason", "reference", "actor",
    "happened_at", "recorded_at"}, …]
    """
    found, movements, now = in_session(common.path, lambda session: _history(session, sku, limit))
    if common.as_json:
        data([movement_shape(one) for one in movements])
        return
    said = f"{counted(len(movements), 'movement')}, newest first" if movements else "nothing ever moved"
    answer(f"{found}: {said}.")
    if movements:
        rows = [
            (
                *(ago(one.movement.happened_at, now), one.movement.quantity),
                f"{one.movement.source} → {one.movement.destination}",
                *(one.movement.reason.value, one.movement.reference, one.movement.actor),
            )
            for one in movements
        ]
        table(["When", ">Units", "From → to", "Why", "For", "By"], rows)


async def _history(session: Session, text: str, limit: int) -> tuple[Sku, list[RecordedMovement], Any]:
    sku = await session.sku(text)
    async with session.db.read() as conn:
        return sku, await read_newest(conn, sku, limit), session.clock.now()


def movement_shape(one: RecordedMovement) -> dict[str, Any]:
    """A movement of the log, as JSON."""
    moved = one.movement
    return {
        "position": one.position,
        "key": moved.key,
        "sku": moved.sku,
        "quantity": moved.quantity,
        "source": str(moved.source),
        "destination": str(moved.destination),
        "reason": moved.reason.value,
        "reference": moved.reference,
        "actor": moved.actor,
        "happened_at": moved.happened_at,
        "recorded_at": one.recorded_at,
    }

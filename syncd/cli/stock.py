"""Commands about what is on the shelves: stock show and history. Those that write stand beside this file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from textwrap import shorten
from typing import Annotated, Any

import typer

from syncd.cli import stock_count, stock_export, stock_import, stock_move, stock_post, stock_why
from syncd.cli.age import ago
from syncd.cli.levels import HEADS, level_cells
from syncd.cli.moment import Past
from syncd.cli.options import Common, command
from syncd.cli.screen import LOOK, Cell, answer, counted, data, say, table
from syncd.cli.session import Session, in_session
from syncd.history.history import Order
from syncd.history.store import Entry, read_balances_at, read_history
from syncd.http.shape import moment
from syncd.identity import Sku
from syncd.ledger.balance import StockLevel, stock_levels
from syncd.ledger.store import RecordedMovement, read_balances
from syncd.product.product import Product
from syncd.product.store import read_products
from syncd.scanner.scan import level_values


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="What is on the shelves: show, post, count, transfer, pick, why, history, import, export.",
    )
    command(group, "show")(show)
    stock_post.register(group)
    stock_count.register(group)
    stock_move.register(group)
    stock_why.register(group)
    command(group, "history")(history)
    stock_import.register(group)
    stock_export.register(group)
    app.add_typer(group, name="stock")


def show(
    common: Common,
    past: Past,
    skus: Annotated[list[str] | None, typer.Argument(metavar="[SKU]...", help="Only these; without any: all.")] = None,
) -> None:
    """Show what is on hand, location by location, and how much of it is free to promise; with --at, as it was then.

    JSON: [{"sku", "title", "location", "on_hand", "available", "reserved", "in_flight", "unavailable"}, …], one for
    each SKU and location; location is null where nothing was posted yet.
    """
    at = past.moment
    products, levels = in_session(common.path, lambda session: _stock(session, skus, at, past.by))
    if common.as_json:
        data([row for product in products for row in _shape(product, levels)])
    elif not products:
        answer("No product is known yet.", LOOK)
        say("Add one with: syncd product add SKU --title TITLE, or many with: syncd stock import FILE.csv")
    else:
        _show(products, levels, "" if at is None else f" at {moment(at)}")


async def _stock(
    session: Session, texts: Sequence[str] | None, at: datetime | None, by: Order
) -> tuple[list[Product], list[StockLevel]]:
    wanted = [await session.sku(text) for text in texts] if texts else None
    async with session.db.read() as conn:
        if at is None:
            balances = await read_balances(conn, wanted)
        else:
            balances = await read_balances_at(conn, at, by, wanted)
        products = await read_products(conn, wanted)
    chosen: Sequence[Sku] = wanted or sorted(products)
    return [products[sku] for sku in chosen], stock_levels(balances)


def _shape(product: Product, levels: Sequence[StockLevel]) -> list[dict[str, Any]]:
    own = [level_values(level) for level in levels if level.sku == product.sku]
    nothing = dict.fromkeys(("on_hand", "available", "reserved", "in_flight", "unavailable"), 0)
    return [{**row, "title": product.title} for row in own or [{"sku": product.sku, "location": None, **nothing}]]


def _show(products: Sequence[Product], levels: Sequence[StockLevel], when: str) -> None:
    titles = {product.sku: product.title for product in products}
    shown = [level for level in levels if level.sku in titles]
    free, held = sum(level.available for level in shown), sum(level.on_hand for level in shown)
    what = f"{products[0].sku}, {shorten(products[0].title, 60)}" if len(products) == 1 else f"{len(products)} products"
    answer(f"{what}: {free} free to promise, {held} on hand{when}.")
    stocked = {level.sku for level in shown}
    rows: list[list[Cell]] = [[level.sku, titles[level.sku], level.location, *level_cells(level)] for level in shown]
    rows += [[sku, title, "nothing posted yet"] for sku, title in titles.items() if sku not in stocked]
    rows.sort(key=lambda row: (str(row[0]), str(row[2])))
    table(["SKU", "Title…", "Location", *HEADS], rows)


def history(
    sku: Annotated[str, typer.Argument(metavar="SKU")],
    common: Common,
    past: Past,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many at most.")] = 20,
) -> None:
    """Show the movements of a SKU, newest first, with what was on hand and free at all places after each.

    JSON: [{"position", "key", "sku", "quantity", "source", "destination", "reason", "reference", "actor",
    "happened_at", "recorded_at", "on_hand", "available"}, …]
    """
    at = past.moment
    found, entries, now = in_session(common.path, lambda session: _history(session, sku, past, limit))
    if common.as_json:
        data([_entry_shape(one) for one in entries])
        return
    said = f"{counted(len(entries), 'movement')}, newest first" if entries else "nothing ever moved"
    answer(f"{found}: {said}{'' if at is None else f', up to {moment(at)}'}.")
    if entries:
        table(
            ["When", ">Units", "From → to", "Why", "For", "By", ">On hand", ">Free"], [_cells(e, now) for e in entries]
        )


async def _history(session: Session, text: str, past: Past, limit: int) -> tuple[Sku, list[Entry], datetime]:
    sku = await session.sku(text)
    async with session.db.read() as conn:
        found = await read_history(conn, sku, order=past.by, at=past.moment, limit=limit)
    return sku, found, session.clock.now()


def _cells(entry: Entry, now: datetime) -> tuple[Cell, ...]:
    moved = entry.recorded.movement
    return (
        *(ago(moved.happened_at, now), moved.quantity, f"{moved.source} → {moved.destination}"),
        *(moved.reason.value, moved.reference, moved.actor, entry.standing.on_hand, entry.standing.available),
    )


def _entry_shape(entry: Entry) -> dict[str, Any]:
    standing = entry.standing
    return {**movement_shape(entry.recorded), "on_hand": standing.on_hand, "available": standing.available}


def movement_shape(one: RecordedMovement) -> dict[str, Any]:
    """A movement of the log, as JSON."""
    times = {"happened_at": one.movement.happened_at, "recorded_at": one.recorded_at}
    return {"position": one.position, **one.movement.words, **times}

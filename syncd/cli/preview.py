"""supplier preview: the first rows of a supplier's list as syncd would read them, and every row it could not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from syncd.cli.options import Common
from syncd.cli.screen import GOOD, LOOK, answer, counted, data, say, table, waiting
from syncd.cli.session import complete, open_config, unknown
from syncd.clock import SystemClock
from syncd.config.sections import SupplierConfig
from syncd.errors import OperatorError, RemoteError
from syncd.identity import SupplierName
from syncd.identity import sku as parse_sku
from syncd.supply.port import FeedProblem, OfferRow, OfferSnapshot

PROBLEMS_SHOWN = 20
"""Rows that cannot be read and are shown to a person; --json has all that were kept."""


def preview(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The supplier, as in [supplier.NAME].")],
    common: Common,
    rows: Annotated[int, typer.Option("--rows", "-n", min=1, max=10_000, help="How many rows to show.")] = 10,
) -> None:
    """Read a supplier's list now and show what syncd makes of it; nothing is written.

    JSON: {"supplier", "as_of", "count", "rows": [{"supplier_sku", "sku", "quantity", "title", "cost", "currency"}],
    "problems": [{"line", "column", "sentence"}]}
    """
    config = open_config(common.path, may_be_sealed=True)
    supplier = config.suppliers.get(SupplierName(name))
    if supplier is None:
        raise unknown("supplier", name, config.suppliers)
    with waiting(f"reading the list of {name}"):
        snapshot = complete(_read(supplier))
    links = supplier.options.links
    if common.as_json:
        data(_shape(name, snapshot, links, rows))
    else:
        _show(name, snapshot, links, rows)


async def _read(supplier: SupplierConfig) -> OfferSnapshot:
    live = supplier.connect(SystemClock())
    try:
        return await live.fetch_offers(None)
    except RemoteError as fault:
        said = f"the list of {supplier.name} cannot be read: {fault.message}"
        raise OperatorError(f"{said}; look at [supplier.{supplier.name}] in syncd.toml") from None
    finally:
        await live.aclose()


def _show(name: str, snapshot: OfferSnapshot, links: Mapping[str, str], rows: int) -> None:
    wrong = len(snapshot.problems)
    said = f"{counted(len(snapshot.rows), 'row')} of {name} can be read"
    answer(f"{said}, {counted(wrong, 'problem')}." if wrong else f"{said}, all of them.", LOOK if wrong else GOOD)
    say(f"As of {snapshot.as_of:%Y-%m-%d %H:%M} UTC; the first {min(rows, len(snapshot.rows))}:")
    shown = [
        (one.supplier_sku, _own(one, links), one.quantity, one.title, str(one.cost) if one.cost else None)
        for one in snapshot.rows[:rows]
    ]
    if shown:
        table(["His number", "Our SKU", ">Quantity", "Title…", ">Cost"], shown)
    if wrong:
        say()
        table(["Line", "Column", "What is wrong"], [_problem(one) for one in snapshot.problems[:PROBLEMS_SHOWN]])
    if wrong > PROBLEMS_SHOWN:
        say(f"… and {wrong - PROBLEMS_SHOWN} more; --json has them.")


def _problem(one: FeedProblem) -> tuple[str, str, str]:
    return (str(one.line), one.column or "–", one.sentence)


def _own(row: OfferRow, links: Mapping[str, str]) -> str:
    """Our SKU for it, or why there is none."""
    try:
        return links.get(row.supplier_sku) or parse_sku(row.supplier_sku)
    except ValueError as error:
        return f"none: {error}"


def _shape(name: str, snapshot: OfferSnapshot, links: Mapping[str, str], rows: int) -> dict[str, Any]:
    return {
        "supplier": name,
        "as_of": snapshot.as_of,
        "count": len(snapshot.rows),
        "rows": [
            {
                "supplier_sku": one.supplier_sku,
                "sku": _own(one, links),
                "quantity": one.quantity,
                "title": one.title,
                "cost": str(one.cost.amount) if one.cost else None,
                "currency": one.cost.currency if one.cost else None,
            }
            for one in snapshot.rows[:rows]
        ],
        "problems": [{"line": one.line, "column": one.column, "sentence": one.sentence} for one in snapshot.problems],
    }

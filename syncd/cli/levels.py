"""One SKU's stock, location by location: as a table."""

from __future__ import annotations

from collections.abc import Sequence

from syncd.cli.screen import table
from syncd.cli.session import Session
from syncd.identity import Sku
from syncd.ledger.balance import StockLevel, stock_levels
from syncd.ledger.store import read_balances

HEADS = (">Available", ">Reserved", ">In flight", ">Unavailable", ">On hand")


async def levels_of(session: Session, sku: Sku) -> list[StockLevel]:
    """What is on hand of a SKU now."""
    async with session.db.read() as conn:
        return stock_levels(await read_balances(conn, [sku]))


def level_cells(level: StockLevel) -> tuple[int, ...]:
    """One location's numbers in the order of `HEADS`."""
    return (level.available, level.reserved, level.in_flight, level.unavailable, level.on_hand)


def show_levels(levels: Sequence[StockLevel]) -> None:
    """A table of a SKU's locations."""
    table(["Location", *HEADS], [(level.location, *level_cells(level)) for level in levels])

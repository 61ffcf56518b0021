"""supplier preview: a list as syncd would read it, before anything of it is believed."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.cli import Shop

LIST = "Codice;Nome;Giacenza;Prezzo\nT-1;Pala;5+;9,90\nT-2;Guanti;sì;24,50\nT-3;Set;molti;1\nT-4;;7;\n"

SUPPLIER = """
[supplier.nord]
connector = "dropship"
feed_path = "lists"
decimal_mark = ","
yes_quantity = 3

[supplier.nord.columns]
sku = "codice"
quantity = "GIACENZA"
title = "Nome"
cost = "Prezzo"

[supplier.nord.links]
"T-1" = "SHOVEL"
"""


def with_list(shop: Shop, text: str = LIST) -> Path:
    """The shop with a supplier whose list lies in a folder since long ago."""
    shop.config.write_text(shop.config.read_text("utf-8") + SUPPLIER, encoding="utf-8")
    folder = shop.folder / "lists"
    folder.mkdir()
    path = folder / "stock.csv"
    path.write_text(text, encoding="cp1252")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def test_the_first_rows_are_shown_as_they_would_be_read(shop: Shop) -> None:
    """Numbers, words, costs and our own SKUs, and each row that cannot be read with its line and why."""
    with_list(shop)
    said = shop.done("supplier", "preview", "nord")
    assert "3 rows of nord can be read, 1 problem." in said
    assert "As of 2023-11-14 22:13 UTC" in said
    for part in ("SHOVEL", "T-2", "9.90 EUR", "T-3: 'molti' is not a quantity"):
        assert part in said
    told = shop.told("supplier", "preview", "nord", "--rows", "2")
    assert told["count"] == 3
    assert [(one["supplier_sku"], one["sku"], one["quantity"], one["cost"]) for one in told["rows"]] == [
        ("T-1", "SHOVEL", 5, "9.90"),
        ("T-2", "T-2", 3, "24.50"),
    ]
    assert [(one["line"], one["column"]) for one in told["problems"]] == [(4, "GIACENZA")]


def test_a_list_that_cannot_be_read_says_where_to_look(shop: Shop) -> None:
    """A missing column, and a folder without a list, are one sentence each with what to do next."""
    path = with_list(shop, "Code;Qty\nT-1;1\n")
    said = shop.refused("supplier", "preview", "nord")
    assert "lacks the column" in said
    assert "columns found: 'Code', 'Qty'" in said
    assert "look at [supplier.nord] in syncd.toml" in said
    path.unlink()
    assert "no file '*' is in the folder 'lists'" in shop.refused("supplier", "preview", "nord")


def test_nothing_is_written_and_many_problems_are_counted(shop: Shop) -> None:
    """Beyond a screenful the rest is counted, --json has them all; the store knows nothing of the supplier."""
    with_list(shop, "Codice;Nome;Giacenza;Prezzo\n" + "".join(f"A-{n};;x;\n" for n in range(50)))
    assert "… and 30 more" in shop.done("supplier", "preview", "nord")
    assert len(shop.told("supplier", "preview", "nord")["problems"]) == 50
    assert shop.told("supplier", "show", "nord")[0]["state"] == "never read"


def test_a_supplier_nobody_knows(shop: Shop) -> None:
    """A wrong name is refused with the nearest."""
    assert "did you mean toolmaker?" in shop.refused("supplier", "preview", "toolmaster")

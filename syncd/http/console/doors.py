"""The console's pages, in the order of the staff's menu."""

from __future__ import annotations

from aiohttp import web

from syncd.http.console import cases, channels, listing, orders, questions, search, sku, suppliers
from syncd.http.console.parts import CONSOLE, ConsoleParts
from syncd.http.door import open_doors

PAGES = (search, cases, questions, orders, channels, suppliers, sku, listing)


def open_console(app: web.Application, parts: ConsoleParts) -> None:
    """Open all of them."""
    app[CONSOLE] = parts
    for pages in PAGES:
        open_doors(app, pages.DOORS_HERE)

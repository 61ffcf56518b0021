"""A stand-in for a supplier: a list, an order desk, faults on demand, remote control.

It behaves as common servers do, ugly parts included: "not modified" may come without Last-Modified, a repeated
order comes back as 409 with the earlier answer, an order may be taken although its answer is lost.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from aiohttp import web

from connectors.dropship.sandbox_books import ListStyle, Offer, SupplierBooks
from connectors.dropship.sandbox_server import Fault, Sandbox
from syncd.clock import Clock, SystemClock

__all__ = [
    "EXAMPLE_SECRETS",
    "EXAMPLE_SETTINGS",
    "Fault",
    "ListStyle",
    "Offer",
    "Sandbox",
    "settings_at",
    "start",
]

EXAMPLE_SECRETS: dict[str, str] = {
    "feed_token": "sandbox-feed-token-7Kq2",
    "purchase_token": "sandbox-purchase-token-9Zw4",
}
"""What the sandbox expects as bearer tokens, by the name of the setting."""

EXAMPLE_SETTINGS: dict[str, object] = {
    "columns": {"sku": "Codice", "title": "Descrizione", "quantity": "Disponibilità", "cost": "Prezzo"},
    "delimiter": ";",
    "encoding": "utf-8-sig",
    "decimal_mark": ",",
    "currency": "EUR",
}
"""How the sandbox writes its list; the addresses come from `settings_at`."""


def settings_at(url: str) -> dict[str, object]:
    """Complete settings, secrets apart, for a sandbox at this address."""
    return {**EXAMPLE_SETTINGS, "feed_url": f"{url}/feed.csv", "purchase_url": f"{url}/orders"}


async def start(*, host: str = "127.0.0.1", port: int = 0, clock: Clock | None = None) -> Sandbox:
    """Serve until `aclose`; port 0 takes a free one."""
    clock = clock or SystemClock()
    sandbox = Sandbox(SupplierBooks(clock), clock=clock, tokens=EXAMPLE_SECRETS)
    await sandbox.listen(host, port, _controls(sandbox))
    return sandbox


def _controls(sandbox: Sandbox) -> list[web.RouteDef]:
    """What the methods of Sandbox do, over HTTP; a body they cannot use is answered with 400."""

    async def get_state(request: web.Request) -> web.Response:
        return web.json_response(sandbox.state())

    async def post_offers(request: web.Request) -> web.Response:
        """{"offers": [{"sku", "quantity", "title"?, "cost"?, "shown"?}], "replace_all"?}"""
        told = await _told(request)
        offers = [_made(Offer, each) for each in told.get("offers", [])]
        sandbox.set_offers(offers, replace_all=bool(told.get("replace_all", True)))
        return _done()

    async def post_faults(request: web.Request) -> web.Response:
        """One fault, by the fields of Fault."""
        sandbox.add_fault(_made(Fault, await _told(request)))
        return _done()

    async def delete_faults(request: web.Request) -> web.Response:
        sandbox.clear_faults()
        return _done()

    async def post_feed(request: web.Request) -> web.Response:
        """{"frozen"?, "raw_lines"?, "style"?: fields of ListStyle, "duplicate_status"?, "apache"?}"""
        told = await _told(request)
        books = sandbox.books
        style = dict(told.get("style", {}))
        if "columns" in style:
            style["columns"] = tuple(style["columns"])
        books.style = _made(lambda **fields: replace(books.style, **fields), style)
        books.raw_lines = tuple(told.get("raw_lines", books.raw_lines))
        books.duplicate_status = int(told.get("duplicate_status", books.duplicate_status))
        books.apache = bool(told.get("apache", books.apache))
        if "frozen" in told:
            books.freeze(bool(told["frozen"]))
        return _done()

    return [
        web.get("/_sandbox/state", get_state),
        web.post("/_sandbox/offers", post_offers),
        web.post("/_sandbox/faults", post_faults),
        web.delete("/_sandbox/faults", delete_faults),
        web.post("/_sandbox/feed", post_feed),
    ]


async def _told(request: web.Request) -> dict[str, Any]:
    try:
        told = json.loads(await request.read())
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise web.HTTPBadRequest(text="a JSON object is expected")
    return told


def _made(make: Any, fields: Any) -> Any:
    try:
        return make(**fields)
    except (TypeError, ValueError) as error:
        raise web.HTTPBadRequest(text=str(error)) from None


def _done() -> web.Response:
    return web.json_response({"ok": True})

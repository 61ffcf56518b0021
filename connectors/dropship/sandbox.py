"""A stand-in for a supplier: a list, an order desk, faults on demand, remote control.

It behaves as common servers do, ugly parts included: "not modified" may come without Last-Modified, a repeated
order comes back as 409 with the earlier answer, an order may be taken although its answer is lost.
"""

from __future__ import annotations

from typing import Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

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

T = TypeVar("T")

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


class OffersTold(BaseModel):
    """Body of POST /_sandbox/offers."""

    model_config = ConfigDict(extra="forbid")

    offers: list[Offer]
    replace_all: bool = True


class FeedTold(BaseModel):
    """Body of POST /_sandbox/feed; what is not told stays as it is."""

    model_config = ConfigDict(extra="forbid")

    style: ListStyle | None = None
    raw_lines: tuple[str, ...] | None = None
    duplicate_status: Literal[200, 201, 409] | None = None
    apache: bool | None = None
    frozen: bool | None = None


def _controls(sandbox: Sandbox) -> list[web.RouteDef]:
    """What the methods of Sandbox do, over HTTP; a body they cannot use is answered with 400."""

    async def get_state(request: web.Request) -> web.Response:
        return web.json_response(sandbox.state())

    async def post_offers(request: web.Request) -> web.Response:
        told = await _told(request, TypeAdapter(OffersTold))
        sandbox.set_offers(told.offers, replace_all=told.replace_all)
        return _done()

    async def post_faults(request: web.Request) -> web.Response:
        sandbox.add_fault(await _told(request, TypeAdapter(Fault)))
        return _done()

    async def delete_faults(request: web.Request) -> web.Response:
        sandbox.clear_faults()
        return _done()

    async def post_feed(request: web.Request) -> web.Response:
        told = await _told(request, TypeAdapter(FeedTold))
        books = sandbox.books
        for name in ("style", "raw_lines", "duplicate_status", "apache"):
            if getattr(told, name) is not None:
                setattr(books, name, getattr(told, name))
        if told.frozen is not None:
            books.freeze(told.frozen)
        return _done()

    return [
        web.get("/_sandbox/state", get_state),
        web.post("/_sandbox/offers", post_offers),
        web.post("/_sandbox/faults", post_faults),
        web.delete("/_sandbox/faults", delete_faults),
        web.post("/_sandbox/feed", post_feed),
    ]


async def _told(request: web.Request, shape: TypeAdapter[T]) -> T:
    try:
        return shape.validate_json(await request.read())
    except ValidationError as error:
        raise web.HTTPBadRequest(text=str(error)) from None


def _done() -> web.Response:
    return web.json_response({"ok": True})

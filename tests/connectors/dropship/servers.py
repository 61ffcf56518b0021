"""Servers that the connector is tested against, and settings to reach them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from connectors.dropship import sandbox
from connectors.dropship.feed import FeedSupplier
from connectors.dropship.sandbox import Sandbox

LIST = b"Codice;Disponibilit\xc3\xa0\nGLOVE-X;2\n"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Connect = Callable[..., FeedSupplier]
Serve = Callable[[Handler], Awaitable[str]]


def at(server: Sandbox, **values: Any) -> dict[str, Any]:
    """Settings for the sandbox."""
    return {**sandbox.settings_at(server.url), **sandbox.EXAMPLE_SECRETS, **values}


def answering(status: int = 200, body: bytes = LIST, **headers: str) -> Handler:
    """A server that always says the same."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return handler

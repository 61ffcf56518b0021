"""Drives the stand-in over HTTP under /_sandbox/: JSON in, JSON out, for tests and demos in another process."""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from connectors.ebay.sandbox_state import NotPossibleError

if TYPE_CHECKING:
    from connectors.ebay.sandbox import EbaySandbox

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_control_routes(app: web.Application, sandbox: EbaySandbox) -> None:
    """POST listings (one or a list), listings/ID, sales, orders/ID/ACTION, faults, switches, notifications, consent,
    announcements.

    GET state; DELETE faults.
    """

    def route(act: Callable[[dict[str, Any], web.Request], Any]) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            try:
                body = await request.json() if request.can_read_body else {}
                told = act(body, request)
                return web.json_response(await told if inspect.isawaitable(told) else told)
            except NotPossibleError as fault:
                return web.json_response({"error": str(fault)}, status=409)
            except (KeyError, TypeError, ValueError) as fault:
                return web.json_response({"error": f"{type(fault).__name__}: {fault}"}, status=400)

        return handler

    app.router.add_post("/_sandbox/listings", route(lambda body, _: _add_listings(sandbox, body)))
    app.router.add_post(
        "/_sandbox/listings/{item_id}",
        route(lambda body, request: sandbox.edit_listing(request.match_info["item_id"], **body)),
    )
    app.router.add_post("/_sandbox/sales", route(lambda body, _: sandbox.sell(**body)))
    app.router.add_post(
        "/_sandbox/orders/{order_id}/{action}",
        route(
            lambda body, request: sandbox.change_order(
                request.match_info["order_id"], request.match_info["action"], **body
            )
        ),
    )
    app.router.add_post("/_sandbox/faults", route(lambda body, _: sandbox.fail(**body)))
    app.router.add_delete("/_sandbox/faults", route(lambda _, __: sandbox.clear_faults()))
    app.router.add_post("/_sandbox/switches", route(lambda body, _: sandbox.switch(**body)))
    app.router.add_post("/_sandbox/notifications", route(lambda body, _: sandbox.notify_to(**body)))
    app.router.add_post("/_sandbox/consent", route(lambda body, _: sandbox.revoke(**body)))
    app.router.add_post("/_sandbox/announcements", route(lambda body, _: sandbox.announce(**body)))
    app.router.add_get("/_sandbox/state", route(lambda _, __: sandbox.state()))


def _add_listings(sandbox: EbaySandbox, body: Any) -> Any:
    """One listing, or a list of them."""
    if isinstance(body, list):
        return [sandbox.add_listing(**one) for one in body]
    return sandbox.add_listing(**body)


def json_body(raw: bytes) -> dict[str, Any] | None:
    """A JSON object, or None for anything else."""
    try:
        read = json.loads(raw)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None

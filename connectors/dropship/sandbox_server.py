"""The stand-in supplier's web server: a list at /feed.csv, an order desk at /orders, and their faults."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from email.utils import format_datetime
from typing import Any, Literal

from aiohttp import web

from connectors.dropship.sandbox_books import Offer, SupplierBooks
from syncd.clock import Clock

CALLS_KEPT_MAX = 10_000
BODY_BYTES_MAX = 50_000_000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CALL: web.RequestKey[dict[str, Any]] = web.RequestKey("call", dict)


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the next `times` calls (None: until cleared).

    `kind`: a status such as "500", or html, empty, cut (half the answer), drop (no answer),
    slow (it waits `seconds`), stall (it waits until faults are cleared). `taken`: an order is taken before
    its answer goes wrong.
    """

    kind: str
    on: Literal["feed", "orders"] = "feed"
    times: int | None = 1
    seconds: float = 0.0
    retry_after: str = ""
    taken: bool = False

    def __post_init__(self) -> None:
        status = self.kind.isdigit() and 300 <= int(self.kind) <= 599
        if not status and self.kind not in ("html", "empty", "cut", "drop", "slow", "stall"):
            raise ValueError(f"unknown fault {self.kind!r}")
        if self.on not in ("feed", "orders"):
            raise ValueError(f"a fault is on 'feed' or 'orders', not {self.on!r}")


class Sandbox:
    """A running stand-in; drive it by these methods or over HTTP under /_sandbox/."""

    def __init__(self, books: SupplierBooks, *, clock: Clock, tokens: Mapping[str, str]) -> None:
        self.books = books
        self.url = ""
        self._clock = clock
        self._tokens = tokens
        self._faults: list[Fault] = []
        self._calls: deque[dict[str, Any]] = deque(maxlen=CALLS_KEPT_MAX)
        self._released = asyncio.Event()
        self._stalled = asyncio.Event()
        self._runner: web.AppRunner | None = None

    def set_offers(self, offers: list[Offer], *, replace_all: bool = True) -> None:
        """Count the warehouse anew."""
        self.books.set_offers(offers, replace_all=replace_all)

    def add_fault(self, fault: Fault) -> None:
        """Let coming calls go wrong; faults of one kind of call come one after another."""
        if fault.kind == "stall":
            self._stalled.clear()
            self._released.clear()
        self._faults.append(fault)

    def clear_faults(self) -> None:
        """Everything works again, and calls that were left waiting are answered."""
        self._faults.clear()
        self._released.set()

    async def stalled(self) -> None:
        """Return once a call has reached a stall."""
        await self._stalled.wait()

    def state(self) -> dict[str, Any]:
        """Offers, orders, faults and every call received, ready for JSON."""
        return {
            **self.books.state(),
            "calls": list(self._calls),
            "faults": [asdict(each) for each in self._faults],
        }

    async def listen(self, host: str, port: int, controls: list[web.RouteDef]) -> None:
        """Serve from now on, with these routes for remote control."""
        app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[self._logged])
        app.add_routes([web.get("/feed.csv", self._serve_feed), web.post("/orders", self._serve_order), *controls])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        bound_host, bound_port = self._runner.addresses[0][:2]
        self.url = f"http://{bound_host}:{bound_port}"

    async def aclose(self) -> None:
        """Stop serving. May be called twice."""
        self.clear_faults()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @web.middleware
    async def _logged(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_sandbox/"):
            return await handler(request)
        at = self._clock.now().isoformat()
        call: dict[str, Any] = {"at": at, "method": request.method, "path": request.path, "applied": False}
        self._calls.append(call)
        request[CALL] = call
        response = await handler(request)
        call["status"] = response.status
        return response

    async def _serve_feed(self, request: web.Request) -> web.StreamResponse:
        fault = await self._delay(self._next_fault("feed"))
        if not self._authorized(request, "feed_token"):
            return web.Response(status=401, text="unauthorized")
        published = self.books.publish()
        if fault is not None:
            return await _go_wrong(request, fault, published.body, "text/csv")
        headers = {
            "ETag": published.etag,
            "Last-Modified": format_datetime(published.modified_at, usegmt=True),
        }
        if published.etag not in request.headers.get("If-None-Match", ""):
            return web.Response(body=published.body, headers=headers, content_type="text/csv")
        if self.books.apache:
            del headers["Last-Modified"]
        return web.Response(status=304, headers=headers)

    async def _serve_order(self, request: web.Request) -> web.StreamResponse:
        fault = self._next_fault("orders")
        if fault is not None and not fault.taken:
            fault = await self._delay(fault)
        if not self._authorized(request, "purchase_token"):
            return web.Response(status=401, text="unauthorized")
        if fault is not None and not fault.taken:
            return await _go_wrong(request, fault, b'{"status": "accepted", "order_number": ""}', "application/json")
        key = request.headers.get("Idempotency-Key", "")
        order = _order(await request.read())
        if order is None or not key or order.get("reference") != key:
            return web.json_response({"error": "not an order, or without its Idempotency-Key"}, status=400)
        status, answer, bought = self.books.take_order(key, order)
        request[CALL]["applied"] = bought
        fault = await self._delay(fault)
        if fault is not None:
            return await _go_wrong(request, fault, json.dumps(answer).encode(), "application/json")
        return web.json_response(answer, status=status)

    def _authorized(self, request: web.Request, token: str) -> bool:
        return request.headers.get("Authorization", "") == f"Bearer {self._tokens[token]}"

    def _next_fault(self, on: str) -> Fault | None:
        for place, fault in enumerate(self._faults):
            if fault.on == on:
                if fault.times is not None:
                    left = replace(fault, times=fault.times - 1)
                    self._faults[place : place + 1] = [left] if left.times else []
                return fault
        return None

    async def _delay(self, fault: Fault | None) -> Fault | None:
        """Sit out a fault that only takes time; the fault comes back if there is more to it."""
        if fault is None or fault.kind not in ("slow", "stall"):
            return fault
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        else:
            self._stalled.set()
            await self._released.wait()
        return None


async def _go_wrong(request: web.Request, fault: Fault, body: bytes, content_type: str) -> web.StreamResponse:
    if fault.kind == "html":
        return web.Response(text="<!DOCTYPE html><html><body>Manutenzione</body></html>", content_type="text/html")
    if fault.kind == "empty":
        return web.Response(body=b"", content_type=content_type)
    if fault.kind == "cut":
        response = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": content_type})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        _hang_up(request)
        return response
    if fault.kind == "drop":
        _hang_up(request)
        return web.Response()
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
    return web.Response(status=int(fault.kind), text="error", headers=headers)


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()


def _order(body: bytes) -> dict[str, Any] | None:
    """The order in the body, or None if it is none."""
    try:
        order = json.loads(body)
        lines = [(line["line_id"], line["sku"], line["quantity"]) for line in order["lines"]]
    except (ValueError, TypeError, KeyError):
        return None
    sound = all(isinstance(quantity, int) and quantity > 0 for _, _, quantity in lines)
    return order if lines and sound else None

"""What goes wrong on the way to the stand-in, on demand: refusals, silence, cut lines, pages of HTML."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from connectors.woocommerce.sandbox_rest import RestError, answer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MODES = (
    "maintenance",
    "rate_limited",
    "server_error",
    "bad_gateway",
    "forbidden",
    "challenge",
    "slow",
    "hang_before",
    "hang_after",
    "cut_before",
    "cut_after",
    "cut_middle",
    "huge",
    "redirect",
    "empty",
    "html",
    "notice",
    "not_json",
)

_PAGES = {
    "server_error": (
        500,
        "<html><body><h1>There has been a critical error on this website.</h1></body></html>",
    ),
    "bad_gateway": (502, "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"),
    "forbidden": (403, "<html><body><h1>Access denied by the web application firewall</h1></body></html>"),
    # As SiteGround's and Imunify360's guards do: a success with a page that wants a browser.
    "challenge": (
        202,
        '<html><head><link rel="icon" href="data:;"><meta http-equiv="refresh" content="0;/captcha/"></head></html>',
    ),
    "html": (200, "<!DOCTYPE html><html><head><title>Shop</title></head><body>Welcome!</body></html>"),
    "not_json": (200, '{"id": 1, "name": "cut of'),
    "empty": (200, ""),
}
_NOTICE = "\ufeff<br />\n<b>Notice</b>:  Undefined index: [x] in <b>/srv/plugin.php</b> on line <b>12</b><br />\n"

HUGE_BYTES = 11_000_000


@dataclass
class Fault:
    """One fault, for the next `times` calls whose method and path fit."""

    mode: str
    times: int = 1
    method: str = ""
    match: str = ""
    seconds: float = 0.0
    retry_after: str = ""


class FaultDesk:
    """The faults that wait for a call."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._closing = asyncio.Event()

    def add(self, fault: Fault) -> None:
        """Let the next fitting calls meet it. Raises ValueError for an unknown mode."""
        if fault.mode not in MODES:
            raise ValueError(f"there is no fault {fault.mode!r}; there are {', '.join(MODES)}")
        self._waiting.append(fault)

    def clear(self) -> None:
        """No more faults."""
        self._waiting.clear()

    def close(self) -> None:
        """Let go of calls kept hanging."""
        self._closing.set()

    def next_for(self, request: web.Request) -> Fault | None:
        """The fault this call meets, used up by it."""
        for fault in self._waiting:
            if fault.method in ("", request.method) and fault.match in request.path:
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None

    async def meet(self, fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer as the fault has it; `handler` would answer properly."""
        if fault.mode in _PAGES:
            status, page = _PAGES[fault.mode]
            return web.Response(status=status, text=page, content_type="text/html")
        if fault.mode == "maintenance":
            wait = {"Retry-After": fault.retry_after or "600"}
            message = "Briefly unavailable for scheduled maintenance. Check back in a minute."
            document = RestError(503, "wp_die", message).envelope() | {"additional_errors": []}
            return answer(document, status=503, headers=wait)
        if fault.mode == "rate_limited":
            wait = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            return web.Response(status=429, text="<h1>Too Many Requests</h1>", content_type="text/html", headers=wait)
        if fault.mode == "redirect":
            target = request.url.with_scheme("https").with_host("www.example.com").with_port(None)
            return web.Response(status=301, headers={"Location": str(target)})
        if fault.mode == "slow":
            await asyncio.sleep(fault.seconds)
            return await handler(request)
        if fault.mode == "hang_before":
            return await self._never(request, fault)
        if fault.mode == "cut_before":
            return _cut(request)
        return await self._after(fault, request, await handler(request))

    async def _after(self, fault: Fault, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        """Faults that meet the answer of a call that took effect."""
        if fault.mode == "hang_after":
            return await self._never(request, fault)
        body = response.body if isinstance(response, web.Response) else b""
        content = body if isinstance(body, bytes) else b""
        if fault.mode == "cut_middle":
            cut = web.StreamResponse(headers={"Content-Type": "application/json"})
            cut.content_length = len(content) + 1
            await cut.prepare(request)
            await cut.write(content[: len(content) // 2])
            return _cut(request)
        if fault.mode == "huge":
            return web.Response(
                status=response.status, body=content + b" " * HUGE_BYTES, content_type="application/json"
            )
        if fault.mode == "notice":
            return web.Response(
                status=response.status,
                body=_NOTICE.encode() + content,
                content_type="text/html",
                charset="UTF-8",
            )
        return _cut(request)

    async def _never(self, request: web.Request, fault: Fault) -> web.Response:
        """Say nothing until the caller has gone, the time is up or the stand-in closes."""
        try:
            async with asyncio.timeout(fault.seconds or None):
                while not self._closing.is_set() and not (request.transport is None or request.transport.is_closing()):
                    await _either(self._closing, 0.05)
        except TimeoutError:
            return _cut(request)
        return _cut(request)


async def _either(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()

"""The HTTP server: builds the application from its doors, listens, and stops in order."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from syncd.errors import OperatorError
from syncd.http import api, assets, choice, hooks, sign_in
from syncd.http.door import DOORS, open_doors
from syncd.http.gate import WRONG_PER_MINUTE, WRONG_TOKENS, guard
from syncd.http.limit import Limit
from syncd.http.live import EVENTS
from syncd.http.parts import OPTIONS, PARTS, HttpOptions, HttpParts, is_loopback
from syncd.http.problem import tell_problems
from syncd.telemetry import Event, log

SHUTDOWN_SECONDS_MAX = 5.0
"""How long requests under way may take to end when the server stops."""

KEEPALIVE_SECONDS = 30.0

HEADERS: Mapping[str, str] = {
    "Server": "syncd",
    "X-Content-Type-Options": "nosniff",
}
"""What every answer says, and `Cache-Control: no-store` where it says nothing else. The library's own Server header
would tell versions."""


def build(options: HttpOptions, parts: HttpParts) -> web.Application:
    """The application with every door."""
    app = web.Application(middlewares=[tell_problems, guard])
    app[PARTS] = parts
    app[OPTIONS] = options
    app[DOORS] = {}
    app[WRONG_TOKENS] = Limit(parts.clock, WRONG_PER_MINUTE)
    hooks.add_routes(app)
    sign_in.prepare(app, parts.clock)
    for doors in (api.DOORS_HERE, (EVENTS,), assets.DOORS_HERE, sign_in.DOORS_HERE):
        open_doors(app, doors)
    if parts.pages is not None:
        choice.add_routes(app, parts.pages, parts.clock)
    app.on_response_prepare.append(_add_headers)
    return app


class HttpServer:
    """One listening server."""

    def __init__(self, options: HttpOptions, parts: HttpParts) -> None:
        self._options = options
        self._parts = parts
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen; returns the address, with the port that was bound. Raises OperatorError where it may or can not."""
        options = self._options
        is_open = options.api_token is None and not is_loopback(options.host)
        if is_open and not await self._parts.gatekeeper.has_keys():
            raise OperatorError(
                f"[http] host: {options.host} can be reached from outside, so /api needs a token",
                [
                    "type: syncd token create NAME --role service (or syncd user add NAME), or",
                    "give [http] api_token_env, api_token_file or api_token_credential, or listen on 127.0.0.1",
                ],
            )
        runner = web.AppRunner(
            build(options, self._parts),
            access_log=None,
            logger=_library_logger(),
            auto_decompress=False,
            keepalive_timeout=KEEPALIVE_SECONDS,
            shutdown_timeout=SHUTDOWN_SECONDS_MAX,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, options.host, options.port).start()
        except OSError as error:
            await runner.cleanup()
            reason = (error.strerror or str(error)).lower()
            raise OperatorError(f"[http]: cannot listen on {options.host}:{options.port}: {reason}") from None
        self._runner = runner
        self._parts.feed.start()
        host, port = runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def aclose(self) -> None:
        """Take no more calls, let those under way end, give the port back. May be called twice."""
        runner, self._runner = self._runner, None
        await self._parts.feed.aclose()
        if runner is not None:
            await runner.cleanup()


class _Malformed(logging.Filter):
    """What is not even HTTP is the caller's error: one event, and nothing of what he sent."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the library's own record is to be written."""
        fault = record.exc_info[1] if record.exc_info else None
        if not isinstance(fault, HttpProcessingError):
            return True
        log(Event.REQUEST_REFUSED, status=400, code="bad_http", explanation=type(fault).__name__)
        return False


_MALFORMED = _Malformed()


def _library_logger() -> logging.Logger:
    logger = logging.getLogger("syncd.http")
    logger.addFilter(_MALFORMED)  # adding it again changes nothing
    return logger


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")

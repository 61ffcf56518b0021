"""The HTTP server: builds the application from its doors, listens, and stops in order."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from syncd.errors import OperatorError
from syncd.http import api, assets, choice, hooks, metrics, sign_in
from syncd.http.console.doors import open_console
from syncd.http.door import DOORS, open_doors
from syncd.http.doorkeeper import Doorkeeper
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


def build(options: HttpOptions, parts: HttpParts, keeper: Doorkeeper | None = None) -> web.Application:
    """The application with every door."""
    watching = [] if keeper is None else [keeper.note]
    app = web.Application(middlewares=[*watching, tell_problems, guard])
    app[PARTS] = parts
    app[OPTIONS] = options
    app[DOORS] = {}
    app[WRONG_TOKENS] = Limit(parts.clock, WRONG_PER_MINUTE)
    hooks.add_routes(app)
    sign_in.prepare(app, parts.clock)
    for doors in (api.DOORS_HERE, (EVENTS,), metrics.doors(), assets.DOORS_HERE, sign_in.DOORS_HERE):
        open_doors(app, doors)
    if parts.console is not None:
        open_console(app, parts.console)
    if parts.pages is not None:
        choice.add_routes(app, parts.pages, parts.clock)
    app.on_response_prepare.append(_add_headers)
    return app


CALLERS_WAITING_MAX = 128
"""Callers that may wait to be let in, the library's own number."""


def open_door(host: str, port: int) -> socket.socket:
    """A listening socket; 0 takes any free port. Raises OperatorError where there is none to be had.

    Callers wait in front of it while nobody serves: it may stay open over a reload.
    """
    try:
        [(family, _, _, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        return socket.create_server(address, family=family, backlog=CALLERS_WAITING_MAX)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OperatorError(f"[http]: cannot listen on {host}:{port}: {reason}") from None


class HttpServer:
    """One listening server: at a door that is open already, or at one of its own."""

    def __init__(self, options: HttpOptions, parts: HttpParts, door: socket.socket | None = None) -> None:
        self._options = options
        self._parts = parts
        self._door = door
        self._runner: web.AppRunner | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> str:
        """Listen; returns the address, with the port that was bound. Raises OperatorError where it may or can not."""
        options, door = self._options, self._door
        if door is not None:
            options = replace(options, host=_host(door))  # where it really listens decides who may ask
        is_open = options.api_token is None and not is_loopback(options.host)
        if is_open and not await self._parts.gatekeeper.has_keys():
            raise OperatorError(
                f"[http] host: {options.host} can be reached from outside, so /api needs a token",
                [
                    "type: syncd token create NAME --role service (or syncd user add NAME), or",
                    "give [http] api_token_env, api_token_file or api_token_credential, or listen on 127.0.0.1",
                ],
            )
        keeper = Doorkeeper(lambda: self.connections, self._parts.clock)
        runner = web.AppRunner(
            build(options, self._parts, keeper),
            access_log=None,
            logger=_library_logger(),
            auto_decompress=False,
            keepalive_timeout=KEEPALIVE_SECONDS,
            shutdown_timeout=SHUTDOWN_SECONDS_MAX,
        )
        door = open_door(options.host, options.port) if door is None else door.dup()
        try:
            await runner.setup()
            await web.SockSite(runner, door).start()
            self._keeping = asyncio.create_task(keeper.run(), name="doorkeeper")
        except OSError as error:
            door.close()
            await runner.cleanup()
            raise OperatorError(f"[http]: cannot listen: {(error.strerror or str(error)).lower()}") from None
        self._runner = runner
        self._parts.feed.start()
        host, port = door.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def connections(self) -> Sequence[web.RequestHandler]:
        """Who is connected."""
        return self._runner.server.connections if self._runner is not None and self._runner.server else ()

    async def aclose(self) -> None:
        """Take no more calls, let those under way end, give the port back. May be called twice."""
        runner, self._runner = self._runner, None
        await self._parts.feed.aclose()
        if self._keeping is not None:
            self._keeping.cancel()
        if runner is not None:
            await runner.cleanup()


def _host(door: socket.socket) -> str:
    if door.family not in (socket.AF_INET, socket.AF_INET6):
        raise OperatorError("the socket unit must listen on an address and a port, such as ListenStream=127.0.0.1:8713")
    return str(door.getsockname()[0])


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

"""Ends connections that never ask for anything: a request that comes byte by byte may not hold a place for ever.

The library ends connections that fall silent between requests; before the first one it waits without a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aiohttp import web
from aiohttp.typedefs import Handler

from syncd.clock import Clock

HEADER_SECONDS_MAX = 20.0
"""How long a caller may take until his first request has come, without its body."""

LOOK_SECONDS = 2.0


class Doorkeeper:
    """One server's."""

    def __init__(self, connections: Callable[[], Iterable[web.RequestHandler]], clock: Clock) -> None:
        self._connections = connections
        self._clock = clock
        self._since: dict[web.RequestHandler, float] = {}
        self._served: set[web.RequestHandler] = set()

    @web.middleware
    async def note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A request has come on this connection."""
        self.know(request.protocol)
        return await handler(request)

    def know(self, one: web.RequestHandler) -> None:
        """This connection has brought a request."""
        self._served.add(one)

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            self.look()
            await self._clock.sleep(LOOK_SECONDS)

    def look(self) -> int:
        """End the connections on which no request has come for too long; how many."""
        now, ended = self._clock.monotonic(), 0
        here = set(self._connections())
        self._served &= here
        self._since = {one: self._since.get(one, now) for one in here}
        for one in here - self._served:
            if now - self._since[one] >= HEADER_SECONDS_MAX:
                one.force_close()
                if one.transport is not None:
                    one.transport.abort()
                ended += 1
        return ended

"""One kept aiohttp session to eBay's REST hosts: bounded bodies, bounded time, no redirects, faults of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from syncd.errors import ChannelProtocolError, ChannelUnavailable

BODY_BYTES_MAX = 2_000_000


@dataclass(frozen=True, slots=True, repr=False)
class HttpAnswer:
    """Status, Retry-After in seconds if it was said, and the whole body."""

    status: int
    retry_after_seconds: float | None
    body: bytes

    def json_object(self) -> dict[str, Any] | None:
        """The body as a JSON object; an empty body is an empty one, anything else None."""
        if not self.body:
            return {}
        try:
            read = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return read if isinstance(read, dict) else None


class HttpDoor:
    """Sends bytes and brings back bytes; opened at the first request, each connection carries one request at a time."""

    def __init__(self, name: str, endpoint_url: str, *, timeout_seconds: float, calls_in_flight: int) -> None:
        self.name = name
        self.endpoint_url = endpoint_url
        self._timeout_seconds = timeout_seconds
        self._calls_in_flight = calls_in_flight
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self, operation: str, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> HttpAnswer:
        """One request. Raises ChannelUnavailable, or ChannelProtocolError for a body beyond the bound."""
        try:
            async with self._opened().request(
                method, self.endpoint_url + path, data=body, headers=headers, allow_redirects=False
            ) as response:
                raw = await response.content.read(BODY_BYTES_MAX + 1)
                while len(raw) <= BODY_BYTES_MAX and (more := await response.content.read(BODY_BYTES_MAX)):
                    raw += more
                said = response.headers.get("Retry-After", "")
                answer = HttpAnswer(response.status, float(said) if said.isdecimal() else None, raw)
        except TimeoutError:
            raise ChannelUnavailable(self.name, operation, f"no answer within {self._timeout_seconds:g} s") from None
        except aiohttp.ClientError as fault:
            raise ChannelUnavailable(self.name, operation, f"the connection failed ({type(fault).__name__})") from None
        if len(answer.body) > BODY_BYTES_MAX:
            raise ChannelProtocolError(self.name, operation, f"the answer is larger than {BODY_BYTES_MAX} bytes")
        return answer

    async def aclose(self) -> None:
        """Give back the connections. May be called twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._timeout_seconds),
                connector=aiohttp.TCPConnector(limit=self._calls_in_flight),
            )
        return self._session

"""What every way to a supplier shares: his name in faults, secrets kept out of them, threads for long work.

Long work, such as parsing a large list, runs in the client's own two threads: the event loop never waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from connectors.dropship.access import Limits
from connectors.dropship.mapping_gzip import BrokenGzip, ExpandsTooFar, expand
from syncd.clock import Clock
from syncd.errors import ChannelAuthFailed, ChannelProtocolError, ChannelRefused, ChannelUnavailable, RemoteError

T = TypeVar("T")


class Client:
    """One configured supplier. `source` is his name under [supplier.NAME]."""

    def __init__(self, source: str, *, clock: Clock, limits: Limits, secrets: tuple[str, ...]) -> None:
        self.source = source
        self.clock = clock
        self.limits = limits
        self._secrets = tuple(sorted(secrets, key=len, reverse=True))
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix=f"dropship-{source}")
        self._closed = False

    async def in_thread(self, work: Callable[[], T], *, operation: str) -> T:
        """Run blocking or long work off the event loop."""
        async with self.translated(operation), asyncio.timeout(self.limits.timeout_seconds):
            return await self.submitted(work, operation)

    async def submitted(self, work: Callable[[], T], operation: str) -> T:
        """The same inside a call that has its own time-out."""
        self.refuse_if_closed(operation)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def expanded(self, body: bytes, operation: str, bytes_wanted: int | None) -> bytes:
        """The body without its compression, whole or only its beginning."""
        return await self.submitted(partial(self._expanded, body, operation, bytes_wanted), operation)

    def protocol_error(self, operation: str, sentence: str, excerpt: str = "") -> ChannelProtocolError:
        """The fault for an answer that is not what was promised; secrets are taken out of the excerpt."""
        return ChannelProtocolError(self.source, operation, self._redacted(sentence), self._redacted(excerpt))

    def refusal(self, operation: str, sentence: str, code: str) -> ChannelRefused:
        """The fault for a refusal that repeating does not change."""
        return ChannelRefused(self.source, operation, self._redacted(sentence), code)

    def unavailable(self, operation: str, sentence: str) -> ChannelUnavailable:
        """The fault for a call whose end nobody saw."""
        return ChannelUnavailable(self.source, operation, self._redacted(sentence))

    def auth_failed(self, operation: str, sentence: str) -> ChannelAuthFailed:
        """The fault for credentials that do not do, ours or his."""
        return ChannelAuthFailed(self.source, operation, self._redacted(sentence))

    def refuse_if_closed(self, operation: str) -> None:
        """Raises ChannelUnavailable after `aclose`."""
        if self._closed:
            raise self.unavailable(operation, "the connection was closed by us")

    async def aclose(self) -> None:
        """Let the threads end. May be called twice."""
        self._closed = True
        self._threads.shutdown(wait=False)

    @asynccontextmanager
    async def translated(self, operation: str) -> AsyncIterator[None]:
        """Turn the machine's own exceptions into our faults; their texts may hold addresses and are not repeated."""
        self.refuse_if_closed(operation)
        try:
            yield
        except RemoteError:
            raise
        except TimeoutError:
            raise self.unavailable(operation, f"no answer within {self.limits.timeout_seconds:g} s") from None
        except PermissionError:
            raise self.auth_failed(operation, "the file may not be read by this user") from None
        except OSError as error:
            raise self.unavailable(
                operation, f"{type(error).__name__}: {error.strerror or 'no reason given'}"
            ) from None

    def _expanded(self, body: bytes, operation: str, bytes_wanted: int | None) -> bytes:
        try:
            if bytes_wanted is not None:
                return expand(body, bytes_max=bytes_wanted, whole=False)
            return expand(body, bytes_max=self.limits.body_bytes_max)
        except BrokenGzip as error:
            raise self.unavailable(operation, str(error)) from None
        except ExpandsTooFar as error:
            raise self.protocol_error(operation, str(error)) from None

    def _redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

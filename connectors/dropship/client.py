"""Reaches a supplier: his list over HTTP or from a file, his order desk by POST; all faults leave as ours.

The only importer of aiohttp outside the sandbox. Long work, such as parsing a large list, runs in
the client's own two threads, so that the event loop never waits for it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar

import aiohttp

from connectors.dropship.access import Credentials, Limits
from connectors.dropship.mapping_gzip import BrokenGzip, ExpandsTooFar, expand
from connectors.dropship.mapping_header import retry_after_seconds
from syncd.clock import Clock
from syncd.errors import (
    ChannelAuthFailed,
    ChannelProtocolError,
    ChannelRefused,
    ChannelUnavailable,
    RateLimited,
    RemoteError,
)

T = TypeVar("T")

REDIRECTS_MAX = 3
CHUNK_BYTES = 65_536
ERROR_BODY_BYTES_MAX = 2_000

ANSWERING_STATUSES = (200, 201, 400, 409, 422)
"""Statuses whose body may hold the supplier's answer to an order."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers (names in lower case) and the body up to the bound."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file as read: its bytes and when it was last written (seconds since 1970)."""

    body: bytes
    modified_epoch_seconds: float


class Client:
    """All I/O of one configured supplier. `source` is his name under [supplier.NAME]."""

    def __init__(self, source: str, *, clock: Clock, limits: Limits, secrets: tuple[str, ...]) -> None:
        self._source = source
        self._clock = clock
        self._limits = limits
        self._secrets = tuple(sorted(secrets, key=len, reverse=True))
        self._session: aiohttp.ClientSession | None = None
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix=f"dropship-{source}")
        self._closed = False

    async def get(
        self,
        url: str,
        *,
        operation: str,
        credentials: Credentials,
        headers: Mapping[str, str],
        bytes_wanted: int | None,
    ) -> Answer:
        """GET; the whole body or its first `bytes_wanted`. Other statuses than 200 and 304 are faults."""
        sent = {**headers, **credentials.headers()}
        async with (
            self._translated(operation),
            self._open_session().get(
                url, params=credentials.parameters(), headers=sent, max_redirects=REDIRECTS_MAX
            ) as response,
        ):
            if response.status not in (200, 304):
                await self._raise_for_status(response, operation)
            body = await self._body(response, operation, bytes_wanted)
            return Answer(response.status, _lower(response.headers), body)

    async def post(
        self,
        url: str,
        content: object,
        *,
        operation: str,
        credentials: Credentials,
        headers: Mapping[str, str],
    ) -> Answer:
        """POST as JSON, without redirects. Other statuses than ANSWERING_STATUSES are faults."""
        sent = {**headers, **credentials.headers()}
        async with (
            self._translated(operation),
            self._open_session().post(
                url, params=credentials.parameters(), json=content, headers=sent, allow_redirects=False
            ) as response,
        ):
            if response.status not in ANSWERING_STATUSES:
                await self._raise_for_status(response, operation)
            return Answer(response.status, _lower(response.headers), await self._body(response, operation, None))

    async def read_file(self, path: Path, *, operation: str, bytes_wanted: int | None) -> FileContent:
        """The file, or only its first `bytes_wanted`."""
        return await self.in_thread(partial(self._read_file, path, operation, bytes_wanted), operation=operation)

    async def in_thread(self, work: Callable[[], T], *, operation: str) -> T:
        """Run blocking or long work off the event loop."""
        async with self._translated(operation), asyncio.timeout(self._limits.timeout_seconds):
            return await self._submit(work, operation)

    def protocol_error(self, operation: str, sentence: str, excerpt: str = "") -> ChannelProtocolError:
        """The fault for an answer that is not what was promised; secrets are taken out of the excerpt."""
        return ChannelProtocolError(self._source, operation, self._redacted(sentence), self._redacted(excerpt))

    def refusal(self, operation: str, sentence: str, code: str) -> ChannelRefused:
        """The fault for a refusal that repeating does not change."""
        return ChannelRefused(self._source, operation, self._redacted(sentence), code)

    async def aclose(self) -> None:
        """Close connections and let the threads end. May be called twice."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        self._threads.shutdown(wait=False)

    def _open_session(self) -> aiohttp.ClientSession:
        # Opened by the first call: a supplier is connected before there is an event loop. aiohttp itself repeats a
        # GET once when its connection breaks before the answer; a POST goes out once.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=2),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # aiohttp takes a compressed answer that ends too early for a whole one.
                headers={"Accept-Encoding": "gzip"},
                timeout=aiohttp.ClientTimeout(
                    total=self._limits.timeout_seconds, sock_connect=self._limits.connect_timeout_seconds
                ),
            )
        return self._session

    @asynccontextmanager
    async def _translated(self, operation: str) -> AsyncIterator[None]:
        """Turn foreign exceptions into our faults; their texts may hold URLs and are not repeated."""
        self._refuse_if_closed(operation)
        try:
            yield
        except RemoteError:
            raise
        except TimeoutError:
            raise self._unavailable(operation, f"no answer within {self._limits.timeout_seconds:g} s") from None
        except aiohttp.TooManyRedirects:
            raise self.protocol_error(operation, f"more than {REDIRECTS_MAX} redirects") from None
        except aiohttp.InvalidURL:
            raise self.protocol_error(operation, "the address, or where it redirects to, is not a URL") from None
        except aiohttp.ClientSSLError as error:
            raise self._unavailable(operation, f"no trusted connection ({type(error).__name__})") from None
        except aiohttp.ClientConnectionError as error:
            raise self._unavailable(operation, f"the connection failed ({type(error).__name__})") from None
        except aiohttp.ClientPayloadError:
            raise self._unavailable(operation, "the answer was cut short") from None
        except aiohttp.ClientError as error:
            raise self._unavailable(operation, f"no usable HTTP answer ({type(error).__name__})") from None
        except PermissionError:
            raise ChannelAuthFailed(self._source, operation, "the file may not be read by this user") from None
        except OSError as error:
            raise self._unavailable(
                operation, f"{type(error).__name__}: {error.strerror or 'no reason given'}"
            ) from None

    async def _body(self, response: aiohttp.ClientResponse, operation: str, bytes_wanted: int | None) -> bytes:
        encoding = response.headers.get("Content-Encoding", "identity").lower()
        if encoding not in ("identity", "gzip", "x-gzip"):
            raise self.protocol_error(operation, f"the answer came as {encoding[:20]!r}, which was not asked for")
        bound = self._limits.body_bytes_max
        body = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            body += chunk
            if bytes_wanted is not None and len(body) >= bytes_wanted:
                response.close()
                break
            if len(body) > bound:
                raise self.protocol_error(operation, f"the answer is larger than {bound} bytes (body_bytes_max)")
        work = partial(self._expanded, bytes(body), operation, bytes_wanted)
        return await self._submit(work, operation)

    async def _submit(self, work: Callable[[], T], operation: str) -> T:
        self._refuse_if_closed(operation)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _read_file(self, path: Path, operation: str, bytes_wanted: int | None) -> FileContent:
        bound = self._limits.body_bytes_max
        before = path.stat()
        if not path.is_file():
            raise self.protocol_error(operation, "feed_path is not a file")
        with path.open("rb") as file:
            body = file.read(bound + 1 if bytes_wanted is None else bytes_wanted)
        after = path.stat()
        if len(body) > bound:
            raise self.protocol_error(operation, f"the file is larger than {bound} bytes (body_bytes_max)")
        if _state(before) != _state(after):
            raise self._unavailable(operation, "the file was being written while it was read")
        return FileContent(self._expanded(body, operation, bytes_wanted), after.st_mtime)

    def _expanded(self, body: bytes, operation: str, bytes_wanted: int | None) -> bytes:
        try:
            if bytes_wanted is not None:
                return expand(body, bytes_max=bytes_wanted, whole=False)
            return expand(body, bytes_max=self._limits.body_bytes_max)
        except BrokenGzip as error:
            raise self._unavailable(operation, str(error)) from None
        except ExpandsTooFar as error:
            raise self.protocol_error(operation, str(error)) from None

    async def _raise_for_status(self, response: aiohttp.ClientResponse, operation: str) -> NoReturn:
        status = response.status
        said = f"HTTP status {status}"
        if status in (401, 403, 407):
            raise ChannelAuthFailed(self._source, operation, f"{said}: the credentials are wrong or lack the right")
        if status == 429:
            wait = retry_after_seconds(response.headers.get("Retry-After"), self._clock.now())
            raise RateLimited(self._source, operation, f"{said}: too many calls", wait)
        if status >= 500 or status in (408, 425):
            raise self._unavailable(operation, said)
        excerpt = (await self._body(response, operation, ERROR_BODY_BYTES_MAX)).decode("utf-8", errors="replace")
        if status >= 400:
            raise self.refusal(operation, said, str(status))
        raise self.protocol_error(operation, f"{said} was not expected", excerpt)

    def _unavailable(self, operation: str, sentence: str) -> ChannelUnavailable:
        return ChannelUnavailable(self._source, operation, self._redacted(sentence))

    def _refuse_if_closed(self, operation: str) -> None:
        if self._closed:
            raise self._unavailable(operation, "the connection was closed by us")

    def _redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _state(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}

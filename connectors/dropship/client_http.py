"""Reaches a supplier over HTTP: his list by GET, his desk by POST. The only importer of aiohttp but the sandbox."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NoReturn

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from connectors.dropship.access import Credentials
from connectors.dropship.client import Client
from connectors.dropship.mapping import Fetched
from connectors.dropship.mapping_address import Reach
from connectors.dropship.mapping_answers import AnswerLayout, read_answers
from connectors.dropship.mapping_format import Writing
from connectors.dropship.mapping_header import ETAG_LENGTH_MAX, retry_after_seconds
from connectors.dropship.mapping_rows import UnreadableFeed
from syncd.errors import RateLimited
from syncd.supply.port import AnswerPage

REDIRECTS_MAX = 3
CHUNK_BYTES = 65_536
ERROR_BODY_BYTES_MAX = 2_000

ANSWERING_STATUSES = (200, 201, 202, 400, 409, 422)
"""Statuses whose body may hold the supplier's answer to an order."""


INNER = "the address leads into a private network; private_hosts = true permits it for the hosts named in syncd.toml"


class _LeadsWithin(OSError):
    """A name means an address that must not be called; never leaves this file."""


class _Guarded(AbstractResolver):
    """Looks names up, and passes on no address that must not be called: what is judged is what is connected to."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name that may be called."""
        found = await self._resolver.resolve(host, port, family)
        allowed = [one for one in found if not self._reach.refuses(host, one["host"])]
        if not allowed:
            raise _LeadsWithin(INNER)
        return allowed

    async def close(self) -> None:
        """Nothing is held."""
        await self._resolver.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers (names in lower case) and the body up to the bound."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http:
    """HTTP to one supplier, on one kept session."""

    def __init__(self, client: Client, reach: Reach) -> None:
        self._client = client
        self._reach = reach
        self._session: aiohttp.ClientSession | None = None

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

    async def aclose(self) -> None:
        """Close connections. May be called twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        # Opened by the first call: a supplier is connected before there is an event loop. aiohttp itself repeats a
        # GET once when its connection breaks before the answer; a POST goes out once.
        if self._session is None:
            limits = self._client.limits
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=2, resolver=_Guarded(self._reach)),
                middlewares=(self._guard,),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # aiohttp takes a compressed answer that ends too early for a whole one.
                headers={"Accept-Encoding": "gzip"},
                timeout=aiohttp.ClientTimeout(
                    total=limits.timeout_seconds, sock_connect=limits.connect_timeout_seconds
                ),
            )
        return self._session

    async def _guard(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Every request, those after a redirect too: a host written as an address reaches no resolver."""
        if self._reach.refuses_literal(request.url.raw_host or ""):
            raise self._client.protocol_error("fetch", INNER)
        return await handler(request)

    @asynccontextmanager
    async def _translated(self, operation: str) -> AsyncIterator[None]:
        """Turn aiohttp's exceptions into our faults; their texts may hold URLs and are not repeated."""
        client = self._client
        async with client.translated(operation):
            try:
                yield
            except TimeoutError:
                raise
            except aiohttp.TooManyRedirects:
                raise client.protocol_error(operation, f"more than {REDIRECTS_MAX} redirects") from None
            except aiohttp.InvalidURL:
                raise client.protocol_error(operation, "the address, or where it redirects to, is not a URL") from None
            except aiohttp.ClientSSLError as error:
                raise client.unavailable(operation, f"no trusted connection ({type(error).__name__})") from None
            except aiohttp.ClientConnectionError as error:
                if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, _LeadsWithin):
                    raise client.protocol_error(operation, INNER) from None
                raise client.unavailable(operation, f"the connection failed ({type(error).__name__})") from None
            except aiohttp.ClientPayloadError:
                raise client.unavailable(operation, "the answer was cut short") from None
            except aiohttp.ClientError as error:
                raise client.unavailable(operation, f"no usable HTTP answer ({type(error).__name__})") from None

    async def _body(self, response: aiohttp.ClientResponse, operation: str, bytes_wanted: int | None) -> bytes:
        encoding = response.headers.get("Content-Encoding", "identity").lower()
        if encoding not in ("identity", "gzip", "x-gzip"):
            said = f"the answer came as {encoding[:20]!r}, which was not asked for"
            raise self._client.protocol_error(operation, said)
        bound = self._client.limits.body_bytes_max
        body = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            body += chunk
            if bytes_wanted is not None and len(body) >= bytes_wanted:
                response.close()
                break
            if len(body) > bound:
                said = f"the answer is larger than {bound} bytes (body_bytes_max)"
                raise self._client.protocol_error(operation, said)
        return await self._client.expanded(bytes(body), operation, bytes_wanted)

    async def _raise_for_status(self, response: aiohttp.ClientResponse, operation: str) -> NoReturn:
        status, client = response.status, self._client
        said = f"HTTP status {status}"
        if status in (401, 403, 407):
            raise client.auth_failed(operation, f"{said}: the credentials are wrong or lack the right")
        if status == 429:
            wait = retry_after_seconds(response.headers.get("Retry-After"), client.clock.now())
            raise RateLimited(client.source, operation, f"{said}: too many calls", wait)
        if status >= 500 or status in (408, 425):
            raise client.unavailable(operation, said)
        excerpt = (await self._body(response, operation, ERROR_BODY_BYTES_MAX)).decode("utf-8", errors="replace")
        if status >= 400:
            raise client.refusal(operation, said, str(status))
        raise client.protocol_error(operation, f"{said} was not expected", excerpt)


@dataclass(frozen=True, slots=True)
class HttpList:
    """A list at an address; implements Source."""

    http: Http
    client: Client
    url: str
    credentials: Credentials
    as_of_header: str

    async def fetch(self, operation: str, *, etag: str, bytes_wanted: int | None) -> Fetched:
        """The list, or that it still is the one named by `etag`."""
        answer = await self.http.get(
            self.url,
            operation=operation,
            credentials=self.credentials,
            headers={"If-None-Match": etag} if etag else {},
            bytes_wanted=bytes_wanted,
        )
        stated = answer.headers.get(self.as_of_header.lower(), "")
        told = answer.headers.get("etag", "")
        if answer.status != 304:
            return Fetched(answer.body, told if len(told) <= ETAG_LENGTH_MAX else "", stated, self.as_of_header)
        if not etag:
            raise self.client.protocol_error(operation, "HTTP status 304 though no version was named")
        return Fetched(None, etag, stated, self.as_of_header)


@dataclass(frozen=True, slots=True)
class HttpAnswers:
    """Answers as one table at an address, read again when it has changed."""

    source: HttpList
    client: Client
    layout: AnswerLayout
    writing: Writing

    async def fetch(self, cursor: str | None) -> AnswerPage:
        """Every answer in the table, unless it is the one read before."""
        operation = "fetch_answers"
        fetched = await self.source.fetch(operation, etag=cursor or "", bytes_wanted=None)
        if fetched.body is None:
            return AnswerPage((), fetched.etag)
        body = fetched.body
        try:
            answers, problems = await self.client.in_thread(
                lambda: read_answers(body, self.layout, self.writing), operation=operation
            )
        except UnreadableFeed as error:
            raise self.client.protocol_error(operation, error.sentence, error.excerpt) from None
        return AnswerPage(tuple(answers), fetched.etag, tuple(problems))


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}

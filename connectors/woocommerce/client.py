"""The only file that uses the WooCommerce library: calls over kept connections, their faults as ours.

The library addresses and signs; aiohttp sends. A call whose caller has been cancelled goes on once it has begun, and
with one in flight the next call waits for it: a newer write never overtakes an older one.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from aiohttp import (
    ClientConnectionError,
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientPayloadError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
    encode_basic_auth,
)
from woocommerce import API
from woocommerce.oauth import OAuth
from yarl import URL

from connectors.woocommerce.answer import NotJsonError, decode, error_envelope
from connectors.woocommerce.fault import FailedAnswer, bare_fault, coded_fault, redirect_fault
from connectors.woocommerce.mapping import JsonObject
from syncd.clock import Clock
from syncd.errors import ChannelProtocolError, ChannelUnavailable, RemoteError

ANSWER_BYTES_MAX = 32 * 1024 * 1024
"""Largest answer read; 100 full products are 0.2 MB."""

CALLS_WAITING_MAX = 64
"""More calls than this at once, waiting or running, are refused."""

CONNECT_TIMEOUT_SECONDS = 10.0

KEPT_SECONDS = 4.0
"""How long an idle connection is used again: Apache closes them after 5 s, and a write that meets that is in doubt."""

CHUNK_BYTES = 65_536
HEADER_BYTES_MAX = 32_768
"""Longest header line: over http the shop repeats the whole signed query in its Link header."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Whom to call and how. `ca_file` replaces the built-in list of trusted certificate authorities."""

    source: str
    url: str
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    timeout_seconds: float
    calls_in_flight: int
    ca_file: str | None = None
    keys_in_query: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `endpoint` is relative to wc/v3, without a leading slash; `operation` is for people."""

    method: str
    endpoint: str
    operation: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: object = None


class _CutError(ClientConnectionError):
    """The connection ended before an answer came."""


async def _only_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Keeps aiohttp from sending reads, PUT and DELETE a second time by itself when a kept connection breaks."""
    try:
        return await handler(request)
    except (ClientConnectorError, ConnectionTimeoutError):
        raise
    except (ClientOSError, ServerDisconnectedError) as error:
        raise _CutError from error


class ExactOAuth(OAuth):  # type: ignore[misc]  # the library has no types
    """The library's OAuth 1.0a with names and values encoded as the shop does it.

    The library leaves '/' as it is and takes '%41' for 'A', so a code or SKU with either never matches (facts §8).
    """

    @staticmethod
    def normalize_parameters(params: Mapping[str, object] | None) -> dict[str, str]:
        """Both encoded twice, since they are parts of a text that is encoded once more."""
        encoded = {_twice_encoded(name): _twice_encoded(value) for name, value in (params or {}).items()}
        return dict(sorted(encoded.items()))


def _twice_encoded(value: object) -> str:
    return quote(quote(str(value), safe="~"), safe="~")


class _Shop(API):  # type: ignore[misc]  # the library has no types
    """The library's API, of which only address and signature are used.

    Its own sending opens a connection for each call (facts §8), and through a kept requests session it still costs
    three times the processor time of aiohttp.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(
            connection.url,
            connection.consumer_key,
            connection.consumer_secret,
            query_string_auth=connection.keys_in_query,
        )
        self._header = encode_basic_auth(connection.consumer_key, connection.consumer_secret)

    def address(self, call: Call) -> str:
        """Where the call goes, signed where the keys travel in the address."""
        url = str(self._API__get_url(call.endpoint))
        query = dict(call.parameters)
        if self.is_ssl and self.query_string_auth:
            query |= {"consumer_key": self.consumer_key, "consumer_secret": self.consumer_secret}
        if query:
            url = f"{url}?{urlencode(query)}"
        if self.is_ssl:
            return url
        signed = ExactOAuth(
            url, self.consumer_key, self.consumer_secret, version=self.version, method=call.method
        ).get_oauth_url()
        return str(signed)

    def headers(self, body: bytes | None) -> dict[str, str]:
        """Those of a call with this body."""
        told = {"Accept": "application/json"}
        if self.is_ssl and not self.query_string_auth:
            told["Authorization"] = self._header
        return told if body is None else {**told, "Content-Type": "application/json;charset=utf-8"}


def _document(body: bytes) -> Any:
    """The JSON document in the body. Raises NotJsonError."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return decode(body)  # behind a byte order mark, PHP's notices, or with bytes that are no UTF-8


class WooClient:
    """Calls one shop. Every fault it raises is one of `syncd.errors`; nothing is retried."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._shop = _Shop(connection)
        self._room = asyncio.Semaphore(connection.calls_in_flight)
        self._waiting: set[asyncio.Task[Any]] = set()
        self._running: set[asyncio.Task[Any]] = set()
        self._session: ClientSession | None = None
        self._closed = False

    async def rows(self, call: Call) -> list[JsonObject]:
        """Make the call and expect a list of objects. Raises a RemoteError."""
        document = await self.call(call)
        if not isinstance(document, list) or not all(isinstance(row, dict) for row in document):
            raise self.unreadable(call.operation, "the shop did not answer with a list of records")
        return document

    async def record(self, call: Call) -> JsonObject:
        """Make the call and expect one object. Raises a RemoteError."""
        document = await self.call(call)
        if not isinstance(document, dict):
            raise self.unreadable(call.operation, "the shop did not answer with a record")
        return document

    async def call(self, call: Call) -> Any:
        """Make the call and return the answer's JSON document.

        Raises a RemoteError; after ChannelUnavailable a write may still be running in the shop.
        """
        if self._closed:
            raise self._unavailable(call, "the connection to the shop has been closed")
        if len(self._waiting) + len(self._running) >= CALLS_WAITING_MAX:
            raise self._unavailable(call, f"{CALLS_WAITING_MAX} calls are already waiting for the shop")
        task = asyncio.create_task(self._take_turn(call))
        self._waiting.add(task)
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task in self._waiting:
                task.cancel()
            raise

    async def _take_turn(self, call: Call) -> Any:
        async with self._room:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101
            self._waiting.discard(task)
            self._running.add(task)
            if self._closed:
                raise self._unavailable(call, "the connection to the shop was closed before the call was sent")
            return await self._send(call)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._waiting.discard(task)
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # of a call whose caller has left nobody else asks

    def unreadable(self, operation: str, message: str) -> ChannelProtocolError:
        """The fault of an answer that is JSON, but not what was promised."""
        return ChannelProtocolError(self._connection.source, operation, message)

    async def aclose(self) -> None:
        """Close the connections; calls under way end with a fault, though the shop may go on. May be called twice."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    def _open(self) -> ClientSession:
        if self._session is None:
            ca_file = self._connection.ca_file
            transport = TCPConnector(
                limit=self._connection.calls_in_flight,
                keepalive_timeout=KEPT_SECONDS,
                ssl=ssl.create_default_context(cafile=ca_file) if ca_file else True,
            )
            seconds = self._connection.timeout_seconds
            self._session = ClientSession(
                connector=transport,
                cookie_jar=DummyCookieJar(),
                headers={"User-Agent": "syncd"},
                middlewares=(_only_once,),
                timeout=ClientTimeout(total=seconds, sock_connect=min(CONNECT_TIMEOUT_SECONDS, seconds)),
                max_line_size=HEADER_BYTES_MAX,
                max_field_size=HEADER_BYTES_MAX,
            )
        return self._session

    async def _send(self, call: Call) -> Any:
        data = None if call.body is None else orjson.dumps(call.body)
        url = URL(self._shop.address(call), encoded=True)
        headers = self._shop.headers(data)
        try:
            async with self._open().request(
                call.method, url, data=data, headers=headers, allow_redirects=False
            ) as answer:
                body = await self._read(call, answer)
        except (ClientError, TimeoutError) as error:
            # "from None": the library's text holds the signed URL.
            raise self._transport_fault(call, error) from None
        return self._judge(call, answer.status, answer.headers, body)

    async def _read(self, call: Call, answer: ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
            body += chunk
            if len(body) > ANSWER_BYTES_MAX:
                raise self.unreadable(call.operation, f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
        return bytes(body)

    def _transport_fault(self, call: Call, error: ClientError | TimeoutError) -> RemoteError:
        if isinstance(error, ConnectionTimeoutError):
            return self._unavailable(call, "the shop did not accept a connection in time")
        if isinstance(error, ClientSSLError | ClientConnectorCertificateError):
            return self._unavailable(call, "no trusted TLS connection: the certificate or the protocol does not suit")
        if isinstance(error, TimeoutError):
            waited = self._connection.timeout_seconds
            return self._unavailable(call, f"no answer within {waited:g} s; the shop may still be working on it")
        if isinstance(error, ClientPayloadError):
            return self._unavailable(call, "the answer was cut short")
        if isinstance(error, ClientConnectionError):
            return self._unavailable(call, "the connection failed or was cut")
        message = f"the answer could not be read ({type(error).__name__})"
        return ChannelProtocolError(self._connection.source, call.operation, message)

    def _unavailable(self, call: Call, message: str) -> ChannelUnavailable:
        return ChannelUnavailable(self._connection.source, call.operation, message)

    def _judge(self, call: Call, status: int, headers: Mapping[str, str], body: bytes) -> Any:
        answer = FailedAnswer(self._connection.source, call.operation, status, headers, self._clock.now())
        if 300 <= status < 400:
            raise redirect_fault(answer)
        try:
            document = _document(body)
        except NotJsonError:
            raise bare_fault(answer, body) from None
        if 200 <= status < 300:
            return document
        raise coded_fault(answer, *error_envelope(document))

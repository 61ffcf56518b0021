"""The only file that uses the WooCommerce library: calls in a bounded pool of threads, their faults as ours.

The library signs and addresses; the transport is a requests session kept per worker thread (facts §8:
without one each call pays a new TCP and TLS handshake). A call that has been cancelled goes on in its
thread, and with one worker the next call waits for it: a newer write never overtakes an older one.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import quote, urlencode

import requests
from requests.adapters import HTTPAdapter
from woocommerce import API
from woocommerce.oauth import OAuth

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


class _KeptSessionApi(API):  # type: ignore[misc]  # the library has no types
    """The library's API, sending through a session that is kept."""

    def __init__(self, session: requests.Session, connection: Connection) -> None:
        super().__init__(
            connection.url,
            connection.consumer_key,
            connection.consumer_secret,
            verify_ssl=connection.ca_file or True,
            query_string_auth=connection.keys_in_query,
            user_agent="syncd",
        )
        self._session = session
        read_timeout = connection.timeout_seconds
        self.timeout = (min(CONNECT_TIMEOUT_SECONDS, read_timeout), read_timeout)

    # The library's own method, by its mangled name: that one opens a connection per call and sends signed
    # parameters twice.
    def _API__request(  # noqa: N802
        self,
        method: str,
        endpoint: str,
        data: object,
        params: Mapping[str, str] | None = None,
        **options: Any,
    ) -> requests.Response:
        url = self._API__get_url(endpoint)
        query = dict(params or {})
        if self.is_ssl and self.query_string_auth:
            query |= {"consumer_key": self.consumer_key, "consumer_secret": self.consumer_secret}
        if query:
            url = f"{url}?{urlencode(query)}"
        if not self.is_ssl:
            told = {"version": self.version, "method": method}
            url = ExactOAuth(url, self.consumer_key, self.consumer_secret, **told).get_oauth_url()
        by_header = self.is_ssl and not self.query_string_auth
        return self._session.request(
            method,
            url,
            json=data,
            auth=(self.consumer_key, self.consumer_secret) if by_header else None,
            headers={"user-agent": self.user_agent, "accept": "application/json"},
            timeout=self.timeout,
            verify=self.verify_ssl,
            **options,
        )


class WooClient:
    """Calls one shop. Every fault it raises is one of `syncd.errors`; nothing is retried."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._threads = ThreadPoolExecutor(connection.calls_in_flight, thread_name_prefix=f"woo-{connection.source}")
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()
        self._calls = 0
        self._closed = False
        _keep_queries_out_of_logs()

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
        if self._calls >= CALLS_WAITING_MAX:
            raise self._unavailable(call, f"{CALLS_WAITING_MAX} calls are already waiting for the shop")
        self._calls += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._send, call)
        finally:
            self._calls -= 1

    def unreadable(self, operation: str, message: str) -> ChannelProtocolError:
        """The fault of an answer that is JSON, but not what was promised."""
        return ChannelProtocolError(self._connection.source, operation, message)

    async def aclose(self) -> None:
        """Let the threads go; a call still running ends by its timeout. May be called twice."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            while self._sessions:
                self._sessions.pop().close()

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False  # a .netrc must not replace the shop's keys
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            for scheme in ("http://", "https://"):
                session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0))
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _send(self, call: Call) -> Any:
        """Runs in a worker thread."""
        api = _KeptSessionApi(self._session(), self._connection)
        options: dict[str, Any] = {"params": dict(call.parameters), "allow_redirects": False, "stream": True}
        try:
            if call.method in ("GET", "DELETE"):
                response = getattr(api, call.method.lower())(call.endpoint, **options)
            else:
                response = getattr(api, call.method.lower())(call.endpoint, call.body, **options)
            with response:
                body = self._read(call, response)
        except requests.RequestException as error:
            # "from None": the library's text holds the signed URL.
            raise self._transport_fault(call, error) from None
        if self._closed:
            self._session().close()
        return self._judge(call, response.status_code, response.headers, body)

    def _read(self, call: Call, response: requests.Response) -> bytes:
        started = self._clock.monotonic()
        body = bytearray()
        for chunk in response.iter_content(65536):
            body += chunk
            if len(body) > ANSWER_BYTES_MAX:
                raise self.unreadable(call.operation, f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
            if self._clock.monotonic() - started > self._connection.timeout_seconds:
                raise requests.ReadTimeout
        return bytes(body)

    def _transport_fault(self, call: Call, error: requests.RequestException) -> RemoteError:
        if isinstance(error, requests.ConnectTimeout):
            return self._unavailable(call, "the shop did not accept a connection in time")
        if isinstance(error, requests.exceptions.SSLError):
            return self._unavailable(call, "no trusted TLS connection: the certificate or the protocol does not suit")
        if isinstance(error, requests.Timeout):
            waited = self._connection.timeout_seconds
            return self._unavailable(call, f"no answer within {waited:g} s; the shop may still be working on it")
        if isinstance(error, requests.exceptions.ChunkedEncodingError):
            return self._unavailable(call, "the answer was cut short")
        if isinstance(error, requests.ConnectionError):
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
            document = decode(body)
        except NotJsonError:
            raise bare_fault(answer, body) from None
        if 200 <= status < 300:
            return document
        raise coded_fault(answer, *error_envelope(document))


class _QueryFilter(logging.Filter):
    """Cuts the query off URLs in the transport's debug lines: over http it holds key and signature."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args)
        return True


_QUERY_FILTER = _QueryFilter()


def _keep_queries_out_of_logs() -> None:
    logging.getLogger("urllib3.connectionpool").addFilter(_QUERY_FILTER)

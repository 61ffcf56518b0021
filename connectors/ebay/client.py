"""Speaks the Trading API through ebaysdk: the only file that knows it, its exceptions, threads and timeouts.

ebaysdk is not safe to share between threads (replies of another call were seen), so every call builds a
Connection of its own; the TCP/TLS session below it is kept per worker thread. Replies are read from the raw
bytes.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import urlsplit

import requests
from ebaysdk.exception import EbaySDKError
from ebaysdk.trading import Connection
from requests.adapters import HTTPAdapter

from connectors.ebay.client_token import Tokens
from connectors.ebay.mapping_errors import CallFault, call_fault, retry_after_seconds
from connectors.ebay.mapping_xml import Reply, TradingError, Unreadable, moment, read_reply, text
from syncd.clock import Clock
from syncd.errors import (
    ChannelAuthFailed,
    ChannelProtocolError,
    ChannelRefused,
    ChannelUnavailable,
    RateLimited,
)

BODY_BYTES_MAX = 10_000_000
"""Largest reply read; a full page of 200 listings with variations stays well below."""
CHUNK_BYTES = 64 * 1024

WARNED_BEFORE = timedelta(days=7)
"""How long before an Auth'n'Auth token ends eBay begins to warn of it."""

# At debug level ebaysdk writes tokens and whole bodies with buyers' data into its log.
logging.getLogger("ebaysdk").setLevel(logging.WARNING)

_TEXT_BETWEEN_TAGS = re.compile(r">[^<>]+(?=<|$)")


@dataclass(frozen=True, slots=True, repr=False)
class TradingAccount:
    """Where the Trading API is and who calls it. Its repr shows no secret."""

    name: str
    """The channel's configured name, for faults."""
    endpoint_url: str
    site_id: str
    compatibility_level: int
    app_id: str
    dev_id: str
    cert_id: str
    auth_token: str | None
    """An Auth'n'Auth token, which travels in the body; None where OAuth tokens travel in the header."""
    timeout_seconds: float


class _TooLarge(requests.exceptions.RequestException):
    """A reply went beyond BODY_BYTES_MAX."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    retry_after: str | None
    body: bytes


class _OneCall(Connection):  # type: ignore[misc]
    """An ebaysdk Connection for one call: ebaysdk builds the request; sending keeps the session and bounds the answer.

    ebaysdk's own `response` stays None: its parser is undefended, fails on HTML with AttributeError, and would close
    the kept session.
    """

    session: requests.Session
    answer: _Answer
    clock: Clock

    def execute_request(self) -> None:
        deadline = self.clock.monotonic() + self.timeout
        with self.session.send(
            self.request, verify=True, timeout=self.timeout, allow_redirects=False, stream=True
        ) as response:
            chunks: list[bytes] = []
            size = 0
            for chunk in response.iter_content(CHUNK_BYTES):
                size += len(chunk)
                if size > BODY_BYTES_MAX:
                    raise _TooLarge
                if self.clock.monotonic() > deadline:
                    raise requests.exceptions.ReadTimeout
                chunks.append(chunk)
            self.answer = _Answer(response.status_code, response.headers.get("Retry-After"), b"".join(chunks))


class TradingClient:
    """Makes Trading calls in a bounded pool of threads and turns every failure into a fault of `syncd.errors`."""

    def __init__(self, account: TradingAccount, tokens: Tokens, *, clock: Clock, calls_in_flight: int) -> None:
        self._account = account
        self._tokens = tokens
        self.token_ends_at: datetime | None = None
        """When an Auth'n'Auth token ends, as eBay warns during its last seven days (HardExpirationWarning)."""
        self._clock = clock
        self._pool = ThreadPoolExecutor(calls_in_flight, thread_name_prefix=f"ebay-{account.name}")
        self._free = asyncio.Semaphore(calls_in_flight)
        self._kept = threading.local()
        self._sessions: list[requests.Session] = []
        self._sessions_lock = threading.Lock()
        self._is_closed = False

    async def call(self, verb: str, request: Mapping[str, Any]) -> Reply:
        """The reply to one call. Ack=Failure is a fault: ChannelRefused when nothing else."""
        reply = await self.call_for_outcomes(verb, request)
        if reply.ack == "Failure":
            first = next((error for error in reply.errors if error.is_error), None)
            message = first.sentence if first else "the call failed without saying why"
            raise ChannelRefused(self._account.name, verb, message, first.code if first else "")
        return reply

    async def call_for_outcomes(self, verb: str, request: Mapping[str, Any]) -> Reply:
        """As `call`, but errors about items are left in the reply; only faults of the whole call are raised.

        An access token that eBay refuses is renewed once, and the call made once more: nothing of it was applied.
        """
        token = "" if self._account.auth_token else await self._tokens.token()
        reply = await self._exchange(verb, request, token)
        found = self._fault_of(reply)
        if found and found[0] is CallFault.TOKEN and token and (fresh := await self._tokens.renew(token)):
            reply = await self._exchange(verb, request, fresh)
            found = self._fault_of(reply)
        if found:
            self._raise_call_fault(verb, *found)
        return reply

    def _fault_of(self, reply: Reply) -> tuple[CallFault, TradingError] | None:
        # A reply that lists applied items did not fail as a whole, whatever else it says.
        if reply.is_good or reply.root.find("InventoryStatus") is not None:
            return None
        return call_fault(reply.errors)

    async def _exchange(self, verb: str, request: Mapping[str, Any], token: str) -> Reply:
        message_id = str(uuid.uuid4())
        answer = await self._in_thread(verb, {**request, "MessageID": message_id}, token)
        reply = self._read(verb, answer)
        if reply.correlation_id not in (None, message_id):
            self._broken(verb, "the answer belongs to another call (CorrelationID differs)", b"")
        if (warned := text(reply.root, "HardExpirationWarning")) is not None:
            self.token_ends_at = self._end_of(warned)
        return reply

    async def aclose(self) -> None:
        """Let calls in flight end (each within its timeout), then give back threads and connections."""
        if self._is_closed:
            return
        self._is_closed = True
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)
        for session in self._sessions:
            session.close()

    def _end_of(self, warned: str) -> datetime:
        """The date in HardExpirationWarning. How eBay writes it is not documented: unread, it is a week at most."""
        try:
            return moment(warned)
        except Unreadable:
            return self._clock.now() + WARNED_BEFORE

    async def _in_thread(self, verb: str, request: dict[str, Any], token: str) -> _Answer:
        await self._free.acquire()
        if self._is_closed:
            self._free.release()
            raise ChannelUnavailable(self._account.name, verb, "the channel is closed")
        call = asyncio.get_running_loop().run_in_executor(self._pool, self._perform, verb, request, token)
        call.add_done_callback(self._ended)
        # A cancelled caller leaves at once; the thread finishes alone and only then frees its place.
        return await asyncio.shield(call)

    def _ended(self, call: asyncio.Future[_Answer]) -> None:
        self._free.release()
        if not call.cancelled():
            # Looked at, so that a fault nobody waits for any more is not reported as forgotten.
            call.exception()

    def _perform(self, verb: str, request: dict[str, Any], token: str) -> _Answer:
        name = self._account.name
        try:
            connection = self._connection(token)
            connection.execute(verb, request)
        except _TooLarge:
            raise ChannelProtocolError(name, verb, f"the answer is larger than {BODY_BYTES_MAX} bytes") from None
        except requests.exceptions.Timeout:
            raise ChannelUnavailable(name, verb, f"no answer within {self._account.timeout_seconds:g} s") from None
        except requests.exceptions.RequestException as fault:
            raise ChannelUnavailable(name, verb, f"the connection failed ({type(fault).__name__})") from None
        except (EbaySDKError, AttributeError) as fault:
            # AttributeError is how ebaysdk fails on what it did not expect.
            raise ChannelProtocolError(name, verb, f"ebaysdk failed ({type(fault).__name__})") from fault
        return connection.answer

    def _connection(self, token: str) -> _OneCall:
        account = self._account
        where = urlsplit(account.endpoint_url)
        tokens = {"token": account.auth_token} if account.auth_token else {"iaf_token": token}
        connection = _OneCall(
            domain=where.netloc,
            config_file=None,
            appid=account.app_id,
            devid=account.dev_id,
            certid=account.cert_id,
            siteid=account.site_id,
            compatibility=str(account.compatibility_level),
            timeout=account.timeout_seconds,
            escape_xml=True,
            **tokens,
        )
        # The keyword https=False is overwritten by ebaysdk; this is the only way to plain http.
        connection.config.set("https", where.scheme == "https", force=True)
        connection.clock = self._clock
        connection.session.close()
        connection.session = self._session()
        return connection

    def _session(self) -> requests.Session:
        """This worker thread's own kept session: one connection, reused, never shared between calls in flight."""
        session: requests.Session | None = getattr(self._kept, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            for scheme in ("http://", "https://"):
                session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0))
            self._kept.session = session
            with self._sessions_lock:
                self._sessions.append(session)
        return session

    def _read(self, verb: str, answer: _Answer) -> Reply:
        name = self._account.name
        if answer.status == 429:
            seconds = answer.retry_after or ""
            raise RateLimited(name, verb, "HTTP 429", float(seconds) if seconds.isdecimal() else None)
        start = answer.body[:200].lstrip().lower()
        if not start or start.startswith((b"<!doctype html", b"<html")) or not start.startswith(b"<"):
            what = "an empty answer" if not start else "a page that is not XML"
            if answer.status < 400 or answer.status >= 500:
                raise ChannelUnavailable(name, verb, f"HTTP {answer.status} with {what}")
            self._broken(verb, f"HTTP {answer.status} with {what}", answer.body)
        try:
            return read_reply(answer.body, verb)
        except Unreadable as fault:
            if answer.status >= 500 or not answer.body.rstrip().endswith(b">"):
                raise ChannelUnavailable(name, verb, f"HTTP {answer.status}: {fault}") from None
            self._broken(verb, f"HTTP {answer.status}: {fault}", answer.body)

    def _broken(self, verb: str, message: str, body: bytes) -> NoReturn:
        raise ChannelProtocolError(self._account.name, verb, message, redacted(body))

    def _raise_call_fault(self, verb: str, fault: CallFault, error: TradingError) -> NoReturn:
        name, message = self._account.name, f"{error.short or error.sentence} ({error.code})"
        if fault in (CallFault.TOKEN, CallFault.CONSENT, CallFault.ACCOUNT):
            raise ChannelAuthFailed(name, verb, message)
        if fault is CallFault.DAY_QUOTA:
            raise DayQuotaSpent(name, verb, message)
        if fault is CallFault.SHORT_WINDOW:
            raise RateLimited(name, verb, message, retry_after_seconds(error))
        raise ChannelUnavailable(name, verb, message)


class DayQuotaSpent(RateLimited):
    """The application's calls of the day are used up; the meter (developer analytics) knows until when."""


def redacted(body: bytes) -> str:
    """The tags of a body without any text between them, bounded: enough to see the shape, nothing of a
    customer.
    """
    return _TEXT_BETWEEN_TAGS.sub(">…", body[:4000].decode("utf-8", "replace"))[:2000]

"""Speaks eBay's REST APIs with aiohttp: refunds (Fulfillment) and the call meter (Developer Analytics).

Every failure becomes a fault of `syncd.errors`; a refusal with eBay's own error ids comes back as a value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

from connectors.ebay.mapping_refunds import LATER_CODES, THROTTLE_CODES
from connectors.ebay.mapping_xml import Unreadable, moment
from syncd.errors import ChannelAuthFailed, ChannelProtocolError, ChannelUnavailable, RateLimited

BODY_BYTES_MAX = 2_000_000


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """A JSON answer, or a refusal with the ids of eBay's errors."""

    body: Mapping[str, Any]
    error_ids: tuple[int, ...] = ()
    message: str = ""


@dataclass
class RestClient:
    """One aiohttp session, opened at the first call."""

    name: str
    endpoint_url: str
    marketplace_id: str
    token: str = field(repr=False)
    """OAuth user token; empty when the account uses Auth'n'Auth, which REST does not take."""
    timeout_seconds: float
    calls_in_flight: int
    _session: aiohttp.ClientSession | None = None

    async def issue_refund(self, order_id: str, body: Mapping[str, Any]) -> RestAnswer:
        """POST issue_refund. After ChannelUnavailable the refund may or may not exist."""
        path = f"/sell/fulfillment/v1/order/{order_id}/issue_refund"
        return await self._call("issue_refund", "POST", path, body)

    async def get_order(self, order_id: str) -> RestAnswer:
        """GET one order with its refunds."""
        return await self._call("getOrder", "GET", f"/sell/fulfillment/v1/order/{order_id}", None)

    async def quota_resets_at(self) -> datetime | None:
        """When the Trading API's daily count starts over, as the meter says; None when it names no such
        moment.
        """
        path = "/developer/analytics/v1_beta/user_rate_limit/?api_context=tradingapi&api_name=tradingapi"
        answer = await self._call("getUserRateLimits", "GET", path, None)
        try:
            resets = [
                moment(rate["reset"])
                for limit in answer.body.get("rateLimits") or ()
                for resource in limit["resources"]
                for rate in resource["rates"]
                if rate.get("remaining") == 0
            ]
        except (KeyError, TypeError, Unreadable):
            raise ChannelProtocolError(self.name, "getUserRateLimits", "the meter's answer is not readable") from None
        return max(resets, default=None)

    async def aclose(self) -> None:
        """Give back the connections. May be called twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _call(self, operation: str, method: str, path: str, body: Mapping[str, Any] | None) -> RestAnswer:
        if not self.token:
            raise ChannelAuthFailed(self.name, operation, "eBay's REST APIs need an OAuth user token (iaf_token)")
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Accept": "application/json",
            "X-EBAY-C-MARKETPLACE-ID": self.marketplace_id,
        }
        try:
            async with self._opened().request(
                method, self.endpoint_url + path, json=body, headers=headers, allow_redirects=False
            ) as response:
                raw = await response.content.read(BODY_BYTES_MAX + 1)
                while len(raw) <= BODY_BYTES_MAX and (more := await response.content.read(BODY_BYTES_MAX)):
                    raw += more
                return self._read(operation, response.status, response.headers.get("Retry-After"), raw)
        except TimeoutError:
            raise ChannelUnavailable(self.name, operation, f"no answer within {self.timeout_seconds:g} s") from None
        except aiohttp.ClientError as fault:
            raise ChannelUnavailable(self.name, operation, f"the connection failed ({type(fault).__name__})") from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self.timeout_seconds),
                connector=aiohttp.TCPConnector(limit=self.calls_in_flight),
                json_serialize=lambda value: json.dumps(value, separators=(",", ":")),
            )
        return self._session

    def _read(self, operation: str, status: int, retry_after: str | None, raw: bytes) -> RestAnswer:
        if len(raw) > BODY_BYTES_MAX:
            raise ChannelProtocolError(self.name, operation, f"the answer is larger than {BODY_BYTES_MAX} bytes")
        if status in (401, 403):
            raise ChannelAuthFailed(
                self.name, operation, f"HTTP {status}: the token is missing, expired or without the right"
            )
        body = _json_object(raw) if raw else {}
        ids, message = _errors(body or {})
        if status == 429 or THROTTLE_CODES & set(ids):
            seconds = float(retry_after) if retry_after and retry_after.isdecimal() else None
            raise RateLimited(self.name, operation, f"HTTP {status}", seconds)
        if LATER_CODES & set(ids) or (status >= 500 and not ids):
            raise ChannelUnavailable(self.name, operation, f"HTTP {status} {message}".strip())
        if body is None or (status >= 300 and not ids):
            raise ChannelProtocolError(self.name, operation, f"HTTP {status} with an answer that is not eBay's JSON")
        return RestAnswer(body, ids, message)


def _json_object(raw: bytes) -> dict[str, Any] | None:
    try:
        read = json.loads(raw)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _errors(body: Mapping[str, Any]) -> tuple[tuple[int, ...], str]:
    """The ids of eBay's errors and the first one's text; nothing when the body has none."""
    errors = body.get("errors")
    if not isinstance(errors, list):
        return (), ""
    read = [error for error in errors if isinstance(error, dict) and isinstance(error.get("errorId"), int)]
    return tuple(error["errorId"] for error in read), str(read[0].get("message", "")) if read else ""

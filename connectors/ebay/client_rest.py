"""Speaks eBay's REST APIs: tokens, signatures where eBay asks for them, and every failure as a fault of ours.

A refusal with eBay's own error ids comes back as a value. Fulfillment, Inventory, Post-Order, Developer Analytics and
Commerce Notification share the one door below.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.ebay.client_http import HttpAnswer, HttpDoor
from connectors.ebay.client_signature import SigningKey, signature_headers
from connectors.ebay.client_token import Tokens
from connectors.ebay.mapping_rest import LATER_IDS, THROTTLE_IDS, RestAnswer, error_ids
from syncd.clock import Clock
from syncd.errors import ChannelAuthFailed, ChannelProtocolError, ChannelRefused, ChannelUnavailable, RateLimited


@dataclass(frozen=True, slots=True)
class RestCall:
    """One operation. `is_app`: made in the application's name, not the seller's. `is_signed`: moves money (EU, UK)."""

    operation: str
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    is_app: bool = False
    is_signed: bool = False


class RestClient:
    """The seller's account, seen through eBay's REST APIs."""

    def __init__(
        self, door: HttpDoor, *, user: Tokens, app: Tokens, marketplace_id: str, key: SigningKey | None, clock: Clock
    ) -> None:
        self._door = door
        self._user = user
        self._app = app
        self._marketplace_id = marketplace_id
        self._key = key
        self._clock = clock

    async def call(self, call: RestCall) -> RestAnswer:
        """The answer. After ChannelUnavailable a write may or may not have been applied.

        A token that eBay refuses is renewed once, and the call made once more.
        """
        name, tokens = self._door.name, self._app if call.is_app else self._user
        token = await tokens.token()
        if not token:
            raise ChannelAuthFailed(
                name, call.operation, "eBay's REST APIs need an OAuth user token (refresh_token or iaf_token)"
            )
        answer = await self._send(call, token)
        if answer.status == 401 and (fresh := await tokens.renew(token)):
            answer = await self._send(call, fresh)
        return self._read(call.operation, answer)

    async def _send(self, call: RestCall, token: str) -> HttpAnswer:
        body = None if call.body is None else json.dumps(call.body, separators=(",", ":")).encode()
        scheme = "IAF" if call.path.startswith("/post-order/") else "Bearer"
        headers = {
            "Authorization": f"{scheme} {token}",
            "Accept": "application/json",
            "X-EBAY-C-MARKETPLACE-ID": self._marketplace_id,
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        if call.is_signed and self._key is not None:
            url = self._door.endpoint_url + call.path
            headers |= signature_headers(self._key, method=call.method, url=url, body=body, at=self._clock.now())
        return await self._door.send(call.operation, call.method, call.path, headers, body)

    def _read(self, operation: str, answer: HttpAnswer) -> RestAnswer:
        name, status, body = self._door.name, answer.status, answer.json_object()
        ids, message = error_ids(body or {})
        if status in (401, 403):
            why = "the token is missing, expired or revoked" if status == 401 else "the consent lacks this right"
            raise ChannelAuthFailed(name, operation, f"HTTP {status}: {why}")
        if status == 429 or THROTTLE_IDS & set(ids):
            raise RateLimited(name, operation, f"HTTP {status}", answer.retry_after_seconds)
        if status == 501:
            raise ChannelRefused(name, operation, "eBay does not serve this operation here (HTTP 501)", "501")
        if LATER_IDS & set(ids) or (status >= 500 and not ids):
            raise ChannelUnavailable(name, operation, f"HTTP {status} {message}".strip())
        if body is None or (status >= 300 and not ids):
            raise ChannelProtocolError(name, operation, f"HTTP {status} with an answer that is not eBay's JSON")
        return RestAnswer(status, body, ids, message)

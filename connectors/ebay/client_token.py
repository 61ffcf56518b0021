"""OAuth access tokens: fetched with a refresh token or the application's own keys, renewed before they end, one at a
time however many calls wait for one.

Source: eBay "OAuth guide": an access token lives 7,200 s; a refresh token some 18 months, it is not changed by a
refresh, and it is killed by the seller's changing user name or password, or taking the consent back.
"""

from __future__ import annotations

import asyncio
import base64
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode

from connectors.ebay.client_http import HttpAnswer, HttpDoor
from syncd.clock import Clock
from syncd.errors import ChannelAuthFailed, ChannelProtocolError, ChannelUnavailable, RateLimited

TOKEN_PATH = "/identity/v1/oauth2/token"  # noqa: S105 - a path, not a token
RENEWED_BEFORE = timedelta(minutes=5)
"""An access token is renewed so long before its end, or at half its life if that is shorter."""

APP_SCOPE = "https://api.ebay.com/oauth/api_scope"
USER_SCOPES = (
    APP_SCOPE,
    *(f"{APP_SCOPE}/sell.{right}" for right in ("inventory", "fulfillment", "finances")),
)
"""The rights the connector uses; the seller's consent must cover them."""


class Tokens(Protocol):
    """Where a call gets its access token from."""

    async def token(self) -> str:
        """One that is valid as far as is known; '' where there is none to be had."""
        ...

    async def renew(self, refused: str) -> str | None:
        """Another one, after eBay refused this; None when it cannot be renewed."""
        ...


class FixedToken:
    """An access token an operator has given; it cannot be renewed. '' where there is none."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self) -> str:
        return self._token

    async def renew(self, refused: str) -> str | None:
        return None


class GrantedTokens:
    """Access tokens from eBay's token endpoint."""

    def __init__(self, door: HttpDoor, keys: tuple[str, str], grant: dict[str, str], *, clock: Clock) -> None:
        """`keys`: application id and certificate id. `grant`: the form that asks for a token."""
        self._door = door
        self._basic = base64.b64encode(":".join(keys).encode()).decode()
        self._grant = grant
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token = ""
        self._renew_at: datetime | None = None

    async def token(self) -> str:
        """The token at hand, or a fresh one when it is about to end."""
        if not self._is_due():
            return self._token
        async with self._lock:
            if self._is_due():
                await self._fetch()
            return self._token

    async def renew(self, refused: str) -> str | None:
        """A fresh token, unless another call has brought one since `refused` was handed out."""
        async with self._lock:
            if self._token == refused:
                await self._fetch()
            return self._token

    def _is_due(self) -> bool:
        return self._renew_at is None or self._clock.now() >= self._renew_at

    async def _fetch(self) -> None:
        asked_at = self._clock.now()
        headers = {
            "Authorization": f"Basic {self._basic}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        answer = await self._door.send("token", "POST", TOKEN_PATH, headers, urlencode(self._grant).encode())
        self._token, seconds = self._read(answer)
        life = timedelta(seconds=seconds)
        self._renew_at = asked_at + life - min(RENEWED_BEFORE, life / 2)

    def _read(self, answer: HttpAnswer) -> tuple[str, int]:
        name, body = self._door.name, answer.json_object()
        if answer.status == 429:
            raise RateLimited(name, "token", "too many tokens were asked for (HTTP 429)", answer.retry_after_seconds)
        if answer.status >= 500:
            raise ChannelUnavailable(name, "token", f"HTTP {answer.status}")
        if answer.status in (400, 401, 403):
            raise ChannelAuthFailed(name, "token", self._why(body or {}))
        token, seconds = (body or {}).get("access_token"), (body or {}).get("expires_in")
        if answer.status != 200 or not isinstance(token, str) or not isinstance(seconds, int) or seconds <= 0:
            raise ChannelProtocolError(name, "token", f"HTTP {answer.status} without a token in it")
        return token, seconds

    def _why(self, body: dict[str, object]) -> str:
        code = body.get("error")
        if code == "invalid_client":
            return "eBay does not know app_id and cert_id (invalid_client); compare them with Application Keysets"
        if code == "invalid_grant":
            return (
                "the refresh token is no longer valid (invalid_grant): it has ended, the seller took the consent back, "
                "or changed user name or password; let him consent again and put in the new refresh_token"
            )
        if code == "invalid_scope":
            return "the seller's consent does not cover the rights needed (invalid_scope): see the scopes in the README"
        return f"eBay gives no token ({str(code)[:60] if code else 'it does not say why'})"


def user_tokens(door: HttpDoor, keys: tuple[str, str], refresh_token: str, *, clock: Clock) -> GrantedTokens:
    """Tokens of the seller, from his refresh token."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "scope": " ".join(USER_SCOPES)}
    return GrantedTokens(door, keys, form, clock=clock)


def app_tokens(door: HttpDoor, keys: tuple[str, str], *, clock: Clock) -> GrantedTokens:
    """Tokens of the application itself, for what concerns no seller: the call meter, public keys, destinations."""
    return GrantedTokens(door, keys, {"grant_type": "client_credentials", "scope": APP_SCOPE}, clock=clock)

"""The stand-in's token endpoint: access tokens for a refresh token or for the application, each with its end."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from aiohttp import web

from connectors.ebay.sandbox_records import Switches
from syncd.clock import Clock

Refused = Literal["expired", "unknown"]


@dataclass
class Grants:
    """Who may call. Fixed tokens never end; issued ones do."""

    clock: Clock
    switches: Switches
    client: tuple[str, str]
    """Application id and certificate id."""
    refresh_token: str
    fixed_user_token: str
    is_revoked: bool = False
    """The seller has taken his consent back: no refresh works, and no token already handed out."""
    issued: int = 0
    _user: dict[str, datetime] = field(default_factory=dict)
    _app: dict[str, datetime] = field(default_factory=dict)

    def refuses_user(self, token: str) -> Refused | None:
        """Why a user token is refused, or None."""
        if self.is_revoked:
            return "unknown"
        return None if token == self.fixed_user_token else self._refuses(self._user, token)

    def refuses_app(self, token: str) -> Refused | None:
        """Why an application token is refused, or None."""
        return self._refuses(self._app, token)

    def expire(self) -> None:
        """Every user token handed out so far ends now, whatever was said of it."""
        self._user = dict.fromkeys(self._user, self.clock.now())

    async def answer(self, request: web.Request) -> web.Response:
        """POST /identity/v1/oauth2/token."""
        form = await request.post()
        wanted = base64.b64encode(":".join(self.client).encode()).decode()
        if request.headers.get("Authorization") != f"Basic {wanted}":
            return _refusal(401, "invalid_client", "client authentication failed")
        kind = form.get("grant_type")
        if not form.get("scope"):
            return _refusal(400, "invalid_scope", "The requested scope is invalid, unknown, malformed, or exceeds")
        if kind == "client_credentials":
            return self._grant(self._app, "Application Access Token")
        if kind != "refresh_token":
            return _refusal(400, "unsupported_grant_type", "grant type in request is not supported")
        if self.is_revoked or form.get("refresh_token") != self.refresh_token:
            return _refusal(
                400,
                "invalid_grant",
                "the provided authorization refresh token is invalid or was issued to another client",
            )
        return self._grant(self._user, "User Access Token")

    def _grant(self, tokens: dict[str, datetime], kind: str) -> web.Response:
        self.issued += 1
        token = f"v^1.1#i^1#sandbox-{kind.split()[0].lower()}-{self.issued}"
        tokens[token] = self.clock.now() + timedelta(seconds=self.switches.token_seconds)
        body = {"access_token": token, "expires_in": int(self.switches.token_seconds), "token_type": kind}
        return web.json_response(body)

    def _refuses(self, tokens: dict[str, datetime], token: str) -> Refused | None:
        ends_at = tokens.get(token)
        if ends_at is None:
            return "unknown"
        return "expired" if self.clock.now() >= ends_at else None


def _refusal(status: int, error: str, description: str) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=status)

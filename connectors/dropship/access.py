"""How to reach a supplier: the bounds of every call, and the credentials."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of every call."""

    connect_timeout_seconds: float
    timeout_seconds: float
    body_bytes_max: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to prove who we are; empty strings where a thing is not used. Its repr shows nothing."""

    token: str = field(default="", repr=False)
    token_parameter: str = field(default="", repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def headers(self) -> dict[str, str]:
        """The Authorization header, if one is used."""
        if self.token and not self.token_parameter:
            return {"Authorization": f"Bearer {self.token}"}
        if self.username:
            return {"Authorization": f"Basic {self._basic()}"}
        return {}

    def parameters(self) -> dict[str, str]:
        """What goes into the URL, if anything."""
        return {self.token_parameter: self.token} if self.token and self.token_parameter else {}

    def secrets(self) -> tuple[str, ...]:
        """Every form in which a secret could come back in an answer."""
        plain = [secret for secret in (self.token, self.password) if secret]
        return (
            *plain,
            *(quote(secret, safe="") for secret in plain),
            *([self._basic()] if self.username else []),
        )

    def _basic(self) -> str:
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

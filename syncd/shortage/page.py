"""How the customer's pages look and how they are reached: [page], and the signed link of each case."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from itsdangerous import BadData, URLSafeSerializer
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from syncd.shortage.case import Case

SECRET_LENGTH_MIN = 32
"""Characters a link secret needs: 128 bits, written as hexadecimal digits."""

TOKEN_LENGTH_MAX = 1000
"""Longest token looked at, in characters."""

READABLE = timedelta(days=30)
"""How long after its deadline a link still tells what became of the case."""


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("is no time zone of this machine; write one such as Europe/Rome") from None
    return text


def _secret(value: SecretStr | None) -> SecretStr | None:
    if value is not None and len(value.get_secret_value()) < SECRET_LENGTH_MIN:
        raise ValueError(f"must have {SECRET_LENGTH_MIN} characters or more; make one with: openssl rand -hex 32")
    return value


class PageConfig(BaseModel):
    """[page]: the pages customers see, and what letters say of the shop."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    link_secret: Annotated[SecretStr | None, AfterValidator(_secret)] = Field(
        default=None, description="signs the links in letters; without it, or without [http] public_url, there are none"
    )
    colour: str = Field(
        default="#1d4f5c", pattern=r"^#[0-9a-fA-F]{6}$", description="the shop's colour, dark enough for white letters"
    )
    logo: Path | None = Field(default=None, description="picture of the shop's name: .png, .jpg, .webp")
    pictures: Path | None = Field(default=None, description="folder with a picture of each SKU: SKU.jpg, .png, .webp")
    contact: str = Field(default="", description="how customers reach a person, in a few words")
    without_link: tuple[str, ...] = Field(
        default=(),
        description="channels that allow neither links nor contacts in their messages: customers answer by number",
    )
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="Europe/Rome", description="in which customers are told times"
    )


@dataclass(frozen=True, slots=True)
class Pass:
    """What a link says: which case, the how-many-th time it was asked, and until when it may choose."""

    case_id: str
    asked: int
    expires_at: datetime

    def may_read(self, now: datetime) -> bool:
        """Whether the page still tells of the case."""
        return now < self.expires_at + READABLE


class Links:
    """Makes and reads signed links. Nobody else can: the signature is HMAC-SHA-256 with the shop's secret."""

    def __init__(self, public_url: str | None, secret: SecretStr | None) -> None:
        self._public_url = public_url
        usable = public_url is not None and secret is not None
        self._signer = _signer(secret.get_secret_value()) if usable and secret is not None else None

    def __repr__(self) -> str:
        return f"Links({'on' if self._signer else 'off'})"

    def url(self, case: Case) -> str:
        """The address of the case's page, or '' where there are no pages."""
        token = self.token(case)
        return f"{self._public_url}/c/{token}" if token else ""

    def token(self, case: Case) -> str:
        """The case's token, or '' where there are no pages or nothing was asked yet."""
        if self._signer is None or case.deadline_at is None or not case.asked:
            return ""
        said = [case.case_id, case.asked, int(case.deadline_at.timestamp())]
        return str(self._signer.dumps(said))

    def read(self, token: str) -> Pass | None:
        """What a token says, or None if it is not ours."""
        if self._signer is None or len(token) > TOKEN_LENGTH_MAX:
            return None
        try:
            case_id, asked, expires = self._signer.loads(token)
        except BadData:
            return None
        return Pass(case_id, asked, datetime.fromtimestamp(expires, UTC))


def _signer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        secret, salt="syncd.case", signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
    )

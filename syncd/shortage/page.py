"""How the customer's pages look and how they are reached: [page], and the signed link of each case."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from itsdangerous import BadData, URLSafeSerializer
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from syncd.identity import ChannelName, Sku
from syncd.shortage.case import Case

SECRET_LENGTH_MIN = 32
"""Characters a link secret needs: 128 bits, written as hexadecimal digits."""

TOKEN_LENGTH_MAX = 1000
"""Longest token looked at, in characters."""

READABLE = timedelta(days=30)
"""How long after its deadline a link still tells what became of the case."""


TRACKABLE = timedelta(days=90)
"""How long after the letter it stands in a link tells where the order is."""

NUMBER = "{number}"
"""Where the number of a parcel stands in the address of a carrier's own page."""


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


def _carriers(addresses: dict[str, str]) -> dict[str, str]:
    for name, address in addresses.items():
        found = urlsplit(address)
        if found.scheme != "https" or not found.hostname or "@" in found.netloc or NUMBER in found.netloc:
            raise ValueError(f"{name}: must be an address that begins with https:// and the carrier's host")
        if NUMBER not in address:
            raise ValueError(f"{name}: must hold {NUMBER} where the number of the parcel stands")
    return addresses


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
    recommended: tuple[Sku, ...] = Field(
        default=(), description="SKUs shown on the page that tells where an order is, as long as they are in stock"
    )
    carriers: Annotated[dict[str, str], AfterValidator(_carriers)] = Field(
        default_factory=dict, description="the address of each carrier's own page, with {number}; https only"
    )
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="Europe/Rome", description="in which customers are told times"
    )

    def carrier_link(self, carrier: str, number: str) -> str:
        """Where a carrier tells of a parcel himself, or '' where nothing is configured for him."""
        known = {name.casefold(): address for name, address in self.carriers.items()}
        address = known.get(carrier.strip().casefold(), "") if number else ""
        return address.replace(NUMBER, quote(number, safe=""))


@dataclass(frozen=True, slots=True)
class Pass:
    """What a link says: which case, the how-many-th time it was asked, and until when it may choose."""

    case_id: str
    asked: int
    expires_at: datetime

    def may_read(self, now: datetime) -> bool:
        """Whether the page still tells of the case."""
        return now < self.expires_at + READABLE


@dataclass(frozen=True, slots=True)
class Trail:
    """What a link to where an order is says: one of its lines, which stays whatever becomes of the order's id."""

    channel: ChannelName
    line_id: str
    expires_at: datetime


class Links:
    """Makes and reads signed links. Nobody else can: the signature is HMAC-SHA-256 with the shop's secret."""

    def __init__(self, public_url: str | None, secret: SecretStr | None) -> None:
        self._public_url = public_url
        usable = public_url is not None and secret is not None
        text = secret.get_secret_value() if usable and secret is not None else ""
        self._signer = _signer(text, "syncd.case") if text else None
        self._trails = _signer(text, "syncd.order") if text else None

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

    def order_url(self, channel: ChannelName, line_id: str, now: datetime) -> str:
        """The address that tells where the order of a line is, or '' where there are no pages."""
        if self._trails is None:
            return ""
        said = [channel, line_id, int((now + TRACKABLE).timestamp())]
        return f"{self._public_url}/t/{self._trails.dumps(said)}"

    def read_trail(self, token: str) -> Trail | None:
        """What a token of an order says, or None if it is not ours."""
        if self._trails is None or len(token) > TOKEN_LENGTH_MAX:
            return None
        try:
            channel, line_id, expires = self._trails.loads(token)
        except BadData:
            return None
        return Trail(ChannelName(channel), line_id, datetime.fromtimestamp(expires, UTC))


def _signer(secret: str, salt: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        secret, salt=salt, signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
    )

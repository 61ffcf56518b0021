"""Settings of the ways a supplier is reached by other than HTTP, and of the answers that come back by them."""

from __future__ import annotations

import re
from email.utils import parseaddr
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.dropship.mapping_answers import AnswerLayout
from syncd.supply.port import AnswerKind

HOST_KEY = re.compile(r"^(?:SHA256:[A-Za-z0-9+/]{43}|(?:ssh|ecdsa)-[a-z0-9-]+ [A-Za-z0-9+/]+={0,2}(?: .*)?)$")

ColumnName = Annotated[str, Field(max_length=200)]


def secret_text(value: SecretStr | None) -> str:
    """The secret, or "" where there is none."""
    return value.get_secret_value() if value is not None else ""


class Sftp(BaseModel):
    """[supplier.NAME.sftp]: for every sftp:// address of this supplier."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    username: str = Field(min_length=1, description="our name on his server")
    password: SecretStr | None = Field(default=None, description="secret: password; this or `private_key`")
    private_key: SecretStr | None = Field(default=None, description="secret: our private key, without passphrase")
    host_key: str = Field(
        description="his server's key, so that nobody else can pose as him: `SHA256:…` or `ssh-ed25519 AAAA…`"
    )
    order_format: Literal["csv", "json"] = Field(default="csv", description="how orders dropped there are written")

    @field_validator("host_key")
    @classmethod
    def _is_host_key(cls, text: str) -> str:
        if not HOST_KEY.match(text.strip()):
            raise ValueError("write a fingerprint SHA256:… or a public key such as ssh-ed25519 AAAA…")
        return text.strip()

    @model_validator(mode="after")
    def _has_one_way_in(self) -> Self:
        if (self.password is None) == (self.private_key is None):
            raise ValueError("give either password or private_key")
        return self

    def secrets(self) -> tuple[str, ...]:
        """What must never come out."""
        return tuple(text for text in (secret_text(self.password), secret_text(self.private_key)) if text)


class Mail(BaseModel):
    """[supplier.NAME.mail]: the account orders are sent from, and answers are read from."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    smtp_url: str = Field(
        default="", description="the outgoing server: `smtps://host` or `smtp://host`, which must offer STARTTLS"
    )
    sender: str = Field(default="", max_length=200, description="the address orders come from")
    username: str = Field(default="", description="user name at both servers; empty: none is asked for")
    password: SecretStr | None = Field(default=None, description="secret: password of `username`")
    language: Literal["it", "en"] = Field(default="it", description="language of the letter around an order")
    answers_from: tuple[str, ...] = Field(
        default=(), description="addresses whose mails may be answers; others are left alone"
    )

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_server(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.username):
            raise ValueError("write smtps://mail.example.com or smtp://mail.example.com:587, without a password")
        return url

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = []
        if bool(self.username) != (self.password is not None):
            problems.append("username and password go together")
        if self.smtp_url and not ("@" in parseaddr(self.sender)[1] and self.sender.isprintable()):
            problems.append("smtp_url needs sender, the address orders come from")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def reads(self) -> bool:
        """Whether answers can be read."""
        return bool(self.username and self.answers_from)

    def secrets(self) -> tuple[str, ...]:
        """What must never come out."""
        return (secret_text(self.password),) if self.password is not None else ()


class Answers(BaseModel):
    """[supplier.NAME.answers]: the columns of his answers, and what his words for a state mean."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    reference: ColumnName = Field(default="reference", min_length=1, description="our purchase order's reference")
    status: ColumnName = Field(default="status", min_length=1, description="what he says; see `words`")
    sku: ColumnName = Field(default="", description="his article number; empty: every answer is about a whole order")
    quantity: ColumnName = Field(default="", description="pieces it is about; empty: all of them")
    order_number: ColumnName = Field(default="", description="his own number for the order")
    tracking_number: ColumnName = Field(default="", description="the parcel's number")
    carrier: ColumnName = Field(default="", description="who carries the parcel")
    expected_on: ColumnName = Field(default="", description="the day he promises: 2026-03-09 or 09/03/2026")
    message: ColumnName = Field(default="", description="what he has to say about it")
    words: dict[str, AnswerKind] = Field(
        default_factory=dict, description="his words: `accepted`, `refused`, `shipped` or `delayed`, besides the known"
    )

    def layout(self) -> AnswerLayout:
        """The same, as the mapping wants it."""
        return AnswerLayout(
            reference=self.reference,
            status=self.status,
            optional=tuple(
                (name, getattr(self, name))
                for name in ("sku", "quantity", "order_number", "tracking_number", "carrier", "expected_on", "message")
                if getattr(self, name)
            ),
            words=tuple((" ".join(word.split()).casefold(), kind) for word, kind in self.words.items()),
        )

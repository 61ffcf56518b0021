"""Letters as e-mail: [mail], the message itself, and what may become of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from syncd.clock import DURATION_SECONDS_MAX, doubled
from syncd.identity import ChannelName
from syncd.letter.letter import Letter

ATTEMPTS_MAX = 12
"""Tries before a letter that the server puts off becomes a person's; with the pauses below some seven hours."""

RETRY_FIRST_SECONDS = 30.0
RETRY_LONGEST_SECONDS = 3600.0


def _sender(text: str) -> str:
    if text and address_of(parseaddr(text)[1]) is None:
        raise ValueError('must be an address such as "La Brace <help@shop.example>"')
    return text


class MailConfig(BaseModel):
    """[mail]: how letters go out by e-mail, and for which channels' customers; off while `host` is not given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(default="", description="the SMTP server that takes our mail")
    port: int = Field(default=587, ge=1, le=65535, description="its port")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description='"tls" from the first byte (port 465); "none" for a relay on this machine'
    )
    username: str = Field(default="", description="user name there")
    password: SecretStr | None = Field(default=None, description="password there")
    sender: Annotated[str, AfterValidator(_sender)] = Field(
        default="", description='who it is from, and where answers go: "La Brace <help@shop.example>"'
    )
    channels: tuple[str, ...] = Field(
        default=(),
        description="channels whose customers get e-mail; others get the channel's own messages",
    )
    timeout_seconds: float = Field(
        default=30.0, gt=0, le=DURATION_SECONDS_MAX, description="longest wait for one answer of the server"
    )

    def serves(self, channel: ChannelName) -> bool:
        """Whether the channel's customers are written to by e-mail."""
        return bool(self.host and self.sender) and channel in self.channels


class Delivery(StrEnum):
    """What became of a try to send."""

    TAKEN = "taken"
    """The server answers for it from now on."""
    LATER = "later"
    """The server has certainly not taken it, and may later."""
    REFUSED = "refused"
    """The server will never take it."""
    NOT_KNOWN = "not_known"
    """It was handed over and no answer came."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A try's outcome; `why` tells nothing of the buyer."""

    delivery: Delivery
    why: str = ""


def address_of(text: str) -> Address | None:
    """The address, or None for what is none."""
    if not text.isprintable() or " " in text or text.count("@") != 1:
        return None
    try:
        return Address(addr_spec=text)
    except (ValueError, MessageError, IndexError):
        return None


def compose(letter: Letter, to: Address, config: MailConfig, now: datetime) -> EmailMessage:
    """The message, in two dresses. Its Message-ID is made from the letter's reference: however often it were sent,
    mail programs would show it once."""
    name, sender = parseaddr(config.sender)
    own = Address(name, addr_spec=sender)
    message = EmailMessage(policy=SMTP)
    message["From"] = own
    message["To"] = to
    message["Subject"] = letter.subject
    message["Date"] = now
    message["Message-ID"] = f"<{hashlib.sha256(letter.reference.encode()).hexdigest()[:32]}@{own.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = letter.language
    message.set_content(letter.body, cte="quoted-printable")
    if letter.html:
        message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    return message


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """When a letter is tried again after so many tries, or None when that was the last."""
    if attempts >= ATTEMPTS_MAX:
        return None
    seconds = doubled(RETRY_FIRST_SECONDS, attempts, RETRY_LONGEST_SECONDS)
    return now + timedelta(seconds=seconds)

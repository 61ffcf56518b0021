"""A real SMTP server on a free port of loopback, with the ugly moments such servers have."""

from __future__ import annotations

import asyncio
import email
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from functools import partial
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.broker import free_port


@dataclass
class PostOffice:
    """What was delivered, and what goes wrong next: an answer at "mail", "rcpt" or "data"; "hang up" after the text."""

    port: int = field(default_factory=free_port)
    delivered: list[EmailMessage] = field(default_factory=list)
    trouble: list[tuple[str, str]] = field(default_factory=list)

    def _next(self, stage: str) -> str | None:
        if self.trouble and self.trouble[0][0] == stage:
            return self.trouble.pop(0)[1]
        return None

    async def handle_MAIL(  # noqa: N802  aiosmtpd's name
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a sender, or not."""
        answer = self._next("mail")
        if answer:
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or not."""
        answer = self._next("rcpt")
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a text, or not, or take it and hang up before saying so."""
        answer = self._next("data")
        if answer:
            return answer
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.delivered.append(message)
        if self._next("hang up") is not None:
            server.transport.abort()
        return "250 OK"


@asynccontextmanager
async def post_office() -> AsyncIterator[PostOffice]:
    """A server that runs in this loop."""
    office = PostOffice()
    make = partial(SMTP, office, enable_SMTPUTF8=True, hostname="localhost")
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", office.port)
    try:
        yield office
    finally:
        server.close()
        await server.wait_closed()

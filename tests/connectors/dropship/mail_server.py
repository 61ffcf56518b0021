"""A stand-in for our own mail server: takes mails, refuses them, or falls silent at a chosen moment."""

from __future__ import annotations

import asyncio
import warnings
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USERNAME, PASSWORD = "ordini@labrace.example", "sandbox-smtp-password-8Vb1"


@dataclass
class MailServer:
    """A running server. `answers` replace its own, by the command; "drop" closes the connection instead."""

    url: str = ""
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    taken_before_drop: bool = False
    _server: asyncio.Server | None = None

    async def handle_MAIL(  # noqa: N802  aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """The sender's address."""
        envelope.mail_from = address
        return self._said("MAIL", server)

    async def handle_RCPT(  # noqa: N802  aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """The recipient's address."""
        envelope.rcpt_tos.append(address)
        return self._said("RCPT", server)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """The mail itself."""
        said = self._said("DATA", server)
        if said.startswith("250") or (said == "drop" and self.taken_before_drop):
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.recipients += envelope.rcpt_tos
        return said

    def _said(self, command: str, server: SMTP) -> str:
        said = self.answers.get(command, "250 OK")
        if said == "drop":
            assert server.transport is not None
            server.transport.abort()
        return str(said)

    async def aclose(self) -> None:
        """Stop serving."""
        if self._server is not None:
            self._server.close()


def _authenticated(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USERNAME.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=is_right, handled=False)


async def start() -> MailServer:
    """Serve until `aclose`; every mail needs a login."""
    mail_server = MailServer()
    loop = asyncio.get_running_loop()

    def connection() -> SMTP:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")
            return SMTP(
                mail_server,
                authenticator=_authenticated,
                auth_required=True,
                auth_require_tls=False,  # on loopback there is nobody on the way
                hostname="mail.labrace.example",
                loop=loop,
            )

    server = await loop.create_server(connection, "127.0.0.1", 0)
    mail_server._server = server
    mail_server.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    return mail_server

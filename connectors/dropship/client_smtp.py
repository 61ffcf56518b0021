"""Hands mails to our own mail server, and knows of each whether it was taken. The only importer of aiosmtplib."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiosmtplib

from connectors.dropship.client import Client
from connectors.dropship.mapping_letter import Letter

PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Smtp:
    """The outgoing server; an account where it asks for one."""

    client: Client
    url: str
    username: str = ""
    password: str = field(default="", repr=False)

    async def send(self, letter: Letter, operation: str) -> str:
        """'' once it is taken, or why it surely was not.

        Raises ChannelAuthFailed and ChannelRefused when nothing was sent and repeating is no help, and
        ChannelUnavailable when the text was on its way and nobody saw it arrive.
        """
        client = self.client
        async with client.translated(operation):
            server = self._server()
            try:
                try:
                    await server.connect()
                    if self.username:
                        await server.login(self.username, self.password)
                    await server.mail(letter.sender)
                    await server.rcpt(letter.recipient)
                except aiosmtplib.SMTPAuthenticationError as error:
                    raise client.auth_failed(operation, f"our mail server refuses us (code {error.code})") from None
                except aiosmtplib.SMTPNotSupported:
                    raise client.auth_failed(operation, "our mail server offers neither TLS nor a login") from None
                except aiosmtplib.SMTPResponseException as error:
                    if error.code >= 500:
                        said = f"our mail server refuses the mail (code {error.code})"
                        raise client.refusal(operation, said, str(error.code)) from None
                    return f"our mail server wants it later (code {error.code})"
                except UnicodeError:
                    said = "an address or the password holds letters no mail server takes"
                    raise client.refusal(operation, said, "") from None
                except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
                    return f"our mail server does not answer ({type(error).__name__})"
                try:
                    await server.data(letter.content)
                except aiosmtplib.SMTPDataError as error:
                    if error.code >= 500:
                        said = f"our mail server refuses the mail (code {error.code})"
                        raise client.refusal(operation, said, str(error.code)) from None
                    return f"our mail server wants it later (code {error.code})"
                except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
                    said = f"the mail server did not say whether it took the mail ({type(error).__name__})"
                    raise client.unavailable(operation, said) from None
                return ""
            finally:
                server.close()

    def _server(self) -> aiosmtplib.SMTP:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        is_tls = parts.scheme == "smtps"
        return aiosmtplib.SMTP(
            hostname=host,
            port=parts.port or PORTS[parts.scheme],
            use_tls=is_tls,
            # Towards another machine a password never goes out readable; on this one there is nobody on the way.
            start_tls=None if is_tls or _is_this_machine(host) else True,
            timeout=self.client.limits.timeout_seconds,
        )


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

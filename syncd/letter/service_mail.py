"""Hands a message to the SMTP server, and says for certain what is certain: taken, not taken, refused, or not known."""

from __future__ import annotations

from dataclasses import replace
from email.message import EmailMessage
from email.utils import parseaddr

from aiosmtplib import SMTP
from aiosmtplib.errors import SMTPException, SMTPResponseException

from syncd.letter.mail import Delivery, MailConfig, Receipt

PERMANENT = 500
"""SMTP replies from here on will not change by asking again (RFC 5321 §4.2.1)."""


class Postman:
    """One SMTP server. A connection for each letter: they are few, and none is left half open."""

    def __init__(self, config: MailConfig) -> None:
        self.config = config

    async def send(self, message: EmailMessage, to: str) -> Receipt:
        """Send once. Before the text is handed over every failure is certain; after it only an answer is."""
        config = self.config
        client = SMTP(
            hostname=config.host,
            port=config.port,
            use_tls=config.security == "tls",
            start_tls=config.security == "starttls",
            timeout=config.timeout_seconds,
        )
        try:
            try:
                await client.connect()
                if config.username and config.password is not None:
                    await client.login(config.username, config.password.get_secret_value())
                await client.mail(parseaddr(config.sender)[1])
            except (SMTPException, OSError, ValueError) as fault:
                return replace(_certain(fault), delivery=Delivery.LATER)  # what is wrong here is no letter's fault
            try:
                await client.rcpt(to)
            except (SMTPException, OSError, ValueError) as fault:
                return _certain(fault)
            try:
                await client.data(message.as_bytes())
            except SMTPResponseException as fault:
                return _certain(fault)
            except (SMTPException, OSError) as fault:
                return Receipt(Delivery.NOT_KNOWN, type(fault).__name__)
            return Receipt(Delivery.TAKEN)
        finally:
            client.close()


def _certain(fault: Exception) -> Receipt:
    """The server has not taken it. Its own words may repeat the address, so only the number is told."""
    if isinstance(fault, SMTPResponseException) and fault.code > 0:
        delivery = Delivery.REFUSED if fault.code >= PERMANENT else Delivery.LATER
        return Receipt(delivery, f"the mail server answered {fault.code}")
    return Receipt(Delivery.LATER, f"the mail server was not reached: {type(fault).__name__}")

"""Reads answers out of a mailbox: the tables attached to mails of known senders. Nothing in the mailbox is changed."""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from connectors.dropship.client import Client
from connectors.dropship.mapping_folder import FILES_MAX, Entry
from connectors.dropship.mapping_mail import attachment, listed, quoted_folder
from syncd.errors import ChannelUnavailable

T = TypeVar("T")

THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
"""Where a password need not be hidden on the way."""

PORTS = {"imap": 143, "imaps": 993}

DAYS_LOOKED_BACK = 30
"""Older mails are not looked at; an order is answered sooner or asked about."""


@dataclass(frozen=True, slots=True)
class MailboxAccess:
    """The account, and whose mails may be answers."""

    username: str
    password: str = field(repr=False)
    answers_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mailbox:
    """imaps://host/FOLDER; implements Folder: a mail with a table attached is a file of it."""

    client: Client
    url: str
    access: MailboxAccess

    @property
    def name(self) -> str:
        """What it is called in sentences."""
        return f"the mailbox {self.folder!r}"

    @property
    def folder(self) -> str:
        """The mailbox's folder."""
        return unquote(urlsplit(self.url).path).strip("/") or "INBOX"

    @asynccontextmanager
    async def opened(self, operation: str) -> AsyncIterator[OpenMailbox]:
        """Connect and choose the folder; nothing is marked as read."""
        server = await self.client.in_thread(partial(self._connect, operation), operation=operation)
        try:
            yield OpenMailbox(self.client, server, self.access.answers_from, operation)
        finally:
            await self.client.submitted(partial(_drop, server), operation)

    def _connect(self, operation: str) -> imaplib.IMAP4:
        parts, client = urlsplit(self.url), self.client
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        seconds = client.limits.connect_timeout_seconds
        try:
            if parts.scheme == "imaps":
                server: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                    host, port, ssl_context=ssl.create_default_context(), timeout=seconds
                )
            else:
                server = imaplib.IMAP4(host, port, timeout=seconds)
        except imaplib.IMAP4.error as error:
            raise self._broken_off(error, operation) from None
        with ExitStack() as undo:
            undo.callback(_drop, server)
            try:
                self._enter(server, operation, is_tls=parts.scheme == "imaps")
            except imaplib.IMAP4.error as error:
                raise self._broken_off(error, operation) from None
            undo.pop_all()
        return server

    def _enter(self, server: imaplib.IMAP4, operation: str, *, is_tls: bool) -> None:
        if not is_tls and "STARTTLS" in server.capabilities:
            server.starttls(ssl.create_default_context())
        elif not is_tls and urlsplit(self.url).hostname not in THIS_MACHINE:
            raise self.client.auth_failed(operation, "the mail server offers no TLS; write imaps://")
        try:
            server.login(self.access.username, self.access.password)
        except imaplib.IMAP4.abort:
            raise
        except (imaplib.IMAP4.error, UnicodeError):  # letters beyond ASCII are no password there
            raise self.client.auth_failed(operation, "the mail server refuses user name or password") from None
        if server.select(quoted_folder(self.folder), readonly=True)[0] != "OK":
            raise self.client.unavailable(operation, f"there is no folder {self.folder!r} in the mailbox")

    def _broken_off(self, error: Exception, operation: str) -> ChannelUnavailable:
        return self.client.unavailable(operation, f"the mail server broke off ({type(error).__name__})")


def _drop(server: imaplib.IMAP4) -> None:
    with suppress(imaplib.IMAP4.error, OSError):
        server.shutdown()


@dataclass(frozen=True, slots=True)
class OpenMailbox:
    """A mailbox one is connected to; implements OpenFolder."""

    client: Client
    server: imaplib.IMAP4
    senders: Sequence[str]
    operation: str

    async def entries(self) -> list[Entry]:
        """The mails of those senders, each by its number in this mailbox."""
        return await self._done(self._entries)

    async def read(self, entry: Entry, *, bytes_wanted: int | None) -> bytes:
        """The table attached to it; a mail without one is an empty table of answers."""
        return await self._done(partial(self._read, entry))

    async def _done(self, work: Callable[[], T]) -> T:
        try:
            return await self.client.in_thread(work, operation=self.operation)
        except (imaplib.IMAP4.error, UnicodeError) as error:
            said = f"the mail server broke off ({type(error).__name__})"
            raise self.client.unavailable(self.operation, said) from None

    def _entries(self) -> list[Entry]:
        since = self.client.clock.now() - timedelta(days=DAYS_LOOKED_BACK)
        found: list[Entry] = []
        validity = (self.server.response("UIDVALIDITY")[1] or [b""])[0] or b""
        for sender in self.senders:
            quoted = sender.replace("\\", "").replace('"', "")
            criteria = f'SINCE {since:%d}-{MONTHS[since.month - 1]}-{since:%Y} FROM "{quoted}"'
            numbers = self._said(self.server.uid("SEARCH", criteria))
            uids = b" ".join(part for part in numbers if isinstance(part, bytes)).split()[-FILES_MAX:]
            if uids:
                answer = self._said(self.server.uid("FETCH", b",".join(uids).decode(), "(RFC822.SIZE INTERNALDATE)"))
                found += [one for part in answer if (one := listed(part, validity.decode())) is not None]
        return found

    def _read(self, entry: Entry) -> bytes:
        if entry.size > self.client.limits.body_bytes_max:
            raise self.client.protocol_error(self.operation, f"mail {entry.name} is too large (body_bytes_max)")
        uid = entry.name.rpartition("-")[2]
        answer = self._said(self.server.uid("FETCH", uid, "(BODY.PEEK[])"))
        mail = next((part[1] for part in answer if isinstance(part, tuple)), b"")
        return attachment(mail, self.senders)

    def _said(self, answer: tuple[str, list[object]]) -> list[object]:
        state, parts = answer
        if state != "OK":
            raise self.client.unavailable(self.operation, "the mail server did not do what was asked")
        return parts


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

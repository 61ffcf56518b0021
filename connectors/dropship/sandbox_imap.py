"""A stand-in for the mail server answers are read from: the part of IMAP4rev1 (RFC 3501) that a reader needs.

It is written from the RFC: searches by day and sender, literals, tagged completions, BAD for what it does not know.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

USERNAME, PASSWORD = "ordini@labrace.example", "sandbox-imap-password-2Hx7"
UIDVALIDITY = 77

Send = Callable[[bytes], None]


@dataclass(frozen=True)
class StoredMail:
    """A mail as it lies in the mailbox."""

    uid: int
    content: bytes
    arrived_at: datetime


@dataclass
class ImapSandbox:
    """A running server with one account and one folder."""

    mails: list[StoredMail] = field(default_factory=list)
    url: str = ""
    commands: list[str] = field(default_factory=list)
    """Every command received, without the arguments of LOGIN."""
    password: str = PASSWORD
    folder: str = "INBOX"
    """Its name as it goes over the wire."""
    hang_up_on: str = ""
    """The command at which the connection is closed without an answer."""
    _server: asyncio.Server | None = field(default=None, repr=False)

    def deliver(self, content: bytes, arrived_at: datetime) -> None:
        """A mail comes in."""
        self.mails.append(StoredMail(len(self.mails) + 1, content, arrived_at.astimezone(UTC)))

    async def aclose(self) -> None:
        """Stop serving. May be called twice."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        writer.write(b"* OK ready\r\n")
        is_in = False
        try:
            while line := await reader.readline():
                tag, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
                words = rest.split(" ", 2)
                name = " ".join(words[:2]).upper() if words[0].upper() == "UID" else words[0].upper()
                self.commands.append(name)
                if self.hang_up_on == name:
                    return
                if name == "LOGIN":
                    is_in = shlex.split(rest)[1:] == [USERNAME, self.password]
                    said = "OK in" if is_in else "NO [AUTHENTICATIONFAILED] wrong"
                else:
                    said = self._answered(name, rest, writer.write, is_in=is_in)
                writer.write(f"{tag} {said}\r\n".encode())
                await writer.drain()
                if name == "LOGOUT":
                    return
        except ConnectionError:
            return
        finally:
            writer.close()

    def _answered(self, name: str, rest: str, send: Send, *, is_in: bool) -> str:
        if name == "CAPABILITY":
            send(b"* CAPABILITY IMAP4rev1\r\n")
        elif name == "LOGOUT":
            send(b"* BYE\r\n")
        elif not is_in:
            return "BAD not logged in"
        elif name in ("SELECT", "EXAMINE"):
            if shlex.split(rest)[1:] != [self.folder]:
                return "NO no such mailbox"
            send(f"* {len(self.mails)} EXISTS\r\n* OK [UIDVALIDITY {UIDVALIDITY}] valid\r\n".encode())
            return f"OK [{'READ-ONLY' if name == 'EXAMINE' else 'READ-WRITE'}] done"
        elif name == "UID SEARCH":
            found = " ".join(str(one.uid) for one in self._found(rest))
            send(f"* SEARCH {found}\r\n".encode())
        elif name == "UID FETCH":
            self._fetch(rest, send)
        else:
            return "BAD unknown command"
        return "OK done"

    def _found(self, rest: str) -> list[StoredMail]:
        wanted = re.fullmatch(r'UID SEARCH SINCE (\d{1,2}-[A-Za-z]{3}-\d{4}) FROM "([^"]*)"', rest, re.IGNORECASE)
        if wanted is None:
            return []
        since = datetime.strptime(wanted[1], "%d-%b-%Y").replace(tzinfo=UTC).date()
        return [one for one in self.mails if one.arrived_at.date() >= since and self._is_from(one, wanted[2])]

    def _is_from(self, mail: StoredMail, text: str) -> bool:
        """FROM matches a part of the header field (RFC 3501 §6.4.4): also a name that poses as an address."""
        return text.casefold() in str(message_from_bytes(mail.content, policy=default)["From"]).casefold()

    def _fetch(self, rest: str, send: Send) -> None:
        _, _, uids, items = rest.split(" ", 3)
        wanted = {int(uid) for uid in uids.split(",")}
        for number, mail in enumerate(self.mails, start=1):
            if mail.uid not in wanted:
                continue
            if "BODY.PEEK[]" in items:
                size = len(mail.content)
                send(f"* {number} FETCH (UID {mail.uid} BODY[] {{{size}}}\r\n".encode() + mail.content + b")\r\n")
            else:
                arrived = internal_date(mail.arrived_at)
                told = f'UID {mail.uid} RFC822.SIZE {len(mail.content)} INTERNALDATE "{arrived}"'
                send(f"* {number} FETCH ({told})\r\n".encode())


def internal_date(moment: datetime) -> str:
    """As IMAP writes it: " 2-Mar-2026 08:00:00 +0000"."""
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[moment.month - 1]
    return f"{moment.day:2d}-{month}-{moment.year} {moment:%H:%M:%S} +0000"


async def start(*, host: str = "127.0.0.1", port: int = 0) -> ImapSandbox:
    """Serve until `aclose`; port 0 takes a free one."""
    sandbox = ImapSandbox()
    server = await asyncio.start_server(sandbox.serve, host, port)
    sandbox._server = server
    sandbox.url = f"imap://{host}:{server.sockets[0].getsockname()[1]}/INBOX"
    return sandbox

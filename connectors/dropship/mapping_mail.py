"""Finds the answers in a mail: who sent it, and the table attached to it."""

from __future__ import annotations

import base64
import email
import email.policy
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime

from connectors.dropship.mapping_folder import Entry
from connectors.dropship.mapping_rows import UnreadableFeed

TABLES = (".csv", ".tsv", ".txt", ".json", ".xml", ".xlsx")
"""Attachments that may be a table of answers, by the end of their names."""

ODD_MAIL = (ValueError, LookupError, AttributeError, TypeError, RecursionError)
"""What the standard library's parser lets through for mails nobody honest writes; it promises none of its own."""

_BEYOND_ASCII = re.compile(r"([ -~]*)([^ -~]*)")
_LISTED = re.compile(rb"UID (?P<uid>\d+)")
_SIZE = re.compile(rb"RFC822\.SIZE (?P<size>\d+)")
_DATE = re.compile(rb'INTERNALDATE "(?P<day>[ \d]\d)-(?P<month>[A-Za-z]{3})-(?P<rest>\d{4} \d\d:\d\d:\d\d [+-]\d{4})"')


def quoted_folder(name: str) -> str:
    """A mailbox folder's name as it goes over the wire: modified UTF-7 (RFC 3501, 5.1.3), in quotes."""
    written = ""
    for plain, other in _BEYOND_ASCII.findall(name):
        packed = base64.b64encode(other.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
        written += plain.replace("&", "&-") + (f"&{packed}-" if other else "")
    escaped = written.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def listed(part: object, validity: str) -> Entry | None:
    """One line of a mailbox's listing. `validity` changes when the mailbox counts its mails anew."""
    if not isinstance(part, bytes):
        return None
    uid, size, date = _LISTED.search(part), _SIZE.search(part), _DATE.search(part)
    if uid is None or size is None or date is None:
        return None
    text = f"{date['day'].decode().strip()} {date['month'].decode()} {date['rest'].decode()}"
    try:
        arrived: datetime = parsedate_to_datetime(text)
    except ValueError:
        return None
    return Entry(f"{validity}-{uid['uid'].decode()}", int(size["size"]), arrived.astimezone(UTC).timestamp())


def attachment(content: bytes, senders: Sequence[str]) -> bytes:
    """The first table attached, or b"" where there is none or the mail is not of these senders.

    Raises UnreadableFeed for a mail that cannot be taken apart: anybody may send one.
    """
    try:
        return _attachment(content, senders)
    except ODD_MAIL as error:
        raise UnreadableFeed(f"the mail cannot be taken apart ({type(error).__name__})") from None


def _attachment(content: bytes, senders: Sequence[str]) -> bytes:
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)  # noqa: S101  the policy's own class
    known = {sender.casefold() for sender in senders}
    written_by = {address.casefold() for _, address in getaddresses([str(one) for one in mail.get_all("From", [])])}
    if len(written_by) != 1 or not written_by <= known:
        return b""
    for part in mail.iter_attachments():
        name = (part.get_filename() or "").casefold()
        if name.endswith(TABLES):
            found = part.get_payload(decode=True)
            return found if isinstance(found, bytes) else b""
    return b""

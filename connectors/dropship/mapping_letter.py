"""Writes the mail that carries a purchase order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from connectors.dropship.mapping_order_file import file_name, order_file
from syncd.supply.port import PurchaseRequest

WORDS = {
    "it": (
        "Ordine {reference}",
        "Buongiorno,\n\nin allegato l'ordine {reference}:\n\n{lines}\n\nÈ lo stesso ordine anche se questo messaggio "
        "arriva due volte: il riferimento {reference} vale una volta sola.\n",
    ),
    "en": (
        "Purchase order {reference}",
        "Good day,\n\nplease find attached our order {reference}:\n\n{lines}\n\nShould this message arrive twice it "
        "is one order all the same: the reference {reference} counts once.\n",
    ),
}
"""Subject and text by language; the customer's address stands in the attachment alone."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail ready to be sent: envelope and bytes. Its repr shows no content."""

    sender: str
    recipient: str
    content: bytes = field(repr=False)


def order_letter(request: PurchaseRequest, sender: str, recipient: str, language: str, now: datetime) -> Letter:
    """The mail for an order. Its Message-ID comes from the reference, so that a mail sent twice is known as one."""
    subject, text = WORDS[language]
    lines = "\n".join(f"  {line.quantity} × {line.supplier_sku}" for line in request.lines)
    mail = EmailMessage()
    mail["Subject"] = _one_line(subject.format(reference=request.reference))
    mail["From"] = sender
    mail["To"] = recipient
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{hashlib.sha256(request.reference.encode()).hexdigest()[:40]}@{_domain(sender)}>"
    mail["X-Purchase-Order"] = _one_line(request.reference)
    mail.set_content(text.format(reference=request.reference, lines=lines))
    mail.add_attachment(order_file(request, "csv"), maintype="text", subtype="csv", filename=file_name(request, "csv"))
    return Letter(parseaddr(sender)[1], recipient, mail.as_bytes())


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2]


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)

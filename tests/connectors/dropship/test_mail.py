"""Orders by mail and answers out of a mailbox, over real servers on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote

import pytest

from connectors.dropship import sandbox_imap
from connectors.dropship.feed import OrderingSupplier
from connectors.dropship.mapping_mail import quoted_folder
from connectors.dropship.sandbox_imap import ImapSandbox
from syncd.channel.port import Address
from syncd.errors import ChannelAuthFailed, ChannelRefused, ChannelUnavailable, RemoteError
from syncd.supply.port import AnswerKind, AnswersLater, PurchaseLine, PurchaseRequest, PurchaseVerdict
from syncd.testkit.fake_clock import START_AT
from tests.connectors.dropship import mail_server
from tests.connectors.dropship.mail_server import MailServer
from tests.connectors.dropship.servers import Connect

MARIO = Address("Mario Rossi", "Via Garibaldi 5", "Milano", "20121", "MI", "IT", "+39 02 5550100")
ORDER = PurchaseRequest("ebay:1/nord/1", (PurchaseLine("ebay:l1/GLOVE-X", "GLOVE-X", 2),), MARIO)


@pytest.fixture
async def outgoing() -> AsyncIterator[MailServer]:
    """Our own mail server."""
    server = await mail_server.start()
    yield server
    await server.aclose()


@pytest.fixture
async def incoming() -> AsyncIterator[ImapSandbox]:
    """Our mailbox."""
    server = await sandbox_imap.start()
    yield server
    await server.aclose()


def ordering(server: MailServer, **mail: Any) -> dict[str, Any]:
    """Settings to order by mail."""
    account = {"smtp_url": server.url, "sender": "La Brace <ordini@labrace.example>"}
    login = {"username": mail_server.USERNAME, "password": mail_server.PASSWORD}
    told = {"mail": {**account, **login, **mail}}
    return {"feed_url": "https://nord.example/l", "purchase_url": "mailto:ordini@nord.example", **told}


def desk(connected: Connect, server: MailServer, **mail: Any) -> OrderingSupplier:
    """The supplier as one ordered from by mail."""
    supplier = connected(**ordering(server, **mail))
    assert isinstance(supplier, OrderingSupplier)
    assert not supplier.repeatable
    return supplier


async def test_an_order_is_a_mail_with_a_table(outgoing: MailServer, connected: Connect) -> None:
    """Subject and text name the order, the customer's address stands in the attachment alone."""
    outcome = await desk(connected, outgoing).place_order(ORDER)
    assert outcome.verdict is PurchaseVerdict.SENT
    (mail,) = outgoing.mails
    assert outgoing.recipients == ["ordini@nord.example"]
    assert (mail["Subject"], mail["X-Purchase-Order"]) == ("Ordine ebay:1/nord/1", "ebay:1/nord/1")
    body = mail.get_body()
    assert body is not None
    text = body.get_content()
    assert "2 × GLOVE-X" in text
    assert "Rossi" not in text
    (attached,) = mail.iter_attachments()
    table = attached.get_content()
    assert "ebay:1/nord/1;ebay:l1/GLOVE-X;GLOVE-X;2;Mario Rossi;Via Garibaldi 5" in table.replace("\ufeff", "")


async def test_the_same_order_is_the_same_mail(outgoing: MailServer, connected: Connect) -> None:
    """Sent again by a person, it carries the same Message-ID, by which it is known as one."""
    supplier = desk(connected, outgoing, language="en")
    await supplier.place_order(ORDER)
    await supplier.place_order(ORDER)
    first, second = outgoing.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Subject"] == "Purchase order ebay:1/nord/1"


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ({"MAIL": "451 later"}, PurchaseVerdict.UNSENT),
        ({"RCPT": "450 greylisted"}, PurchaseVerdict.UNSENT),
        ({"RCPT": "drop"}, PurchaseVerdict.UNSENT),
        ({"DATA": "452 full"}, PurchaseVerdict.UNSENT),
    ],
)
async def test_a_mail_that_was_not_taken_says_so(
    outgoing: MailServer, connected: Connect, answers: dict[str, str], verdict: PurchaseVerdict
) -> None:
    """Whatever happens before the server has the text: surely not sent."""
    supplier = desk(connected, outgoing)
    outgoing.answers = answers
    assert (await supplier.place_order(ORDER)).verdict is verdict
    assert outgoing.mails == []


@pytest.mark.parametrize(
    ("answers", "fault"),
    [
        ({"RCPT": "550 no such user"}, ChannelRefused),
        ({"DATA": "554 spam"}, ChannelRefused),
        ({"DATA": "drop"}, ChannelUnavailable),
    ],
)
async def test_a_refused_or_lost_mail_is_a_fault(
    outgoing: MailServer, connected: Connect, answers: dict[str, str], fault: type[RemoteError]
) -> None:
    """Refused for good; or gone with the connection, and then nobody knows whether it was taken."""
    supplier = desk(connected, outgoing)
    outgoing.answers, outgoing.taken_before_drop = answers, True
    with pytest.raises(fault):
        await supplier.place_order(ORDER)


async def test_a_wrong_password_or_no_server_is_told(outgoing: MailServer, connected: Connect) -> None:
    """A password that is refused is for a person; a server that is away is tried again."""
    with pytest.raises(ChannelAuthFailed) as caught:
        await desk(connected, outgoing, password="wrong-word-77").place_order(ORDER)
    assert "wrong-word-77" not in str(caught.value)
    await outgoing.aclose()
    assert (await desk(connected, outgoing).place_order(ORDER)).verdict is PurchaseVerdict.UNSENT


async def test_a_password_never_goes_out_readable(connected: Connect) -> None:
    """Towards another machine the mail server has to offer TLS."""
    supplier = connected(
        feed_url="https://nord.example/l",
        purchase_url="mailto:o@nord.example",
        mail={"smtp_url": "smtp://mail.example:25", "sender": "a@b.example"},
    )
    assert isinstance(supplier, OrderingSupplier)
    desk = supplier._parts.desk
    assert desk is not None
    assert desk.smtp._server()._start_tls_on_connect is True  # type: ignore[attr-defined]


def answer(text: str, *, sender: str = "Nord <ordini@nord.example>", name: str = "answers.csv") -> bytes:
    """A mail with a table attached."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, "ordini@labrace.example", "Conferma"
    mail.set_content("Buongiorno, in allegato.")
    mail.add_attachment(text.encode("utf-8-sig"), maintype="application", subtype="octet-stream", filename=name)
    return mail.as_bytes()


def reading(server: ImapSandbox, **mail: Any) -> dict[str, Any]:
    """Settings to read answers by mail from a supplier ordered from by hand."""
    account = {"username": sandbox_imap.USERNAME, "password": sandbox_imap.PASSWORD}
    told = {**account, "answers_from": ["ordini@nord.example"], **mail}
    return {"feed_url": "https://nord.example/l", "answers_url": server.url, "mail": told}


TABLE = "reference;status;tracking\nebay:1/nord/1;shipped;1Z999\n"


async def test_answers_are_read_out_of_the_mailbox(incoming: ImapSandbox, connected: Connect) -> None:
    """Tables attached by him are answers, once; mails of others, old ones and plain words are left alone."""
    incoming.deliver(answer(TABLE), START_AT - timedelta(days=1))
    incoming.deliver(answer(TABLE, sender="ordini@nord.example.evil.example"), START_AT)
    incoming.deliver(answer(TABLE, sender='"ordini@nord.example" <x@evil.example>'), START_AT)
    incoming.deliver(answer(TABLE), START_AT - timedelta(days=60))
    words = EmailMessage()
    words["From"] = "ordini@nord.example"
    words.set_content("Grazie!")
    incoming.deliver(words.as_bytes(), START_AT)
    supplier = connected(**reading(incoming), answers={"tracking_number": "tracking"})
    assert isinstance(supplier, AnswersLater)
    page = await supplier.fetch_answers(None)
    assert [(one.reference, one.kind, one.tracking_number) for one in page.answers] == [
        ("ebay:1/nord/1", AnswerKind.SHIPPED, "1Z999")
    ]
    assert page.problems == ()
    incoming.deliver(answer("reference;status\nebay:1/nord/1;x\n", name="a.txt"), START_AT)
    second = await supplier.fetch_answers(page.cursor)
    assert second.answers == ()
    assert [one.column for one in second.problems] == ["77-6"]
    assert (await supplier.fetch_answers(second.cursor)).problems == ()
    assert "SELECT" not in incoming.commands, "the mailbox was opened for writing"


async def test_a_folder_is_asked_for_by_its_name_on_the_wire(incoming: ImapSandbox, connected: Connect) -> None:
    """Letters beyond ASCII, ampersands and quotes: as IMAP writes them, and a folder that is not there is a fault."""
    incoming.deliver(answer(TABLE), START_AT)
    for name, wire in (("Qualità & Ordini", "Qualit&AOA- &- Ordini"), ('Conferme "Nord"', 'Conferme "Nord"')):
        incoming.folder = wire
        told = reading(incoming)
        supplier = connected(**{**told, "answers_url": f"{incoming.url.rsplit('/', 1)[0]}/{quote(name)}"})
        assert isinstance(supplier, AnswersLater)
        assert len((await supplier.fetch_answers(None)).answers) == 1
    incoming.folder = "INBOX"
    with pytest.raises(ChannelUnavailable, match="there is no folder"):
        await supplier.fetch_answers(None)


def test_a_folders_name_is_written_as_the_rfc_does() -> None:
    """Its own example (RFC 3501, 5.1.3)."""
    assert quoted_folder("~peter/mail/台北/日本語") == '"~peter/mail/&U,BTFw-/&ZeVnLIqe-"'


async def test_a_mailbox_that_cannot_be_read_is_a_fault(incoming: ImapSandbox, connected: Connect) -> None:
    """A wrong password is for a person; a connection that breaks at any step is tried again."""
    wrong = connected(**reading(incoming, password="wrong-word-77"))
    assert isinstance(wrong, AnswersLater)
    with pytest.raises(ChannelAuthFailed):
        await wrong.fetch_answers(None)
    incoming.deliver(answer(TABLE), START_AT)
    supplier = connected(**reading(incoming), answers={"tracking_number": "tracking"})
    assert isinstance(supplier, AnswersLater)
    for command in ("CAPABILITY", "LOGIN", "EXAMINE", "UID SEARCH", "UID FETCH"):
        incoming.hang_up_on = command
        with pytest.raises(ChannelUnavailable):
            await supplier.fetch_answers(None)
    incoming.hang_up_on = ""
    assert len((await supplier.fetch_answers(None)).answers) == 1

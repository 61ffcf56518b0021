"""Letters by e-mail over real SMTP: sent once, tried again only when certainly not taken, never in the log."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest

from syncd.attention.question import Topic
from syncd.identity import ChannelName
from syncd.letter.letter import LetterStatus
from syncd.letter.mail import ATTEMPTS_MAX, Delivery, MailConfig, Receipt, address_of
from syncd.letter.store import mark
from syncd.privacy.service import Eraser
from tests.support.care import LAG_SECONDS, Care
from tests.support.events import told as told
from tests.support.post_office import PostOffice, post_office
from tests.support.rooms import ONE

LONG = 3700.0
"""Longer than any pause between tries."""


@dataclass
class Correspondence:
    """A shop whose customers are written to by e-mail."""

    care: Care
    office: PostOffice

    async def statuses(self) -> list[LetterStatus]:
        """How the letters stand."""
        return [one.status for one in await self.care.written()]

    async def asked(self) -> list[str]:
        """What a person is asked to write himself."""
        return [one.sentence for one in await self.care.questions() if one.topic is Topic.MESSAGE]


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Correspondence]:
    """A mail server, and a shop that uses it."""
    async with post_office() as office:
        care = Care(tmp_path, ONE)
        care.mail = MailConfig(
            host="127.0.0.1",
            port=office.port,
            security="none",
            sender="La Brace <aiuto@labrace.example>",
            channels=("market",),
            timeout_seconds=5,
        )
        async with care:
            yield Correspondence(care, office)


async def test_a_letter_arrives_in_two_dresses(post: Correspondence) -> None:
    """Plain and HTML, in the buyer's language, from the shop to the buyer; the channel's messages are not used."""
    await post.care.oversold()
    (message,) = post.office.delivered
    assert (message["To"], message["From"]) == ("mario.rossi@example.com", "La Brace <aiuto@labrace.example>")
    assert message["Subject"].startswith("Il suo ordine 1: ")
    assert message["Auto-Submitted"] == "auto-generated"
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert "Gentile Mario Rossi," in plain.get_content()
    (case,) = await post.care.cases()
    for part in (plain, html):
        assert post.care.rules().links.url(case) in part.get_content()
    assert post.care.shops["market"].messages == []
    assert await post.statuses() == [LetterStatus.SENT]


@pytest.mark.parametrize("trouble", [("rcpt", "450 greylisted"), ("data", "451 try later")])
async def test_what_was_put_off_is_sent_later_once(post: Correspondence, trouble: tuple[str, str]) -> None:
    """A temporary answer means: certainly not taken. It is tried again, and arrives once."""
    post.office.trouble = [trouble, trouble]
    await post.care.oversold()
    assert (post.office.delivered, await post.statuses()) == ([], [LetterStatus.WAITING])
    for _ in range(4):
        post.care.clock.advance(LONG / 60)
        await post.care.letters.run_once(post.care.clock.now())
    assert (len(post.office.delivered), await post.statuses()) == (1, [LetterStatus.SENT])


async def test_what_is_wrong_with_our_account_gives_up_no_letter(post: Correspondence) -> None:
    """A refused log-in or sender is no letter's fault: once it is mended the customer hears."""
    post.office.trouble = [("mail", "530 authenticate first")] * 2
    await post.care.oversold()
    assert await post.statuses() == [LetterStatus.WAITING]
    for _ in range(4):
        post.care.clock.advance(LONG / 60)
        await post.care.letters.run_once(post.care.clock.now())
    assert (len(post.office.delivered), await post.asked()) == (1, [])


async def test_a_buyer_forgotten_meanwhile_is_not_written_to(
    post: Correspondence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the first of two letters waits for the server its buyer is forgotten: the second goes nowhere, nor does the
    first a second time."""
    care = post.care
    postman = care.letters._postman
    assert postman is not None
    asked: list[str] = []

    async def forgetting(_message: EmailMessage, to: str) -> Receipt:
        asked.append(to)
        await Eraser(care.writer).forget(ChannelName("market"), ["buyer-1"])
        return Receipt(Delivery.LATER, "450")

    listing = await care.empty_shelf(2)
    for _ in range(2):
        care.shops["market"].sell(listing, 1)
    monkeypatch.setattr(postman, "send", forgetting)
    care.clock.advance(LAG_SECONDS)
    await care.step()
    for _ in range(3):
        await care.shortage.run_once(care.clock.now())
    for _ in range(3):
        await care.letters.run_once(care.clock.now())
        care.clock.advance(LONG)
    assert (len(asked), care.shops["market"].messages) == (1, [])


async def test_a_server_that_is_away_is_tried_so_often_and_no_more(post: Correspondence) -> None:
    """After the last try a person is asked."""
    post.office.trouble = [("rcpt", "450 no")] * 100
    await post.care.oversold()
    for _ in range(ATTEMPTS_MAX + 5):
        post.care.clock.advance(LONG)
        await post.care.letters.run_once(post.care.clock.now())
    assert 100 - len(post.office.trouble) == ATTEMPTS_MAX
    (sentence,) = await post.asked()
    assert f"tried {ATTEMPTS_MAX} times" in sentence


async def test_a_refused_address_is_a_persons_task(post: Correspondence, told: io.StringIO) -> None:
    """The server's own words repeat the address: they reach neither the question nor the log."""
    post.office.trouble = [("rcpt", "550 <mario.rossi@example.com> unknown here")]
    await post.care.oversold()
    (sentence,) = await post.asked()
    assert "550" in sentence
    assert "mario" not in sentence
    assert '"event": "message.refused"' in told.getvalue()
    assert "mario" not in told.getvalue()


async def test_an_answer_that_never_came_is_not_followed_by_a_second_letter(post: Correspondence) -> None:
    """The server took the text and hung up: nobody sends it again."""
    post.office.trouble = [("hang up", "")]
    await post.care.oversold()
    for _ in range(5):
        post.care.clock.advance(LONG / 60)
        await post.care.letters.run_once(post.care.clock.now())
    assert (len(post.office.delivered), await post.statuses()) == (1, [LetterStatus.NEEDS_PERSON])
    assert len(await post.asked()) == 1


async def test_a_crash_between_sending_and_noting_is_asked_about(post: Correspondence) -> None:
    """The mark that it was being sent is found at the next start: a person is asked, nothing is sent."""
    await post.care.oversold()
    (letter,) = await post.care.written()
    await post.care.writer.write(mark(letter.reference, LetterStatus.SENDING))
    await post.care.letters.run_once(post.care.clock.now())
    assert (len(post.office.delivered), len(await post.asked())) == (1, 1)


@pytest.mark.parametrize("text", ["", "a", "a@b@c", "a b@c.example", "a@c.example\nBcc: x@y.example", "a@c.example\r"])
def test_what_is_no_address_is_not_written_to(text: str) -> None:
    """Nothing a channel tells can add a header or a recipient."""
    assert address_of(text) is None

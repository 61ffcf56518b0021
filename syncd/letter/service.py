"""Sends letters by e-mail or through their channels, each exactly once; what cannot be sent for certain becomes a
person's task.

A letter is marked as being sent before it is handed over. Should the process die between the hand-over and the note
that it was taken, the mark is found at the next start, nobody knows whether the letter went, and a person is asked:
a letter is rather asked about than sent twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask
from syncd.channel.port import BuyerMessage, ChannelOrder, MessagesBuyers
from syncd.channel.service import ChannelLine
from syncd.channel.throttle import Urgency
from syncd.clock import Clock
from syncd.db import Database
from syncd.errors import ChannelUnavailable, RateLimited, RemoteError
from syncd.fence import covers_channel, stand
from syncd.identity import ChannelName
from syncd.ledger.service import Writer
from syncd.letter.letter import Letter, LetterStatus
from syncd.letter.mail import Delivery, Receipt, address_of, compose, next_attempt
from syncd.letter.service_mail import Postman
from syncd.letter.store import claim, mark, postpone, read_letters
from syncd.orders.store import read_orders_of_lines
from syncd.telemetry import Event, log

NOT_KNOWN = "it is not known whether it went out"


class LetterService:
    """Letters of the channels this node works for. One per process."""

    def __init__(
        self,
        db: Database,
        writer: Writer,
        lines: Mapping[ChannelName, ChannelLine],
        *,
        clock: Clock,
        postman: Postman | None = None,
    ) -> None:
        self._db = db
        self._writer = writer
        self._lines = lines
        self._clock = clock
        self._postman = postman

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Send what waits; returns how many went out."""
        async with self._db.read() as conn:
            found = await read_letters(conn, [LetterStatus.WAITING, LetterStatus.SENDING])
            letters = [one for one in found if covers_channel(one.channel, self._lines)]
            orders = await read_orders_of_lines(conn, [(one.channel, one.line_id) for one in letters])
        sent = 0
        for one in letters:
            if one.status is LetterStatus.SENDING:  # only a crash leaves one here
                await self._by_hand(one, NOT_KNOWN)
            elif one.next_attempt_at is None or one.next_attempt_at <= now:
                sent += await self._send(one, orders[(one.channel, one.line_id)])
        return {"sent": sent} if sent else {}

    async def _send(self, letter: Letter, order: ChannelOrder) -> bool:
        if self._postman is not None and self._postman.config.serves(letter.channel):
            return await self._by_mail(letter, order, self._postman)
        return await self._by_channel(letter, order)

    async def _by_mail(self, letter: Letter, order: ChannelOrder, postman: Postman) -> bool:
        to = address_of(order.buyer.email)
        if to is None:
            return await self._by_channel(letter, order)
        message = compose(letter, to, postman.config, self._clock.now())
        if not (await self._writer.submit(claim(letter.reference))).value:
            return False
        stand(self._clock.monotonic())
        receipt = await postman.send(message, to.addr_spec)
        match receipt.delivery:
            case Delivery.TAKEN:
                await self._went_out(letter)
                return True
            case Delivery.LATER:
                await self._later(letter, receipt)
            case Delivery.REFUSED:
                await self._by_hand(letter, receipt.why)
            case Delivery.NOT_KNOWN:
                await self._by_hand(letter, f"{NOT_KNOWN} ({receipt.why})")
        return False

    async def _later(self, letter: Letter, receipt: Receipt) -> None:
        attempts = letter.attempts + 1
        at = next_attempt(attempts, self._clock.now())
        if at is None:
            await self._by_hand(letter, f"tried {attempts} times; {receipt.why}")
        else:
            await self._writer.write(postpone(letter.reference, attempts, at))
            log(Event.MESSAGE_DEFERRED, channel=letter.channel, reference=letter.reference, explanation=receipt.why)

    async def _by_channel(self, letter: Letter, order: ChannelOrder) -> bool:
        line = self._lines.get(letter.channel)
        channel = line.channel if line else None
        if line is None or not isinstance(channel, MessagesBuyers):
            await self._by_hand(letter, f"{letter.channel} cannot send messages")
            return False
        if line.refusal("message_buyer", self._clock.now(), Urgency.FIRST) is not None:
            return False
        about = next((one.listing_id for one in order.lines if one.line_id == letter.line_id), None)
        message = BuyerMessage(
            order.order_id, about, order.buyer.buyer_id, letter.subject, letter.body, letter.reference
        )
        if not (await self._writer.submit(claim(letter.reference))).value:
            return False
        try:
            await line.call("message_buyer", lambda: channel.message_buyer(message), Urgency.FIRST)
        except RateLimited:
            await self._writer.write(mark(letter.reference, LetterStatus.WAITING))
            return False
        except RemoteError as fault:
            await self._by_hand(letter, NOT_KNOWN if isinstance(fault, ChannelUnavailable) else str(fault))
            return False
        await self._went_out(letter)
        return True

    async def _went_out(self, letter: Letter) -> None:
        await self._writer.write(mark(letter.reference, LetterStatus.SENT, self._clock.now()))
        log(Event.MESSAGE_SENT, channel=letter.channel, reference=letter.reference)

    async def _by_hand(self, letter: Letter, why: str) -> None:
        sentence = f"write to the buyer of {letter.order_key} yourself ({letter.reference}): {why}"
        question = ask(Question(Topic.MESSAGE, letter.reference, sentence, self._clock.now()))
        await self._writer.write(mark(letter.reference, LetterStatus.NEEDS_PERSON), question)
        log(Event.MESSAGE_REFUSED, channel=letter.channel, reference=letter.reference, explanation=why)

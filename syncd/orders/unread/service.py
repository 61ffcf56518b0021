"""One channel's orders that could not be taken in: kept, asked about, and asked for again ever less often."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close
from syncd.clock import Clock
from syncd.db import Database
from syncd.identity import ChannelName
from syncd.ledger.service import Writer
from syncd.orders.unread.store import drop_unread, keep_unread, read_unread
from syncd.orders.unread.unread import ASKED_SINGLY_MAX, UnreadOrder, question_about, question_about_all
from syncd.telemetry import Event, log

RETRIES_MAX = 5
"""Orders that could not be taken in which one run asks for again."""


class UnreadOrders:
    """They are as many as the channel has, so they are counted here and told one by one only while they are few."""

    def __init__(self, db: Database, writer: Writer, channel: ChannelName, clock: Clock) -> None:
        self._db = db
        self._writer = writer
        self._channel = channel
        self._clock = clock
        self._orders: dict[str, UnreadOrder] = {}
        self._starts_anew = True

    def __contains__(self, order_id: str) -> bool:
        return order_id in self._orders

    def forget(self) -> None:
        """Read the store again before the next look: somebody else took orders in until now."""
        self._starts_anew = True

    async def remember(self) -> None:
        """Know what an earlier process knew."""
        if self._starts_anew:
            async with self._db.read() as conn:
                self._orders = await read_unread(conn, self._channel)
            self._starts_anew = False

    def due(self, now: datetime) -> Sequence[UnreadOrder]:
        """Those to ask for again now, a few at a time."""
        return [one for one in self._orders.values() if one.next_at <= now][:RETRIES_MAX]

    async def keep(self, order_id: str | None, sentence: str) -> None:
        """An order nobody can read must not be forgotten once the cursor has passed it: it is kept and asked about."""
        now = self._clock.now()
        if order_id is None:
            log(Event.ORDER_REFUSED, channel=self._channel, explanation=sentence)
            await self._writer.write(ask(question_about(self._channel, None, sentence, now)))
            return
        known = self._orders.get(order_id)
        if known is not None and known.sentence == sentence and now < known.next_at:
            return  # the overlap shows it again and again
        kept = (known or UnreadOrder(self._channel, order_id, "", 0, now)).failed(sentence, now)
        self._orders[order_id] = kept
        log(Event.ORDER_REFUSED, channel=self._channel, order_id=order_id, explanation=sentence)
        await self._writer.write(keep_unread(kept), ask(self._question(kept, now)))

    async def drop(self, order_id: str) -> None:
        """It was read at last, or is gone from the channel: whoever was asked about it need not look any more."""
        del self._orders[order_id]
        now = self._clock.now()
        writes = [
            drop_unread(self._channel, order_id),
            close(Topic.UNREAD_ORDER, f"{self._channel}:{order_id}", now),
        ]
        if len(self._orders) == ASKED_SINGLY_MAX:
            writes.append(close(Topic.UNREAD_ORDER, question_about_all(self._channel, 0, "", now).subject, now))
        elif len(self._orders) > ASKED_SINGLY_MAX:
            writes.append(ask(question_about_all(self._channel, len(self._orders), "", now)))
        await self._writer.write(*writes)

    def _question(self, kept: UnreadOrder, now: datetime) -> Question:
        if len(self._orders) <= ASKED_SINGLY_MAX:
            return question_about(self._channel, kept.order_id, kept.sentence, now)
        return question_about_all(self._channel, len(self._orders), kept.sentence, now)

"""Carries refunds out through their channels: never asks twice without looking whether the first time went through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close
from syncd.channel.port import ChannelOrder, RefundLine, RefundOutcome, RefundRequest, RefundsOrders, RefundVerdict
from syncd.channel.service import ChannelLine
from syncd.channel.throttle import Urgency
from syncd.clock import Clock
from syncd.db import Database
from syncd.errors import ChannelUnavailable, RateLimited, RemoteError
from syncd.fence import covers_channel
from syncd.identity import ChannelName
from syncd.ledger.service import Writer
from syncd.orders.store import read_orders_of_lines
from syncd.refund.refund import ATTEMPTS_MAX, Refund, RefundStatus, unrefundable
from syncd.refund.store import read_refunds, save_refund
from syncd.telemetry import Event, log

UNFINISHED = (RefundStatus.WAITING, RefundStatus.SENDING, RefundStatus.PENDING)


class RefundService:
    """Refunds of the channels this node works for. One per process."""

    def __init__(self, db: Database, writer: Writer, lines: Mapping[ChannelName, ChannelLine], *, clock: Clock) -> None:
        self._db = db
        self._writer = writer
        self._lines = lines
        self._clock = clock

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Take every unfinished refund one step further; returns how many were done."""
        async with self._db.read() as conn:
            found = await read_refunds(conn, UNFINISHED)
            refunds = [one for one in found if covers_channel(one.channel, self._lines)]
            orders = await read_orders_of_lines(conn, [(one.channel, one.line_id) for one in refunds])
        done = 0
        for one in refunds:
            if one.next_attempt_at is None or one.next_attempt_at <= now:
                done += await self._step(one, orders[(one.channel, one.line_id)])
        return {"refunded": done} if done else {}

    async def _step(self, refund: Refund, order: ChannelOrder) -> bool:
        line = self._lines.get(refund.channel)
        channel = line.channel if line else None
        if line is None or not isinstance(channel, RefundsOrders):
            await self._by_hand(refund, f"{refund.channel} cannot refund by machine")
            return False
        if line.refusal("refund", self._clock.now(), Urgency.FIRST) is not None:
            return False
        gone = unrefundable(refund, order)
        if gone is not None and refund.status is RefundStatus.WAITING:
            await self._by_hand(refund, gone)
            return False
        parts = (RefundLine(refund.line_id, refund.quantity, refund.for_line),)
        request = RefundRequest(order.order_id, refund.reference, "Out of stock", parts, refund.amount)
        await self._writer.write(save_refund(replace(refund, status=RefundStatus.SENDING)))
        try:
            outcome = None
            if refund.status is not RefundStatus.WAITING:
                outcome = await line.call("find_refund", lambda: channel.find_refund(request), Urgency.FIRST)
            if outcome is None:
                outcome = await line.call("refund", lambda: channel.refund(request), Urgency.FIRST)
        except RateLimited:
            await self._writer.write(save_refund(refund))
        except ChannelUnavailable as fault:
            await self._later(replace(refund, status=RefundStatus.SENDING, message=str(fault)))
        except RemoteError as fault:
            await self._by_hand(refund, str(fault))
        else:
            return await self._answered(refund, outcome)
        return False

    async def _answered(self, refund: Refund, outcome: RefundOutcome) -> bool:
        told = replace(refund, refund_id=outcome.refund_id, message=outcome.message)
        match outcome.verdict:
            case RefundVerdict.DONE:
                now = self._clock.now()
                done = replace(told, status=RefundStatus.DONE, done_at=now)
                await self._writer.write(save_refund(done), close(Topic.REFUND, refund.reference, now))
                log(Event.REFUND_MADE, channel=told.channel, reference=told.reference, amount=str(told.amount))
                return True
            case RefundVerdict.PENDING:
                await self._later(replace(told, status=RefundStatus.PENDING))
            case RefundVerdict.REFUSED | RefundVerdict.NEEDS_PERSON:
                await self._by_hand(told, outcome.message or "the channel refused it")
        return False

    async def _later(self, refund: Refund) -> None:
        tried = refund.tried(self._clock.now())
        if tried is None:
            await self._by_hand(refund, f"asked {ATTEMPTS_MAX} times; look on the channel whether it went through")
        else:
            await self._writer.write(save_refund(tried))

    async def _by_hand(self, refund: Refund, why: str) -> None:
        sentence = (
            f"refund {refund.amount} on {refund.channel} yourself ({refund.reference}): {why}; "
            f"then type: syncd refunds made {refund.reference} HOW"
        )
        question = ask(Question(Topic.REFUND, refund.reference, sentence, self._clock.now()))
        by_hand = replace(refund, status=RefundStatus.NEEDS_PERSON, message=why)
        await self._writer.write(save_refund(by_hand), question)
        log(Event.REFUND_REFUSED, channel=refund.channel, reference=refund.reference, explanation=why)

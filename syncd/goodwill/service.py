"""Has coupons made by their channels: the same request again is the same coupon, so a lost answer costs nothing."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close
from syncd.channel.port import ChannelOrder, CouponOutcome, IssuesCoupons
from syncd.channel.service import ChannelLine
from syncd.channel.throttle import Urgency
from syncd.clock import Clock
from syncd.db import Database
from syncd.errors import ChannelUnavailable, RateLimited, RemoteError
from syncd.fence import covers_channel
from syncd.goodwill.goodwill import ATTEMPTS_MAX, CODE_LENGTH, CODE_LETTERS, PENDING, Coupon, CouponStatus, code_of
from syncd.goodwill.store import read_coupons, save_coupon
from syncd.identity import ChannelName
from syncd.ledger.service import Writer
from syncd.orders.store import read_orders_of_lines
from syncd.telemetry import Event, log

AT_ONCE_MAX = 50
"""Coupons looked at in one run."""


def new_code() -> str:
    """A code nobody can guess."""
    return code_of([secrets.randbelow(len(CODE_LETTERS)) for _ in range(CODE_LENGTH)])


class GoodwillService:
    """Coupons of the channels this node works for. One per process."""

    def __init__(self, db: Database, writer: Writer, lines: Mapping[ChannelName, ChannelLine], *, clock: Clock) -> None:
        self._db = db
        self._writer = writer
        self._lines = lines
        self._clock = clock

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Have every coupon made that waits for it; returns how many were."""
        async with self._db.read() as conn:
            found = await read_coupons(conn, PENDING, limit=AT_ONCE_MAX)
            coupons = [one for one in found if covers_channel(one.channel, self._lines)]
            orders = await read_orders_of_lines(conn, [(one.channel, one.line_id) for one in coupons])
        made = 0
        for one in coupons:
            if one.next_attempt_at is None or one.next_attempt_at <= now:
                made += await self._make(one, orders[(one.channel, one.line_id)])
        return {"coupons made": made} if made else {}

    async def _make(self, coupon: Coupon, order: ChannelOrder) -> bool:
        line = self._lines.get(coupon.channel)
        channel = line.channel if line else None
        if line is None or not isinstance(channel, IssuesCoupons):
            await self._by_hand(coupon, f"{coupon.channel} makes no coupons")
            return False
        if line.refusal("issue_coupon", self._clock.now(), Urgency.FIRST) is not None:
            return False
        request = coupon.request(order.buyer.email)
        try:
            outcome = await line.call("issue_coupon", lambda: channel.issue_coupon(request), Urgency.FIRST)
        except RateLimited:
            return False
        except ChannelUnavailable as fault:
            await self._later(coupon, str(fault))
            return False
        except RemoteError as fault:
            await self._by_hand(coupon, str(fault))
            return False
        return await self._answered(coupon, outcome)

    async def _answered(self, coupon: Coupon, outcome: CouponOutcome) -> bool:
        if outcome.refusal:
            await self._by_hand(coupon, outcome.refusal)
            return False
        now = self._clock.now()
        made = replace(coupon, status=CouponStatus.ISSUED, coupon_id=outcome.coupon_id, issued_at=now, message="")
        await self._writer.write(save_coupon(made), close(Topic.COUPON, coupon.reference, now))
        log(Event.COUPON_ISSUED, channel=coupon.channel, reference=coupon.reference, worth=coupon.worth)
        return True

    async def _later(self, coupon: Coupon, why: str) -> None:
        tried = coupon.tried(self._clock.now())
        if tried is None:
            await self._by_hand(replace(coupon, attempts=ATTEMPTS_MAX), f"asked {ATTEMPTS_MAX} times; {why}")
        else:
            await self._writer.write(save_coupon(replace(tried, message=why)))

    async def _by_hand(self, coupon: Coupon, why: str) -> None:
        sentence = (
            f"the coupon {coupon.code} of {coupon.worth} for the buyer of {coupon.order_key} could not be made: {why}; "
            f"try again with: syncd coupons agree {coupon.reference}; or: syncd coupons decline {coupon.reference}"
        )
        question = ask(Question(Topic.COUPON, coupon.reference, sentence, self._clock.now()))
        await self._writer.write(save_coupon(replace(coupon, status=CouponStatus.NEEDS_PERSON, message=why)), question)
        log(Event.COUPON_REFUSED, channel=coupon.channel, reference=coupon.reference, explanation=why)

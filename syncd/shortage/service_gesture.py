"""What goes with a refund or a parcel as an apology: coupons told in letters, gifts that a person puts in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.attention.question import Topic
from syncd.attention.store import close, open_subjects
from syncd.channel.port import OrderStatus
from syncd.db import Database
from syncd.goodwill.goodwill import Coupon, CouponStatus, For, Occasion, apology
from syncd.goodwill.service import new_code
from syncd.goodwill.store import draft, read_untold, tell
from syncd.ledger.service import Writer
from syncd.ledger.store import Write
from syncd.refund.refund import Refund
from syncd.shortage.case import CaseStatus
from syncd.shortage.message import Kind
from syncd.shortage.service_affair import Affair, Affairs, Rules, letter_reference
from syncd.shortage.service_choice import GIFT
from syncd.shortage.store import read_case

COUPON = "/coupon"
"""Ends the reference of a case's coupon."""

WAIT_FOR_COUPON = timedelta(minutes=10)
"""So long the letter about a refund waits for the coupon that is to go with it; a later one has a letter of its own."""


@dataclass(frozen=True, slots=True)
class Gesture:
    """What goes with a refund's letter. `is_awaited`: it will be known in a moment."""

    coupon: Coupon | None = None
    is_awaited: bool = False

    def told_in(self, letter: str) -> tuple[Write, ...]:
        """The note that the customer knows, to be written with the letter."""
        return (tell(self.coupon.reference, letter),) if self.coupon else ()


class Gestures:
    """Coupons and gifts of cases."""

    def __init__(self, db: Database, writer: Writer, affairs: Affairs, rules: Rules) -> None:
        self._db = db
        self._writer = writer
        self._affairs = affairs
        self._rules = rules

    async def beside(self, affair: Affair, refund: Refund, now: datetime) -> Gesture:
        """The coupon that goes with a refund that was made: wanted now if it never was, told if it is there."""
        case, config = affair.case, self._rules.goodwill
        if case.channel not in config.channels:
            return Gesture()
        whom = For(f"{case.case_id}{COUPON}", case.channel, case.order_key, case.line_id, refund.amount.currency)
        wanted = apology(whom, new_code(), config, now)
        coupon = (await self._writer.submit(draft(wanted, affair.order.buyer.buyer_id, config))).value
        if coupon is None or coupon.told_in:
            return Gesture()
        if coupon.status is CouponStatus.ISSUED:
            return Gesture(coupon)
        waits = coupon.status is CouponStatus.WAITING and now < coupon.asked_at + WAIT_FOR_COUPON
        return Gesture(is_awaited=waits)

    async def follow(self, now: datetime, counts: dict[str, int]) -> None:
        """Tell of coupons that came too late for their letter, and close what was asked about parcels that left."""
        async with self._db.read() as conn:
            untold = await read_untold(conn, Occasion.CASE)
            gifts = [one for one in await open_subjects(conn, Topic.PARCEL) if one.endswith(GIFT)]
        for coupon in untold:
            if await self._tell(coupon, now):
                counts["coupons told"] = counts.get("coupons told", 0) + 1
        for subject in sorted(gifts):
            affair = await self._affair(subject.removesuffix(GIFT))
            if affair is None or affair.order.status in (OrderStatus.SHIPPED, OrderStatus.CANCELLED):
                await self._writer.write(close(Topic.PARCEL, subject, now))

    async def _tell(self, coupon: Coupon, now: datetime) -> bool:
        affair = await self._affair(coupon.reference.removesuffix(COUPON))
        if affair is None or affair.case.status is not CaseStatus.RESOLVED:
            return False  # the letter that ends the case tells of it
        letter = await self._affairs.letter(affair, Kind.COUPON, now, coupon=coupon)
        await self._writer.write(letter, tell(coupon.reference, letter_reference(affair.case, Kind.COUPON)))
        return True

    async def _affair(self, case_id: str) -> Affair | None:
        async with self._db.read() as conn:
            case = await read_case(conn, case_id)
        return None if case is None else await self._affairs.of(case)

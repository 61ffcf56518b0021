"""Wishes a happy birthday with a coupon: wanted on the day, told in a letter once its channel has made it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from syncd.channel.port import ChannelOrder
from syncd.courtesy.birthday import Birthday, year_due
from syncd.courtesy.store import read_birthdays, select_last_line, wished
from syncd.db import Database
from syncd.goodwill.goodwill import Coupon, For, Occasion, birthday_present
from syncd.goodwill.service import new_code
from syncd.goodwill.store import draft, read_untold, tell
from syncd.identity import Money
from syncd.ledger.service import Writer
from syncd.letter.letter import Letter
from syncd.letter.store import put
from syncd.orders.store import read_orders_of_lines
from syncd.shortage.message import Facts, Kind, write
from syncd.shortage.service_affair import Rules


class CourtesyService:
    """Every channel's birthdays. One per process."""

    def __init__(self, db: Database, writer: Writer, rules: Rules) -> None:
        self._db = db
        self._writer = writer
        self._rules = rules

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Want the coupons of today, write the letters of those that are made; returns how many of each."""
        config = self._rules.goodwill
        today = now.astimezone(ZoneInfo(self._rules.page.time_zone)).date()
        counts: dict[str, int] = {}
        if config.birthday != "off":
            async with self._db.read() as conn:
                due = await read_birthdays(conn, [today.month, (today.month - 2) % 12 + 1])
            for one in due:
                if one.channel in config.channels and await self._wish(one, today, now):
                    counts["birthdays"] = counts.get("birthdays", 0) + 1
        async with self._db.read() as conn:
            made = await read_untold(conn, Occasion.BIRTHDAY)
            orders = await read_orders_of_lines(conn, [(one.channel, one.line_id) for one in made])
        for coupon in made:
            await self._write(coupon, orders[(coupon.channel, coupon.line_id)], now)
            counts["wishes"] = counts.get("wishes", 0) + 1
        return counts

    async def _wish(self, one: Birthday, today: date, now: datetime) -> bool:
        """The coupon and the mark that this year's is taken, together."""
        year = year_due(one, today)
        if year is None:
            return False
        async with self._db.read() as conn:
            row = (await conn.execute(select_last_line(one.channel, one.buyer_id))).one_or_none()
            if row is None:
                return False
            orders = await read_orders_of_lines(conn, [(one.channel, row.line_id)])
        currency = orders[(one.channel, row.line_id)].total.currency
        reference = f"birthday/{one.channel}/{row.order_key}/{year}"
        present = birthday_present(
            For(reference, one.channel, row.order_key, row.line_id, currency), new_code(), self._rules.goodwill, now
        )
        wanted = draft(present, one.buyer_id, self._rules.goodwill)
        return bool((await self._writer.submit(wished(one, year, wanted))).value)

    async def _write(self, coupon: Coupon, order: ChannelOrder, now: datetime) -> None:
        nothing = Money(Decimal(0), order.total.currency)
        facts = Facts(order.buyer, order.number, "", 0, (), None, nothing, coupon=coupon)
        text = write(Kind.BIRTHDAY, facts, self._rules.shortage, self._rules.page)
        reference = f"{coupon.reference}/{Kind.BIRTHDAY}"
        letter = Letter(
            reference,
            coupon.channel,
            coupon.order_key,
            coupon.line_id,
            text.language,
            text.subject,
            text.body,
            html=text.html,
        )
        await self._writer.write(put(letter, now), tell(coupon.reference, reference))

"""Watches suppliers' deliveries: opens a case for one that will be late, and follows it until it is sent, refused or no
longer awaited."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from syncd.db import Database
from syncd.ledger.service import Writer
from syncd.orders.store import read_orders
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.elsewhere import promised_day
from syncd.shortage.late import Watch, why_late
from syncd.shortage.resolution import OptionKind
from syncd.shortage.service_affair import Affairs, Rules
from syncd.shortage.store_late import Suspect, awaited_by, follow_late, open_late, read_delivery, read_suspects
from syncd.shortage.store_timeline import step
from syncd.telemetry import Event, log


class LateWatch:
    """Every supplier's deliveries."""

    def __init__(self, db: Database, writer: Writer, affairs: Affairs, rules: Rules) -> None:
        self._db = db
        self._writer = writer
        self._affairs = affairs
        self._rules = rules

    async def open(self, now: datetime, counts: dict[str, int]) -> None:
        """Open a case for every delivery that will not keep its promise."""
        shortage = self._rules.shortage
        notice = timedelta(seconds=shortage.delay_notice_seconds)
        made_before = now - timedelta(days=max(0, shortage.send_within_days)) + notice
        async with self._db.read() as conn:
            suspects = await read_suspects(conn, made_before)
            orders = await read_orders(conn, {one.order_key for one in suspects}) if suspects else {}
        for suspect in suspects:
            ordered = orders[suspect.order_key].created_at
            promised = promised_day(ordered, shortage.send_within_days, self._rules.page.time_zone)
            case = await self._open(suspect, Watch(promised, notice, self._rules.page.time_zone), now)
            if case is not None:
                counts["late"] = counts.get("late", 0) + 1
                log(Event.CASE_OPENED, channel=case.channel, case_id=case.case_id, sku=case.sku, quantity=case.units)

    async def _open(self, suspect: Suspect, watch: Watch, now: datetime) -> Case | None:
        async with self._db.read() as conn:
            delivery = await read_delivery(conn, suspect.awaited)
        if delivery.order is None or not delivery.left(suspect.awaited):
            return None
        why = why_late(delivery.order, watch, now, tells_parcels=suspect.tells_parcels)
        if why is None:
            return None
        return (await self._writer.submit(open_late(suspect.awaited, suspect.order_key, why))).value

    async def follow(self, case: Case, now: datetime, counts: dict[str, int]) -> bool:
        """Take a case as far as its delivery has come; returns whether it changed."""
        async with self._db.read() as conn:
            delivery = await read_delivery(conn, awaited_by(case))
        if delivery.left(awaited_by(case)) < case.units:
            followed = (await self._writer.submit(follow_late(case, now))).value
            if followed is not None and followed.status is CaseStatus.RESOLVED:
                log(Event.CASE_RESOLVED, channel=case.channel, case_id=case.case_id, resolution=followed.resolution)
            counts["followed"] = counts.get("followed", 0) + 1
            return True
        if case.status is CaseStatus.ASKED:
            return await self._renew(case, now)
        return False

    async def _renew(self, case: Case, now: datetime) -> bool:
        """The supplier names another day while the customer thinks: his page offers that one."""
        options = await self._affairs.options(await self._affairs.of(case), now)
        offered = case.offers(OptionKind.WAIT)
        fresh = next((one for one in options if one.kind is OptionKind.WAIT), None)
        if (offered and offered.until) == (fresh and fresh.until):
            return False
        return bool((await self._writer.submit(step(case, replace(case, options=options)))).value)

    async def moved(self, case: Case) -> bool:
        """Whether the supplier has named a later day than the customer waits for."""
        if not case.awaits or case.deadline_at is None:
            return False
        async with self._db.read() as conn:
            order = (await read_delivery(conn, awaited_by(case))).order
        chosen = case.offers(OptionKind.WAIT)
        if order is None or order.expected_on is None or chosen is None or chosen.until is None:
            return False
        return order.expected_on > chosen.until

"""Offers unpaid orders of one buyer as one invoice, exactly once, by itself or after a person has agreed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close
from syncd.channel.port import InvoicesBuyers, OrderStatus
from syncd.channel.service import ChannelLine
from syncd.clock import Clock
from syncd.db import Database
from syncd.errors import ChannelUnavailable, RateLimited, RemoteError
from syncd.fence import covers_channel
from syncd.identity import ChannelName
from syncd.invoice.invoice import ATTEMPTS_MAX, Invoice, InvoiceConfig, InvoiceStatus, plan
from syncd.invoice.store import invoice_of, read_invoices, save_invoice, select_invoice
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, View
from syncd.orders.combine import OpenOrder
from syncd.orders.kin.store import read_open_orders
from syncd.telemetry import Event, log


class InvoiceService:
    """Every channel's invoices. One per process."""

    def __init__(
        self,
        db: Database,
        writer: Writer,
        lines: Mapping[ChannelName, ChannelLine],
        *,
        config: InvoiceConfig,
        clock: Clock,
    ) -> None:
        self._db = db
        self._writer = writer
        self._lines = {name: line for name, line in lines.items() if isinstance(line.channel, InvoicesBuyers)}
        self._config = config
        self._clock = clock

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Offer what is ripe, withdraw what is void, send what waits; returns counts of what was done."""
        counts: dict[str, int] = {}
        for name in self._lines:
            if not covers_channel(name, self._lines):
                continue
            async with self._db.read_at_length() as conn:
                orders = await read_open_orders(conn, channel=name)
                known = await read_invoices(conn, name)
            offers = plan(orders, known, self._config, now)
            for one in offers.void:
                await self._write(replace(one, status=InvoiceStatus.VOID))
            for one in offers.made:
                await self._offer(one)
                counts["offered"] = counts.get("offered", 0) + 1
            for one in (*known, *offers.made):
                if one not in offers.void and await self._send(one, orders, now):
                    counts["invoiced"] = counts.get("invoiced", 0) + 1
        return counts

    async def _offer(self, one: Invoice) -> None:
        if one.status is InvoiceStatus.WAITING:
            await self._writer.write(save_invoice(one))
            return
        orders = ", ".join(one.order_keys)
        sentence = (
            f"{orders} are unpaid and of one buyer: offer them as one invoice of {one.total}, {one.shipping} of it for "
            f"shipping? type: syncd orders invoice {one.order_keys[0]} (or with --no)"
        )
        question = Question(Topic.INVOICE, one.reference, sentence, self._clock.now())
        await self._writer.write(save_invoice(one), ask(question))

    async def _write(self, one: Invoice) -> None:
        await self._writer.write(save_invoice(one), close(Topic.INVOICE, one.reference, self._clock.now()))

    async def _send(self, one: Invoice, orders: list[OpenOrder], now: datetime) -> bool:
        if one.status not in (InvoiceStatus.WAITING, InvoiceStatus.SENDING):
            return False
        if one.next_attempt_at is not None and one.next_attempt_at > now:
            return False
        line = self._lines[one.channel]
        channel = line.channel
        if not isinstance(channel, InvoicesBuyers) or line.refusal("send_invoice", now) is not None:
            return False
        request = one.request(self._config)
        await self._writer.write(save_invoice(replace(one, status=InvoiceStatus.SENDING)))
        try:
            done = False
            if one.status is InvoiceStatus.SENDING:
                done = await line.call("is_invoiced", lambda: channel.is_invoiced(request))
                if not done and not _still_unpaid(one, orders):
                    await self._write(replace(one, status=InvoiceStatus.VOID))
                    return False
            if not done:
                await line.call("send_invoice", lambda: channel.send_invoice(request))
        except RateLimited:
            await self._writer.write(save_invoice(one))
            return False
        except ChannelUnavailable as fault:
            await self._again(one, fault)
            return False
        except RemoteError as fault:
            await self._by_hand(one, str(fault))
            return False
        await self._write(replace(one, status=InvoiceStatus.SENT, sent_at=self._clock.now()))
        log(Event.INVOICE_SENT, channel=one.channel, reference=one.reference, orders=len(one.order_keys))
        return True

    async def _again(self, one: Invoice, fault: RemoteError) -> None:
        later = one.tried(self._clock.now())
        if later is None:
            await self._by_hand(one, f"tried {ATTEMPTS_MAX} times; the last said: {fault}")
        else:
            await self._writer.write(save_invoice(later))

    async def _by_hand(self, one: Invoice, why: str) -> None:
        orders = ", ".join(one.order_keys)
        sentence = f"offer {orders} as one invoice on {one.channel} yourself ({one.reference}): {why}"
        question = ask(Question(Topic.INVOICE, one.reference, sentence, self._clock.now()))
        await self._writer.write(save_invoice(replace(one, status=InvoiceStatus.NEEDS_PERSON)), question)
        log(Event.INVOICE_REFUSED, channel=one.channel, reference=one.reference, explanation=why)


def _still_unpaid(one: Invoice, orders: list[OpenOrder]) -> bool:
    unpaid = {line for order in orders if order.status is OrderStatus.UNPAID for line in order.line_ids}
    return unpaid >= set(one.line_ids)


def answer_invoice(reference: str, *, agreed: bool) -> Command[InvoiceStatus | None]:
    """A person's word on an invoice that was asked about; returns how it stands then, None if it was not asked."""

    def decide(view: View) -> Plan[InvoiceStatus | None]:
        known = [invoice_of(row) for row in view.rows[0]]
        if not known or known[0].status is not InvoiceStatus.ASKED:
            return Plan(None)
        status = InvoiceStatus.WAITING if agreed else InvoiceStatus.DECLINED
        answered = replace(known[0], status=status)
        return Plan(status, writes=(save_invoice(answered), close(Topic.INVOICE, reference, view.now)))

    return Command(decide, reads=(select_invoice(reference),))

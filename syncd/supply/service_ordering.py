"""Sends purchase orders to one supplier, each once: noted before it is sent where sending twice would buy twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask
from syncd.clock import Clock, doubled
from syncd.db import Database
from syncd.errors import ChannelAuthFailed, ChannelRefused, RateLimited, RemoteError
from syncd.fence import stand
from syncd.identity import SupplierName
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan
from syncd.reservation.store import read_demands_of_lines
from syncd.supply.offer import SupplyConfig
from syncd.supply.port import (
    FindsPurchaseOrders,
    PurchaseLine,
    PurchaseOutcome,
    PurchaseRequest,
    PurchaseVerdict,
    Supplier,
    TakesPurchaseOrders,
)
from syncd.supply.purchase_order import PurchaseOrder, PurchaseStatus
from syncd.supply.store import read_purchase_orders, save_purchase_order
from syncd.supply.store_answer import answer_purchase
from syncd.telemetry import Event, log

RATE_LIMIT_SECONDS_MAX = 86_400.0
"""Longest wait a supplier who limits us is believed: a longer one is a mistake of his server's."""


class Ordering:
    """One supplier's purchase orders."""

    def __init__(
        self,
        db: Database,
        writer: Writer,
        supplier: Supplier,
        *,
        name: SupplierName,
        config: SupplyConfig,
        clock: Clock,
    ) -> None:
        self._db = db
        self._writer = writer
        self._supplier = supplier
        self._config = config
        self._clock = clock
        self._order_at: datetime | None = None
        self.name = name

    async def run(self, now: datetime, counts: dict[str, int]) -> None:
        """Settle what a crash left half sent, send what is to be ordered, ask about what stays unanswered."""
        for left in await self._orders(PurchaseStatus.SENDING):
            await self._find(left, "syncd stopped while it was being sent", now)
        await self._send(now, counts)
        for silent in await self._orders(PurchaseStatus.SENT):
            if silent.next_attempt_at is not None and silent.next_attempt_at <= now:
                await self._ask_why(silent, now)

    async def _orders(self, status: PurchaseStatus) -> list[PurchaseOrder]:
        async with self._db.read() as conn:
            return await read_purchase_orders(conn, status=status, supplier=self.name)

    async def _send(self, now: datetime, counts: dict[str, int]) -> None:
        if self._order_at is not None and now < self._order_at:
            return
        for draft in await self._orders(PurchaseStatus.DRAFT):
            if draft.next_attempt_at is None or draft.next_attempt_at <= now:
                try:
                    await self._place(draft, now, counts)
                except RateLimited as fault:  # nothing was applied: not this order's fault, and the others wait too
                    seconds = fault.retry_after_seconds
                    seconds = self._config.order_retry_seconds if seconds is None else seconds
                    self._order_at = now + timedelta(seconds=min(seconds, RATE_LIMIT_SECONDS_MAX))
                    return

    async def _place(self, draft: PurchaseOrder, now: datetime, counts: dict[str, int]) -> None:
        supplier = self._supplier
        if not isinstance(supplier, TakesPurchaseOrders):
            await self._by_hand(draft, f"{self.name} cannot be ordered from by machine", now)
            return
        async with self._db.read() as conn:
            demands = await read_demands_of_lines(conn, [(one.channel, one.line_id) for one in draft.purchases])
        draft = draft.still_wanted({(one.channel, one.line_id, one.sku): one.purchased for one in demands})
        if draft.status is PurchaseStatus.WITHDRAWN:
            await self._withdraw(draft, now)
            return
        if not supplier.repeatable:
            await self._writer.write(*save_purchase_order(replace(draft, status=PurchaseStatus.SENDING)))
        stand(self._clock.monotonic())
        try:
            outcome = await supplier.place_order(_request(draft))
        except RateLimited:
            await self._writer.write(*save_purchase_order(draft))
            raise
        except (ChannelRefused, ChannelAuthFailed) as fault:
            await self._by_hand(draft, str(fault), now)
        except RemoteError as fault:
            if supplier.repeatable:
                await self._again(draft, str(fault), now)
            else:
                await self._find(draft, str(fault), now)
        else:
            await self._told(draft, outcome, now)
            if outcome.verdict is not PurchaseVerdict.UNSENT:
                counts["ordered"] = counts.get("ordered", 0) + 1

    async def _told(self, draft: PurchaseOrder, outcome: PurchaseOutcome, now: datetime) -> None:
        match outcome.verdict:
            case PurchaseVerdict.UNSENT:
                await self._again(replace(draft, status=PurchaseStatus.DRAFT), outcome.message, now)
            case PurchaseVerdict.SENT:
                await self._sent(draft, outcome, now)
            case _:
                await self._answered(draft, outcome, now)

    async def _find(self, order: PurchaseOrder, why: str, now: datetime) -> None:
        """Look whether an order went out; where that cannot be seen a person is asked, and nothing is sent."""
        supplier = self._supplier
        if isinstance(supplier, FindsPurchaseOrders):
            try:
                outcome = await supplier.find_order(_request(order))
            except RemoteError as fault:
                why, outcome = f"{why}; {fault}", None
            if outcome is not None:
                await self._told(order, outcome, now)
                return
        await self._by_hand(
            order,
            f"it may have been sent: {why}. Ask {self.name}; if he has it: syncd supplier confirm {order.reference}, "
            f"if not: syncd supplier resend {order.reference}",
            now,
        )

    async def _withdraw(self, order: PurchaseOrder, now: datetime) -> None:
        """Nothing is ordered; what he offers is free again. He need not be told unless a try may have reached him."""
        writes = save_purchase_order(order)
        marks = frozenset(one.sku for one in order.purchases)
        await self._writer.submit(Command(lambda _view: Plan(None, writes=writes, marks=marks)))

    async def _again(self, draft: PurchaseOrder, why: str, now: datetime) -> None:
        attempts = draft.attempts + 1
        if attempts >= self._config.order_attempts_max:
            await self._by_hand(draft, f"tried {attempts} times; the last said: {why}", now)
            return
        seconds = doubled(self._config.order_retry_seconds, attempts)
        tried = replace(draft, attempts=attempts, next_attempt_at=now + timedelta(seconds=seconds), message=why)
        await self._writer.write(*save_purchase_order(tried))

    async def _by_hand(self, draft: PurchaseOrder, why: str, now: datetime) -> None:
        sentence = f"order by hand from {self.name}, purchase order {draft.reference}: {why}"
        question = ask(Question(Topic.PURCHASE_ORDER, draft.reference, sentence, now))
        await self._writer.write(
            *save_purchase_order(replace(draft, status=PurchaseStatus.BY_HAND, message=why)), question
        )

    async def _sent(self, draft: PurchaseOrder, outcome: PurchaseOutcome, now: datetime) -> None:
        """He has it; his answer comes by itself, or is asked for after a while."""
        order = replace(
            draft,
            status=PurchaseStatus.SENT,
            supplier_reference=outcome.supplier_reference,
            message=outcome.message,
            attempts=draft.attempts + 1,
            next_attempt_at=self._clock.now() + timedelta(seconds=self._config.acknowledge_within_seconds),
        )
        await self._writer.write(*save_purchase_order(order))
        log(Event.PURCHASE_DISPATCHED, supplier=self.name, reference=order.reference)

    async def _ask_why(self, order: PurchaseOrder, now: datetime) -> None:
        sentence = (
            f"{self.name} has not answered purchase order {order.reference}: ask him; if he sends it: syncd supplier "
            f"confirm {order.reference}, if not: syncd supplier refuse {order.reference}"
        )
        question = ask(Question(Topic.PURCHASE_ORDER, order.reference, sentence, now))
        await self._writer.write(*save_purchase_order(replace(order, next_attempt_at=None)), question)

    async def _answered(self, draft: PurchaseOrder, outcome: PurchaseOutcome, now: datetime) -> None:
        """Write the supplier's answer; what he refuses is short from this moment, in the same transaction."""
        order = draft.answered(outcome, self._clock.now())
        await self._writer.submit(answer_purchase(draft, order, f"{self.name} refused it", now))
        event = Event.PURCHASE_SENT if order.status is PurchaseStatus.ACCEPTED else Event.PURCHASE_REFUSED
        log(event, supplier=self.name, reference=order.reference, status=order.status.value)


def _request(order: PurchaseOrder) -> PurchaseRequest:
    lines = tuple(
        PurchaseLine(one.purchase_id, one.supplier_sku, one.quantity) for one in order.purchases if one.quantity
    )
    return PurchaseRequest(order.reference, lines, order.ship_to)

"""Writes what a person says about a purchase order, judged on what the same transaction reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.attention.question import Topic
from syncd.attention.store import close
from syncd.db import Database
from syncd.identity import Sku
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Outcome, Plan, View, Write
from syncd.reservation.hold import Demand, Reservation
from syncd.reservation.store import (
    demand_of,
    reservation_of,
    save_demands,
    save_reservations,
    select_demands_of_lines,
    select_reservations_of,
)
from syncd.supply.desk.by_hand import called_off, confirmed, receipt, refused, why_not
from syncd.supply.purchase_order import PurchaseOrder, PurchaseStatus
from syncd.supply.store import purchase_orders_of, read_purchase_orders, save_purchase_order, select_purchase_orders
from syncd.supply.store_answer import Answered, answer_writes


@dataclass(frozen=True, slots=True)
class _Seen:
    """A purchase order with what it was made for, as the transaction reads them."""

    order: PurchaseOrder
    others: list[PurchaseOrder]
    demands: list[Demand]
    held: list[Reservation]
    now: datetime


Decide = Callable[[_Seen], Plan[PurchaseOrder]]


class PurchaseDesk:
    """Where people settle purchase orders. Every method returns the order as it stands then, or a refusal in words."""

    def __init__(self, db: Database, writer: Writer, *, actor: str) -> None:
        self._db = db
        self._writer = writer
        self._actor = actor

    async def find(self, reference: str) -> PurchaseOrder | None:
        """The purchase order of that reference."""
        async with self._db.read() as conn:
            return next((one for one in await read_purchase_orders(conn) if one.reference == reference), None)

    async def confirm(self, order: PurchaseOrder, lacking: Mapping[Sku, int]) -> Outcome[PurchaseOrder]:
        """The supplier took an order made by hand, all but what is lacking: that is short from now on."""

        def decide(seen: _Seen) -> Plan[PurchaseOrder]:
            problem = why_not(seen.order, confirming=True)
            return _refusal(seen, problem) if problem else _answered(confirmed(seen.order, lacking, seen.now), seen)

        return await self._submit(order, decide)

    async def refuse(self, order: PurchaseOrder) -> Outcome[PurchaseOrder]:
        """The supplier sends nothing of it: everything still wanted is short from now on."""

        def decide(seen: _Seen) -> Plan[PurchaseOrder]:
            problem = why_not(seen.order)
            return _refusal(seen, problem) if problem else _answered(refused(seen.order, seen.now), seen)

        return await self._submit(order, decide)

    async def resend(self, order: PurchaseOrder) -> Outcome[PurchaseOrder]:
        """A person says that an order made by hand, or whose sending nobody saw end, is to be sent by machine again."""

        def decide(seen: _Seen) -> Plan[PurchaseOrder]:
            if seen.order.status is not PurchaseStatus.BY_HAND:
                said = f"purchase order {order.reference} is {seen.order.status.value}"
                return _refusal(seen, f"{said}: only one that is by_hand can be sent again")
            after = replace(seen.order, status=PurchaseStatus.DRAFT, attempts=0, next_attempt_at=None)
            return Plan(after, writes=(*save_purchase_order(after), _settled(after, seen.now)))

        return await self._submit(order, decide)

    async def call_off(self, order: PurchaseOrder) -> Outcome[PurchaseOrder]:
        """The supplier leaves out what nobody wants any more."""

        def decide(seen: _Seen) -> Plan[PurchaseOrder]:
            problem = why_not(seen.order)
            if problem:
                return _refusal(seen, problem)
            bought = {(one.channel, one.line_id, one.sku): one.purchased for one in seen.demands}
            after = called_off(seen.order, bought)
            writes = (*save_purchase_order(after), _settled(after, seen.now))
            return Plan(after, writes=writes, marks=frozenset(one.sku for one in after.purchases))

        return await self._submit(order, decide)

    async def receive(self, order: PurchaseOrder, location: str) -> Outcome[PurchaseOrder]:
        """The goods lie at a place of ours: what was bought for an order is reserved for it, the rest is free."""

        def decide(seen: _Seen) -> Plan[PurchaseOrder]:
            problem = why_not(seen.order)
            if problem:
                return _refusal(seen, problem)
            came = receipt(seen.order, location, seen.demands, seen.held, actor=self._actor, now=seen.now)
            writes = (
                *save_purchase_order(came.order),
                save_reservations(came.reservations),
                save_demands(came.demands),
                _settled(came.order, seen.now),
            )
            return Plan(came.order, came.movements, writes)

        return await self._submit(order, decide)

    async def _submit(self, order: PurchaseOrder, decide: Decide) -> Outcome[PurchaseOrder]:
        def judge(view: View) -> Plan[PurchaseOrder]:
            orders = purchase_orders_of(view.rows[0])
            seen = next(one for one in orders if one.reference == order.reference)
            others = [one for one in orders if one.reference != order.reference]
            demands = [demand_of(row) for row in view.rows[1]]
            return decide(_Seen(seen, others, demands, [reservation_of(row) for row in view.rows[2]], view.now))

        channels = {one.channel for one in order.purchases}
        lines = {one.line_id for one in order.purchases}
        reads = (
            select_purchase_orders([order.order_key]),
            select_demands_of_lines(channels, lines),
            select_reservations_of(channels, lines),
        )
        skus = frozenset(one.sku for one in order.purchases)
        return await self._writer.submit(Command(judge, skus=skus, reads=reads))


def _answered(after: PurchaseOrder, seen: _Seen) -> Plan[PurchaseOrder]:
    told = Answered(seen.order, after, seen.others, seen.demands)
    writes = answer_writes(told, f"{after.supplier} refused it", seen.now)
    return Plan(after, writes=writes, marks=frozenset(one.sku for one in after.purchases))


def _refusal(seen: _Seen, problem: str) -> Plan[PurchaseOrder]:
    return Plan(seen.order, refusal=problem)


def _settled(order: PurchaseOrder, now: datetime) -> Write:
    return close(Topic.PURCHASE_ORDER, order.reference, now)

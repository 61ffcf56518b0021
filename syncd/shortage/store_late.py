"""Late deliveries as rows and commands: which there are, opening their cases, following them, stepping out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, exists, or_, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.attention.question import Topic
from syncd.attention.store import ask, close
from syncd.channel.port import OrderStatus
from syncd.identity import ChannelName, Sku
from syncd.ledger.store import Command, Plan, View, Write
from syncd.orders.store import order
from syncd.reservation.hold import Demand
from syncd.reservation.store import demand_of, save_demands, select_demands_of_lines
from syncd.shortage.case import Case, CaseStatus, case_id
from syncd.shortage.late import Awaited, ended_by, outstanding, step_out
from syncd.shortage.store import case_of, select_case, select_cases_of, shortage_case
from syncd.shortage.store_timeline import keep
from syncd.supply.parcel import Parcel
from syncd.supply.purchase_order import UNSETTLED, PurchaseOrder, PurchaseStatus
from syncd.supply.store import purchase, purchase_order, purchase_orders_of, save_purchase_order, select_purchase_orders
from syncd.supply.store_parcel import parcel, parcel_of, select_parcels

LATE_AT_ONCE = 200
"""Deliveries looked at in one run, the oldest first; those whose customer was told drop out."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A delivery that may be late. `order_key` is that of the customer's order."""

    awaited: Awaited
    order_key: str
    tells_parcels: bool


async def read_suspects(conn: AsyncConnection, made_before: datetime) -> list[Suspect]:
    """Deliveries for paid orders that a supplier has called late, or that were ordered before a moment from one who
    tells of his parcels; without those a case is open for."""
    o, p, c = purchase_order.c, purchase.c, shortage_case.c
    tells = exists().where(parcel.c.supplier == o.supplier)
    asked = exists().where(
        c.channel == p.channel, c.line_id == p.line_id, c.sku == p.sku, c.status != CaseStatus.RESOLVED.value
    )
    known = [one.value for one in UNSETTLED if one is not PurchaseStatus.UNPAID]
    late = or_(o.expected_on.is_not(None), and_(o.created_at <= made_before, tells))
    statement = (
        select(p.channel, p.line_id, p.sku, o.reference, o.order_key, tells.label("tells"))
        .join(purchase, p.reference == o.reference)
        .join(order, order.c.order_key == o.order_key)
        .where(o.status.in_(known), order.c.status == OrderStatus.PAID.value, late, ~asked)
        .order_by(o.created_at, o.reference, p.line_id, p.sku)
        .limit(LATE_AT_ONCE)
    )
    return [
        Suspect(
            Awaited(ChannelName(row.channel), row.line_id, Sku(row.sku), row.reference), row.order_key, bool(row.tells)
        )
        for row in await conn.execute(statement)
    ]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A purchase order and its parcels, with the demands of the line it was made for."""

    order: PurchaseOrder | None
    parcels: Sequence[Parcel]
    demands: Sequence[Demand]

    def left(self, awaited: Awaited) -> int:
        """Base units still to come."""
        return outstanding(awaited, self.order, self.demands, self.parcels)


def awaited_by(case: Case) -> Awaited:
    """What a case of a late delivery waits for."""
    return Awaited(case.channel, case.line_id, case.sku, case.awaits)


def select_delivery(awaited: Awaited) -> tuple[Select[Any], ...]:
    """Everything a delivery is judged by, for a command's reads."""
    made_for = select(purchase_order.c.order_key).where(purchase_order.c.reference == awaited.reference)
    return (
        select_demands_of_lines([awaited.channel], [awaited.line_id]),
        select_purchase_orders(made_for),
        select_parcels(awaited.reference),
    )


def delivery_of(awaited: Awaited, rows: Sequence[Sequence[RowMapping]]) -> Delivery:
    """Those rows as a value."""
    orders = purchase_orders_of(rows[1])
    bought = next((one for one in orders if one.reference == awaited.reference), None)
    return Delivery(bought, [parcel_of(row) for row in rows[2]], [demand_of(row) for row in rows[0]])


async def read_delivery(conn: AsyncConnection, awaited: Awaited) -> Delivery:
    """A delivery as it stands."""
    rows = [(await conn.execute(one)).mappings().all() for one in select_delivery(awaited)]
    return delivery_of(awaited, rows)


def open_late(awaited: Awaited, order_key: str, cause: str) -> Command[Case | None]:
    """Open a case for a late delivery unless one is open for the line and SKU, or nothing is awaited any more."""

    def decide(view: View) -> Plan[Case | None]:
        cases = [case_of(row) for row in view.rows[0]]
        left = delivery_of(awaited, view.rows[1:]).left(awaited)
        if not left or any(case.status is not CaseStatus.RESOLVED for case in cases):
            return Plan(None)
        number = case_id(awaited.channel, awaited.line_id, awaited.sku, len(cases) + 1)
        line = (awaited.channel, order_key, awaited.line_id, awaited.sku)
        case = Case(number, *line, left, cause, CaseStatus.OPEN, view.now, awaits=awaited.reference)
        return Plan(case, writes=keep(None, case, view.now))

    reads = (select_cases_of(awaited.channel, awaited.line_id, awaited.sku), *select_delivery(awaited))
    return Command(decide, reads=reads)


def follow_late(case: Case, now: datetime) -> Command[Case | None]:
    """Bring a case of a late delivery down to what is still to come; it ends with the last unit of it."""
    awaited = awaited_by(case)

    def decide(view: View) -> Plan[Case | None]:
        delivery = delivery_of(awaited, view.rows[1:])
        left = delivery.left(awaited)
        if [case_of(row) for row in view.rows[0]] != [case] or left >= case.units:
            return Plan(None)
        if left:
            fewer = replace(case, units=left)
            return Plan(fewer, writes=keep(case, fewer, view.now))
        demands = {one.sku: one for one in delivery.demands}
        words = ended_by(delivery.order, demands, case.sku, delivery.parcels)
        ended = case.to(CaseStatus.RESOLVED, resolved_at=now, resolution=words)
        return Plan(ended, writes=(*keep(case, ended, view.now), close(Topic.REFUND, case.case_id, now)))

    return Command(decide, reads=(select_case(case.case_id), *select_delivery(awaited)))


@dataclass(frozen=True, slots=True)
class Out:
    """The demands of a line once its customer steps out of a late delivery, and what else is to be written."""

    demands: Sequence[Demand]
    writes: tuple[Write, ...]


def stepped_out(seen: Case, rows: Sequence[Sequence[RowMapping]], now: datetime) -> Out | None:
    """What stepping out changes; None when it can no longer be done because it was sent."""
    awaited = awaited_by(seen)
    delivery = delivery_of(awaited, rows)
    if delivery.order is None or delivery.left(awaited) < seen.units:
        return None
    out = step_out(awaited, seen.units, delivery.order, delivery.demands, now)
    orders = (write for one in out.orders for write in save_purchase_order(one))
    return Out(out.demands, (save_demands(out.demands), *orders, *map(ask, out.questions)))

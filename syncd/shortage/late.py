"""Deliveries of suppliers that will be late: what is still to come, whether it keeps the promise, and stepping out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from syncd.attention.question import Question, Topic
from syncd.identity import ChannelName, Sku
from syncd.reservation.hold import Demand
from syncd.supply.parcel import Parcel
from syncd.supply.purchase_order import UNSETTLED, PurchaseOrder, PurchaseStatus, call_off

SENT = "the supplier has sent it"
"""How the resolution of a case reads whose delivery left after all."""

DECLINED = "the customer did not want to wait for it"


@dataclass(frozen=True, slots=True)
class Awaited:
    """Units of one order line, bought by one purchase order."""

    channel: ChannelName
    line_id: str
    sku: Sku
    reference: str


def outstanding(
    awaited: Awaited, order: PurchaseOrder | None, demands: Sequence[Demand], sent: Sequence[Parcel]
) -> int:
    """Base units that are still wanted, still to come by the purchase order, and in no parcel yet."""
    if order is None or order.status not in UNSETTLED:
        return 0
    line = (awaited.channel, awaited.line_id, awaited.sku)
    coming = sum(one.coming for one in order.purchases if (one.channel, one.line_id, one.sku) == line)
    gone = sum(one.quantity for one in sent if (one.channel, one.line_id, one.sku) == line)
    wanted = sum(one.purchased for one in demands if (one.channel, one.line_id, one.sku) == line)
    return max(0, min(coming - gone, wanted))


@dataclass(frozen=True, slots=True)
class Watch:
    """What is judged: until when it was promised, how long before the end of that day one is told, and the shop's
    zone."""

    promised: date
    notice: timedelta
    zone: str

    @property
    def told_at(self) -> datetime:
        """When a customer whose goods have not left is told at the latest."""
        return datetime.combine(self.promised, time.max, ZoneInfo(self.zone)) - self.notice


def why_late(order: PurchaseOrder, watch: Watch, now: datetime, *, tells_parcels: bool) -> str | None:
    """Why a delivery will be late, or None while it may still keep the promise.

    Silence counts only from a supplier who tells when he has sent something: of the others nobody knows.
    """
    if order.expected_on is not None:
        return f"{order.supplier} is late, until {order.expected_on}" if order.expected_on > watch.promised else None
    if tells_parcels and now >= watch.told_at and order.status is not PurchaseStatus.UNPAID:
        return f"{order.supplier} has not sent it"
    return None


def stands_for(order: PurchaseOrder, lead_days: int | None, today: date) -> date | None:
    """The day the supplier stands for, or None when he names none that is still to come."""
    if order.expected_on is not None:
        return order.expected_on if order.expected_on > today else None
    if lead_days is None:
        return None
    usual = (order.created_at + timedelta(days=lead_days)).date()
    return usual if usual > today else None


def ended_by(order: PurchaseOrder | None, demands: Mapping[Sku, Demand], sku: Sku, sent: Sequence[Parcel]) -> str:
    """In a few words for staff, why nothing of it is awaited any more."""
    demand = demands.get(sku)
    if demand is not None and demand.short:
        return demand.cause
    if any(one.sku == sku for one in sent) or (order is not None and order.status is PurchaseStatus.SHIPPED):
        return SENT
    if order is not None and order.status is PurchaseStatus.RECEIVED:
        return "it came to us and leaves from here"
    return "it is no longer awaited: cancelled, sent or refunded on the channel"


@dataclass(frozen=True, slots=True)
class SteppedOut:
    """What stepping out of a late delivery changes: its units are short from now on and called off."""

    demands: tuple[Demand, ...]
    orders: tuple[PurchaseOrder, ...]
    questions: tuple[Question, ...]


def step_out(
    awaited: Awaited, units: int, order: PurchaseOrder, demands: Sequence[Demand], now: datetime
) -> SteppedOut:
    """The customer does not wait: nothing of it is bought for him any more; a supplier who knows of it has to be
    told."""
    line = (awaited.channel, awaited.line_id, awaited.sku)
    changed = [
        one.refused(units, DECLINED, now) if (one.channel, one.line_id, one.sku) == line else one for one in demands
    ]
    off = call_off([order], {(awaited.line_id, awaited.sku): units})
    questions = [
        Question(
            Topic.PURCHASE_ORDER,
            reference,
            f"the customer no longer waits for {units} × {awaited.sku} of purchase order {reference}: call it off with "
            f"{order.supplier}, then type: syncd supplier calloff {reference}",
            now,
        )
        for reference in off.sent
    ]
    return SteppedOut(tuple(changed), off.changed, tuple(questions))

"""Whether what was promised can still come as promised from somewhere else, without anybody being asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from syncd.identity import Money, SupplierName
from syncd.supply.offer import UsableOffer
from syncd.supply.purchase_order import PurchaseOrder


def promised_day(ordered_at: datetime, within_days: int, zone: str) -> date:
    """The day by which what was ordered is to leave, where the shop is."""
    return (ordered_at.astimezone(ZoneInfo(zone)) + timedelta(days=within_days)).date()


def places(own: Sequence[str], stand_in: Mapping[str, int], today: date, promised: date) -> tuple[str, ...]:
    """Where it may be taken from: where the channel sells from, then stand-ins whose days of carriage still fit."""
    fitting = sorted((days, place) for place, days in stand_in.items() if today + timedelta(days=days) <= promised)
    return tuple(dict.fromkeys((*own, *(place for _, place in fitting))))


@dataclass(frozen=True, slots=True)
class Arrival:
    """A supplier who has all of it, the day he stands for, and what he takes for it where his list says so."""

    supplier: SupplierName
    until: date
    cost: Money | None = None


def arrivals(
    offers: Sequence[UsableOffer],
    units: int,
    lead_days: Mapping[SupplierName, int | None],
    refused_by: Collection[SupplierName],
    today: date,
) -> tuple[Arrival, ...]:
    """The suppliers whose word covers so many units, the soonest first; who refused this line before is not asked, and
    one whose lead time nobody knows stands for no day."""
    found: list[Arrival] = []
    for one in offers:
        supplier, days = one.offer.supplier, lead_days.get(one.offer.supplier)
        if days is None or supplier in refused_by or one.units < units:
            continue
        cost = one.offer.cost.times(units) if one.offer.cost else None
        found.append(Arrival(supplier, today + timedelta(days=days), cost))
    return tuple(sorted(found, key=lambda one: (one.until, one.cost.amount if one.cost else 0, one.supplier)))


def refusals(orders: Sequence[PurchaseOrder], line_id: str, sku: str) -> frozenset[SupplierName]:
    """Who was asked for this line and would not send all of it."""
    return frozenset(
        one.supplier
        for order in orders
        for one in order.purchases
        if one.line_id == line_id and one.sku == sku and one.refused
    )

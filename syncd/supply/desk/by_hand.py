"""What a person says about a purchase order: confirmed, refused, called off by the supplier, or the goods have come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.identity import ChannelName, Sku
from syncd.ledger.movement import SUPPLIER, Movement, Reason, available, reserved
from syncd.reservation.hold import Demand, HoldStatus, Reservation
from syncd.supply.port import PurchaseOutcome, PurchaseVerdict
from syncd.supply.purchase_order import UNSETTLED, PurchaseOrder, PurchaseStatus

Bought = Mapping[tuple[ChannelName, str, Sku], int]


def why_not(order: PurchaseOrder, *, confirming: bool = False) -> str:
    """Why nothing can be said about a purchase order any more, or ''."""
    if order.status not in UNSETTLED:
        return f"purchase order {order.reference} is {order.status.value}: nothing is left to say about it"
    if confirming and order.status not in (PurchaseStatus.BY_HAND, PurchaseStatus.SENT):
        said = f"purchase order {order.reference} is {order.status.value}"
        return f"{said}: only one ordered by hand, or not answered by machine, is answered by hand"
    return ""


def confirmed(order: PurchaseOrder, lacking: Mapping[Sku, int], now: datetime) -> PurchaseOrder:
    """The supplier took it, all but some units of some SKUs."""
    left, accepted = dict(lacking), list[tuple[str, int]]()
    for one in order.purchases:
        less = min(left.get(one.sku, 0), one.quantity)
        left[one.sku] = left.get(one.sku, 0) - less
        accepted.append((one.purchase_id, one.quantity - less))
    verdict = PurchaseVerdict.PARTIAL if lacking else PurchaseVerdict.ACCEPTED
    return order.answered(PurchaseOutcome(verdict, order.supplier_reference, tuple(accepted), "by hand"), now)


def refused(order: PurchaseOrder, now: datetime) -> PurchaseOrder:
    """The supplier will send nothing of it, whatever he had said."""
    fresh = replace(order, purchases=tuple(replace(one, accepted=None) for one in order.purchases))
    return fresh.answered(PurchaseOutcome(PurchaseVerdict.REFUSED, order.supplier_reference, (), "by hand"), now)


def called_off(order: PurchaseOrder, bought: Bought) -> PurchaseOrder:
    """The supplier agreed to leave out what nobody wants any more."""
    left = dict(bought)
    kept = []
    for one in order.purchases:
        key = (one.channel, one.line_id, one.sku)
        units = min(one.coming, left.get(key, 0))
        left[key] = left.get(key, 0) - units
        kept.append(replace(one, quantity=units, accepted=None if one.accepted is None else units))
    if not any(one.quantity for one in kept):
        return order.withdrawn()
    return replace(order, purchases=tuple(kept))


@dataclass(frozen=True, slots=True)
class Receipt:
    """What goods that came to us change: units still wanted go to their order, others on the shelf."""

    order: PurchaseOrder
    movements: tuple[Movement, ...]
    reservations: tuple[Reservation, ...]
    demands: tuple[Demand, ...]


def receipt(
    order: PurchaseOrder,
    location: str,
    demands: Sequence[Demand],
    reservations: Sequence[Reservation],
    *,
    actor: str,
    now: datetime,
) -> Receipt:
    """Everything still coming of a purchase order lies at a location of ours now."""
    wanted = {(one.channel, one.line_id, one.sku): one for one in demands}
    held = {one.reservation_id: one for one in reservations}
    changed: dict[str, Reservation] = {}
    movements: list[Movement] = []
    for number, one in enumerate(order.purchases):
        key = (one.channel, one.line_id, one.sku)
        demand = wanted.get(key)
        ours = min(one.coming, demand.purchased) if demand else 0
        for part, place in ((ours, reserved(location)), (one.coming - ours, available(location))):
            if part:
                name = f"purchase:{order.reference}#{number}:{place.state}"
                movements.append(
                    Movement(name, one.sku, part, SUPPLIER, place, Reason.RECEIPT, now, order.reference, actor)
                )
        if demand is not None and ours:
            wanted[key] = replace(demand, purchased=demand.purchased - ours)
            name = f"{one.channel}:{one.line_id}/{one.sku}@{location}"
            before = changed.get(name) or held.get(name) or _new(name, demand, location, now)
            changed[name] = before.more(ours)
    after = tuple(one for key, one in wanted.items() if one not in demands)
    done = replace(order, status=PurchaseStatus.RECEIVED)
    return Receipt(done, tuple(movements), tuple(changed.values()), after)


def _new(name: str, demand: Demand, location: str, now: datetime) -> Reservation:
    return Reservation(
        name, demand.channel, demand.line_id, demand.order_key, demand.sku, location, 0, 0, 0, HoldStatus.HELD, now
    )

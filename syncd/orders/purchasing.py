"""What an order's import means for our purchase orders: drafts, fewer or none of them, and what suppliers are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.attention.question import Question, Topic
from syncd.channel.port import ChannelOrder, OrderStatus
from syncd.identity import Sku
from syncd.orders.situation import Intake, Situation
from syncd.supply.purchase_order import UNSENT, UNSETTLED, PurchaseOrder, PurchaseStatus, call_off


@dataclass(frozen=True, slots=True)
class Purchasing:
    """`changed` and `made` are to be saved, `marks` are SKUs of which suppliers can be promised more again."""

    changed: tuple[PurchaseOrder, ...]
    made: tuple[PurchaseOrder, ...]
    questions: tuple[Question, ...]
    marks: frozenset[Sku]


def purchasing(
    order: ChannelOrder, intake: Intake, situation: Situation, known: Sequence[PurchaseOrder], now: datetime
) -> Purchasing:
    """Withdraw what no supplier knows of, ask a person to call off what one does, and draft what is to be bought."""
    off = call_off(known, intake.unbought)
    changed = {one.reference: one for one in off.changed}
    questions = [_called_off(one, off.sent[one.reference], order, now) for one in known if one.reference in off.sent]
    if order.status in (OrderStatus.UNPAID, OrderStatus.PAID):
        for one in known:
            if one.ship_to == order.ship_to or one.reference in off.sent:
                continue
            if one.status in UNSENT and not one.attempts:
                changed[one.reference] = replace(changed.get(one.reference, one), ship_to=order.ship_to)
            elif one.status in UNSETTLED:
                changed[one.reference] = replace(changed.get(one.reference, one), ship_to=order.ship_to)
                questions.append(_moved(one, order, now))
    marks = frozenset(sku for _, sku in intake.unbought)
    return Purchasing(tuple(changed.values()), tuple(_drafts(order, intake, situation, now)), tuple(questions), marks)


def _called_off(one: PurchaseOrder, units: Mapping[Sku, int], order: ChannelOrder, now: datetime) -> Question:
    what = ", ".join(f"{count} × {sku}" for sku, count in sorted(units.items()))
    known = "was not ordered by machine" if one.status is PurchaseStatus.BY_HAND else "may know of it"
    if one.status in (PurchaseStatus.ACCEPTED, PurchaseStatus.PARTIAL):
        known = "has agreed to send it"
    sentence = (
        f"order {order.number} no longer needs {what} of purchase order {one.reference}; {one.supplier} {known}: call "
        f"it off with him, then type: syncd supplier calloff {one.reference}"
    )
    return Question(Topic.PURCHASE_ORDER, one.reference, sentence, now)


def _moved(one: PurchaseOrder, order: ChannelOrder, now: datetime) -> Question:
    sentence = (
        f"the buyer of order {order.number} changed the address after {one.supplier} was sent purchase order "
        f"{one.reference}: tell {one.supplier} where it goes now"
    )
    return Question(Topic.PURCHASE_ORDER, f"{one.reference}/address", sentence, now)


def _drafts(order: ChannelOrder, intake: Intake, situation: Situation, now: datetime) -> list[PurchaseOrder]:
    """One purchase order per supplier; its reference grows with every change, so that none is used twice."""
    revisions = {line_id: line.revision for line_id, line in situation.lines.items()}
    revisions |= {line.line_id: line.revision for line in intake.lines}
    status = PurchaseStatus.UNPAID if order.status is OrderStatus.UNPAID else PurchaseStatus.DRAFT
    found: list[PurchaseOrder] = []
    for supplier in sorted({purchase.supplier for purchase in intake.purchases}):
        reference = f"{intake.order_key}/{supplier}/{sum(revisions.values())}"
        purchases = tuple(one for one in intake.purchases if one.supplier == supplier)
        found.append(PurchaseOrder(reference, supplier, intake.order_key, status, now, purchases, order.ship_to))
    return found

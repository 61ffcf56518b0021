"""Writes what a supplier's answer to a purchase order changes, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close
from syncd.identity import ChannelName, Sku
from syncd.ledger.store import Command, Plan, View, Write
from syncd.reservation.hold import Demand
from syncd.reservation.store import demand_of, save_demands, select_demands_of_lines
from syncd.supply.purchase_order import PurchaseOrder, surplus
from syncd.supply.store import purchase_orders_of, save_purchase_order, select_purchase_orders


def answer_purchase(before: PurchaseOrder, order: PurchaseOrder, cause: str, now: datetime) -> Command[None]:
    """Write a supplier's answer: what he refuses is short from now on, what nobody wants now is to be called off."""

    def decide(view: View) -> Plan[None]:
        others = [one for one in purchase_orders_of(view.rows[1]) if one.reference != order.reference]
        demands = [demand_of(row) for row in view.rows[0]]
        writes = answer_writes(Answered(before, order, others, demands), cause, now)
        return Plan(None, writes=writes, marks=frozenset(one.sku for one in order.purchases))

    channels = {one.channel for one in order.purchases}
    lines = {one.line_id for one in order.purchases}
    reads = (select_demands_of_lines(channels, lines), select_purchase_orders([order.order_key]))
    return Command(decide, reads=reads)


@dataclass(frozen=True, slots=True)
class Answered:
    """A purchase order before and after an answer, the others of its order, and what they were made for."""

    before: PurchaseOrder
    order: PurchaseOrder
    others: Sequence[PurchaseOrder]
    demands: Sequence[Demand]


def answer_writes(answered: Answered, cause: str, now: datetime) -> tuple[Write, ...]:
    """What an answered purchase order changes: itself, the demands it leaves short, and what is asked about it.

    Short becomes what he refuses beyond what he had refused before: the same answer heard twice takes nothing twice.
    """
    order = answered.order
    refused_before = {one.purchase_id: one.refused for one in answered.before.purchases}
    known = {(one.channel, one.line_id, one.sku): one for one in answered.demands}
    changed: dict[tuple[ChannelName, str, Sku], Demand] = {}
    for one in order.purchases:
        key = (one.channel, one.line_id, one.sku)
        demand = changed.get(key) or known.get(key)
        more = one.refused - refused_before.get(one.purchase_id, 0)
        if more > 0 and demand is not None:
            changed[key] = demand.refused(more, cause, now)
    bought = {key: one.purchased for key, one in (known | changed).items()}
    return (
        *save_purchase_order(order),
        save_demands(list(changed.values())),
        _said(order, answered.others, bought, now),
    )


def _said(
    order: PurchaseOrder,
    others: Sequence[PurchaseOrder],
    bought: Mapping[tuple[ChannelName, str, Sku], int],
    now: datetime,
) -> Write:
    """Close what was asked about the purchase order, or ask to call off what was cancelled while he was being asked."""
    unwanted = surplus([order, *others], bought)
    if not unwanted:
        return close(Topic.PURCHASE_ORDER, order.reference, now)
    what = ", ".join(f"{units} × {sku}" for sku, units in sorted(unwanted.items()))
    sentence = (
        f"{order.supplier} has agreed to send {what} of purchase order {order.reference}, which nobody wants any more: "
        f"call it off with him, then type: syncd supplier calloff {order.reference}"
    )
    return ask(Question(Topic.PURCHASE_ORDER, order.reference, sentence, now))

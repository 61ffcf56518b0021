"""Buying what a case is about from another supplier, as a command judged on his offer as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from syncd.channel.port import Address
from syncd.identity import SupplierName
from syncd.ledger.store import Command, Plan, View, Write
from syncd.reservation.store import demand_of, save_demands, select_demands_of_lines
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.elsewhere import refusals
from syncd.shortage.store import case_of, select_case
from syncd.shortage.store_steps import Step
from syncd.shortage.store_timeline import keep
from syncd.supply.offer import SupplierPolicy, best_first, usable
from syncd.supply.purchase_order import Purchase, PurchaseOrder, PurchaseStatus
from syncd.supply.store import offer_of, purchase_orders_of, save_purchase_order, select_offers, select_purchase_orders


@dataclass(frozen=True, slots=True)
class Buying:
    """From whom it may be bought, and where he is to send it."""

    suppliers: Mapping[SupplierName, SupplierPolicy]
    ship_to: Address | None


def buy(seen: Case, then: Case, buying: Buying, *writes: Write) -> Command[Step]:
    """Order all of it from one supplier and take the case on, or change nothing because his offer is gone.

    A case that waits from then on waits for that very purchase order.
    """

    def decide(view: View) -> Plan[Step]:
        short = [one for one in map(demand_of, view.rows[1]) if one.sku == seen.sku]
        if [case_of(row) for row in view.rows[0]] != [seen] or sum(one.short for one in short) < seen.units:
            return Plan(Step.MOVED_ON)
        orders = purchase_orders_of(view.rows[3])
        refused = refusals(orders, seen.line_id, seen.sku)
        offers = [offer_of(row) for row in view.rows[2]]
        trusted = [one for one in offers if one.supplier in buying.suppliers and one.supplier not in refused]
        worth = best_first([usable(one, buying.suppliers[one.supplier], view.now) for one in trusted])
        enough = next((one.offer for one in worth if one.units >= seen.units), None)
        if enough is None:
            return Plan(Step.NOT_POSSIBLE)
        demand = short[0]
        bought = Purchase(enough.supplier, enough.supplier_sku, seen.sku, seen.channel, seen.line_id, seen.units)
        reference = f"{seen.case_id}/{enough.supplier}/{len(orders) + 1}"
        draft = PurchaseOrder(
            reference,
            enough.supplier,
            demand.order_key,
            PurchaseStatus.DRAFT,
            view.now,
            (bought,),
            ship_to=buying.ship_to,
        )
        after = replace(then, awaits=reference) if then.status is CaseStatus.WAITING else then
        saved = save_demands([demand.bought(seen.units)])
        return Plan(
            Step.TAKEN,
            writes=(*keep(seen, after, view.now), saved, *save_purchase_order(draft), *writes),
            marks=frozenset({seen.sku}),
        )

    reads = (
        select_case(seen.case_id),
        select_demands_of_lines([seen.channel], [seen.line_id]),
        select_offers([seen.sku]),
        select_purchase_orders([seen.order_key]),
    )
    return Command(decide, skus=frozenset({seen.sku}), reads=reads)

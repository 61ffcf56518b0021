"""Pushes between our words and ReviseInventoryStatus: the request, and one outcome per update from its reply.

Pure. `Ack=Failure` does not prove that nothing was applied: what the reply neither confirms nor blames is UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.ebay.mapping import split_listing_id
from connectors.ebay.mapping_errors import NO_OP_CODES, item_sentence, item_verdict
from connectors.ebay.mapping_xml import Reply, TradingError, text
from syncd.channel.port import PushOutcome, PushVerdict, QuantityUpdate

CONTAINERS_MAX = 4
"""InventoryStatus containers in one call (KB 2156)."""


def push_request(updates: Sequence[QuantityUpdate]) -> dict[str, Any]:
    """ReviseInventoryStatus: quantity only, so that a price fault can never block it.

    A single listing is named by ItemID alone (its SKU beside it may be refused, 21916799), a variation by
    ItemID and SKU.
    """
    containers: list[dict[str, Any]] = []
    for update in updates:
        item_id, variation_sku = split_listing_id(update.listing_id)
        container: dict[str, Any] = {"ItemID": item_id, "Quantity": str(update.quantity)}
        if variation_sku is not None:
            container["SKU"] = variation_sku
        containers.append(container)
    return {"InventoryStatus": containers}


def push_outcomes(reply: Reply, updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
    """One outcome per update, in the order of the updates.

    Listed in InventoryStatus: applied. Named by an error's parameters: failed with its code. The rest:
    failed together when as many unattributed errors of one code are left as updates, applied when the reply
    as a whole is good and only warns of a quantity that was so already, else UNKNOWN.
    """
    applied = {(text(entry, "ItemID"), text(entry, "SKU")) for entry in reply.root.findall("InventoryStatus")}
    outcomes: dict[int, PushOutcome] = {}
    unattributed: list[TradingError] = []
    for error in reply.errors:
        named = _named_by(error, updates)
        if error.is_error and not named:
            unattributed.append(error)
        for position in named:
            if error.is_error or error.code in NO_OP_CODES:
                outcomes.setdefault(position, _outcome(updates[position], error))
    for position, update in enumerate(updates):
        if position not in outcomes and _is_applied(update, applied):
            outcomes[position] = PushOutcome(update.listing_id, PushVerdict.ACCEPTED)
    rest = [position for position in range(len(updates)) if position not in outcomes]
    for position in rest:
        outcomes[position] = _rest_outcome(reply, updates[position], unattributed, len(rest))
    return [outcomes[position] for position in range(len(updates))]


def _named_by(error: TradingError, updates: Sequence[QuantityUpdate]) -> list[int]:
    """Positions of the updates an error's parameters name: by item and SKU, by SKU alone, else by item alone."""
    values = {value for _, value in error.parameters if value}
    split = [split_listing_id(update.listing_id) for update in updates]
    by_item = [position for position, (item_id, _) in enumerate(split) if item_id in values]
    by_sku = [position for position, (_, variation_sku) in enumerate(split) if variation_sku in values]
    both = [position for position in by_item if position in by_sku]
    return both or by_item or by_sku


def _is_applied(update: QuantityUpdate, applied: set[tuple[str | None, str | None]]) -> bool:
    item_id, variation_sku = split_listing_id(update.listing_id)
    if variation_sku is None:
        return any(entry_item == item_id for entry_item, _ in applied)
    return (item_id, variation_sku) in applied


def _outcome(update: QuantityUpdate, error: TradingError) -> PushOutcome:
    judged = item_verdict(error.code, update.quantity)
    return PushOutcome(update.listing_id, judged.verdict, error.code, item_sentence(error), judged.wait_seconds)


def _rest_outcome(reply: Reply, update: QuantityUpdate, unattributed: Sequence[TradingError], left: int) -> PushOutcome:
    if len(unattributed) == left and len({error.code for error in unattributed}) == 1:
        return _outcome(update, unattributed[0])
    if reply.is_good and any(error.code in NO_OP_CODES for error in reply.errors):
        return PushOutcome(update.listing_id, PushVerdict.ACCEPTED)
    code = unattributed[0].code if unattributed else next((e.code for e in reply.errors if e.is_error), "")
    return PushOutcome(
        update.listing_id, PushVerdict.UNKNOWN, code, "eBay's answer neither confirms nor refuses this update"
    )

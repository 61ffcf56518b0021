"""Many variations of one item in one call: ReviseFixedPriceItem, with the prices it must be given. Pure.

When a variation is changed SKU, StartPrice and Quantity have to be given together (Trading API reference), so prices
are read just before; they are sent back exactly as eBay wrote them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element

from connectors.ebay.mapping import split_listing_id
from connectors.ebay.mapping_errors import ItemFault, item_fault, item_sentence, item_verdict
from connectors.ebay.mapping_xml import Reply, needed, text
from syncd.channel.port import PushOutcome, PushVerdict, QuantityUpdate

GROUP_MAX = 250
"""Variations one listing can have at most."""

CALLS_PER_GROUP = 2
"""GetItem for the prices, then ReviseFixedPriceItem."""

_OF_THE_ITEM = frozenset({ItemFault.ENDED, ItemFault.GONE, ItemFault.OTHER_API})
"""What the item is refused for by whichever call revises it."""

_FIELDS = ("ItemID", "Variations.Variation.SKU", "Variations.Variation.StartPrice")


def item_request(item_id: str) -> dict[str, Any]:
    """GetItem for the prices of an item's variations."""
    return {
        "ItemID": item_id,
        "DetailLevel": "ReturnAll",
        "OutputSelector": [f"Item.{field}" for field in _FIELDS],
    }


def revise_request(reply: Reply, updates: Sequence[QuantityUpdate]) -> dict[str, Any] | None:
    """ReviseFixedPriceItem for these variations, or None where the item does not have them all. Raises Unreadable."""
    found = {sku: one for one in reply.root.findall("Item/Variations/Variation") if (sku := text(one, "SKU"))}
    variations: list[dict[str, Any]] = []
    for update in updates:
        _, sku = split_listing_id(update.listing_id)
        if sku is None or sku not in found:
            return None
        variations.append({"SKU": sku, "StartPrice": _price(found[sku]), "Quantity": str(update.quantity)})
    item_id, _ = split_listing_id(updates[0].listing_id)
    return {"Item": {"ItemID": item_id, "Variations": {"Variation": variations}}}


def accepted(updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
    """The call was good, so all of it was applied: it is one revision of one listing."""
    return [PushOutcome(update.listing_id, PushVerdict.ACCEPTED) for update in updates]


def outcomes_of_all(reply: Reply, updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
    """One for each where the refusal is of the item itself (ended, gone, of the other API); else none at all."""
    error = next((one for one in reply.errors if one.is_error and item_fault(one.code) in _OF_THE_ITEM), None)
    if error is None:
        return []
    judged = [(update, item_verdict(error.code, update.quantity)) for update in updates]
    sentence = item_sentence(error)
    return [PushOutcome(update.listing_id, one.verdict, error.code, sentence) for update, one in judged]


def _price(variation: Element) -> dict[str, Any]:
    written = needed(variation, "StartPrice")
    price = variation.find("StartPrice")
    currency = price.get("currencyID") if price is not None else None
    return {"#text": written, "@attrs": {"currencyID": currency}} if currency else {"#text": written}

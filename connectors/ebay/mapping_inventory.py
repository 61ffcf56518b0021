"""Listings of eBay's Inventory API: which offer a listing is, the request that sets its number, and its answer. Pure.

The number a buyer sees is the smaller of the SKU's ship-to-home quantity and the offer's own, so both are set. The docs
disagree on how many SKUs one call takes; one is always right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from connectors.ebay.mapping_errors import SELLING_LIMIT_SECONDS
from connectors.ebay.mapping_rest import LATER_IDS, RestAnswer
from connectors.ebay.mapping_xml import Unreadable
from syncd.channel.port import PushOutcome, PushVerdict, QuantityUpdate

GONE_IDS = frozenset({25702, 25710, 25713})
"""SKU or offer not found, offer no longer available."""
SELLING_LIMIT_IDS = frozenset({25026})


@dataclass(frozen=True, slots=True)
class Offer:
    """What the Inventory API calls a listing."""

    sku: str
    offer_id: str


def offers_path(sku: str) -> str:
    """getOffers for one SKU."""
    return f"/sell/inventory/v1/offer?sku={quote(sku, safe='')}"


def offer_of(answer: RestAnswer, sku: str, item_id: str) -> Offer | None:
    """The published offer that is this listing, or None. Raises Unreadable."""
    if answer.error_ids:
        return None
    try:
        for offer in answer.body["offers"]:
            if str((offer.get("listing") or {}).get("listingId", "")) == item_id:
                return Offer(sku, str(offer["offerId"]))
    except (KeyError, TypeError, AttributeError):
        raise Unreadable("the SKU's offers are not written as the Inventory API writes them") from None
    return None


def quantity_request(offer: Offer, quantity: int) -> dict[str, Any]:
    """The body of bulkUpdatePriceQuantity: quantities only."""
    entry = {
        "sku": offer.sku,
        "shipToLocationAvailability": {"quantity": quantity},
        "offers": [{"offerId": offer.offer_id, "availableQuantity": quantity}],
    }
    return {"requests": [entry]}


def outcome(answer: RestAnswer, offer: Offer, update: QuantityUpdate) -> PushOutcome:
    """What became of the update: the entry's own status decides, whatever the status of the whole answer."""
    entries = [entry for entry in answer.body.get("responses") or () if _is_of(entry, offer)]
    statuses = [entry.get("statusCode") for entry in entries]
    errors = [error for entry in entries for error in entry.get("errors") or () if isinstance(error, dict)]
    if entries and all(status == 200 for status in statuses):
        return PushOutcome(update.listing_id, PushVerdict.ACCEPTED)
    ids = {error.get("errorId") for error in errors} | set(answer.error_ids)
    message = str(errors[0].get("message", "")) if errors else answer.message
    code = str(min((one for one in ids if isinstance(one, int)), default=""))
    if ids & GONE_IDS:
        return PushOutcome(update.listing_id, PushVerdict.NOT_FOUND, code, message)
    if ids & SELLING_LIMIT_IDS:
        return PushOutcome(update.listing_id, PushVerdict.DEFERRED, code, message, SELLING_LIMIT_SECONDS)
    if not ids or ids & LATER_IDS:
        said = message or "eBay's answer neither confirms nor refuses this update"
        return PushOutcome(update.listing_id, PushVerdict.UNKNOWN, code, said)
    return PushOutcome(update.listing_id, PushVerdict.REJECTED, code, message)


def _is_of(entry: object, offer: Offer) -> bool:
    if not isinstance(entry, Mapping):
        return False
    return str(entry.get("offerId") or offer.offer_id) == offer.offer_id and entry.get("sku", offer.sku) == offer.sku

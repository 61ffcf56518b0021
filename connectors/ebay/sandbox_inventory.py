"""The stand-in's Inventory API: the offers of a SKU, and quantities set in bulk with a status for each entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.ebay.sandbox_records import Item, Offer
from connectors.ebay.sandbox_rest import RestRefusal
from connectors.ebay.sandbox_state import Account

OFFERS_MAX = 25


def offers(account: Account, sku: str) -> dict[str, Any]:
    """getOffers: every published offer of the SKU; 25702 where there is none."""
    if not sku or len(sku) > 50:
        raise RestRefusal(400, 25707, "This is an invalid value for a SKU.", "API_INVENTORY")
    found = [(item, one) for item in account.items.values() for one in _offered(item, sku)]
    if not found:
        raise RestRefusal(404, 25702, f"{sku} could not be found or is not available in the system.", "API_INVENTORY")
    return {
        "total": len(found),
        "size": len(found),
        "limit": 25,
        "offers": [
            {
                "offerId": _offer_id(item, one),
                "sku": sku,
                "marketplaceId": "EBAY_IT",
                "format": "FIXED_PRICE",
                "availableQuantity": one.available,
                "status": "PUBLISHED",
                "listing": {"listingId": item.item_id, "listingStatus": "ACTIVE", "soldQuantity": one.sold},
            }
            for item, one in found
        ],
    }


def set_quantities(account: Account, body: Mapping[str, Any]) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
    """bulkUpdatePriceQuantity: HTTP status, body, and what was applied.

    What is shown is the smaller of ship-to-home and the offer's own number.
    """
    requests = body.get("requests")
    if not isinstance(requests, list) or not requests:
        raise RestRefusal(400, 25709, "Invalid value for requests.", "API_INVENTORY")
    applied: list[dict[str, Any]] = []
    responses = [_entry(account, request, one, applied) for request in requests for one in request.get("offers") or ()]
    if len(responses) > OFFERS_MAX:
        raise RestRefusal(400, 25709, "Invalid value for offers. No more than 25.", "API_INVENTORY")
    good = [response["statusCode"] == 200 for response in responses]
    status = 200 if all(good) else 207 if any(good) or len(good) > 1 else 400
    return status, {"responses": responses}, applied


def _entry(
    account: Account, request: Mapping[str, Any], asked: Mapping[str, Any], applied: list[dict[str, Any]]
) -> dict[str, Any]:
    sku, offer_id = str(request.get("sku", "")), str(asked.get("offerId", ""))
    entry: dict[str, Any] = {"offerId": offer_id, "sku": sku}
    found = [
        (item, one)
        for item in account.items.values()
        for one in _offered(item, sku)
        if _offer_id(item, one) == offer_id
    ]
    if not found:
        return {**entry, "statusCode": 404, "errors": [_error(25713, "This Offer is not available.")]}
    item, one = found[0]
    quantity, ship = asked.get("availableQuantity"), (request.get("shipToLocationAvailability") or {}).get("quantity")
    if not isinstance(quantity, int) or quantity < 0:
        return {**entry, "statusCode": 400, "errors": [_error(25004, "Invalid quantity.")]}
    if item.revisions[account.day()] >= account.switches.revisions_per_day:
        return {**entry, "statusCode": 400, "errors": [_error(25019, "Cannot revise listing.")]}
    one.available = min(quantity, ship) if isinstance(ship, int) else quantity
    item.modified_at = account.now()
    item.revisions[account.day()] += 1
    applied.append({"item_id": item.item_id, "sku": sku, "quantity": one.available})
    return {**entry, "statusCode": 200, "errors": [], "warnings": []}


def _offered(item: Item, sku: str) -> list[Offer]:
    if not item.is_rest_managed or item.listing_status != "Active":
        return []
    if item.has_variations:
        return [one for one in item.offers.values() if one.sku == sku]
    return list(item.offers.values()) if item.sku == sku else []


def _offer_id(item: Item, offer: Offer) -> str:
    """A number of its own kind, made from the listing's and the place of the variation in it."""
    return str(5_000_000_000 + int(item.item_id) % 100_000_000 * 10 + list(item.offers.values()).index(offer))


def _error(error_id: int, message: str) -> dict[str, Any]:
    return {"errorId": error_id, "domain": "API_INVENTORY", "category": "REQUEST", "message": message}

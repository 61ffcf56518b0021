"""Listings between eBay's words and ours: ids, quantities read, and the requests that read them.

Pure. eBay reports Quantity = available + sold, and takes the available number when written to (KB 1525, KB
1526): this file holds the one place where that is converted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element

from connectors.ebay.mapping_xml import Reply, Unreadable, moment, money, needed, number, stamp, text
from syncd.channel.port import ChannelListing, ListingObservation, ListingPage, ListingStatus
from syncd.identity import ListingId, Money

LISTINGS_PER_PAGE_MAX = 200
"""Of GetSellerList."""
LISTING_WINDOW = timedelta(days=119)
"""GetSellerList takes less than 120 days; good-till-cancelled listings end (and renew) monthly (KB 1456)."""
FIXED_PRICE = frozenset({"FixedPriceItem", "StoresFixedPrice"})

ITEM_FIELDS = (
    *("ItemID", "SKU", "Title", "ListingType", "InventoryTrackingMethod", "Quantity"),
    *("SellingStatus.QuantitySold", "SellingStatus.ListingStatus", "SellingStatus.CurrentPrice"),
    *("Variations.Variation.SKU", "Variations.Variation.Quantity", "Variations.Variation.StartPrice"),
    *("Variations.Variation.VariationTitle", "Variations.Variation.SellingStatus.QuantitySold"),
)


def listing_id(item_id: str, variation_sku: str | None = None) -> ListingId:
    """ItemID alone for a single listing, ItemID/SKU for a variation of one."""
    return ListingId(f"{item_id}/{variation_sku}" if variation_sku else item_id)


def split_listing_id(listing: ListingId) -> tuple[str, str | None]:
    """(ItemID, variation SKU or None). An ItemID is digits, so the first slash is ours."""
    item_id, slash, variation_sku = listing.partition("/")
    return item_id, variation_sku if slash else None


def item_ids(listings: Iterable[ListingId]) -> list[str]:
    """Each ItemID once, in order of first appearance."""
    return list(dict.fromkeys(split_listing_id(listing)[0] for listing in listings))


@dataclass(frozen=True, slots=True)
class ListingCursor:
    """Where an enumeration stands. The window stays fixed so that its pages do; `entries` is their number last
    seen.
    """

    end_from: datetime
    page: int = 1
    entries: int = 0

    def encode(self) -> str:
        """As the opaque cursor of the port."""
        return json.dumps({"end_from": stamp(self.end_from), "page": self.page, "entries": self.entries})

    @classmethod
    def decode(cls, cursor: str) -> ListingCursor:
        """From `encode`. Raises Unreadable."""
        try:
            read = json.loads(cursor)
            return cls(moment(read["end_from"]), int(read["page"]), int(read["entries"]))
        except (ValueError, KeyError, TypeError):
            raise Unreadable("the listing cursor is not one of this connector") from None


def listings_request(cursor: ListingCursor, *, per_page: int) -> dict[str, Any]:
    """GetSellerList for one page of active listings: those that end from now on."""
    return {
        "EndTimeFrom": stamp(cursor.end_from),
        "EndTimeTo": stamp(cursor.end_from + LISTING_WINDOW),
        "GranularityLevel": "Fine",
        "IncludeVariations": "true",
        "Pagination": {"EntriesPerPage": str(per_page), "PageNumber": str(cursor.page)},
        "OutputSelector": [
            *("PaginationResult", "HasMoreItems", "PageNumber", "ReturnedItemCountActual"),
            *(f"ItemArray.Item.{field}" for field in ITEM_FIELDS),
        ],
    }


def item_request(item_id: str) -> dict[str, Any]:
    """GetItem for the numbers of one listing and its variations."""
    return {
        "ItemID": item_id,
        "DetailLevel": "ReturnAll",
        "OutputSelector": [f"Item.{field}" for field in ITEM_FIELDS],
    }


def listing_page(reply: Reply, cursor: ListingCursor, asked_at: datetime) -> ListingPage:
    """One page of a GetSellerList reply; an item that cannot be read becomes a problem, not a fault."""
    listings: list[ChannelListing] = []
    problems: list[str] = []
    for item in reply.root.findall("ItemArray/Item"):
        try:
            found, wrong = item_listings(item, asked_at)
        except Unreadable as fault:
            problems.append(f"listing {text(item, 'ItemID') or '(no ItemID)'} cannot be read: {fault}")
            continue
        listings.extend(found)
        problems.extend(wrong)
    following = _next_cursor(reply, cursor)
    return ListingPage(tuple(listings), following.encode() if following else None, tuple(problems))


def next_page(*, page: int, entries_before: int, entries: int, has_more: bool) -> int | None:
    """The page to ask for next, or None after the last.

    Entries that left the fixed window since the page before moved the rest up by as many: one page back
    catches those that slipped over the border.
    """
    if page > 1 and entries < entries_before:
        return page - 1
    return page + 1 if has_more else None


def item_listings(item: Element, asked_at: datetime) -> tuple[list[ChannelListing], list[str]]:
    """The sellable listings of one item (itself, or each variation), and what is wrong with the others."""
    item_id = needed(item, "ItemID")
    kind = text(item, "ListingType")
    if kind is not None and kind not in FIXED_PRICE:
        return [], [f"listing {item_id} is of type {kind}; only fixed-price listings have a quantity to keep true"]
    title = text(item, "Title") or item_id
    status = _status(item)
    variations = item.findall("Variations/Variation")
    if not variations:
        seen = _observation(item, listing_id(item_id), status, asked_at)
        return [ChannelListing(seen.listing_id, text(item, "SKU"), title, _price(item), seen)], []
    return _variation_listings(item_id, title, variations, status, asked_at)


def observations(item: Element, asked_at: datetime) -> list[ListingObservation]:
    """What one item shows now, for itself or for each of its variations that has a SKU."""
    found, _ = item_listings(item, asked_at)
    return [listing.observation for listing in found]


def wanted_observations(seen: Iterable[ListingObservation], wanted: Sequence[ListingId]) -> list[ListingObservation]:
    """Those of the listings asked for."""
    chosen = set(wanted)
    return [observation for observation in seen if observation.listing_id in chosen]


def _variation_listings(
    item_id: str, title: str, variations: Sequence[Element], status: ListingStatus, asked_at: datetime
) -> tuple[list[ChannelListing], list[str]]:
    listings: dict[str, ChannelListing] = {}
    problems: list[str] = []
    for variation in variations:
        variation_sku = text(variation, "SKU")
        if variation_sku is None:
            problems.append(f"listing {item_id} has a variation without a SKU, so its quantity cannot be set")
        elif variation_sku in listings:
            problems.append(f"listing {item_id} has two variations with the SKU {variation_sku}")
        else:
            seen = _observation(variation, listing_id(item_id, variation_sku), status, asked_at)
            name = text(variation, "VariationTitle") or f"{title} [{variation_sku}]"
            listings[variation_sku] = ChannelListing(seen.listing_id, variation_sku, name, _price(variation), seen)
    return list(listings.values()), problems


def _observation(element: Element, listing: ListingId, status: ListingStatus, asked_at: datetime) -> ListingObservation:
    # A missing QuantitySold is a fault, not 0: taking it for 0 would show stock that was sold long ago.
    sold = number(element, "SellingStatus/QuantitySold")
    return ListingObservation(listing, number(element, "Quantity") - sold, sold, status, asked_at)


def _status(item: Element) -> ListingStatus:
    active = text(item, "SellingStatus/ListingStatus") in (None, "Active")
    return ListingStatus.ACTIVE if active else ListingStatus.ENDED


def _price(element: Element) -> Money | None:
    for path in ("SellingStatus/CurrentPrice", "StartPrice"):
        if element.find(path) is not None:
            return money(element, path)
    return None


def _next_cursor(reply: Reply, cursor: ListingCursor) -> ListingCursor | None:
    entries = number(reply.root, "PaginationResult/TotalNumberOfEntries")
    page = next_page(
        page=cursor.page,
        entries_before=cursor.entries,
        entries=entries,
        has_more=text(reply.root, "HasMoreItems") == "true",
    )
    return ListingCursor(cursor.end_from, page, entries) if page else None

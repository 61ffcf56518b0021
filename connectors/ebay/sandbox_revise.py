"""The stand-in's ReviseInventoryStatus: what is refused, what is applied, and the recorded shapes of partial
failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from xml.etree.ElementTree import Element

from connectors.ebay.mapping_xml import text
from connectors.ebay.sandbox_errors import error_text
from connectors.ebay.sandbox_records import Item, Offer
from connectors.ebay.sandbox_state import Account
from connectors.ebay.sandbox_xml import put

CONTAINERS_MAX = 4
FEES = (
    *("AuctionLengthFee", "BoldFee", "BuyItNowFee", "CategoryFeaturedFee"),
    *("FeaturedFee", "GalleryPlusFee", "FeaturedGalleryFee", "FixedPriceDurationFee"),
    *("GalleryFee", "GiftIconFee", "HighLightFee", "InsertionFee"),
    *("InternationalInsertionFee", "ListingDesignerFee", "ListingFee", "PhotoDisplayFee"),
    *("PhotoFee", "ReserveFee", "SchedulingFee", "SubtitleFee"),
    *("BorderFee", "ProPackBundleFee", "BasicUpgradePackBundleFee", "ValuePackBundleFee"),
    *("PrivateListingFee", "ProPackPlusBundleFee", "MotorsGermanySearchFee"),
)
"""Every fee a revision tells of, as recorded."""


@dataclass
class Entry:
    """One InventoryStatus container and what became of it."""

    item_id: str
    sku: str | None
    quantity: str | None
    code: str = ""
    """The error that refuses it, or a no-op warning."""
    is_applied: bool = False
    price: Decimal = Decimal(0)

    @property
    def is_refused(self) -> bool:
        """Whether `code` is an error."""
        return bool(self.code) and self.code != "21917092"


@dataclass
class Revision:
    """The whole call: Ack, the error and warning entries, and which containers the answer lists."""

    ack: str
    entries: list[Entry]
    mode: str
    whole_call_code: str = ""


def revise(account: Account, request: Element, mode: str | None, first_code: str | None = None) -> Revision:
    """Judge every container, apply what is healthy, and say in which shape to answer.

    `mode` set means: refuse all but the first container as ended, in that shape. `first_code` refuses the first.
    """
    containers = request.findall("InventoryStatus")
    entries = [
        Entry(text(container, "ItemID") or "", text(container, "SKU"), text(container, "Quantity"))
        for container in containers
    ]
    if len(entries) > CONTAINERS_MAX:
        return Revision("Failure", [], "", "21916254")
    if not entries:
        return Revision("Failure", [], "", "21916311")
    for position, entry in enumerate(entries):
        entry.code = "21916750" if mode and position else _refusal(account, entry)
        if first_code is not None and not position:
            entry.code = first_code
    refused = [entry for entry in entries if entry.is_refused]
    if not refused or account.switches.partial_applies:
        for entry in entries:
            _apply(account, entry)
    shape = mode or account.switches.partial_mode
    if refused:
        ack = "PartialFailure" if shape == "partial_failure" and len(refused) < len(entries) else "Failure"
    else:
        ack = "Warning" if any(entry.code for entry in entries) else "Success"
    return Revision(ack, entries, shape)


def put_errors(root: Element, account: Account, revision: Revision) -> None:
    """The Errors containers, in the shape asked for."""
    if revision.whole_call_code:
        put_error(root, revision.whole_call_code, ())
    for entry in revision.entries:
        if not entry.code:
            continue
        if revision.mode == "shape_3" and entry.is_refused:
            item = account.items.get(entry.item_id)
            put_error(root, entry.code, (("SKU", entry.sku or (item.sku if item else None) or ""),))
        elif revision.mode in ("shape_2", "partial_failure") and entry.is_refused:
            put_error(root, entry.code, (("2", entry.item_id), ("SKU", entry.sku or "")))
        else:
            named = (("0", entry.item_id), ("1", entry.sku)) if entry.sku else (("0", entry.item_id),)
            put_error(root, entry.code, named)


def put_applied(root: Element, account: Account, revision: Revision) -> None:
    """InventoryStatus and Fees for what the answer admits to; shapes 1 and 3 admit to nothing once one item
    failed.
    """
    if revision.ack == "Failure" and revision.mode != "shape_2":
        return
    listed = [entry for entry in revision.entries if not entry.is_refused]
    for entry in listed if account.switches.partial_applies or revision.ack != "Failure" else ():
        node = put(root, "InventoryStatus")
        put(node, "SKU", (entry.sku or account.items[entry.item_id].sku) or "")
        put(node, "ItemID", entry.item_id)
        put(node, "StartPrice", entry.price)
        put(node, "Quantity", entry.quantity or 0)
    for item_id in dict.fromkeys(entry.item_id for entry in listed):
        put_fees(root, item_id)


def put_fees(root: Element, item_id: str | None) -> None:
    """Fees of nothing: revising costs none. ReviseInventoryStatus names the listing in it."""
    fees = put(root, "Fees")
    if item_id is not None:
        put(fees, "ItemID", item_id)
    for name in FEES:
        fee = put(fees, "Fee")
        put(fee, "Name", name)
        put(fee, "Fee", "0.0", "EUR")


def put_error(root: Element, code: str, parameters: tuple[tuple[str, str | None], ...]) -> None:
    """One Errors container."""
    known = error_text(code, tuple(value or "" for _, value in parameters))
    node = put(root, "Errors")
    put(node, "ShortMessage", known.short)
    put(node, "LongMessage", known.long)
    put(node, "ErrorCode", code)
    put(node, "SeverityCode", known.severity)
    for name, value in parameters:
        if value:
            parameter = put(node, "ErrorParameters")
            parameter.set("ParamID", name)
            put(parameter, "Value", value)
    put(node, "ErrorClassification", known.classification)


def _refusal(account: Account, entry: Entry) -> str:
    """The code that refuses a container, the no-op warning, or nothing."""
    item = account.items.get(entry.item_id)
    if item is None:
        return "17"
    if item.listing_status != "Active":
        return "21916750"
    if item.listing_type != "FixedPriceItem":
        return "21916286"
    if item.is_rest_managed:
        return "21919474"
    if code := _identification_fault(item, entry.sku):
        return code
    if entry.quantity is None:
        return "21916311"
    offer = item.offers[entry.sku if item.has_variations else None]
    entry.price = offer.price
    return _quantity_fault(account, item, offer, entry.quantity)


def _identification_fault(item: Item, sku: str | None) -> str:
    if not item.has_variations:
        return "21916799" if sku is not None and sku != item.sku else ""
    if sku is None:
        return "21916735"
    return "" if sku in item.offers else "21916736"


def _quantity_fault(account: Account, item: Item, offer: Offer, written: str) -> str:
    if not written.isdecimal():
        return "515"
    quantity = int(written)
    if quantity == 0 and not account.switches.out_of_stock_control:
        others = item.available - offer.available
        if others <= 0:
            return "515"
    if quantity == offer.available:
        return "21917092"
    if item.revisions[account.day()] >= account.switches.revisions_per_day:
        return account.switches.revision_limit_code
    return ""


def _apply(account: Account, entry: Entry) -> None:
    if entry.code or entry.quantity is None:
        return
    item = account.items[entry.item_id]
    offer = item.offers[entry.sku if item.has_variations else None]
    offer.available = int(entry.quantity)
    if offer.available == 0 and offer.sold == 0 and not account.switches.out_of_stock_control:
        del item.offers[offer.sku]  # without the control eBay drops a variation that never sold
    item.revisions[account.day()] += 1
    item.modified_at = account.now()
    entry.is_applied = True

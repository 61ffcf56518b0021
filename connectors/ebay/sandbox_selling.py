"""The stand-in's ReviseFixedPriceItem and CompleteSale: what they ask for, what they change, what they refuse with."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import Element

from connectors.ebay.mapping_xml import Unreadable, moment, text
from connectors.ebay.sandbox_records import Item, Parcel
from connectors.ebay.sandbox_revise import put_fees
from connectors.ebay.sandbox_state import Account
from connectors.ebay.sandbox_xml import put


class Refused(Exception):
    """The call fails with this code; `parameter` names what it is about."""

    def __init__(self, code: str, parameter: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.parameter = parameter


def revise_fixed_price_item(account: Account, request: Element, root: Element) -> list[dict[str, object]]:
    """All variations in one revision, all or nothing; returns what was applied.

    The whole listing is looked over again: a listing with a fault of its own refuses a change of stock too.
    """
    item = account.items.get(text(request, "Item/ItemID") or "")
    if item is None:
        raise Refused("17", text(request, "Item/ItemID") or "")
    _revisable(account, item)
    if item.fault_code:
        raise Refused(item.fault_code, "http://i.ebayimg.com/")
    changes = [_change(item, one) for one in request.findall("Item/Variations/Variation")]
    if not changes:
        raise Refused("21916311")
    left = {sku: offer.available for sku, offer in item.offers.items()} | {sku: count for sku, count, _ in changes}
    if not account.switches.out_of_stock_control and not any(left.values()):
        raise Refused("515")
    for sku, count, price in changes:
        item.offers[sku].available, item.offers[sku].price = count, price
    item.revisions[account.day()] += 1
    item.modified_at = account.now()
    for name, value in (("ItemID", item.item_id), ("StartTime", item.start_at), ("EndTime", item.end_at)):
        put(root, name, value)
    put_fees(root, None)
    return [{"item_id": item.item_id, "sku": sku, "quantity": count} for sku, count, _ in changes]


def _revisable(account: Account, item: Item) -> None:
    if item.listing_status != "Active":
        raise Refused("21916750", item.item_id)
    if item.is_rest_managed:
        raise Refused("21919474", item.item_id)
    if item.revisions[account.day()] >= account.switches.revisions_per_day:
        raise Refused(account.switches.revision_limit_code, item.item_id)


def _change(item: Item, variation: Element) -> tuple[str, int, Decimal]:
    """SKU, StartPrice and Quantity have to be given together."""
    sku, price, quantity = (text(variation, name) for name in ("SKU", "StartPrice", "Quantity"))
    if sku is None or sku not in item.offers:
        raise Refused("21916736", sku or "")
    if price is None or quantity is None:
        raise Refused("10009", "Variation.StartPrice" if price is None else "Variation.Quantity")
    try:
        return sku, int(quantity), Decimal(price)
    except (ValueError, InvalidOperation):
        raise Refused("10012", "Variation.Quantity") from None


def complete_sale(account: Account, request: Element) -> None:
    """Shipped with tracking, by order or by line; the same again replaces, an empty Shipment takes it away."""
    order_id = text(request, "OrderID") or text(request, "OrderLineItemID") or ""
    versions = account.by_order_id.get(order_id)
    if versions is None:
        raise Refused("20822", order_id)
    order = versions[-1]
    lines = [line.line_item_id for line in order.lines]
    if text(request, "OrderID") is None:
        lines = [line for line in lines if line == text(request, "OrderLineItemID")]
        if not lines:
            raise Refused("20822", order_id)
    shipment = request.find("Shipment")
    parcel = Parcel() if shipment is None else _parcel(account, shipment)
    is_shipped = text(request, "Shipped") == "true" or bool(parcel.number)
    kept = {line: one for line, one in order.parcels.items() if line not in lines}
    parcels = kept | (dict.fromkeys(lines, parcel) if is_shipped else {})
    all_sent = all(line.line_item_id in parcels for line in order.lines)
    account.change_order(order_id, parcels=parcels, shipped_at=account.now() if all_sent else None)


def _parcel(account: Account, shipment: Element) -> Parcel:
    number = text(shipment, "ShipmentTrackingDetails/ShipmentTrackingNumber")
    carrier = text(shipment, "ShipmentTrackingDetails/ShippingCarrierUsed")
    if (number is None) != (carrier is None):
        raise Refused("10009", "ShippingCarrierUsed" if carrier is None else "ShipmentTrackingNumber")
    if number is not None and not number.replace(" ", "").replace("-", "").isalnum():
        raise Refused("10012", "ShipmentTrackingNumber")
    if (written := text(shipment, "ShippedTime")) is not None:
        try:
            is_late = moment(written) > account.now() + timedelta(days=3)
        except Unreadable:
            is_late = True
        if is_late:
            raise Refused("10012", "ShippedTime")
    return Parcel(carrier or "", number or "")

"""Writes the stand-in's Trading XML: items and orders with the field names and order of recorded replies."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from xml.etree.ElementTree import Element, SubElement, tostring

from connectors.ebay.mapping_xml import stamp
from connectors.ebay.sandbox_records import Item, Offer, OrderVersion, SoldLine, Switches

NAMESPACE = "urn:ebay:apis:eBLBaseComponents"
SELLER = "testseller_01"
ENVELOPE_FIELDS = frozenset({"Timestamp", "Ack", "CorrelationID", "Errors", "Version", "Build"})


def put(parent: Element, name: str, value: object = "", currency: str | None = None) -> Element:
    """Append <name>value</name>; with a currency, as an amount."""
    child = SubElement(parent, name)
    if isinstance(value, bool):
        child.text = "true" if value else "false"
    elif isinstance(value, datetime):
        child.text = stamp(value)
    else:
        child.text = str(value) if value != "" else None
    if currency:
        child.set("currencyID", currency)
    return child


def reply_root(call: str) -> Element:
    """The empty answer to a call."""
    return Element(f"{call}Response", {"xmlns": NAMESPACE})


def put_envelope(root: Element, *, at: datetime, ack: str, correlation_id: str | None) -> None:
    """Timestamp, Ack and the echo of MessageID."""
    put(root, "Timestamp", at)
    put(root, "Ack", ack)
    if correlation_id:
        put(root, "CorrelationID", correlation_id)


def put_version(root: Element, version: str) -> None:
    """Version and Build, after any errors."""
    put(root, "Version", version)
    put(root, "Build", f"E{version}_CORE_APIXO_20000001_R1")


def serialised(root: Element) -> bytes:
    """The document as it goes over the wire."""
    written: bytes = tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + written


def select_output(root: Element, selectors: Iterable[str]) -> None:
    """Keep only what OutputSelector names (a field's path, or the end of it), and the envelope."""
    wanted = tuple(selectors)
    if not wanted:
        return
    for child in list(root):
        if child.tag not in ENVELOPE_FIELDS and not _is_kept(child, child.tag, wanted):
            root.remove(child)


def put_item(parent: Element, item: Item, *, now: datetime, switches: Switches) -> None:
    """One Item. Its Quantity is available + sold (KB 1525)."""
    money = item.currency
    price = next(iter(item.offers.values())).price
    node = put(parent, "Item")
    for name, value in (("AutoPay", False), ("Country", "IT"), ("Currency", money), ("ItemID", item.item_id)):
        put(node, name, value)
    details = put(node, "ListingDetails")
    put(details, "ConvertedStartPrice", price, money)
    put(details, "StartTime", item.start_at)
    put(details, "EndTime", item.end_at)
    put(details, "ViewItemURL", f"https://www.example.com/itm/{item.item_id}")
    put(node, "ListingDuration", "GTC")
    put(node, "ListingType", item.listing_type)
    put(node, "Location", "Roma")
    put(node, "Quantity", item.available + item.sold)
    put(put(node, "ReviseStatus"), "ItemRevised", bool(item.revisions))
    put_selling_status(node, item, price)
    for name, value in (("Site", "Italy"), ("TimeLeft", "P29DT18H52M20S"), ("Title", item.title)):
        put(node, name, value)
    if item.sku:
        put(node, "SKU", item.sku)
    put(node, "ConditionID", 1000)
    if item.has_variations:
        put_variations(node, item)
    is_hidden = item.available == 0 and item.listing_status == "Active" and switches.out_of_stock_control
    put(node, "HideFromSearch", is_hidden)
    if is_hidden:
        put(node, "ReasonHideFromSearch", "OutOfStock")


def put_selling_status(node: Element, item: Item, price: Decimal) -> None:
    """SellingStatus of a whole item."""
    status = put(node, "SellingStatus")
    put(status, "BidCount", 0)
    put(status, "CurrentPrice", price, item.currency)
    put(status, "LeadCount", 0)
    put(status, "QuantitySold", item.sold)
    put(status, "ReserveMet", True)
    put(status, "SecondChanceEligible", False)
    put(status, "ListingStatus", item.listing_status)
    put(status, "QuantitySoldByPickupInStore", 0)


def put_variations(node: Element, item: Item) -> None:
    """Variations, each with its own Quantity (available + sold) and counter."""
    variations = put(node, "Variations")
    for offer in item.offers.values():
        variation = put(variations, "Variation")
        if offer.sku:
            put(variation, "SKU", offer.sku)
        put(variation, "StartPrice", offer.price, item.currency)
        put(variation, "Quantity", offer.available + offer.sold)
        put_specifics(variation, offer)
        put(put(variation, "SellingStatus"), "QuantitySold", offer.sold)


def put_specifics(variation: Element, offer: Offer) -> None:
    """The one aspect the stand-in's variations differ by."""
    pair = put(put(variation, "VariationSpecifics"), "NameValueList")
    put(pair, "Name", "Modello")
    put(pair, "Value", offer.sku or "")


def put_order(parent: Element, order: OrderVersion) -> None:
    """One Order."""
    node = put(parent, "Order")
    money, buyer = order.currency, order.buyer
    put(node, "OrderID", order.order_id)
    put(node, "OrderStatus", _order_status(order))
    put(node, "AdjustmentAmount", "0.0", money)
    put(node, "AmountPaid", order.total if order.paid_at else "0.0", money)
    put(node, "AmountSaved", "0.0", money)
    checkout = put(node, "CheckoutStatus")
    put(checkout, "eBayPaymentStatus", "NoPaymentFailure")
    put(checkout, "LastModifiedTime", order.modified_at)
    put(checkout, "PaymentMethod", "CreditCard" if order.paid_at else "None")
    put(checkout, "Status", "Complete" if order.paid_at else "Incomplete")
    put(node, "CreatedTime", order.created_at)
    _put_address(node, order)
    selected = put(node, "ShippingServiceSelected")
    put(selected, "ShippingService", "IT_StandardCourier")
    put(selected, "ShippingServiceCost", order.shipping, money)
    put(node, "Subtotal", order.total - order.shipping, money)
    put(node, "Total", order.total, money)
    transactions = put(node, "TransactionArray")
    for line in order.lines:
        put_transaction(transactions, line, order)
    put(node, "BuyerUserID", buyer.get("id", "testbuyer_01"))
    if order.paid_at:
        put(node, "PaidTime", order.paid_at)
    if order.shipped_at:
        put(node, "ShippedTime", order.shipped_at)
    put(node, "IsMultiLegShipping", False)
    put(node, "SellerUserID", SELLER)
    put(node, "CancelStatus", "CancelComplete" if order.cancelled_at else "NotApplicable")
    put(node, "ExtendedOrderID", order.order_id)
    put(node, "ContainseBayPlusTransaction", False)


def put_transaction(parent: Element, line: SoldLine, order: OrderVersion) -> None:
    """One Transaction of an order; the item's own SKU is absent in a sale of a variation."""
    node = put(parent, "Transaction")
    parcel = order.parcels.get(line.line_item_id)
    name = order.buyer.get("name", "Mario Rossi").partition(" ")
    buyer = put(node, "Buyer")
    put(buyer, "Email", order.buyer.get("email", "mario.rossi@example.com"))
    put(buyer, "UserFirstName", name[0])
    put(buyer, "UserLastName", name[2])
    put(node, "CreatedDate", order.created_at)
    item = put(node, "Item")
    put(item, "ItemID", line.item_id)
    put(item, "Site", "Italy")
    put(item, "Title", line.title)
    if line.item_sku and line.variation_sku is None:
        put(item, "SKU", line.item_sku)
    put(item, "ConditionID", 1000)
    if parcel is not None and parcel.number:
        tracking = put(put(node, "ShippingDetails"), "ShipmentTrackingDetails")
        put(tracking, "ShippingCarrierUsed", parcel.carrier)
        put(tracking, "ShipmentTrackingNumber", parcel.number)
    put(node, "QuantityPurchased", line.quantity)
    put(put(node, "Status"), "PaymentHoldStatus", "None")
    put(node, "TransactionID", line.transaction_id)
    put(node, "TransactionPrice", line.price, order.currency)
    if line.variation_sku is not None:
        variation = put(node, "Variation")
        put(variation, "SKU", line.variation_sku)
        put(variation, "VariationTitle", f"{line.title}[{line.variation_sku}]")
    put(node, "TransactionSiteID", "Italy")
    put(node, "Platform", "eBay")
    put(node, "OrderLineItemID", line.line_item_id)
    if order.invoiced_at:
        put(node, "InvoiceSentTime", order.invoiced_at)
    put(node, "ExtendedOrderID", order.order_id)


def _order_status(order: OrderVersion) -> str:
    if order.cancelled_at:
        return "Cancelled"
    return "Completed" if order.paid_at else "Active"


def _put_address(node: Element, order: OrderVersion) -> None:
    buyer, address = order.buyer, put(node, "ShippingAddress")
    put(address, "Name", buyer.get("name", "Mario Rossi"))
    put(address, "Street1", buyer.get("street", "Via Esempio 1"))
    put(address, "Street2")
    put(address, "CityName", buyer.get("city", "Roma"))
    put(address, "StateOrProvince", buyer.get("region", "RM"))
    put(address, "Country", buyer.get("country", "IT"))
    put(address, "CountryName", "Italia")
    put(address, "Phone", buyer.get("phone", "000 0000000"))
    put(address, "PostalCode", buyer.get("postcode", "00100"))
    put(address, "AddressOwner", "eBay")


def _is_kept(element: Element, path: str, wanted: tuple[str, ...]) -> bool:
    if any(path == selector or path.endswith(f".{selector}") for selector in wanted):
        return True
    for child in list(element):
        if not _is_kept(child, f"{path}.{child.tag}", wanted):
            element.remove(child)
    return len(element) > 0

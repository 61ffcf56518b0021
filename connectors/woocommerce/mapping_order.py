"""WooCommerce's orders as the port's: status, lines, units refunded, units off the shop's stock. Pure."""

from __future__ import annotations

import hashlib
import html
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from connectors.woocommerce.mapping import (
    JsonObject,
    ListingTarget,
    gmt_time,
    identifier,
    text_or_none,
    whole_number,
)
from syncd.channel.port import COPY_PERHAPS, Address, Buyer, ChannelOrder, OrderLine, OrderStatus
from syncd.identity import ListingId, Money

NOT_ORDERS = frozenset({"checkout-draft", "auto-draft"})
"""Statuses of carts nobody has ordered yet; WooCommerce lists the first among orders."""

REDUCED_STOCK = "_reduced_stock"
"""Line meta: how many units the shop has taken off its stock for the line and not put back."""

_STATUSES = {
    "pending": OrderStatus.UNPAID,
    # Awaiting a bank transfer: unpaid, although the shop has already lowered its stock (the lines say so).
    "on-hold": OrderStatus.UNPAID,
    "processing": OrderStatus.PAID,
    "completed": OrderStatus.SHIPPED,
    "cancelled": OrderStatus.CANCELLED,
    # The shop puts nothing back for the next two; what it still holds is in each line's `decremented`.
    "failed": OrderStatus.CANCELLED,
    "trash": OrderStatus.CANCELLED,
}

_SOLD_AT_CHECKOUT = frozenset({"bacs", "cheque", "cod"})
"""Payment methods whose orders lower the stock at the checkout, before any money has come."""

_MADE_BY_PEOPLE = frozenset({"", "checkout", "store-api", "admin"})
"""`created_via` of orders that a customer or the shop's people made; programs write "rest-api" or their own name."""

_CENT = Decimal("0.01")
_PRICE_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class CopyMarks:
    """How the shop's copies of orders made elsewhere are known: by `created_via`, or by the keys of their meta data."""

    created_via: frozenset[str] = frozenset()
    meta_keys: frozenset[str] = frozenset()

    def found(self, order: JsonObject) -> str:
        """The mark this order bears, COPY_PERHAPS if a program wrote it, or ''. The meta data's values are not told."""
        via = str(order.get("created_via") or "")
        if via in self.created_via:
            return f"created_via {via}"
        keys = {str(meta.get("key")) for meta in objects(order.get("meta_data"))}
        marked = next((f"meta {key}" for key in sorted(keys & self.meta_keys)), "")
        return marked or ("" if via in _MADE_BY_PEOPLE else COPY_PERHAPS)


NO_MARKS = CopyMarks()


def sold_at(order: JsonObject) -> datetime | None:
    """When the shop lowered its stock, where that was later than the checkout: at the payment."""
    if order.get("payment_method") in _SOLD_AT_CHECKOUT:
        return None
    return gmt_time(order.get("date_paid_gmt"))


def order_status(order: JsonObject) -> OrderStatus:
    """The status stock depends on. COD orders are "processing" and never get date_paid, so status decides.

    A status some plug-in has invented counts as paid if the shop was paid or has lowered its stock.
    """
    status = str(order.get("status") or "")
    if status in _STATUSES:
        return _STATUSES[status]
    if status == "refunded":
        shipped = order.get("date_completed_gmt") or order.get("date_completed")
        return OrderStatus.SHIPPED if shipped else OrderStatus.CANCELLED
    reduced = any(_reduced(line) for line in objects(order.get("line_items")))
    return OrderStatus.PAID if reduced or order.get("date_paid_gmt") else OrderStatus.UNPAID


def order_of(
    order: JsonObject,
    *,
    refunds: Sequence[JsonObject],
    parent_managed: Collection[ListingTarget],
    marks: CopyMarks = NO_MARKS,
) -> ChannelOrder:
    """One order. Lines of `parent_managed` variations name the parent's listing, whose stock they draw on.

    Raises ValueError with one sentence that names no customer.
    """
    order_id = str(identifier(order))
    currency = str(order.get("currency") or "")
    created_at, modified_at = (
        gmt_time(order.get("date_created_gmt")),
        gmt_time(order.get("date_modified_gmt")),
    )
    if created_at is None or modified_at is None:
        raise ValueError("it has no readable date_created_gmt or date_modified_gmt")
    refunded = refunded_quantities(refunds)
    lines = tuple(
        _line(line, currency=currency, refunded=refunded, parent_managed=parent_managed)
        for line in objects(order.get("line_items"))
    )
    return ChannelOrder(
        order_id=order_id,
        number=str(order.get("number") or order_id),
        status=order_status(order),
        created_at=created_at,
        modified_at=modified_at,
        lines=lines,
        buyer=_buyer(order, order_id),
        ship_to=_ship_to(order),
        total=Money.parse(str(order.get("total") or "0"), currency),
        sold_at=sold_at(order),
        copy_of=marks.found(order),
        shipping=_shipping(order, currency),
    )


def _shipping(order: JsonObject, currency: str) -> Money:
    paid = amount_of(order, "shipping_total", "shipping") + amount_of(order, "shipping_tax", "shipping")
    return Money(paid, currency)


def objects(value: object) -> list[JsonObject]:
    """The JSON objects in a list; anything else in it, or instead of it, is left out."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def meta_value(item: JsonObject, key: str) -> object:
    """The value of the item's meta of that key, or None."""
    return next((meta.get("value") for meta in objects(item.get("meta_data")) if meta.get("key") == key), None)


def refunded_quantities(refunds: Iterable[JsonObject]) -> Counter[str]:
    """Units refunded per order line: refund lines are negative and name theirs in _refunded_item_id."""
    counted: Counter[str] = Counter()
    for refund in refunds:
        for line in objects(refund.get("line_items")):
            line_id, quantity = meta_value(line, "_refunded_item_id"), whole_number(line.get("quantity"))
            if line_id is not None and quantity is not None:
                counted[str(line_id)] += abs(quantity)
    return counted


def variations_of(orders: Iterable[JsonObject]) -> set[ListingTarget]:
    """The variations the orders' lines name; who keeps their stock is not said in the order."""
    targets = (_target(line) for order in orders for line in objects(order.get("line_items")))
    return {target for target in targets if target is not None and target.variation_id}


def modified_at(order: JsonObject) -> datetime | None:
    """When the order last changed, to the second."""
    return gmt_time(order.get("date_modified_gmt"))


def _target(line: JsonObject) -> ListingTarget | None:
    product_id = whole_number(line.get("product_id")) or 0
    # An order may be written for a product that never was: product_id 0, 201 all the same.
    return ListingTarget(product_id, whole_number(line.get("variation_id")) or 0) if product_id > 0 else None


def _listing_id(line: JsonObject, parent_managed: Collection[ListingTarget]) -> ListingId | None:
    target = _target(line)
    if target is None:
        return None
    return (ListingTarget(target.product_id) if target in parent_managed else target).listing_id


def _line(
    line: JsonObject, *, currency: str, refunded: Mapping[str, int], parent_managed: Collection[ListingTarget]
) -> OrderLine:
    line_id = str(identifier(line))
    quantity = whole_number(line.get("quantity"))
    if quantity is None or quantity < 0:
        raise ValueError(f"the quantity of its line {line_id} is not a number")
    paid = amount_of(line, "total", line_id) + amount_of(line, "total_tax", line_id)
    return OrderLine(
        line_id=line_id,
        listing_id=_listing_id(line, parent_managed),
        sku=text_or_none(line.get("sku")),
        title=html.unescape(str(line.get("name") or "")),
        quantity=quantity,
        unit_price=Money(_unit_price(paid, quantity), currency),
        refunded=min(quantity, refunded.get(line_id, 0)),
        decremented=_reduced(line),
    )


def _reduced(line: JsonObject) -> int:
    return max(0, whole_number(meta_value(line, REDUCED_STOCK)) or 0)


def amount_of(item: JsonObject, field: str, line_id: str) -> Decimal:
    """An amount of an order line, 0 if it has none. Raises ValueError with one sentence."""
    try:
        amount = Decimal(str(item.get(field) or "0"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise ValueError(f"the {field} of its line {line_id} is not an amount")
    return amount


def _unit_price(paid: Decimal, quantity: int) -> Decimal:
    """What the customer paid for one, with tax; to 0.0001, so that quantity times it is right to the cent."""
    if quantity == 0:
        return Decimal("0.00")
    exact = paid / quantity
    cents = exact.quantize(_CENT, rounding=ROUND_HALF_UP)
    return cents if cents * quantity == paid else exact.quantize(_PRICE_STEP, rounding=ROUND_HALF_UP)


def _buyer(order: JsonObject, order_id: str) -> Buyer:
    billing = order.get("billing")
    person: JsonObject = billing if isinstance(billing, Mapping) else {}
    email = text_or_none(person.get("email")) or ""
    customer = whole_number(order.get("customer_id")) or 0
    if customer > 0:
        buyer_id = str(customer)
    elif email:
        # Guests have no number; their address stands for them, but not in the clear.
        buyer_id = "guest-" + hashlib.sha256(email.lower().encode()).hexdigest()[:16]
    else:
        buyer_id = f"order-{order_id}"
    return Buyer(buyer_id=buyer_id, name=_name(person), email=email)


def _name(person: JsonObject) -> str:
    return " ".join(part for field in ("first_name", "last_name") if (part := text_or_none(person.get(field))))


def _ship_to(order: JsonObject) -> Address | None:
    billing, shipping = order.get("billing"), order.get("shipping")
    places = [place for place in (shipping, billing) if isinstance(place, Mapping)]
    for place in places:
        street = ", ".join(part for field in ("address_1", "address_2") if (part := text_or_none(place.get(field))))
        if not (street or text_or_none(place.get("city"))):
            continue
        phones = (text_or_none(source.get("phone")) for source in (place, *places))
        return Address(
            name=_name(place) or text_or_none(place.get("company")) or "",
            street=street,
            city=text_or_none(place.get("city")) or "",
            postcode=text_or_none(place.get("postcode")) or "",
            region=text_or_none(place.get("state")) or "",
            country=text_or_none(place.get("country")) or "",
            phone=next((phone for phone in phones if phone), ""),
        )
    return None

"""An order as a channel tells it: the part of the channel port that is about orders; plug-ins import it from there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncd.identity import ListingId, Money

COPY_PERHAPS = "?"
"""`ChannelOrder.copy_of` of an order that a program wrote: it may be a copy, and is one if it looks like another."""


class OrderStatus(StrEnum):
    """The one status of an order that stock depends on."""

    UNPAID = "unpaid"
    PAID = "paid"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """Where to ship. Personal data: its repr shows nothing."""

    name: str
    street: str
    city: str
    postcode: str
    region: str
    country: str
    phone: str = ""

    def __repr__(self) -> str:
        return "Address(withheld)"


@dataclass(frozen=True, slots=True, repr=False)
class Buyer:
    """Who ordered. Personal data: its repr shows nothing. `language` is 'it', 'en', … or '' when unknown."""

    buyer_id: str
    name: str = ""
    email: str = ""
    language: str = ""

    def __repr__(self) -> str:
        return "Buyer(withheld)"


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of an order. `line_id` never changes, even where the order's own id does (eBay: OrderLineItemID).

    `quantity` is what was ordered, `cancelled` how much of it was since cancelled or removed and `refunded` how much
    was refunded. `decremented` is how many units the channel has already taken off its own number for this line and
    not put back (WooCommerce: _reduced_stock), or None where the channel does not say.
    """

    line_id: str
    listing_id: ListingId | None
    sku: str | None
    title: str
    quantity: int
    unit_price: Money
    cancelled: int = 0
    refunded: int = 0
    decremented: int | None = None


@dataclass(frozen=True, slots=True)
class ChannelOrder:
    """An order as the channel tells it now; the same order may come again, changed or not.

    `sold_at` is when the channel took the units off its own number, where that is later than `created_at` (WooCommerce:
    the payment); None where it is the same or not told. `copy_of` says by which mark the channel's own copy of an order
    made elsewhere is known (a plug-in that carries eBay's orders into a shop), or COPY_PERHAPS; '' for an order of the
    channel itself. `shipping` is what sending it costs the customer, tax included, part of `total`; None where not
    told.
    """

    order_id: str
    number: str
    status: OrderStatus
    created_at: datetime
    modified_at: datetime
    lines: tuple[OrderLine, ...]
    buyer: Buyer
    ship_to: Address | None
    total: Money
    sold_at: datetime | None = None
    copy_of: str = ""
    shipping: Money | None = None


@dataclass(frozen=True, slots=True)
class OrderProblem:
    """An order that could not be read, in one sentence that names it; `order_id` None: part of the list is meant."""

    order_id: str | None
    sentence: str


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Some orders. `cursor` goes into the next call once this page is committed.

    `has_more` asks for the next page at once. `watermark_at`: every order modified before it has been delivered by this
    page or an earlier one; it lags behind now where the channel's order list does. `problems` are orders that could not
    be read.
    """

    orders: tuple[ChannelOrder, ...]
    cursor: str
    has_more: bool
    watermark_at: datetime | None
    problems: tuple[OrderProblem, ...] = ()

"""What a fake shop keeps: listings, calls, order changes, refunds, and the people and prices it invents."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from syncd.channel.port import Address, Buyer, Capabilities, ChannelOrder, RefundRequest
from syncd.identity import ListingId, Money
from syncd.testkit.channel_rig import Fault

PRICE = Money(Decimal("9.90"), "EUR")
"""What everything costs unless told otherwise."""

BUYER = Buyer(buyer_id="buyer-1", name="Mario Rossi", email="mario.rossi@example.com", language="it")
SHIP_TO = Address(
    name="Mario Rossi",
    street="Via Esempio 1",
    city="Bologna",
    postcode="40121",
    region="BO",
    country="IT",
    phone="+39 051 555 0100",
)

EVERYTHING = Capabilities(
    batch_size=4,
    calls_in_flight=4,
    calls_per_second=None,
    calls_per_day=None,
    revisions_per_listing_per_day=None,
    quantity_max=1_000_000,
    order_lag_seconds=0,
    sold_counter=True,
    decrements_unpaid=True,
    holds_unpaid=False,
    restocks_cancelled=True,
    zero_keeps_listing=True,
    unpaid_expires_seconds=None,
    names_buyer_language=True,
)
"""A channel without limits or lag, with every ability; tests replace what they are about."""


@dataclass(slots=True)
class ShopListing:
    """One listing as the shop keeps it. `stored` is its own number, `sold` its counter of units sold."""

    listing_id: ListingId
    sku: str | None
    title: str
    price: Money
    stored: int
    sold: int = 0
    ended: bool = False
    revisions: Counter[str] = field(default_factory=Counter)
    """Pushes that changed it, by UTC date."""


@dataclass(frozen=True, slots=True)
class ShopCall:
    """One call the shop received, in the order of arrival."""

    operation: str
    received_at: datetime
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class OrderChange:
    """An order as it became at some moment, and from when on the order list shows it so."""

    order: ChannelOrder
    listed_at: datetime


@dataclass(frozen=True, slots=True)
class ShopRefund:
    """Money given back once."""

    refund_id: str
    request: RefundRequest

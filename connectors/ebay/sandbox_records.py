"""What the stand-in's seller account is made of: listings, orders as versions, refunds, and the switches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass
class Switches:
    """How the stand-in behaves; every field may be set at any time."""

    order_lag_seconds: float = 120.0
    """How long a change of an order stays out of lists by time (KB 1788)."""
    events_lag_seconds: float = 120.0
    """How long a change of a listing stays out of GetSellerEvents (KB 55)."""
    events_max: int = 3_000
    """More items in one answer of GetSellerEvents are refused (21917062)."""
    split_seconds: float = 0.0
    """How long an order of several lines is listed as one order per line."""
    out_of_stock_control: bool = True
    """The account's OutOfStockControlPreference."""
    partial_mode: str = "shape_1"
    """How a ReviseInventoryStatus answers when some items fail: shape_1, shape_2, shape_3 or partial_failure.
    """
    partial_applies: bool = True
    """Whether the healthy items of a failed ReviseInventoryStatus are applied (not documented)."""
    token_seconds: float = 7200.0
    """How long an access token from the token endpoint lives."""
    token_ends_at: str = ""
    """HardExpirationWarning of every Trading answer, if set."""
    signature_required: bool = False
    """Whether issue_refund wants an HTTP message signature, as of sellers domiciled in the EU and the UK."""
    signature_error_id: int = 215001
    """Id of the error for a missing or wrong one (not documented)."""
    cancellation_check: str = "eligible"
    """What check_eligibility says: eligible, one of its failure reasons, or 501 as in eBay's own sandbox."""
    alert_email: str = ""
    """Of the Notification API's configuration; without it no destination is registered (195003)."""
    calls_per_day: int = 5000
    calls_per_window: int = 6000
    """Per call name, seller and 15 s."""
    seller_list_per_window: int = 300
    revisions_per_day: int = 250
    revision_limit_code: str = "240"
    """Code for the revision beyond the day's limit (not documented)."""
    refund_seconds: float = 1.0
    """How long a refund stays PENDING."""
    refund_fails: bool = False
    notification_mode: str = "deliver"
    """deliver, lose, delay or double."""
    notification_delay_seconds: float = 5.0
    redeliveries: int = 3
    """How often a notification not answered 200 is sent again."""
    redelivery_seconds: float = 1.0
    latency_seconds: float = 0.0
    hang_seconds: float = 120.0
    """How long a call that is to time out is kept open."""


@dataclass
class Offer:
    """What a buyer can choose: the listing itself or one variation of it."""

    sku: str | None
    available: int
    sold: int
    price: Decimal


@dataclass
class Item:
    """One listing."""

    item_id: str
    title: str
    sku: str | None
    offers: dict[str | None, Offer]
    """By variation SKU; a listing without variations has one, under None."""
    start_at: datetime
    end_at: datetime
    currency: str = "EUR"
    listing_type: str = "FixedPriceItem"
    listing_status: str = "Active"
    is_rest_managed: bool = False
    modified_at: datetime | None = None
    """When last sold, revised, edited or ended; None: not since it was listed."""
    fault_code: str = ""
    """What ReviseFixedPriceItem refuses the listing with, whatever is asked."""
    revisions: Counter[str] = field(default_factory=Counter)

    @property
    def has_variations(self) -> bool:
        """Whether buyers choose among variations."""
        return None not in self.offers

    @property
    def available(self) -> int:
        """Sum over its offers."""
        return sum(offer.available for offer in self.offers.values())

    @property
    def sold(self) -> int:
        """Sum over its offers."""
        return sum(offer.sold for offer in self.offers.values())


@dataclass(frozen=True)
class SoldLine:
    """One transaction of an order."""

    item_id: str
    item_sku: str | None
    variation_sku: str | None
    title: str
    quantity: int
    price: Decimal
    transaction_id: str

    @property
    def line_item_id(self) -> str:
        """OrderLineItemID: never changes."""
        return f"{self.item_id}-{self.transaction_id}"


@dataclass(frozen=True)
class Parcel:
    """How a line was sent."""

    carrier: str = ""
    number: str = ""


@dataclass(frozen=True)
class Refund:
    """Money given back; `amounts` by line item id, empty for an order-level refund."""

    refund_id: str
    amount: Decimal
    amounts: Mapping[str, Decimal]
    asked_at: datetime
    fails: bool


@dataclass(frozen=True)
class OrderVersion:
    """An order as it was from `modified_at` on."""

    order_id: str
    lines: tuple[SoldLine, ...]
    buyer: Mapping[str, str]
    currency: str
    created_at: datetime
    modified_at: datetime
    paid_at: datetime | None = None
    shipped_at: datetime | None = None
    cancelled_at: datetime | None = None
    refunds: tuple[Refund, ...] = ()
    invoiced_at: datetime | None = None
    parcels: Mapping[str, Parcel] = field(default_factory=dict)
    """By line item id."""
    shipping: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        """What the buyer owes."""
        return sum((line.price * line.quantity for line in self.lines), Decimal(0)) + self.shipping

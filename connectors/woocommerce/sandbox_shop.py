"""The stand-in shop's memory: products, orders, refunds, notes, coupons, and who is told when they change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from syncd.clock import Clock

SITE_ZONE = timezone(timedelta(hours=1))
"""The site's own time zone: fields without _gmt are in it."""

UNCATEGORIZED = 15
"""The id of the category that products without one belong to."""

Meta = list[dict[str, Any]]


@dataclass
class Switches:
    """How the stand-in behaves beyond what a request says. Times in seconds."""

    latency_seconds: float = 0.0
    item_latency_seconds: float = 0.0
    checkout_seconds: float = 0.0
    """Between the checkout's look at the stock and its taking it: two customers can both win meanwhile."""
    hold_minutes: float = 60.0
    tax_percent: float = 0.0
    gateway_declines: bool = False
    gateway_seconds: float = 0.0
    webhook_instant: bool = False
    webhook_delay_seconds: float = 60.0
    safe_ports_only: bool = False
    plain_permalinks: bool = False
    """No address below /wp-json exists: the web server answers with a page of its own."""
    rewrites_nothing: bool = False
    """The same, but for addresses that begin with /index.php."""
    withholds_authorization: bool = False
    """The host does not let PHP see the Authorization header."""


@dataclass
class CallRecord:
    """One call received: when, what, how it was answered and which stock it changed."""

    at: datetime
    method: str
    path: str
    query: dict[str, str]
    status: int | None = None
    fault: str = ""
    applied: list[dict[str, Any]] = field(default_factory=list)


current_call: ContextVar[CallRecord | None] = ContextVar("current_call", default=None)


@dataclass
class Product:
    """A product or (with `parent_id`) a variation."""

    id: int
    name: str
    sku: str
    price: str
    type: str
    created: datetime
    modified: datetime
    status: str = "publish"
    parent_id: int = 0
    manages: bool = False
    quantity: int | None = None
    stock_status: str = "instock"
    backorders: str = "no"
    meta: Meta = field(default_factory=list)
    variation_ids: list[int] = field(default_factory=list)
    categories: list[int] = field(default_factory=lambda: [UNCATEGORIZED])


@dataclass
class Line:
    """One line of an order or, with a negative quantity, of a refund."""

    id: int
    name: str
    product_id: int
    variation_id: int
    quantity: int
    subtotal: Decimal
    total: Decimal
    tax: Decimal
    sku: str | None
    parent_name: str | None = None
    meta: Meta = field(default_factory=list)

    def meta_value(self, key: str) -> Any:
        """The value of the meta of that key, or None."""
        return next((meta["value"] for meta in self.meta if meta["key"] == key), None)


@dataclass
class Refund:
    """Money booked as given back."""

    id: int
    created: datetime
    amount: Decimal
    reason: str
    paid: bool = False
    lines: list[Line] = field(default_factory=list)
    meta: Meta = field(default_factory=list)


SHIPPING_ROW = 1_000_000
"""Added to an order's id, the id of its shipping line."""


@dataclass
class Order:
    """An order, or a cart on its way to one (checkout-draft)."""

    id: int
    status: str
    created: datetime
    modified: datetime
    created_via: str
    payment_method: str
    billing: dict[str, str] = field(default_factory=dict)
    shipping: dict[str, str] = field(default_factory=dict)
    customer_id: int = 0
    customer_note: str = ""
    lines: list[Line] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    coupon_lines: list[dict[str, Any]] = field(default_factory=list)
    meta: Meta = field(default_factory=list)
    paid_at: datetime | None = None
    completed_at: datetime | None = None
    stock_reduced: bool = False
    held_until: datetime | None = None
    shipping_cost: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        """What the customer pays."""
        return sum((line.total + line.tax for line in self.lines), self.shipping_cost)

    @property
    def refunded(self) -> Decimal:
        """What was booked as given back."""
        return sum((refund.amount for refund in self.refunds), Decimal(0))


@dataclass
class Coupon:
    """A coupon. `categories` are ids of product categories it may be spent on; none means all."""

    id: int
    code: str
    amount: Decimal
    discount_type: str
    description: str
    created: datetime
    modified: datetime
    expires: datetime | None = None
    status: str = "publish"
    individual_use: bool = False
    usage_limit: int | None = None
    usage_limit_per_user: int | None = None
    minimum: Decimal = Decimal(0)
    product_ids: list[int] = field(default_factory=list)
    categories: list[int] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    meta: Meta = field(default_factory=list)
    usage_count: int = 0
    used_by: list[str] = field(default_factory=list)


class Shop:
    """The shop's tables. `on_change(topic, id)` is called for whatever WooCommerce has a webhook for."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.switches = Switches()
        self.products: dict[int, Product] = {}
        self.orders: dict[int, Order] = {}
        self.coupons: dict[int, Coupon] = {}
        self.categories: dict[int, tuple[str, str]] = {UNCATEGORIZED: ("Uncategorized", "uncategorized")}
        self.shipping = Decimal(0)
        self.holding: set[int] = set()
        self.mails: list[dict[str, Any]] = []
        self.on_change: Callable[[str, int], None] = lambda _topic, _id: None
        self._next_post, self._next_row = 9, 0
        self._by_sku: dict[str, int] = {}

    def now(self) -> datetime:
        """The shop's time: whole seconds, as it stores them."""
        return self.clock.now().astimezone(UTC).replace(microsecond=0)

    def next_post_id(self) -> int:
        """Products, orders, refunds and coupons share one sequence."""
        self._next_post += 1
        return self._next_post

    def next_row_id(self) -> int:
        """Lines, notes and meta have a sequence of their own."""
        self._next_row += 1
        return self._next_row

    def add_product(self, name: str, **fields: Any) -> Product:
        """A new product or variation; the caller has checked the SKU."""
        now = self.now()
        fields.setdefault("sku", "")
        fields.setdefault("price", "")
        fields.setdefault("type", "simple")
        product = Product(id=self.next_post_id(), name=name, created=now, modified=now, **fields)
        self.products[product.id] = product
        if product.sku:
            self._by_sku[product.sku.lower()] = product.id
        if product.parent_id:
            self.products[product.parent_id].variation_ids.append(product.id)
        recompute_status(product)
        return product

    def category(self, slug: str) -> int:
        """The id of the category of that slug, made if there is none."""
        found = next((number for number, (_, known) in self.categories.items() if known == slug), None)
        if found is None:
            found = max(self.categories) + 1
            self.categories[found] = (slug.replace("-", " ").title(), slug)
        return found

    def by_sku(self, sku: str) -> Product | None:
        """Case does not count; variations are found too."""
        return self.products.get(self._by_sku.get(sku.strip().lower(), 0))

    def rename_sku(self, product: Product, sku: str) -> None:
        """The caller has checked that nobody else has it."""
        self._by_sku.pop(product.sku.lower(), None)
        product.sku = sku
        if sku:
            self._by_sku[sku.lower()] = product.id

    def remove_product(self, product: Product) -> None:
        """Delete for good, variations included."""
        for variation_id in list(product.variation_ids):
            self.remove_product(self.products[variation_id])
        if product.parent_id:
            self.products[product.parent_id].variation_ids.remove(product.id)
        self._by_sku.pop(product.sku.lower(), None)
        del self.products[product.id]
        self.on_change("product.deleted", product.id)

    def stock_owner(self, product: Product) -> Product | None:
        """Where the product's stock is kept: itself, its parent, or nowhere."""
        if product.manages:
            return product
        parent = self.products.get(product.parent_id)
        return parent if parent is not None and parent.manages else None

    def variations(self, parent: Product) -> Iterator[Product]:
        """The variations of a product."""
        return (self.products[number] for number in parent.variation_ids)

    def set_stock(self, product: Product, quantity: int) -> None:
        """Write an absolute number, note it on the current call and tell the webhooks."""
        record, before = current_call.get(), product.quantity
        product.quantity = quantity
        recompute_status(product)
        self.touch_product(product)
        if record is not None:
            record.applied.append({"listing_id": listing_id(product), "before": before, "after": quantity})

    def touch_product(self, product: Product) -> None:
        """A variation's change also dates its parent."""
        product.modified = self.now()
        parent = self.products.get(product.parent_id)
        if parent is not None:
            parent.modified = product.modified
        self.on_change("product.updated", product.id)

    def touch_order(self, order: Order) -> None:
        """Date the order and tell the webhooks."""
        order.modified = self.now()
        self.on_change("order.updated", order.id)

    def note(self, order: Order, text: str, *, customer: bool = False) -> dict[str, Any]:
        """Add an order note; it does not date the order. A customer's note is mailed."""
        now = self.now()
        note = {"id": self.next_row_id(), "created": now, "note": text, "customer_note": customer}
        order.notes.append(note)
        if customer:
            self.mails.append({"order_id": order.id, "to": order.billing.get("email", ""), "text": text})
        return note

    def meta(self, key: str, value: Any) -> dict[str, Any]:
        """A row of meta data."""
        return {"id": self.next_row_id(), "key": key, "value": value}

    def held(self, product: Product, *, besides: int) -> int:
        """Units that unpaid checkouts hold (wc_reserved_stock): not in stock_quantity, not in REST."""
        now = self.now()
        return sum(
            line.quantity
            for order in (self.orders[number] for number in self.holding if number in self.orders)
            if order.held_until is not None and order.held_until > now and order.id != besides
            for line in order.lines
            if (sold := self.products.get(line.variation_id or line.product_id)) is not None
            and self.stock_owner(sold) is product
        )


def listing_id(product: Product) -> str:
    """As people name it: '10', or '14/15' for a variation."""
    return f"{product.parent_id}/{product.id}" if product.parent_id else str(product.id)


def recompute_status(product: Product) -> None:
    """With managed stock the status follows from the number; without, the number is gone."""
    if not product.manages:
        product.quantity = None
    elif (product.quantity or 0) > 0:
        product.stock_status = "instock"
    else:
        product.stock_status = "outofstock" if product.backorders == "no" else "onbackorder"

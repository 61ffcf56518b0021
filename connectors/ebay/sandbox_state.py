"""The stand-in's seller account: listings, orders, counters and switches, and the rules that change them.

Source of the rules: the Trading API reference and knowledge base (KB 1525: Quantity = available + sold; KB
1788: order list lag; out-of-stock guide). What eBay leaves unsettled is a switch, not a guess.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.ebay.sandbox_records import Item, Offer, OrderVersion, SoldLine, Switches
from syncd.clock import Clock

CALL_LOG_LENGTH = 20_000
FIRST_ITEM_ID = 110_142_400_319
FIRST_TRANSACTION_ID = 27_273_537_001
GOOD_TILL_CANCELLED = timedelta(days=30)

LISTING_FACTS = frozenset(
    {"item_id", "title", "sku", "price", "quantity", "sold", "variations", "currency", "listing_type", "rest_managed"}
    | {"fault_code"}
)
"""What a listing can be added with."""


class NotPossibleError(ValueError):
    """The stand-in cannot do what it was driven to do; the text says why."""


@dataclass
class Account:
    """Everything the stand-in remembers."""

    clock: Clock
    switches: Switches = field(default_factory=Switches)
    items: dict[str, Item] = field(default_factory=dict)
    orders: list[list[OrderVersion]] = field(default_factory=list)
    """Each order as its versions, oldest first."""
    by_order_id: dict[str, list[OrderVersion]] = field(default_factory=dict)
    """Under the id from before payment and the one after."""
    messages: list[dict[str, str]] = field(default_factory=list)
    invoices: list[dict[str, Any]] = field(default_factory=list)
    """Every invoice mailed to a buyer."""
    invocations: dict[str, str] = field(default_factory=dict)
    calls_today: Counter[str] = field(default_factory=Counter)
    calls: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=CALL_LOG_LENGTH))
    _issued: Counter[str] = field(default_factory=Counter)

    def now(self) -> datetime:
        """The stand-in's clock, to the millisecond as eBay writes it."""
        now = self.clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def day(self) -> str:
        """The day quotas are counted in; it turns at 07:00 UTC."""
        return (self.now() - timedelta(hours=7)).date().isoformat()

    def issue(self, kind: str, first: int) -> int:
        """The next number of a kind."""
        self._issued[kind] += 1
        return first + self._issued[kind] - 1

    def add_item(self, facts: Mapping[str, Any]) -> Item:
        """List something: title, sku, price, quantity, sold, or variations with those; item_id is optional."""
        unknown = sorted(set(facts) - LISTING_FACTS)
        if unknown:
            raise ValueError(f"{unknown[0]!r} is nothing a listing has; there are {', '.join(sorted(LISTING_FACTS))}")
        item_id = str(facts.get("item_id") or self.issue("item", FIRST_ITEM_ID))
        if item_id in self.items:
            raise NotPossibleError(f"there is a listing {item_id} already")
        offers = {variation["sku"]: _offer(variation["sku"], variation) for variation in facts.get("variations") or ()}
        now = self.now()
        item = Item(
            item_id=item_id,
            title=str(facts.get("title", f"Item {item_id}")),
            sku=facts.get("sku"),
            offers=offers or {None: _offer(None, facts)},
            start_at=now,
            end_at=now + GOOD_TILL_CANCELLED,
            currency=str(facts.get("currency", "EUR")),
            listing_type=str(facts.get("listing_type", "FixedPriceItem")),
            is_rest_managed=bool(facts.get("rest_managed", False)),
            fault_code=str(facts.get("fault_code", "")),
        )
        self.items[item_id] = item
        return item

    def offer(self, item_id: str, variation_sku: str | None) -> Offer:
        """The offer a buyer means."""
        item = self.items.get(item_id)
        if item is None or item.listing_status != "Active":
            raise NotPossibleError(f"there is no active listing {item_id}")
        if variation_sku not in item.offers:
            raise NotPossibleError(f"listing {item_id} has no variation {variation_sku!r}")
        return item.offers[variation_sku]

    def sell(
        self, lines: Sequence[Mapping[str, Any]], buyer: Mapping[str, str] | None = None, *, is_paid: bool
    ) -> OrderVersion:
        """A buyer takes it all or nothing: available falls, QuantitySold rises, one order appears."""
        wanted: Counter[tuple[str, str | None]] = Counter()
        for line in lines:
            if int(line["quantity"]) < 1:
                raise NotPossibleError("a sale is of at least one unit")
            wanted[(str(line["item_id"]), self._variation_sku(line))] += int(line["quantity"])
        if not wanted:
            raise NotPossibleError("a sale needs lines")
        for (item_id, variation_sku), quantity in wanted.items():
            left = self.offer(item_id, variation_sku).available
            if left < quantity:
                raise NotPossibleError(f"listing {item_id} has {left} left, not {quantity}")
        sold = tuple(self._take(*key, quantity) for key, quantity in wanted.items())
        return self._new_order(sold, buyer or {}, is_paid)

    def change_order(self, known_as: str, /, **changes: Any) -> OrderVersion:
        """A new version of an order; payment gives it a new id, under which it is found as well."""
        versions = self.by_order_id.get(known_as)
        if versions is None:
            raise NotPossibleError(f"there is no order {known_as}")
        # Two versions never share a time, so that what a list shows is always one of them.
        modified_at = max(self.now(), versions[-1].modified_at + timedelta(milliseconds=1))
        changed = replace(versions[-1], modified_at=modified_at, **changes)
        versions.append(changed)
        self.by_order_id[changed.order_id] = versions
        return changed

    def pay(self, order_id: str) -> OrderVersion:
        """The buyer pays; the order's id changes."""
        return self.change_order(order_id, paid_at=self.now(), order_id=self._paid_order_id())

    def cancel(self, order_id: str, *, restock: bool) -> OrderVersion:
        """The whole order is cancelled. Whether eBay raises its number then is not settled: `restock` says."""
        order = self.change_order(order_id, cancelled_at=self.now())
        for line in order.lines if restock else ():
            offer = self.items[line.item_id].offers[line.variation_sku]
            offer.available += line.quantity
            offer.sold -= line.quantity
            self.items[line.item_id].modified_at = self.now()
        return order

    def listed_orders(self, start: datetime, end: datetime) -> list[OrderVersion]:
        """What a list by modification time shows: the newest version older than the lag, if it falls in the
        window.
        """
        known_until = self.now() - timedelta(seconds=self.switches.order_lag_seconds)
        found: list[OrderVersion] = []
        for versions in self.orders:
            visible = next((version for version in reversed(versions) if version.modified_at <= known_until), None)
            if visible is not None and start <= visible.modified_at <= end:
                found.append(visible)
        return sorted(found, key=lambda order: (order.modified_at, order.order_id))

    def changed_items(self, start: datetime, end: datetime) -> list[Item]:
        """What a list by modification time shows, which lags behind."""
        known_until = self.now() - timedelta(seconds=self.switches.events_lag_seconds)
        at = {item.item_id: item.modified_at or item.start_at for item in self.items.values()}
        return [item for item in self.items.values() if start <= at[item.item_id] <= min(end, known_until)]

    def end_item(self, item_id: str) -> Item:
        """The listing ends now."""
        if item_id not in self.items:
            raise NotPossibleError(f"there is no listing {item_id}")
        item = self.items[item_id]
        item.listing_status, item.end_at = "Completed", self.now()
        item.modified_at = self.now()
        return item

    def _variation_sku(self, line: Mapping[str, Any]) -> str | None:
        """A SKU names a variation only where the listing has variations."""
        item = self.items.get(str(line["item_id"]))
        return line.get("sku") if item is not None and item.has_variations else None

    def _take(self, item_id: str, variation_sku: str | None, quantity: int) -> SoldLine:
        item, offer = self.items[item_id], self.offer(item_id, variation_sku)
        offer.available -= quantity
        offer.sold += quantity
        item.modified_at = self.now()
        if item.available == 0 and not self.switches.out_of_stock_control:
            self.end_item(item_id)
        return SoldLine(
            item_id=item_id,
            item_sku=item.sku,
            variation_sku=variation_sku,
            title=item.title,
            quantity=quantity,
            price=offer.price,
            transaction_id=str(self.issue("transaction", FIRST_TRANSACTION_ID)),
        )

    def _new_order(self, lines: tuple[SoldLine, ...], buyer: Mapping[str, str], is_paid: bool) -> OrderVersion:
        unpaid_id = lines[0].line_item_id if len(lines) == 1 else str(self.issue("combined", 8_300_000_001))
        now = self.now()
        order = OrderVersion(
            order_id=self._paid_order_id() if is_paid else unpaid_id,
            lines=lines,
            buyer=dict(buyer),
            currency=self.items[lines[0].item_id].currency,
            created_at=now,
            modified_at=now,
            paid_at=now if is_paid else None,
        )
        versions = [order]
        self.orders.append(versions)
        for order_id in (order.order_id, unpaid_id, *(line.line_item_id for line in lines)):
            self.by_order_id[order_id] = versions
        return order

    def _paid_order_id(self) -> str:
        number = self.issue("order", 1)
        return f"24-{7557 + number // 90_000:05d}-{10_000 + number % 90_000:05d}"


def _offer(sku: str | None, facts: Mapping[str, Any]) -> Offer:
    return Offer(
        sku=sku,
        available=int(facts.get("quantity", 0)),
        sold=int(facts.get("sold", 0)),
        price=Decimal(str(facts.get("price", "9.90"))),
    )

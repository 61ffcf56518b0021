"""A shop for simulations: a fake shop that also remembers what it showed, tells every sale, and may read stale.

What it does follows the channels' own facts: its number falls by itself when it sells; its order list may lag; its
readings may be those of a replica that lags behind (eBay's GetItem right after a revision); an order can be edited,
returned, cancelled with or without putting the units back.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from syncd.channel.port import Capabilities, ChannelOrder, OrderLine, OrderStatus
from syncd.clock import Clock
from syncd.identity import ListingId
from syncd.testkit.fake_shop import FakeShop
from syncd.testkit.shop_record import EVERYTHING, ShopListing

MARKET = replace(EVERYTHING, restocks_cancelled=False)
"""Facts like eBay's: a counter of units sold, orders counted before they are paid, nothing put back by itself."""

WEBSHOP = replace(EVERYTHING, batch_size=20, sold_counter=False, decrements_unpaid=False, holds_unpaid=True)
"""Facts like WooCommerce's: no counter, unpaid orders held without touching the number, cancelled ones put back."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a listing showed until a moment."""

    until: datetime
    stored: int
    sold: int


@dataclass(frozen=True, slots=True)
class Sale:
    """Units a customer was promised by the channel, and when."""

    channel: str
    order_id: str
    listing_id: ListingId
    units: int
    sold_at: datetime


class SimulatedShop(FakeShop):
    """The shop. `stale_seconds`: how far its readings lag behind what it shows its customers.

    `hides_late_orders`: an order that its list does not tell of yet is not found by its id either. `told` hears of
    every order that is new or changed, `changing` is called before any number changes.
    """

    def __init__(self, name: str, clock: Clock, capabilities: Capabilities) -> None:
        super().__init__(clock, capabilities)
        self.name = name
        self.stale_seconds = 0.0
        self.hides_late_orders = False
        self.sales: list[Sale] = []
        self.told: list[Callable[[str], None]] = []
        self.changing: list[Callable[[], None]] = []
        self.past: dict[ListingId, list[Past]] = {}
        self._listed_from: dict[str, datetime] = {}

    def remember(self, listing_id: ListingId) -> None:
        """Keep what a listing shows now, which is about to change."""
        for change in self.changing:
            change()
        listing = self.listings[listing_id]
        self.past.setdefault(listing_id, []).append(Past(self.clock.now(), listing.stored, listing.sold))

    def read(self, listing: ShopListing) -> ShopListing:
        """The listing as a reading tells it: as it was `stale_seconds` ago."""
        if not self.stale_seconds:
            return listing
        seen_at = self.clock.now() - timedelta(seconds=self.stale_seconds)
        for past in self.past.get(listing.listing_id, ()):
            if past.until > seen_at:
                return replace(listing, stored=past.stored, sold=past.sold)
        return listing

    def edit_quantity(self, listing_id: ListingId, quantity: int) -> None:
        self.remember(listing_id)
        super().edit_quantity(listing_id, quantity)

    def found(self, order_id: str) -> ChannelOrder | None:
        """The order as it is this moment, if it can be found by its id."""
        order = self.orders.get(order_id)
        is_late = order is not None and self._listed_from[order_id] > self.clock.now()
        return None if self.hides_late_orders and is_late else order

    def change_order(self, order_id: str, units: int) -> None:
        """The seller edits the quantity of an order's first line; the number follows by the difference.

        Only webshops can: where a counter tells of sales an order stays as it was made.
        """
        order = self.orders[order_id]
        first, *rest = order.lines
        if first.listing_id is None or order.status is OrderStatus.CANCELLED or self.capabilities.sold_counter:
            raise ValueError(f"{order_id} cannot be edited")
        more = units - first.quantity
        counted = first.decremented or 0
        if counted:
            self.remember(first.listing_id)
            self.listings[first.listing_id].stored -= more
            counted += more
        self._keep(replace(order, lines=(replace(first, quantity=units, decremented=counted), *rest)))

    def mark_copy(self, order_id: str) -> None:
        """The program that wrote the order marked it as a copy of one made elsewhere."""
        self._keep(replace(self.orders[order_id], copy_of="order elsewhere"))

    def return_units(self, order_id: str, units: int, *, restock: bool) -> None:
        """Units of the first line are refunded, and put back on sale there if `restock` (a refund alone does not)."""
        order = self.orders[order_id]
        first, *rest = order.lines
        counted = first.decremented or 0
        if restock and first.listing_id is not None and counted:
            self.remember(first.listing_id)
            back = min(units, counted)
            self.listings[first.listing_id].stored += back
            counted -= back
        refunded = replace(first, refunded=first.refunded + units, decremented=counted)
        self._keep(replace(order, lines=(refunded, *rest)))

    def _taken(self, order: ChannelOrder) -> ChannelOrder:
        for line in order.lines:
            if line.listing_id is not None:
                self.remember(line.listing_id)
        return super()._taken(order)

    def _put_back(self, line: OrderLine) -> OrderLine:
        if line.listing_id is not None:
            self.remember(line.listing_id)
        return super()._put_back(line)

    def _keep(self, order: ChannelOrder) -> None:
        if order.order_id not in self.orders:
            self.sales += [
                Sale(self.name, order.order_id, line.listing_id, line.quantity, order.created_at)
                for line in order.lines
                if line.listing_id is not None
            ]
        is_known = order.order_id in self.orders
        super()._keep(order)
        self._list_in_turn(is_known)
        for tell in self.told:
            tell(order.order_id)

    def _list_in_turn(self, is_known: bool) -> None:
        """The newest change goes where its lag puts it among the others; behind earlier ones of the same order."""
        newest = self.order_changes.pop()
        if is_known:
            earlier = max(one.listed_at for one in self.order_changes if one.order.order_id == newest.order.order_id)
            newest = replace(newest, listed_at=max(newest.listed_at, earlier))
        else:
            self._listed_from[newest.order.order_id] = newest.listed_at
        insort(self.order_changes, newest, key=lambda one: one.listed_at)

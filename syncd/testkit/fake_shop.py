"""The shop behind a fake channel: its listings, its orders, its own counting, and its faults on demand."""

from __future__ import annotations

import itertools
from collections import Counter, deque
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from syncd.channel.port import (
    Address,
    Buyer,
    BuyerMessage,
    Capabilities,
    ChannelOrder,
    OrderLine,
    OrderStatus,
    RefundRequest,
)
from syncd.clock import Clock
from syncd.identity import ListingId, Money
from syncd.testkit.channel_rig import Fault
from syncd.testkit.shop_record import (
    BUYER,
    EVERYTHING,
    PRICE,
    SHIP_TO,
    OrderChange,
    ShopCall,
    ShopListing,
    ShopRefund,
)

WRITES = frozenset({"push_quantities", "refund", "message_buyer"})
"""Operations that change something in the shop."""

CALLS_KEPT_MAX = 10_000
"""How many of the last calls are kept in detail."""


class FakeShop:
    """A remote shop in memory. It sells, counts down, lists orders late and fails exactly as told.

    `capabilities` decide how it counts; `order_list_lag_seconds` (from the capabilities unless set) says
    how late its order list is. Public methods are what customers and the seller do on the channel, past
    syncd.
    """

    def __init__(self, clock: Clock, capabilities: Capabilities = EVERYTHING) -> None:
        self.clock = clock
        self.capabilities = capabilities
        self.order_list_lag_seconds: float = capabilities.order_lag_seconds
        self.sold_falls_on_cancel = False
        self.down = False
        self.shipping: Money | None = None
        self.listings: dict[ListingId, ShopListing] = {}
        self.orders: dict[str, ChannelOrder] = {}
        self.order_changes: list[OrderChange] = []
        self.refunds: list[ShopRefund] = []
        self.messages: list[BuyerMessage] = []
        self.calls: deque[ShopCall] = deque(maxlen=CALLS_KEPT_MAX)
        self.calls_by_date: Counter[date] = Counter()
        self._faults: deque[tuple[Fault, str | None]] = deque()
        self._unpaid: dict[str, None] = {}
        self._deliveries = 0

    # --- the seller ---

    def add_listing(self, sku: str | None, quantity: int, *, title: str = "", price: Money = PRICE) -> ListingId:
        """Offer something new; listing ids count up from 1001."""
        listing_id = ListingId(str(1001 + len(self.listings)))
        self.listings[listing_id] = ShopListing(listing_id, sku, title or f"Article {sku}", price, quantity)
        return listing_id

    def end_listing(self, listing_id: ListingId) -> None:
        """Take the listing down for good."""
        self.listings[listing_id].ended = True

    def edit_quantity(self, listing_id: ListingId, quantity: int) -> None:
        """Type another number into the channel's own page, past syncd."""
        self.listings[listing_id].stored = quantity

    def shown(self, listing_id: ListingId) -> int:
        """The number the shop keeps; below zero once it sold more than it had."""
        return self.listings[listing_id].stored

    # --- customers ---

    def offered(self, listing_id: ListingId) -> int:
        """How many a customer can put in the basket now."""
        listing = self.listings[listing_id]
        return 0 if listing.ended else max(0, listing.stored - self._held(listing_id))

    def place_order(
        self,
        lines: list[tuple[ListingId, int]],
        *,
        paid: bool = True,
        buyer: Buyer = BUYER,
        ship_to: Address | None = SHIP_TO,
    ) -> str | None:
        """A customer checks out. Returns the order's id, or None if the shop does not offer so many."""
        self._give_up_unpaid()
        wanted: Counter[ListingId] = Counter()
        for listing_id, quantity in lines:
            wanted[listing_id] += quantity
        if any(self.offered(listing_id) < quantity for listing_id, quantity in wanted.items()):
            return None
        order_id = f"order-{len(self.orders) + 1}"
        order_lines = tuple(self._line(f"{order_id}-{at + 1}", *line) for at, line in enumerate(lines))
        total = order_lines[0].unit_price.times(0)
        for line in order_lines:
            total += line.unit_price.times(line.quantity)
        now = self.clock.now()
        language = buyer.language if self.capabilities.names_buyer_language else ""
        order = ChannelOrder(
            order_id=order_id,
            number=order_id.removeprefix("order-"),
            status=OrderStatus.PAID if paid else OrderStatus.UNPAID,
            created_at=now,
            modified_at=now,
            lines=order_lines,
            buyer=replace(buyer, language=language),
            ship_to=ship_to,
            total=total + self.shipping if self.shipping else total,
            shipping=self.shipping,
        )
        self._keep(self._taken(order) if paid or self.capabilities.decrements_unpaid else order)
        return order_id

    def sell(self, listing_id: ListingId, quantity: int, *, paid: bool = True) -> str:
        """A customer buys one thing. Raises ValueError if the shop does not offer so many."""
        order_id = self.place_order([(listing_id, quantity)], paid=paid)
        if order_id is None:
            raise ValueError(f"listing {listing_id} does not offer {quantity}")
        return order_id

    def pay_order(self, order_id: str) -> None:
        """The money arrives; units not yet taken off are taken off now, even below zero."""
        order = self.orders[order_id]
        if order.status is not OrderStatus.UNPAID:
            raise ValueError(f"{order_id} is {order.status}, not unpaid")
        taken = order if self.capabilities.decrements_unpaid else self._taken(order)
        self._keep(replace(taken, status=OrderStatus.PAID))

    def ship_order(self, order_id: str) -> None:
        """The parcel leaves."""
        self._keep(replace(self.orders[order_id], status=OrderStatus.SHIPPED))

    def cancel_order(self, order_id: str, *, restock: bool | None = None) -> None:
        """The order is off. The shop's number rises if `restock`, by default as the capabilities say."""
        order = self.orders[order_id]
        if order.status is OrderStatus.CANCELLED:
            return
        restocks = self.capabilities.restocks_cancelled if restock is None else restock
        lines = [replace(line, cancelled=line.quantity) for line in order.lines]
        if restocks:
            lines = [self._put_back(line) for line in lines]
        self._keep(replace(order, status=OrderStatus.CANCELLED, lines=tuple(lines)))

    # --- what goes wrong ---

    def fail_next(self, fault: Fault, times: int = 1, *, operation: str | None = None) -> None:
        """Meet the next `times` calls (of any operation, or of one such as "push_quantities") so.

        Unless told which, TIMEOUT_AFTER_APPLYING waits for an operation that writes.
        """
        self._faults.extend([(fault, operation)] * times)

    def receive(self, operation: str) -> Fault | None:
        """Note a call that arrived; says which fault it meets."""
        self._give_up_unpaid()
        now = self.clock.now()
        fault = Fault.SERVER_ERROR if self.down else self._take_fault(operation)
        self.calls.append(ShopCall(operation, now, fault))
        self.calls_by_date[now.date()] += 1
        return fault

    # --- what its API answers from ---

    def next_delivery(self) -> int:
        """A number for one more webhook delivery."""
        self._deliveries += 1
        return self._deliveries

    def listed_changes(self, start: int) -> list[OrderChange]:
        """The order changes from position `start` on that the order list tells of by now, oldest first.

        Ends before the first that is still late, so that a reader never passes one by.
        """
        now = self.clock.now()
        return list(itertools.takewhile(lambda one: one.listed_at <= now, self.order_changes[start:]))

    def refund(self, request: RefundRequest) -> ShopRefund | None:
        """Give money back; None if the order does not have that much left. Asked twice, it pays twice."""
        order = self.orders.get(request.order_id)
        if order is None:
            return None
        back = sum((r.request.amount.amount for r in self.refunds if r.request.order_id == order.order_id), Decimal())
        if request.amount.amount <= 0 or back + request.amount.amount > order.total.amount:
            return None
        done = ShopRefund(f"refund-{len(self.refunds) + 1}", request)
        self.refunds.append(done)
        refunded = {line.line_id: line.quantity for line in request.lines}
        lines = tuple(replace(o, refunded=o.refunded + refunded.get(o.line_id, 0)) for o in order.lines)
        self._keep(replace(order, lines=lines))
        return done

    def _take_fault(self, operation: str) -> Fault | None:
        for at, (fault, only) in enumerate(self._faults):
            waits = only is None and fault is Fault.TIMEOUT_AFTER_APPLYING and operation not in WRITES
            if only in (None, operation) and not waits:
                del self._faults[at]
                return fault
        return None

    def _give_up_unpaid(self) -> None:
        seconds = self.capabilities.unpaid_expires_seconds
        if seconds is None:
            return
        created_by = self.clock.now() - timedelta(seconds=seconds)
        for order_id in list(self._unpaid):
            if self.orders[order_id].created_at <= created_by:
                self.cancel_order(order_id)

    def _held(self, listing_id: ListingId) -> int:
        if not self.capabilities.holds_unpaid:
            return 0
        unpaid = (self.orders[order_id] for order_id in self._unpaid)
        lines = (line for order in unpaid for line in order.lines if line.listing_id == listing_id)
        return sum(line.quantity - (line.decremented or 0) for line in lines)

    def _line(self, line_id: str, listing_id: ListingId, quantity: int) -> OrderLine:
        listing = self.listings[listing_id]
        return OrderLine(line_id, listing_id, listing.sku, listing.title, quantity, listing.price, decremented=0)

    def _taken(self, order: ChannelOrder) -> ChannelOrder:
        for line in order.lines:
            if line.listing_id is not None:
                self.listings[line.listing_id].stored -= line.quantity
                self.listings[line.listing_id].sold += line.quantity
        return replace(order, lines=tuple(replace(line, decremented=line.quantity) for line in order.lines))

    def _put_back(self, line: OrderLine) -> OrderLine:
        if line.listing_id is None or not line.decremented:
            return line
        listing = self.listings[line.listing_id]
        listing.stored += line.decremented
        if self.sold_falls_on_cancel:
            listing.sold -= line.decremented
        return replace(line, decremented=0)

    def _keep(self, order: ChannelOrder) -> None:
        now = self.clock.now()
        kept = replace(order, modified_at=now)
        self.orders[kept.order_id] = kept
        self._unpaid.pop(kept.order_id, None)
        if kept.status is OrderStatus.UNPAID:
            self._unpaid[kept.order_id] = None
        self.order_changes.append(OrderChange(kept, now + timedelta(seconds=self.order_list_lag_seconds)))

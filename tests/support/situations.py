"""Orders, listings and a book in memory, so that decisions can be tested without a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from syncd.channel.port import (
    Capabilities,
    ChannelOrder,
    ListingObservation,
    ListingStatus,
    OrderLine,
    OrderStatus,
)
from syncd.identity import ChannelName, ListingId, ListingKey, Money, Sku, SupplierName
from syncd.ledger.balance import Balances
from syncd.ledger.movement import OPENING, Account, Movement, Reason, State, available
from syncd.listing.belief import Belief
from syncd.listing.listing import Component, Listing
from syncd.orders.intake import decide
from syncd.orders.order import KnownLine, KnownOrder, fingerprint, is_outdated
from syncd.orders.situation import Intake, IntakePolicy, Situation
from syncd.reservation.hold import Demand, Reservation
from syncd.supply.offer import Offer, UsableOffer
from syncd.testkit.shop_record import BUYER, EVERYTHING, SHIP_TO

T0 = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
X, Y = Sku("X"), Sku("Y")
CHANNEL = ChannelName("ebay")
L1, L2 = ListingId("1001"), ListingId("1002")
PLACE = "main"

COUNTING = replace(EVERYTHING, restocks_cancelled=False)
"""Facts like eBay's: a sold counter, unpaid orders taken off at once, nothing put back."""
PLAIN = replace(EVERYTHING, sold_counter=False, decrements_unpaid=False, holds_unpaid=True)
"""Facts like WooCommerce's: no counter, unpaid orders only held, cancelled ones put back."""


def at(seconds: float) -> datetime:
    """So many seconds after the start."""
    return T0 + timedelta(seconds=seconds)


def euros(amount: str) -> Money:
    """An amount in EUR."""
    return Money(Decimal(amount), "EUR")


def seen(
    available: int | None, sold: int | None = None, *, asked: float = 0, ended: bool = False
) -> ListingObservation:
    """A reading of listing 1001."""
    status = ListingStatus.ENDED if ended else ListingStatus.ACTIVE
    return ListingObservation(L1, available, sold, status, at(asked))


def listing(*components: Component, belief: Belief | None = None, listing_id: ListingId = L1) -> Listing:
    """An active listing on the counting channel."""
    key = ListingKey(CHANNEL, listing_id)
    return Listing(key, "Gloves", "X", ListingStatus.ACTIVE, euros("9.90"), tuple(components), belief or Belief())


def line(line_id: str = "l1", quantity: int = 1, listing_id: ListingId | None = L1, **told: object) -> OrderLine:
    """An order line."""
    return replace(OrderLine(line_id, listing_id, None, "Gloves", quantity, euros("9.90")), **told)  # type: ignore[arg-type]


def order(
    *lines: OrderLine,
    status: OrderStatus = OrderStatus.PAID,
    order_id: str = "o1",
    created: float = 10,
    modified: float | None = None,
) -> ChannelOrder:
    """An order of these lines."""
    moment = at(created if modified is None else modified)
    return ChannelOrder(order_id, order_id, status, at(created), moment, tuple(lines), BUYER, SHIP_TO, euros("9.90"))


def offer(units: int, sku: Sku = X, supplier: str = "acme") -> UsableOffer:
    """So many units a supplier can be believed to have."""
    return UsableOffer(Offer(SupplierName(supplier), f"{supplier}-{sku}", sku, units, T0), units, f"offers {units}")


class Book:
    """One channel's orders against one shelf: applies what `decide` decides, as the store would."""

    def __init__(
        self,
        stock: dict[Sku, int] | None = None,
        *,
        listings: Sequence[Listing] = (),
        facts: Capabilities = COUNTING,
        offers: Sequence[UsableOffer] = (),
        locations: tuple[str, ...] = (PLACE,),
    ) -> None:
        self.balances = Balances()
        self.policy = IntakePolicy(CHANNEL, facts, locations, T0)
        self.listings = {one.key.listing_id: one for one in (listings or [listing(Component(X))])}
        self.stocked: dict[str, Sku] = {}
        self.offers = list(offers)
        self.orders: dict[str, KnownOrder] = {}
        self.lines: dict[str, KnownLine] = {}
        self.demands: dict[tuple[str, Sku], Demand] = {}
        self.reservations: dict[str, Reservation] = {}
        self.movements: list[Movement] = []
        self.last: Intake | None = None
        for sku, units in (stock or {}).items():
            if units:
                self.put(Movement(f"open:{sku}", sku, units, OPENING, available(PLACE), Reason.RECEIPT, T0))

    def put(self, *movements: Movement) -> None:
        """Post movements, refusing what the ledger would refuse."""
        assert self.balances.shortfall(movements) is None
        for movement in movements:
            assert movement.problem() is None
            assert movement.key not in {one.key for one in self.movements}
            self.movements.append(movement)
        self.balances.apply(movements)

    def situation(self, told: ChannelOrder) -> Situation:
        """What the transaction would read for this order."""
        ids = {line.line_id for line in told.lines}
        keys = {one.order_key for one in self.lines.values() if one.line_id in ids}
        keys |= {known.order_key for known in self.orders.values() if known.order_id == told.order_id}
        mine = {line_id: one for line_id, one in self.lines.items() if one.order_key in keys}
        known = [one for key, one in self.orders.items() if key in keys]
        return Situation(
            order=known[0] if known else None,
            lines=mine,
            demands={key: one for key, one in self.demands.items() if one.order_key in keys},
            reservations=[one for one in self.reservations.values() if one.order_key in keys],
            listings=self.listings,
            stocked=self.stocked,
            balances=self.balances,
            offers={X: [one for one in self.offers if one.offer.sku == X]},
        )

    def take(self, told: ChannelOrder, now: float = 20) -> Intake:
        """Import an order."""
        situation = self.situation(told)
        intake = decide(told, situation, self.policy, at(now))
        self.put(*intake.movements)
        absorbed = {one.order_key for one in situation.lines.values()} - {intake.order_key}
        for key in absorbed:
            self.orders.pop(key, None)
        self.orders[intake.order_key] = KnownOrder(
            intake.order_key,
            told.order_id,
            told.status,
            fingerprint(told),
            intake.before_start,
            told.modified_at,
            intake.copy_of,
        )
        self.lines |= {one.line_id: one for one in intake.lines}
        self.demands |= {(one.line_id, one.sku): one for one in intake.demands}
        self.reservations |= intake.reservations
        for key, belief in intake.beliefs.items():
            self.listings[key.listing_id] = replace(self.listings[key.listing_id], belief=belief)
        for purchase in intake.purchases:
            self.offers = [
                replace(one, units=one.units - purchase.quantity) if one.offer.supplier == purchase.supplier else one
                for one in self.offers
            ]
        self.last = intake
        return intake

    def hear(self, told: ChannelOrder) -> None:
        """Import an order unless a newer version of it is known, as the store would."""
        if not is_outdated(told, self.orders, self.lines):
            self.take(told)

    def held(self, sku: Sku = X) -> dict[str, int]:
        """Units of a SKU by state, without empty ones."""
        found: dict[str, int] = {}
        for account, quantity in self.balances.by_sku.get(sku, {}).items():
            if account.is_ours and quantity:
                found[account.state] = found.get(account.state, 0) + quantity
        return found

    def sent(self, sku: Sku = X) -> int:
        """Units that have left the house to customers."""
        return self.balances.of(sku, Account("outside", "customer"))

    def demand(self, line_id: str = "l1", sku: Sku = X) -> Demand:
        """What a line needs of a SKU."""
        return self.demands[(line_id, sku)]

    def assert_sound(self) -> None:
        """What must hold after every import: needs are covered, reservations are in the ledger, nothing below zero."""
        for (line_id, sku), demand in self.demands.items():
            own = [r for r in self.reservations.values() if (r.line_id, r.sku) == (line_id, sku)]
            net = sum(r.quantity - r.released for r in own)
            assert demand.need == net + demand.purchased + demand.short, (line_id, demand, own)
            assert min(demand.need, demand.short, demand.purchased, demand.forgone) >= 0
            assert all(r.order_key == demand.order_key for r in own if r.open)
        for sku in {sku for _, sku in self.demands}:
            promised = sum(r.open for r in self.reservations.values() if r.sku == sku)
            assert self.held(sku).get(State.RESERVED, 0) == promised
            flying = sum(
                one.belief.in_flight * c.units for one in self.listings.values() for c in one.components if c.sku == sku
            )
            assert self.held(sku).get(State.IN_FLIGHT, 0) == flying

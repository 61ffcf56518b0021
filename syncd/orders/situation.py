"""What the decision on an order rests on, and what comes out of it: policy, situation, intake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from syncd.attention.question import Question
from syncd.channel.port import Capabilities, ChannelOrder, OrderStatus
from syncd.identity import ChannelName, ListingId, ListingKey, Sku
from syncd.ledger.balance import Balances
from syncd.ledger.movement import Account, Movement, State
from syncd.listing.belief import Belief
from syncd.listing.listing import Listing
from syncd.orders.copy import TAKING_STOCK, Lookalike
from syncd.orders.order import KnownLine, KnownOrder
from syncd.reservation.hold import Demand, Reservation
from syncd.supply.offer import UsableOffer
from syncd.supply.purchase_order import Purchase


class ReturnPolicy(StrEnum):
    """What a unit means that the channel put back on its own number after it was sent (a refund with restocking)."""

    ASK = "ask"
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class IntakePolicy:
    """How orders of a channel are met. `since` is when syncd began to answer for it: older sales move nothing."""

    channel: ChannelName
    capabilities: Capabilities
    locations: tuple[str, ...]
    since: datetime
    returns: ReturnPolicy = ReturnPolicy.ASK

    def precedes_start(self, order: ChannelOrder) -> bool:
        """Whether the channel took the units off before we answered for it; some tell time in whole seconds only.

        An order that is not paid, of a channel that lowers its number at the payment, is no sale yet.
        """
        taken = self.capabilities.decrements_unpaid or any(line.decremented for line in order.lines)
        if order.status is OrderStatus.UNPAID and not taken:
            return False
        return (order.sold_at or order.created_at) < self.since.replace(microsecond=0)

    def lapses_at(self, order: ChannelOrder) -> datetime | None:
        """When the channel itself gives up an unpaid order; None for any other order, or if it never does."""
        seconds = self.capabilities.unpaid_expires_seconds
        if order.status is not OrderStatus.UNPAID or seconds is None:
            return None
        return order.created_at + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything the decision rests on, read inside the transaction that will write it."""

    order: KnownOrder | None
    """The order as known: the oldest import, where the channel has merged several."""
    lines: Mapping[str, KnownLine]
    demands: Mapping[tuple[str, Sku], Demand]
    reservations: Sequence[Reservation]
    listings: Mapping[ListingId, Listing]
    stocked: Mapping[str, Sku]
    """SKUs we know, by the SKU text on the order: used when a line names no listing we know."""
    balances: Balances
    offers: Mapping[Sku, Sequence[UsableOffer]]
    lookalikes: Sequence[Lookalike] = ()


@dataclass
class Intake:
    """What is to be written for one order. `news` is 'accepted', 'changed', 'cancelled', 'shipped' or ''."""

    order_key: str
    before_start: bool
    news: str = ""
    copy_of: str = ""
    movements: list[Movement] = field(default_factory=list)
    lines: list[KnownLine] = field(default_factory=list)
    demands: list[Demand] = field(default_factory=list)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    beliefs: dict[ListingKey, Belief] = field(default_factory=dict)
    purchases: list[Purchase] = field(default_factory=list)
    unbought: Counter[tuple[str, Sku]] = field(default_factory=Counter)
    """Units bought for a line and SKU that are wanted no more."""
    questions: list[Question] = field(default_factory=list)

    @property
    def weight(self) -> int:
        """How much was decided so far; a line that adds nothing has not changed."""
        return len(self.movements) + len(self.demands) + len(self.purchases)

    @property
    def takes_stock(self) -> bool:
        """Whether the order's lines need stock of ours: not those from before our time, nor another order's copy."""
        return not self.before_start and self.copy_of in TAKING_STOCK


class Free:
    """Balances as they stand after the movements decided so far in this order."""

    def __init__(self, balances: Balances) -> None:
        self._balances = balances
        self._moved: dict[tuple[Sku, Account], int] = {}

    def by_location(self, sku: Sku, state: State) -> dict[str, int]:
        found = dict(self._balances.by_location(sku, state))
        for (owner, account), delta in self._moved.items():
            if owner == sku and account.state == state:
                found[account.location] = found.get(account.location, 0) + delta
        return found

    def apply(self, movement: Movement) -> None:
        for account, delta in (
            (movement.source, -movement.quantity),
            (movement.destination, movement.quantity),
        ):
            if account.is_ours:
                key = (movement.sku, account)
                self._moved[key] = self._moved.get(key, 0) + delta

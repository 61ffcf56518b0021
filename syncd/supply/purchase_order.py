"""Purchase orders: what we buy from a supplier for one customer's order, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from syncd.channel.port import Address
from syncd.identity import ChannelName, Sku, SupplierName
from syncd.supply.offer import UsableOffer, best_first
from syncd.supply.port import PurchaseOutcome, PurchaseVerdict


class PurchaseStatus(StrEnum):
    """How a purchase order stands."""

    UNPAID = "unpaid"
    """Decided in our books; ordered once the customer has paid."""
    DRAFT = "draft"
    """Decided in our books, not yet taken by the supplier."""
    SENDING = "sending"
    """Being sent by a way on which nothing may be sent twice; found so later, nobody knows whether it went out."""
    SENT = "sent"
    """He has it and has not answered, or not for every line."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    PARTIAL = "partial"
    SHIPPED = "shipped"
    """Everything he agreed to is on its way to the customer."""
    WITHDRAWN = "withdrawn"
    """Nobody wanted it any more before it was sent."""
    BY_HAND = "by_hand"
    """The supplier cannot be ordered from by machine, or the machine gave up: a person does it."""
    RECEIVED = "received"
    """The goods came to us and lie on our shelf."""


UNSENT = (PurchaseStatus.UNPAID, PurchaseStatus.DRAFT)
"""The supplier has not answered; unless a try failed he knows nothing of it."""

UNANSWERED = (PurchaseStatus.SENDING, PurchaseStatus.SENT)
"""He may have it; what he offers is said without regard to it."""

UNSETTLED = (*UNSENT, *UNANSWERED, PurchaseStatus.ACCEPTED, PurchaseStatus.PARTIAL, PurchaseStatus.BY_HAND)
"""Purchase orders from which something may still come."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """Units of one SKU to buy from one supplier for an order line. `accepted` is None until he has answered."""

    supplier: SupplierName
    supplier_sku: str
    sku: Sku
    channel: ChannelName
    line_id: str
    quantity: int
    accepted: int | None = None

    @property
    def purchase_id(self) -> str:
        """What the supplier knows it by, unique within its purchase order."""
        return f"{self.channel}:{self.line_id}/{self.supplier_sku}"

    @property
    def coming(self) -> int:
        """Units to count with: what he agreed to, or what he is asked for."""
        return self.quantity if self.accepted is None else self.accepted

    @property
    def refused(self) -> int:
        """Units the supplier will not send; 0 until he has answered."""
        return 0 if self.accepted is None else self.quantity - self.accepted


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """One order to one supplier. `reference` is the idempotency key the supplier sees.

    What he offers after `answered_at` he offers in full knowledge of it. `next_attempt_at` is when it is looked at
    again: to be sent, or, once it is sent, to ask why he says nothing. `expected_on`: the day he promised when late.
    """

    reference: str
    supplier: SupplierName
    order_key: str
    status: PurchaseStatus
    created_at: datetime
    purchases: tuple[Purchase, ...]
    ship_to: Address | None = None
    attempts: int = 0
    next_attempt_at: datetime | None = None
    supplier_reference: str = ""
    message: str = ""
    answered_at: datetime | None = None
    expected_on: date | None = None

    def still_wanted(self, bought: Mapping[tuple[ChannelName, str, Sku], int]) -> PurchaseOrder:
        """Without what its order lines are no longer to be bought; `bought` is what they need from suppliers now."""
        kept = tuple(
            replace(one, quantity=min(one.quantity, bought.get((one.channel, one.line_id, one.sku), one.quantity)))
            for one in self.purchases
        )
        if any(one.quantity for one in kept):
            return replace(self, purchases=kept)
        return self.withdrawn()

    def withdrawn(self) -> PurchaseOrder:
        """Nothing of it is wanted or coming any more."""
        none = tuple(replace(one, accepted=0) for one in self.purchases)
        return replace(self, status=PurchaseStatus.WITHDRAWN, purchases=none)

    def answered(self, outcome: PurchaseOutcome, now: datetime) -> PurchaseOrder:
        """With the supplier's answer. A line he does not name is accepted only if he accepts the whole order."""
        told = {} if outcome.verdict is PurchaseVerdict.REFUSED else dict(outcome.accepted)
        accepts_all = outcome.verdict is PurchaseVerdict.ACCEPTED
        purchases = tuple(
            replace(one, accepted=max(0, min(one.quantity, told.get(one.purchase_id, one.quantity * accepts_all))))
            for one in self.purchases
        )
        return replace(
            self,
            status=status_of(purchases),
            purchases=purchases,
            supplier_reference=outcome.supplier_reference,
            message=outcome.message,
            attempts=self.attempts + 1,
            answered_at=now,
        )


def status_of(purchases: Sequence[Purchase]) -> PurchaseStatus:
    """How an order stands of which every line is answered."""
    if not any(one.refused for one in purchases):
        return PurchaseStatus.ACCEPTED
    return PurchaseStatus.PARTIAL if any(one.accepted for one in purchases) else PurchaseStatus.REFUSED


@dataclass(frozen=True, slots=True)
class CallingOff:
    """What is done about units bought that nobody wants any more.

    `changed`: purchase orders he has not got yet, lowered or withdrawn. `sent`: by reference, how many units of which
    SKU are to be called off with a supplier who knows of them.
    """

    changed: tuple[PurchaseOrder, ...]
    sent: Mapping[str, Mapping[Sku, int]]


def call_off(orders: Sequence[PurchaseOrder], unwanted: Mapping[tuple[str, Sku], int]) -> CallingOff:
    """Take units of (order line, SKU) out of purchase orders: first what no supplier knows of, the newest first."""
    left = dict(unwanted)
    changed: list[PurchaseOrder] = []
    sent: dict[str, dict[Sku, int]] = {}
    newest_first = sorted(orders, key=lambda one: (one.created_at, one.reference), reverse=True)
    for order in sorted(newest_first, key=lambda one: one.status not in UNSENT):
        if order.status not in UNSETTLED:
            continue
        less = [_take(one, left) for one in order.purchases]
        if not any(less):
            continue
        if order.status not in UNSENT or order.attempts:
            told = sent.setdefault(order.reference, {})
            for one, units in zip(order.purchases, less, strict=True):
                if units:
                    told[one.sku] = told.get(one.sku, 0) + units
        if order.status in UNSENT:
            kept = tuple(replace(p, quantity=p.quantity - u) for p, u in zip(order.purchases, less, strict=True))
            lowered = replace(order, purchases=kept)
            changed.append(lowered if any(one.quantity for one in kept) else order.withdrawn())
    return CallingOff(tuple(changed), sent)


def _take(one: Purchase, left: dict[tuple[str, Sku], int]) -> int:
    key = (one.line_id, one.sku)
    units = min(left.get(key, 0), one.coming)
    left[key] = left.get(key, 0) - units
    return units


def surplus(orders: Sequence[PurchaseOrder], bought: Mapping[tuple[ChannelName, str, Sku], int]) -> dict[Sku, int]:
    """Units coming by these purchase orders beyond what their order lines still need from suppliers."""
    coming: dict[tuple[ChannelName, str, Sku], int] = {}
    for order in orders:
        for one in order.purchases if order.status in UNSETTLED else ():
            key = (one.channel, one.line_id, one.sku)
            coming[key] = coming.get(key, 0) + one.coming
    found: dict[Sku, int] = {}
    for key, units in coming.items():
        if units > bought.get(key, 0):
            found[key[2]] = found.get(key[2], 0) + units - bought.get(key, 0)
    return found


@dataclass(frozen=True, slots=True)
class Sourcing:
    """From whom missing units can be bought, and what is still short."""

    purchases: tuple[Purchase, ...]
    short: int


def source(units: int, sku: Sku, offers: Sequence[UsableOffer], *, channel: ChannelName, line_id: str) -> Sourcing:
    """Cover missing units from usable offers, best first."""
    purchases: list[Purchase] = []
    for one in best_first(offers):
        take = min(units, one.units)
        if take:
            purchases.append(Purchase(one.offer.supplier, one.offer.supplier_sku, sku, channel, line_id, take))
            units -= take
    return Sourcing(tuple(purchases), units)

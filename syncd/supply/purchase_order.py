"""Purchase orders: what we buy from a supplier for one customer's order, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
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
    ACCEPTED = "accepted"
    REFUSED = "refused"
    PARTIAL = "partial"
    WITHDRAWN = "withdrawn"
    """Nobody wanted it any more before it was sent."""
    BY_HAND = "by_hand"
    """The supplier cannot be ordered from by machine, or the machine gave up: a person does it."""


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
    def refused(self) -> int:
        """Units the supplier will not send; 0 until he has answered."""
        return 0 if self.accepted is None else self.quantity - self.accepted


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """One order to one supplier. `reference` is the idempotency key the supplier sees.

    What he offers after `answered_at` he offers in full knowledge of it.
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

    def still_wanted(self, bought: Mapping[tuple[ChannelName, str, Sku], int]) -> PurchaseOrder:
        """Without what its order lines are no longer to be bought; `bought` is what they need from suppliers now."""
        kept = tuple(
            replace(one, quantity=min(one.quantity, bought.get((one.channel, one.line_id, one.sku), one.quantity)))
            for one in self.purchases
        )
        if any(one.quantity for one in kept):
            return replace(self, purchases=kept)
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
            status=_status(purchases),
            purchases=purchases,
            supplier_reference=outcome.supplier_reference,
            message=outcome.message,
            attempts=self.attempts + 1,
            answered_at=now,
        )


def _status(purchases: Sequence[Purchase]) -> PurchaseStatus:
    if not any(one.refused for one in purchases):
        return PurchaseStatus.ACCEPTED
    return PurchaseStatus.PARTIAL if any(one.accepted for one in purchases) else PurchaseStatus.REFUSED


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

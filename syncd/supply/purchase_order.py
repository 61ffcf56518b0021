"""Purchase orders: what we buy from a supplier for one customer's order, and how far it has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncd.channel.port import Address
from syncd.identity import ChannelName, Sku, SupplierName
from syncd.supply.offer import UsableOffer, best_first


class PurchaseStatus(StrEnum):
    """How a purchase order stands."""

    DRAFT = "draft"
    """Decided in our books, not yet taken by the supplier."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    PARTIAL = "partial"
    BY_HAND = "by_hand"
    """The supplier cannot be ordered from by machine, or the machine gave up: a person does it."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """Units of one SKU to buy from one supplier for an order line."""

    supplier: SupplierName
    supplier_sku: str
    sku: Sku
    channel: ChannelName
    line_id: str
    quantity: int
    accepted: int | None = None


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """One order to one supplier. `reference` is the idempotency key the supplier sees."""

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

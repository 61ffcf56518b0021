"""A listing: a SKU (or several, as a bundle) offered on a channel, each component with its units per listing unit."""

from __future__ import annotations

from dataclasses import dataclass, field

from syncd.channel.port import ListingStatus
from syncd.identity import ListingKey, Money, Sku
from syncd.listing.belief import Belief


@dataclass(frozen=True, slots=True)
class Component:
    """One SKU inside a listing; `units` base units of it leave the shelf per listing unit sold (pack size)."""

    sku: Sku
    units: int = 1

    def __post_init__(self) -> None:
        if self.units < 1:
            raise ValueError(f"{self.sku}: a listing holds at least 1 unit of it, not {self.units}")


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing as we know it. Without components it is unlinked: its orders are kept and asked about."""

    key: ListingKey
    title: str
    sku_on_channel: str | None
    status: ListingStatus
    price: Money | None
    components: tuple[Component, ...] = ()
    belief: Belief = field(default_factory=Belief)

    @property
    def is_linked(self) -> bool:
        """Whether we know what leaves the shelf when it sells."""
        return bool(self.components)

    @property
    def skus(self) -> frozenset[Sku]:
        """Every SKU inside."""
        return frozenset(component.sku for component in self.components)

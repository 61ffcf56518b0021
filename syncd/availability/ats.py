"""What a listing should show: one pure function from stock, offers and policy to a target and its derivation.

Per component: available at the locations that serve the channel − units there dedicated to other channels + usable
supplier offers − units sold that no shelf held and whose order is not in yet (a supplier will be asked for them) −
safety stock; of that the channel's share, beside what is dedicated to it; the last units on one channel only where
scarcity says so; + units the channel itself holds for its own unpaid orders (it subtracts them once more). Then: the
scarcest component decides, divided by its units per listing; capped; clamped to 0 only at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from syncd.availability.allocation import Share, portion
from syncd.availability.derivation import Derivation, Term
from syncd.availability.scarcity import Outlet, Scarcity, ScarcityPolicy, scarcity, shown_here
from syncd.clock import DURATION_SECONDS_MAX
from syncd.identity import ChannelName, ListingKey, Sku, SupplierName
from syncd.listing.listing import Component, Listing
from syncd.supply.offer import SupplierPolicy, UsableOffer


class SkuPolicy(BaseModel):
    """[availability.sku.SKU]: what differs for one SKU."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    safety_stock: int | None = Field(default=None, ge=0, description="base units kept back")
    scarce_units: int | None = Field(default=None, ge=0, description="how many last units only the home channel shows")
    home_channel: str | None = Field(default=None, description="the channel that shows the last units")
    dedicated: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict, description="channel = base units on the shelf that only it may advertise"
    )


class AvailabilityConfig(BaseModel):
    """[availability]: what is kept back, and where the last units are shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    safety_stock: int = Field(default=0, ge=0, description="base units of every SKU kept back from all channels")
    scarce_units: int = Field(
        default=0, ge=0, description="how many last units of a SKU only the home channel shows; 0 = off"
    )
    home_channel: str | None = Field(
        default=None, description="the channel that shows the last units; not given: the one that sells most of the SKU"
    )
    oversell_chance: float = Field(
        default=0.01,
        ge=0,
        lt=1,
        description="chance of an oversell as a SKU sells out, kept by showing its last units on one channel; 0 = off",
    )
    scarce_units_max: int = Field(
        default=5, ge=0, description="most last units the pace of sales ever keeps on one channel"
    )
    propagation_seconds: float = Field(
        default=60,
        ge=0,
        le=DURATION_SECONDS_MAX,
        description="how long news of a sale is taken to need each way, until it was measured",
    )
    sku: dict[str, SkuPolicy] = Field(default_factory=dict, description="what differs for single SKUs")

    def safety_stock_of(self, sku: Sku) -> int:
        """Base units of a SKU kept back."""
        own = self.sku.get(sku, SkuPolicy()).safety_stock
        return self.safety_stock if own is None else own

    def dedicated_of(self, sku: Sku) -> Mapping[str, int]:
        """Base units of a SKU on the shelf that one channel alone may advertise, by channel."""
        return self.sku.get(sku, SkuPolicy()).dedicated

    def scarcity_of(self, sku: Sku) -> ScarcityPolicy:
        """How the last units of a SKU are shown."""
        own = self.sku.get(sku, SkuPolicy())
        units = self.scarce_units if own.scarce_units is None else own.scarce_units
        home = own.home_channel or self.home_channel
        chance, most = self.oversell_chance, self.scarce_units_max
        return ScarcityPolicy(units, home, chance, most, self.propagation_seconds)


@dataclass(frozen=True, slots=True)
class ChannelPolicy:
    """How a channel shares in the stock. `cap` is the highest number it ever shows; None means no cap.

    `asks_before_raising`: a number found lower than it had to be waits for a person (drift policy "ask").
    `others`: the locations of every other channel; one that is missing here is taken to sell from the same. `shares`:
    what every channel may have of the stock, this one's among them.
    """

    channel: ChannelName
    locations: tuple[str, ...]
    cap: int | None = None
    quantity_max: int | None = None
    uses_offers: bool = True
    asks_before_raising: bool = False
    others: Mapping[ChannelName, tuple[str, ...]] = field(default_factory=dict)
    shares: Mapping[ChannelName, Share] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policies:
    """Everything a target depends on besides stock: each channel's share, each supplier's trust, what is kept back."""

    channels: Mapping[ChannelName, ChannelPolicy]
    suppliers: Mapping[SupplierName, SupplierPolicy]
    availability: AvailabilityConfig


@dataclass(frozen=True, slots=True)
class SkuSupply:
    """What there is of one SKU. `available` by location in base units, with the moment it was read.

    `held_on_channel` are units reserved for a listing's unpaid orders that the channel subtracts from its offer itself.
    `sold_unheld` are units the channels' counters tell of that neither a shelf nor an order accounts for yet.
    `outlets` are the channels that offer the SKU, `sold_per_day` what is sold of it anywhere.
    """

    available: Mapping[str, int]
    as_of: datetime
    offers: Sequence[UsableOffer] = ()
    held_on_channel: Mapping[ListingKey, int] = field(default_factory=dict)
    sold_unheld: int = 0
    outlets: Mapping[ChannelName, Outlet] = field(default_factory=dict)
    sold_per_day: float = 0.0

    def scarcity(self, sku: Sku, channel: ChannelPolicy, config: AvailabilityConfig) -> Scarcity | None:
        """How the last units of it are shown."""
        return scarcity(config.scarcity_of(sku), self.outlets, channel.shares, self.sold_per_day)


def derive(
    listing: Listing, supplies: Mapping[Sku, SkuSupply], channel: ChannelPolicy, config: AvailabilityConfig
) -> Derivation:
    """The target of one listing in its own units, with every term it comes from. An unlinked listing has none."""
    if not listing.components:
        return Derivation((), None, "not linked to any SKU: nothing is pushed")
    terms: list[Term] = []
    fewest = min(_component(listing.key, one, supplies[one.sku], channel, config, terms) for one in listing.components)
    if len(listing.components) > 1:
        terms.append(Term("scarcest component", fewest, "bundle"))
    for limit, source in (
        (channel.cap, "cap of the channel"),
        (channel.quantity_max, "most the channel accepts"),
    ):
        if limit is not None and fewest > limit:
            fewest = limit
            terms.append(Term("capped to", limit, source))
    return Derivation(tuple(terms), max(0, fewest))


def _component(
    key: ListingKey,
    component: Component,
    supply: SkuSupply,
    channel: ChannelPolicy,
    config: AvailabilityConfig,
    terms: list[Term],
) -> int:
    """Listing units that one component allows; its terms are added to the receipt."""
    sku = component.sku
    total = _pool(sku, supply, channel, config, terms)
    total = _allotted(sku, total, channel, config, terms)
    scarce = supply.scarcity(sku, channel, config)
    visible = shown_here(total, channel.channel, scarce)
    if scarce is not None and visible != total:
        name = f"scarce: the last {scarce.units} are shown on {scarce.home} only"
        terms.append(Term(name, visible - total, f"{sku}, {scarce.why}"))
        total = visible
    held = supply.held_on_channel.get(key, 0)
    if held:
        total += held
        terms.append(Term("held by the channel itself", held, f"{sku}, unpaid orders it subtracts on its own"))
    if component.units > 1:
        terms.append(Term(f"packs of {component.units}", total // component.units, f"{sku}, {total} base units"))
    return total // component.units


def _pool(sku: Sku, supply: SkuSupply, channel: ChannelPolicy, config: AvailabilityConfig, terms: list[Term]) -> int:
    """Base units the channel could advertise if it were alone, those dedicated to it among them; may be below 0."""
    total = 0
    for location in channel.locations:
        here = supply.available.get(location, 0)
        total += here
        terms.append(Term("available", here, f"{sku} at {location}, ledger", supply.as_of))
    for other, units in _dedicated_elsewhere(supply, channel, config.dedicated_of(sku)):
        kept = min(units, max(0, total))
        total -= kept
        terms.append(Term(f"dedicated to {other}", -kept, f"{sku}, policy"))
    for one in supply.offers if channel.uses_offers else ():
        total += one.units
        terms.append(Term("supplier offer", one.units, f"{sku} from {one.offer.supplier}: {one.why}", one.offer.as_of))
    if supply.sold_unheld:
        total -= supply.sold_unheld
        terms.append(
            Term("sold, order not in yet", -supply.sold_unheld, f"{sku}, the channels' counters", supply.as_of)
        )
    safety = config.safety_stock_of(sku)
    if safety:
        total -= safety
        terms.append(Term("safety stock", -safety, f"{sku}, policy"))
    return total


def _allotted(sku: Sku, total: int, channel: ChannelPolicy, config: AvailabilityConfig, terms: list[Term]) -> int:
    """What is dedicated to the channel, and its share of the rest."""
    share = channel.shares.get(channel.channel)
    if share is None or share.percent is None:
        return total
    own = min(config.dedicated_of(sku).get(channel.channel, 0), max(0, total))
    allotted = own + portion(total - own, channel.channel, channel.shares)
    if allotted != total:
        whole = f"{sku}, policy; the last units by priority ({share.priority})"
        terms.append(Term(f"share of {share.percent} %", allotted - total, whole))
    return allotted


def _dedicated_elsewhere(
    supply: SkuSupply, channel: ChannelPolicy, dedicated: Mapping[str, int]
) -> list[tuple[ChannelName, int]]:
    """Units that lie where this channel sells from and that only another one may advertise, by that channel.

    What the other channel has at places of its own covers its share first.
    """
    found: list[tuple[ChannelName, int]] = []
    for name, units in sorted(dedicated.items()):
        other = ChannelName(name)
        if other == channel.channel or not units:
            continue
        places = channel.others.get(other, channel.locations)
        apart = sum(max(0, supply.available.get(place, 0)) for place in places if place not in channel.locations)
        shared = sum(max(0, supply.available.get(place, 0)) for place in places if place in channel.locations)
        kept = min(max(0, units - apart), shared)
        if kept:
            found.append((other, kept))
    return found

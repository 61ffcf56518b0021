"""What a sweep of a channel's listings means: what is new, what cannot be linked, what is gone, and when not to
believe it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from syncd.channel.port import ChannelListing, ListingStatus
from syncd.identity import ChannelName, ListingKey, Sku
from syncd.listing.listing import Component, Listing
from syncd.listing.matching import link


class DriftPolicy(StrEnum):
    """What to do when a listing shows what neither we nor a sale made it show."""

    ENFORCE = "enforce"
    ADOPT = "adopt"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """How often a channel is swept, and changes are looked for there, and what drift means there."""

    interval_seconds: float
    changes_interval_seconds: float
    locations: tuple[str, ...]
    drift: DriftPolicy


class ReconcileConfig(BaseModel):
    """[reconcile]: when a sweep is not believed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vanished_share_max: float = Field(
        default=0.5, gt=0, le=1, description="share of a channel's listings that may be missing from one sweep"
    )
    twins_intended: tuple[str, ...] = Field(
        default=(), description="SKUs that may stand in several listings of one channel without being reported"
    )
    vanished_listings_min: int = Field(default=5, ge=1, description="fewer missing listings are looked at one by one")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A listing that is new to us, or was not linked yet: what it holds now, or why nothing."""

    found: ChannelListing
    key: ListingKey
    components: tuple[Component, ...]
    why_not: str
    is_new: bool


def arrivals(
    channel: ChannelName,
    page: Collection[ChannelListing],
    known: Mapping[ListingKey, Listing],
    stocked: Collection[Sku],
) -> list[Arrival]:
    """Listings of a page that are new or unlinked, each with its link or the reason there is none."""
    fresh: list[Arrival] = []
    for found in page:
        key = ListingKey(channel, found.listing_id)
        listing = known.get(key)
        if listing is None or not listing.is_linked:
            made = link(key, found, stocked)
            fresh.append(Arrival(found, key, made.components, made.why_not, listing is None))
    return fresh


@dataclass(frozen=True, slots=True)
class Vanished:
    """Listings a whole sweep did not show. With `held`, so many that the sweep itself is doubted."""

    keys: tuple[ListingKey, ...]
    held: str | None = None


def vanished(known: Mapping[ListingKey, Listing], seen: Collection[ListingKey], config: ReconcileConfig) -> Vanished:
    """Active listings missing from a complete sweep; an empty or half-empty sweep is a question, not a fact."""
    active = [key for key, listing in known.items() if listing.status is ListingStatus.ACTIVE]
    missing = tuple(key for key in active if key not in seen)
    if len(missing) >= config.vanished_listings_min and len(missing) > config.vanished_share_max * len(active):
        return Vanished(missing, f"{len(missing)} of {len(active)} listings are missing from the channel's own list")
    return Vanished(missing)


def to_relist(
    known: Mapping[ListingKey, Listing], acknowledged: Mapping[ListingKey, int | None], free: Mapping[Sku, int]
) -> dict[ListingKey, Listing]:
    """Listings that ended when we set them to 0 and whose stock is back; not those that the same goods are offered in
    again, nor those of which the stock is not all back.
    """
    offered = {frozenset(one.skus) for one in known.values() if one.status is ListingStatus.ACTIVE}
    return {
        key: one
        for key, one in known.items()
        if one.status is ListingStatus.ENDED
        and one.components
        and acknowledged.get(key) == 0
        and frozenset(one.skus) not in offered
        and all(free.get(part.sku, 0) >= part.units for part in one.components)
    }

"""What a channel says its listings show, as values that cross the port."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncd.identity import ListingId, Money


class ListingStatus(StrEnum):
    """Whether a customer could buy from the listing if it had stock."""

    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ListingObservation:
    """What a channel says one listing shows. Evidence, never a posting.

    `available` is the number a customer can buy now (eBay: Quantity − QuantitySold, KB1525); None when the channel
    keeps no number for it. `sold` is the channel's cumulative counter of units sold through the listing, or None
    where it has no such counter. `asked_at` is taken before the request was sent, so it is never later than the truth
    it names.
    """

    listing_id: ListingId
    available: int | None
    sold: int | None
    status: ListingStatus
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class ChannelListing:
    """A listing as found on the channel. `sku` is what the seller wrote there, or None."""

    listing_id: ListingId
    sku: str | None
    title: str
    price: Money | None
    observation: ListingObservation


@dataclass(frozen=True, slots=True)
class ListingPage:
    """Some listings and where to go on; `cursor` None means this was the last page."""

    listings: tuple[ChannelListing, ...]
    cursor: str | None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangePage:
    """What changed on the channel since a cursor, and where to go on; `has_more`: there is more to be told at once."""

    seen: tuple[ListingObservation, ...]
    cursor: str
    has_more: bool

"""How a listing stands, in a word or two that a person understands in a list."""

from __future__ import annotations

from enum import StrEnum

from syncd.channel.port import ListingStatus
from syncd.listing.listing import Listing
from syncd.push.plan import PushState


class Standing(StrEnum):
    """The words."""

    IN_SYNC = "in sync"
    """Shows its target, as far as we know."""
    PENDING = "pending"
    """Marked: its target may differ from what it shows."""
    PARKED = "parked"
    """Refused for good, or too often; a person must look."""
    UNLINKED = "unlinked"
    """Linked to no SKU: nothing is pushed."""
    ENDED = "ended"
    """The channel no longer offers it."""


def standing(listing: Listing, push: PushState | None) -> Standing:
    """The one word that matters most about a listing."""
    if listing.status is ListingStatus.ENDED:
        return Standing.ENDED
    if not listing.is_linked:
        return Standing.UNLINKED
    if push is not None and push.parked:
        return Standing.PARKED
    if push is None or push.pending or push.target != listing.belief.expected:
        return Standing.PENDING
    return Standing.IN_SYNC

"""A parcel a supplier sent to a customer, and whether the channel has been told of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from syncd.clock import doubled
from syncd.identity import ChannelName, Sku, SupplierName

ATTEMPTS_MAX = 8
RETRY_FIRST_SECONDS = 30.0


class ParcelStatus(StrEnum):
    """How far the news of a parcel has come."""

    WAITING = "waiting"
    TOLD = "told"
    """The channel has it."""
    NEEDS_PERSON = "needs_person"
    """The channel cannot be told by machine, or would not listen."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Units of one line of a purchase order in one parcel. `parcel_id` is the same whenever the same news comes."""

    parcel_id: str
    reference: str
    supplier: SupplierName
    channel: ChannelName
    line_id: str
    supplier_sku: str
    sku: Sku
    quantity: int
    shipped_at: datetime
    carrier: str = ""
    tracking_number: str = ""
    status: ParcelStatus = ParcelStatus.WAITING
    attempts: int = 0
    next_attempt_at: datetime | None = None

    @property
    def ordinal(self) -> str:
        """Which of several parcels of its line that had no number when first told of: '' the first, '#2' the second."""
        last = self.parcel_id.rstrip("|").rpartition("|")[2]
        return "" if self.was_numbered or not last.startswith("#") else last

    @property
    def was_numbered(self) -> bool:
        """Whether it had its number from the first: the id keeps the number it was first told of with."""
        return not self.parcel_id.endswith("|")

    def tried(self, now: datetime) -> Parcel | None:
        """To be told again later, ever more rarely; None when it was tried often enough."""
        attempts = self.attempts + 1
        if attempts >= ATTEMPTS_MAX:
            return None
        pause = timedelta(seconds=doubled(RETRY_FIRST_SECONDS, attempts))
        return replace(self, attempts=attempts, next_attempt_at=now + pause)


def listing_units(shipped: int, *, need: int, ordered: int) -> int:
    """How many units of a listing travel with so many base units of a line that needs `need` for `ordered` of them.

    Part of a pack or bundle counts as one: the buyer is told that it is on its way, and never more than he ordered.
    """
    whole = shipped * ordered // need if need else ordered
    return max(1, min(ordered, whole))

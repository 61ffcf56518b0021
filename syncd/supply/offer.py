"""What a supplier's word is worth: offers with their age, discounted, less what we ordered since, 0 when stale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from syncd.clock import DURATION_SECONDS_MAX
from syncd.identity import Money, Sku, SupplierName
from syncd.supply.scorecard import UNTRIED, Trust


class SupplyConfig(BaseModel):
    """[supply]: when a feed is not believed, and how often a purchase order is tried."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shrink_share_max: float = Field(
        default=0.5, gt=0, le=1, description="share of offers whose vanishing in one feed has it held"
    )
    flip_share_max: float = Field(
        default=0.25, gt=0, le=1, description="share of offers whose falling to 0, or rising from it, has a feed held"
    )
    acknowledge_within_seconds: float = Field(
        default=86_400, gt=0, le=DURATION_SECONDS_MAX, description="silence after a purchase order that is asked about"
    )
    order_attempts_max: int = Field(
        default=6, ge=1, le=20, description="tries before a purchase order becomes a task for a person"
    )
    learn_confidence: bool = Field(
        default=True, description="believe less of the offers of a supplier who often refuses what he offered"
    )
    order_retry_seconds: float = Field(
        default=30, gt=0, le=DURATION_SECONDS_MAX, description="first pause between tries; doubles"
    )


@dataclass(frozen=True, slots=True)
class SupplierPolicy:
    """How far a supplier is trusted. `confidence` is the share of an offer we believe (0 to 1).

    `lead_days` are the days he states from purchase order to dispatch, None where he states none.
    """

    name: SupplierName
    stale_after_seconds: float
    confidence: Decimal = Decimal(1)
    lead_days: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """What a supplier said he has of a SKU, in base units, and when.

    `ordered_since` are our own orders his word does not know of. `confirmed_at`: when he last repeated that very word;
    that makes it younger, but no wiser about our orders. `trust` is what his record lets us believe of it.
    """

    supplier: SupplierName
    supplier_sku: str
    sku: Sku
    quantity: int
    as_of: datetime
    title: str = ""
    cost: Money | None = None
    ordered_since: int = 0
    confirmed_at: datetime | None = None
    trust: Trust = UNTRIED

    def age(self, now: datetime) -> timedelta:
        """How long ago the supplier stood by it."""
        return now - (self.confirmed_at or self.as_of)


@dataclass(frozen=True, slots=True)
class UsableOffer:
    """How much of an offer may be promised now, and why not more."""

    offer: Offer
    units: int
    why: str


def usable(offer: Offer, policy: SupplierPolicy, now: datetime) -> UsableOffer:
    """Offer × confidence × what his record lets us believe − our orders since the snapshot; a stale one is worth 0."""
    age = offer.age(now)
    if age > timedelta(seconds=policy.stale_after_seconds):
        return UsableOffer(
            offer,
            0,
            f"stale: {_age(age)} old, believed for {_age(timedelta(seconds=policy.stale_after_seconds))}",
        )
    share = policy.confidence * offer.trust.share
    believed = int(offer.quantity * share)
    units = max(0, believed - offer.ordered_since)
    why = f"offers {offer.quantity}"
    if share < 1:
        why += f", {share:.0%} believed"
    if offer.trust.share < 1:
        why += f" (he took {offer.trust.kept} of {offer.trust.asked} ordered)"
    if offer.ordered_since:
        why += f", {offer.ordered_since} already ordered"
    return UsableOffer(offer, units, why)


def _age(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


@dataclass(frozen=True, slots=True)
class FeedVerdict:
    """Whether a feed may be believed. `held` is the reason it is not, for a person to decide."""

    held: str | None
    vanished: tuple[str, ...]


def guard(
    before: Mapping[str, int], after: Mapping[str, int], *, shrink_share_max: float, flip_share_max: float
) -> FeedVerdict:
    """Hold a feed that empties a catalogue or fills it from nowhere: no rows, shrunk by a share, too many flips.

    A flip is an offer falling to 0 or rising from it: a column read wrongly does the one as easily as the other. Small
    catalogues (under 10 offers) are only held when the feed is empty: a share of few says little.
    """
    vanished = tuple(sorted(set(before) - set(after)))
    if not before:
        return FeedVerdict(None, vanished)
    if not after:
        return FeedVerdict(f"the feed has no rows; the one before had {len(before)}", vanished)
    if len(before) >= 10:
        if len(vanished) >= shrink_share_max * len(before):
            return FeedVerdict(f"{len(vanished)} of {len(before)} offers vanished from the feed", vanished)
        kept = [(quantity, after[one]) for one, quantity in before.items() if one in after]
        fell = sum(1 for old, new in kept if old > 0 and new == 0)
        rose = sum(1 for old, new in kept if old == 0 and new > 0)
        if fell + rose >= flip_share_max * len(before):
            said = f"{fell} of {len(before)} offers fell to 0 and {rose} rose from it"
            return FeedVerdict(said, vanished)
    return FeedVerdict(None, vanished)


def best_first(offers: Sequence[UsableOffer]) -> list[UsableOffer]:
    """Offers to buy from: cheapest first if all prices are in one currency, without a price last; then the fullest."""
    comparable = len({one.offer.cost.currency for one in offers if one.offer.cost}) == 1

    def rank(one: UsableOffer) -> tuple[Decimal, int, str, str]:
        cost = one.offer.cost.amount if comparable and one.offer.cost else Decimal("Infinity")
        return (cost, -one.units, one.offer.supplier, one.offer.supplier_sku)

    return sorted(offers, key=rank)

"""What we believe a listing shows, and what its channel's counter says was sold: evidence, apart from the ledger.

The channel lowers its own number when it sells, before we know. So the number to compare a target with is not what we
last sent but what the channel must be showing now: the last number known, less the units it has since taken off itself
for sales we have meanwhile imported. Where the channel counts its sales (eBay: QuantitySold) that is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from syncd.channel.port import ListingObservation

OLD_NEWS_SECONDS_MAX = 600
"""No reading is on its way for longer; one that seems older than that comes from a clock that was set back."""

SKEW_SECONDS_MAX = 5
"""How far a channel's clock may be from ours."""


@dataclass(frozen=True, slots=True)
class Belief:
    """Quantities in listing units.

    `shown` is the number last read or accepted, as of `shown_at`; None when never seen. `read_at` is when the
    channel was last read (an acceptance is no reading). `sold` is the channel's counter at the last authenticated
    reading (None without counter), `hinted` how far an unproven hint says it has since risen, as of `hinted_at`,
    and `shown_sold` the counter that `shown` has already taken into account. `imported` are the units our orders
    explain, on the counter's scale, for orders made after `counted_from`. `taken` are units taken off by imported
    orders after `shown_at`, for channels without counter. `in_flight` are the units booked in the ledger as sold
    but not yet explained. `disagreed_at` is when a reading last differed from what it had to be; raising waits
    until orders are complete up to that moment. `fell_at` is when the counter was first seen below its last value,
    or below what our orders explain. `drift` is by how much readings differed from what had to be shown, as far as no
    order and no number of ours has settled it since.
    """

    shown: int | None = None
    shown_at: datetime | None = None
    shown_sold: int = 0
    read_at: datetime | None = None
    sold: int | None = None
    counted_from: datetime | None = None
    imported: int = 0
    taken: int = 0
    hinted: int = 0
    hinted_at: datetime | None = None
    in_flight: int = 0
    disagreed_at: datetime | None = None
    fell_at: datetime | None = None
    drift: int = 0

    @property
    def expected(self) -> int | None:
        """What the listing must be showing now, or None when unknown."""
        if self.shown is None:
            return None
        if self.sold is None:
            return self.shown - self.taken
        return self.shown - max(0, self.counted - self.shown_sold)

    @property
    def is_unmanaged(self) -> bool:
        """Whether the channel kept no number for it when it was last read."""
        return self.shown is None and self.read_at is not None

    @property
    def counted(self) -> int:
        """Where the channel's counter stands as far as anything tells: a reading, a hint or our orders."""
        return max((self.sold or 0) + self.hinted, self.imported)

    @property
    def unexplained(self) -> int:
        """Units the counter says were sold and no order explains yet (f = S − K)."""
        return 0 if self.sold is None else max(0, self.sold + self.hinted - self.imported)


@dataclass(frozen=True, slots=True)
class Reading:
    """A belief after an observation. `drift` is what was shown minus what it had to be, in listing units."""

    belief: Belief
    drift: int = 0


def observe(belief: Belief, seen: ListingObservation, answered_at: datetime, *, lag_seconds: int) -> Reading:
    """Take an authenticated observation into account. `lag_seconds`: how long the channel's readings may be stale."""
    late_by = timedelta(0) if belief.shown_at is None else belief.shown_at - seen.asked_at
    if timedelta(0) < late_by < timedelta(seconds=OLD_NEWS_SECONDS_MAX):
        return Reading(belief)  # asked before what we know was read or accepted: older news
    if seen.available is None:
        return Reading(replace(belief, shown=None, shown_at=answered_at, read_at=answered_at))
    if belief.shown is None or (belief.sold is None) != (seen.sold is None):
        return Reading(_baseline(belief, seen, answered_at))
    if seen.sold is None or belief.sold is None:
        drift = seen.available - (belief.shown - belief.taken)
        return Reading(_seen(belief, seen, answered_at, drift), drift)
    if seen.sold < belief.sold:
        return Reading(_counter_fell(belief, seen, answered_at, lag_seconds))
    drift = seen.available - (belief.shown - max(0, seen.sold - belief.shown_sold))
    still_hinted = max(0, belief.sold + belief.hinted - seen.sold)
    if belief.hinted_at is None or seen.asked_at >= belief.hinted_at + timedelta(seconds=lag_seconds):
        still_hinted = 0  # the channel itself has had time to tell, and does not confirm the hint
    after = replace(_seen(belief, seen, answered_at, drift), hinted=still_hinted)
    return Reading(_reckoned(after, seen.sold, answered_at, lag_seconds), drift)


def _seen(belief: Belief, seen: ListingObservation, at: datetime, drift: int) -> Belief:
    after = replace(belief, shown=seen.available, shown_at=at, read_at=at, sold=seen.sold, taken=0)
    return _drifted(replace(after, disagreed_at=at), belief.drift + drift) if drift else after


def _drifted(belief: Belief, drift: int) -> Belief:
    """With this much unsettled; what came back to where it should be is no disagreement any more."""
    return replace(belief, drift=drift, disagreed_at=belief.disagreed_at if drift else None)


def _reckoned(belief: Belief, sold: int, at: datetime, lag_seconds: int) -> Belief:
    """Set what our orders explain beside the counter just read.

    Orders ahead of the counter mean a stale reading, or a sale the channel no longer counts. The number shown is
    believed as it is (too high a belief costs a call, too low a one hides a phantom unit); what is still ahead once
    every lag has passed is let go of, or it would hide the next sale.
    """
    if sold >= belief.imported:
        return replace(belief, shown_sold=sold, fell_at=None)
    if belief.fell_at is not None and at >= belief.fell_at + timedelta(seconds=lag_seconds):
        return replace(belief, shown_sold=sold, imported=sold, fell_at=None)
    return replace(belief, shown_sold=belief.imported, fell_at=belief.fell_at or at)


def _baseline(belief: Belief, seen: ListingObservation, at: datetime) -> Belief:
    """First sight of a listing: what was sold before is none of our orders'.

    A sale of the very moment is taken for a later one. If the counter held it already, it is let go of after the lag;
    the other way round it would stay in flight for ever.
    """
    sold = seen.sold or 0
    return replace(
        belief,
        shown=seen.available,
        shown_at=at,
        shown_sold=sold,
        read_at=at,
        sold=seen.sold,
        imported=sold,
        counted_from=seen.asked_at - timedelta(seconds=SKEW_SECONDS_MAX),
        taken=0,
    )


def _counter_fell(belief: Belief, seen: ListingObservation, at: datetime, lag_seconds: int) -> Belief:
    """A counter that goes back is a stale reading, a cancellation or a relisting; eBay does not say which.

    Nothing is raised meanwhile. Only when it is still lower after every lag has passed is it a new baseline.
    """
    if belief.fell_at is None:
        return replace(belief, read_at=at, fell_at=at, disagreed_at=at)
    if at < belief.fell_at + timedelta(seconds=lag_seconds):
        return replace(belief, read_at=at, disagreed_at=at)
    return replace(_baseline(belief, seen, at), hinted=0, hinted_at=None, fell_at=None, disagreed_at=at)


def hinted(belief: Belief, seen: ListingObservation) -> Belief:
    """Take an unproven hint into account: it may tell of more units sold, and nothing else is believed of it."""
    if belief.shown is None or belief.sold is None or seen.sold is None:
        return belief
    more = min(seen.sold - belief.sold, belief.shown)
    return replace(belief, hinted=more, hinted_at=seen.asked_at) if more > belief.hinted else belief


def acknowledged(belief: Belief, sent: int, acknowledged_at: datetime) -> Belief:
    """The channel accepted our number, which had every sale known by then taken into account.

    A sale we learnt of while the request was on its way may have been overwritten: it is believed to be, so that
    the next look sends a lower number rather than none. Where the channel counts, a read-back proves it.
    """
    return replace(belief, shown=sent, shown_at=acknowledged_at, shown_sold=belief.counted, taken=0, drift=0)


def order_taken(belief: Belief, units: int, changed_at: datetime) -> Belief:
    """An order was imported or changed: the channel took `units` off its own number (negative: put back).

    `changed_at` is the earliest moment it can have done so. What happened before the number was read is in it already;
    what happened before a number of ours was accepted may have been overwritten by it, and is believed to be.
    """
    before_shown = belief.shown_at is not None and changed_at <= belief.shown_at
    if belief.sold is None:
        return _explained(belief, units) if before_shown else replace(belief, taken=belief.taken + units)
    moved = replace(belief, imported=belief.imported + units)
    if before_shown and belief.read_at != belief.shown_at:
        return replace(moved, shown_sold=max(moved.shown_sold, moved.counted))
    return moved


def _explained(belief: Belief, units: int) -> Belief:
    """An order from before the last reading accounts for what that reading was surprised by, as far as it goes."""
    if belief.drift * units >= 0:
        return belief
    left = belief.drift + units
    return _drifted(belief, left if left * belief.drift > 0 else 0)


def erased(*, sold_before: int, sold_after: int, sent: int, shown_after: int) -> int:
    """Units of sales our push overwrote: (S1 − S0) − (T − V1). Positive means we re-inflated by exactly that many."""
    return (sold_after - sold_before) - (sent - shown_after)

"""What to do about one listing now: send a number, read it first, wait, or nothing. Down at once, up gated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from syncd.availability.ats import SkuSupply
from syncd.availability.derivation import Derivation
from syncd.channel.port import ListingStatus
from syncd.channel.throttle import Urgency
from syncd.clock import DURATION_SECONDS_MAX
from syncd.identity import ChannelName, ListingKey, Sku
from syncd.listing.belief import Belief
from syncd.listing.listing import Listing


class PushConfig(BaseModel):
    """[push]: how carefully numbers are raised, and when everything stops and asks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fresh_read_seconds: float = Field(
        default=30,
        gt=0,
        le=DURATION_SECONDS_MAX,
        description="how old a reading may be for a number to be raised on it",
    )
    read_back_at_or_below: int = Field(default=5, ge=0, description="numbers up to this are read back after every push")
    brake_share: float = Field(
        default=0.3, gt=0, le=1, description="share of a channel's listings one run may raise or zero"
    )
    brake_listings_min: int = Field(
        default=20, ge=1, description="with fewer listings to raise or zero the brake never holds"
    )
    retry_first_seconds: float = Field(
        default=2, gt=0, le=DURATION_SECONDS_MAX, description="pause before a refused-for-now push is tried again"
    )
    retry_longest_seconds: float = Field(default=900, gt=0, le=DURATION_SECONDS_MAX, description="longest such pause")
    attempts_max: int = Field(default=8, ge=1, description="tries before a listing is parked and shown to a person")


@dataclass(frozen=True, slots=True)
class PushState:
    """How far a listing's number has come: target → sent → acknowledged → read back, in listing units.

    `risk` orders what waits, the smallest first (see `risk`). `replaced` is what the listing showed when the number was
    sent and `counted` the channel's sold counter the number rested on: with them a read-back proves what our push did;
    `stale` counts read-backs that still showed what was replaced. `revised` are the numbers sent on the day
    `revised_on`. `version` grows with every mark, so that one made while a request was in flight is never taken away
    with it.
    `uncertain`: a number was sent and it is not known whether it was applied. `parked`: why no number is sent any
    more, or ''.
    """

    key: ListingKey
    version: int = 0
    pending: bool = True
    target: int | None = None
    target_at: datetime | None = None
    sent: int | None = None
    sent_at: datetime | None = None
    acknowledged: int | None = None
    acknowledged_at: datetime | None = None
    read_back: int | None = None
    read_back_at: datetime | None = None
    uncertain: bool = False
    attempts: int = 0
    not_before: datetime | None = None
    parked: str = ""
    risk: int = 0
    replaced: int | None = None
    counted: int | None = None
    stale: int = 0
    revised: int = 0
    revised_on: date | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the channel has said yes to the number that was sent last."""
        return self.sent_at is not None and self.acknowledged_at is not None and self.acknowledged_at >= self.sent_at

    def revisions_on(self, day: date) -> int:
        """Numbers sent on this day so far."""
        return self.revised if self.revised_on == day else 0


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a channel is held. A release lets runs pass without the brake until `released_until`."""

    channel: ChannelName
    reason: str
    held_at: datetime
    released_until: datetime | None = None


def pace_of(listing: Listing, supplies: Mapping[Sku, SkuSupply]) -> float:
    """How many a day the fastest of its SKUs sells."""
    return max((supplies[sku].sold_per_day for sku in listing.skus), default=0.0)


SCARCE_AT_OR_BELOW = 5
"""Numbers this low are soon outsold."""

RISK_STEP = 10_000
"""Between two ranks of risk; within one the faster seller goes first."""

RISES_FROM = 3 * RISK_STEP
"""Risks from here on are of numbers that rise."""


def risk(expected: int | None, target: int, sold_per_day: float) -> int:
    """How late a number may go out, smallest first: what an oversell would most likely come from goes before the rest.

    Crossings to zero, then numbers that fall to few, then others that fall, then those that rise; in each the faster
    seller first.
    """
    if target == 0 and expected != 0:
        rank = 0
    elif expected is not None and target > expected:
        rank = 3
    else:
        rank = 1 if target <= SCARCE_AT_OR_BELOW else 2
    return rank * RISK_STEP + RISK_STEP - 1 - min(RISK_STEP - 1, int(sold_per_day * 10))


class Move(StrEnum):
    """What to do about a listing."""

    SEND = "send"
    READ = "read"
    WAIT = "wait"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Intent:
    """One decision with its reason; `quantity` is the target in listing units, `sold_per_day` the pace it sells at."""

    key: ListingKey
    move: Move
    why: str
    quantity: int = 0
    expected: int | None = None
    sold_per_day: float = 0.0

    @property
    def raises(self) -> bool:
        """Whether sending it shows more than before."""
        return self.expected is not None and self.quantity > self.expected

    @property
    def zeroes(self) -> bool:
        """Whether sending it ends the sale."""
        return self.quantity == 0 and self.expected != 0

    @property
    def minds_brake(self) -> bool:
        """Whether it counts for the brake. A listing never read does not: what it shows is not known."""
        is_done = self.move in (Move.SEND, Move.READ) and self.expected is not None
        return is_done and (self.raises or self.zeroes)

    @property
    def order(self) -> tuple[int, int]:
        """Smallest first: by risk, then by how scarce it leaves the listing."""
        return (risk(self.expected, self.quantity, self.sold_per_day), self.quantity)

    @property
    def urgency(self) -> Urgency:
        """Which part of the day's calls it may use."""
        return Urgency.FIRST if self.zeroes else Urgency.RAISE if self.raises else Urgency.LOWER


@dataclass(frozen=True, slots=True)
class Gate:
    """What raising a number rests on. `watermark_at`: orders are complete up to then. `reads`: the channel can be read.

    `asks`: a number found lower than it had to be is not raised again until a person agrees (drift policy "ask").
    `outlasts_seconds`: how long a write without an answer may still be applied. `revisions_per_day`: how often one
    listing may be changed, or None.
    """

    watermark_at: datetime | None
    reads: bool
    fresh_read_seconds: float
    asks: bool = False
    outlasts_seconds: float = 0.0
    revisions_per_day: int | None = None

    def outlasting_until(self, state: PushState) -> datetime | None:
        """Until when an earlier request for the listing may still be applied, or None."""
        if not state.uncertain or state.sent_at is None or state.is_accepted:
            return None
        return state.sent_at + timedelta(seconds=self.outlasts_seconds)

    def revisions_left(self, state: PushState, now: datetime) -> int | None:
        """How often the listing may still be changed today."""
        if self.revisions_per_day is None:
            return None
        return self.revisions_per_day - state.revisions_on(now.date())


UNMANAGED = "the channel keeps no stock number for this listing; switch stock management on there"

REVISIONS_KEPT_SHARE = 0.2
"""Share of a listing's changes of a day that only numbers that fall may use."""


def intend(
    listing: Listing, state: PushState, derivation: Derivation, gate: Gate, now: datetime, *, sold_per_day: float = 0.0
) -> Intent:
    """Decide about one listing from its target, what it must be showing, and what is known of it."""
    belief, target = listing.belief, derivation.target
    if target is None:
        return Intent(listing.key, Move.NOTHING, derivation.why_not)
    expected = belief.expected

    def so(move: Move, why: str) -> Intent:
        return Intent(listing.key, move, why, target, expected, sold_per_day)

    if state.parked:
        return so(Move.NOTHING, f"parked: {state.parked}")
    if listing.status is ListingStatus.ENDED:
        return so(Move.NOTHING, "the listing has ended")
    if state.not_before is not None and state.not_before > now:
        return so(Move.WAIT, _waits(state))
    outlasting = gate.outlasting_until(state)
    if outlasting is not None and outlasting > now:
        return so(Move.WAIT, "an earlier request may still be applied and would overwrite a newer one")
    if (expected is None or state.uncertain) and gate.reads:
        return so(Move.READ, _unread(belief) if expected is None else _unsure(state))
    if expected is not None and target == expected and not state.uncertain:
        return so(Move.NOTHING, "shows its target")
    left = gate.revisions_left(state, now)
    if left is not None and left <= 0:
        return so(Move.WAIT, "it was changed as often today as the channel allows")
    if expected is not None and target < expected:
        return so(Move.SEND, "lower")
    if left is not None and left <= REVISIONS_KEPT_SHARE * (gate.revisions_per_day or 0):
        return so(Move.WAIT, "its last changes of the day are kept for lower numbers")
    return so(*_rise(listing, gate, now))


def _waits(state: PushState) -> str:
    if not state.attempts:
        return "waiting its turn" if not state.stale else "the channel still tells what it showed before: read again"
    return f"tried {state.attempts} times, waiting to try again"


def _unread(belief: Belief) -> str:
    return f"{UNMANAGED}; then it is read again" if belief.is_unmanaged else "never read"


def _unsure(state: PushState) -> str:
    if state.is_accepted:
        return "what the listing shows after the last push is to be proved"
    return "the last push may or may not have been applied"


def _rise(listing: Listing, gate: Gate, now: datetime) -> tuple[Move, str]:
    belief = listing.belief
    fresh_from = now - timedelta(seconds=gate.fresh_read_seconds)
    if gate.reads and (belief.read_at is None or belief.read_at < fresh_from):
        return Move.READ, "raising rests on a fresh reading"
    complete = gate.watermark_at
    if belief.disagreed_at is not None and (complete is None or complete < belief.disagreed_at):
        return Move.WAIT, "its number fell and the orders since are not all in yet"
    if belief.disagreed_at is not None and belief.drift and gate.asks:
        return Move.WAIT, "edited on the channel: a person decides"
    return Move.SEND, "raise"


@dataclass(frozen=True, slots=True)
class Changes:
    """How many listings would show more, and how many 0."""

    raised: int = 0
    zeroed: int = 0

    @property
    def most(self) -> int:
        """The larger of the two."""
        return max(self.raised, self.zeroed)

    def or_more(self, other: Changes) -> Changes:
        """The larger of both counts: one run's, and those of everything that waits behind it."""
        return Changes(max(self.raised, other.raised), max(self.zeroed, other.zeroed))


def changes(intents: Sequence[Intent]) -> Changes:
    """What these intents come to."""
    sends = [intent for intent in intents if intent.minds_brake]
    return Changes(sum(1 for intent in sends if intent.raises), sum(1 for intent in sends if intent.zeroes))


def brake(made: Changes, listings: int, config: PushConfig) -> str | None:
    """Why this run must hold and ask, or None: too large a share of the channel's listings would rise or go to zero."""
    for word, count in (("raise", made.raised), ("show 0 on", made.zeroed)):
        if count >= config.brake_listings_min and count > config.brake_share * listings:
            return f"this run would {word} {count} of {listings} listings at once"
    return None

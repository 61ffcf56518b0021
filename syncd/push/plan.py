"""What to do about one listing now: send a number, read it first, wait, or nothing. Down at once, up gated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from syncd.availability.derivation import Derivation
from syncd.channel.port import ListingStatus
from syncd.clock import DURATION_SECONDS_MAX
from syncd.identity import ListingKey
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

    `version` grows with every mark, so that a mark made while a request was in flight is never taken away with it.
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


class Move(StrEnum):
    """What to do about a listing."""

    SEND = "send"
    READ = "read"
    WAIT = "wait"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Intent:
    """One decision with its reason; `quantity` is the target in listing units."""

    key: ListingKey
    move: Move
    why: str
    quantity: int = 0
    expected: int | None = None

    @property
    def raises(self) -> bool:
        """Whether sending it shows more than before."""
        return self.expected is not None and self.quantity > self.expected

    @property
    def zeroes(self) -> bool:
        """Whether sending it ends the sale."""
        return self.quantity == 0 and self.expected != 0

    @property
    def urgency(self) -> tuple[int, int]:
        """Smallest first: crossings to zero, then decreases by how scarce they leave the listing, then increases."""
        rank = 0 if self.zeroes else 2 if self.raises else 1
        return (rank, self.quantity)


@dataclass(frozen=True, slots=True)
class Gate:
    """What raising a number rests on. `watermark_at`: orders are complete up to then. `reads`: the channel can be read.

    `asks`: a number found lower than it had to be is not raised again until a person agrees (drift policy "ask").
    """

    watermark_at: datetime | None
    reads: bool
    fresh_read_seconds: float
    asks: bool = False


def intend(listing: Listing, state: PushState, derivation: Derivation, gate: Gate, now: datetime) -> Intent:
    """Decide about one listing from its target, what it must be showing, and what is known of it."""
    belief, target = listing.belief, derivation.target
    if target is None:
        return Intent(listing.key, Move.NOTHING, derivation.why_not)
    expected = belief.expected
    if state.parked:
        return Intent(listing.key, Move.NOTHING, f"parked: {state.parked}", target, expected)
    if listing.status is ListingStatus.ENDED:
        return Intent(listing.key, Move.NOTHING, "the listing has ended", target, expected)
    if state.not_before is not None and state.not_before > now:
        return Intent(listing.key, Move.WAIT, f"tried {state.attempts} times, waiting to try again", target, expected)
    if (expected is None or state.uncertain) and gate.reads:
        why = "never read" if expected is None else "the last push may or may not have been applied"
        return Intent(listing.key, Move.READ, why, target, expected)
    if expected is not None and target == expected and not state.uncertain:
        return Intent(listing.key, Move.NOTHING, "shows its target", target, expected)
    if expected is not None and target < expected:
        return Intent(listing.key, Move.SEND, "lower", target, expected)
    return _rise(listing, target, expected, gate, now)


def _rise(listing: Listing, target: int, expected: int | None, gate: Gate, now: datetime) -> Intent:
    belief = listing.belief
    fresh_from = now - timedelta(seconds=gate.fresh_read_seconds)
    if gate.reads and (belief.read_at is None or belief.read_at < fresh_from):
        return Intent(listing.key, Move.READ, "raising rests on a fresh reading", target, expected)
    complete = gate.watermark_at
    if belief.disagreed_at is not None and (complete is None or complete < belief.disagreed_at):
        return Intent(
            listing.key, Move.WAIT, "its number fell and the orders since are not all in yet", target, expected
        )
    if belief.disagreed_at is not None and gate.asks:
        return Intent(listing.key, Move.WAIT, "edited on the channel: a person decides", target, expected)
    return Intent(listing.key, Move.SEND, "raise", target, expected)


@dataclass(frozen=True, slots=True)
class Changes:
    """How many listings would show more, and how many 0."""

    raised: int = 0
    zeroed: int = 0

    def or_more(self, other: Changes) -> Changes:
        """The larger of both counts: one run's, and those of everything that waits behind it."""
        return Changes(max(self.raised, other.raised), max(self.zeroed, other.zeroed))


def changes(intents: Sequence[Intent]) -> Changes:
    """What these intents come to. A listing never read is not counted: what it shows is not known."""
    sends = [intent for intent in intents if intent.move in (Move.SEND, Move.READ) and intent.expected is not None]
    return Changes(sum(1 for intent in sends if intent.raises), sum(1 for intent in sends if intent.zeroes))


def brake(made: Changes, listings: int, config: PushConfig) -> str | None:
    """Why this run must hold and ask, or None: too large a share of the channel's listings would rise or go to zero."""
    for word, count in (("raise", made.raised), ("show 0 on", made.zeroed)):
        if count >= config.brake_listings_min and count > config.brake_share * listings:
            return f"this run would {word} {count} of {listings} listings at once"
    return None

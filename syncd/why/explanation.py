"""Why a listing shows what it shows: everything a person needs who has the customer on the phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.availability.derivation import Derivation
from syncd.channel.port import ListingStatus
from syncd.journal.entry import Entry
from syncd.listing.listing import Listing
from syncd.push.plan import PushState


@dataclass(frozen=True, slots=True)
class Explanation:
    """One listing at one moment. `derivation` is what it should show now, `push` how far that number has come.

    `mode` is the channel's (observe, live, or empty when it is not configured any more). `held`: why nothing is
    pushed to the channel at all, or empty. `orders_complete_until`: every order changed before it is in the books.
    `steps`: what became of its number lately, oldest first.
    """

    listing: Listing
    derivation: Derivation
    push: PushState | None
    mode: str
    held: str
    orders_complete_until: datetime | None
    explained_at: datetime
    steps: Sequence[Entry] = ()

    @property
    def sentence(self) -> str:
        """The whole in one sentence, to be said aloud."""
        return f"{self.listing.key} {self._shows()}; it should show {self._should()}; {self._why_apart()}"

    def _shows(self) -> str:
        expected = self.listing.belief.expected
        if self.listing.status is ListingStatus.ENDED:
            return "has ended on the channel"
        if self.listing.belief.is_unmanaged:
            return "has no stock number on the channel, where stock management is off"
        return "has never been read" if expected is None else f"must be showing {expected}"

    def _should(self) -> str:
        target = self.derivation.target
        return f"nothing of ours ({self.derivation.why_not})" if target is None else str(target)

    def _why_apart(self) -> str:
        target, push = self.derivation.target, self.push
        if target is None or target == self.listing.belief.expected:
            return "nothing has to be sent"
        if self.listing.status is ListingStatus.ENDED:
            return "nothing is sent to a listing that has ended"
        if self.mode != "live":
            return f"the channel is on {self.mode}: nothing is sent" if self.mode else "the channel is not configured"
        if self.held:
            return f"the channel is held: {self.held}"
        if push is not None and push.parked:
            return f"it is parked: {push.parked}"
        if push is not None and push.not_before is not None and push.not_before > self.explained_at:
            return f"tried {push.attempts} times, next at {push.not_before.isoformat(timespec='seconds')}"
        return "the difference is about to be sent"

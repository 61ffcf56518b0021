"""What a read-back proves about our push: nothing was lost, so many sales were overwritten, or the reading is old."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from syncd.channel.port import ListingObservation
from syncd.listing.belief import erased
from syncd.push.plan import PushState

STALE_READS_MAX = 3
"""Readings in a row that may still show what was replaced; the next one is believed."""


class Proof(StrEnum):
    """What was proved."""

    TRUE = "true"
    """Our number was applied and hides no sale."""
    STALE = "stale"
    """The channel still tells of the time before our number: to be read again, not believed."""
    ERASED = "erased"
    """Our number overwrote sales that it was computed without."""
    EDITED = "edited"
    """Somebody else set a lower number since."""


class Race(StrEnum):
    """How a push came to overwrite a sale (sync-protocol §5.2)."""

    R2 = "R2"
    """The sale came while our request was on its way."""
    R4 = "R4"
    """The request was lost sight of: it was applied later than the reading its number rested on."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on one reading; `units` of sales that were overwritten, in listing units, and the race it was."""

    proof: Proof
    units: int = 0
    race: Race | None = None

    @property
    def sentence(self) -> str:
        """As it stands in the journal."""
        if self.race is None:
            return str(self.proof)
        return f"{self.proof}: {self.units} sold were overwritten ({self.race})"


def judge(state: PushState, seen: ListingObservation) -> Judged | None:
    """Judge the reading after a push. None where nothing can be proved: the channel counts no sales, or nothing was
    sent, or an unanswered number was never applied."""
    if state.sent is None or state.counted is None or seen.available is None or seen.sold is None:
        return None
    is_old = seen.available == state.replaced and seen.sold == state.counted and state.replaced != state.sent
    if is_old:
        if not state.is_accepted:
            return None
        return Judged(Proof.STALE) if state.stale < STALE_READS_MAX else Judged(Proof.EDITED)
    lost = erased(sold_before=state.counted, sold_after=seen.sold, sent=state.sent, shown_after=seen.available)
    if lost > 0:
        return Judged(Proof.ERASED, lost, Race.R2 if state.is_accepted else Race.R4)
    return Judged(Proof.TRUE if lost == 0 else Proof.EDITED)

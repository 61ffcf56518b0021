"""One run of a pusher in memory: the decisions it made, the state of each listing as it moves on, and what was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncd.availability.derivation import Derivation
from syncd.identity import ListingKey
from syncd.listing.listing import Listing
from syncd.push.plan import Intent, Move, PushState


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about one listing, and everything it rests on."""

    listing: Listing
    state: PushState
    derivation: Derivation
    intent: Intent


class Run:
    """One look at a channel's marked listings: what was decided, and how far each has come since."""

    def __init__(self, decisions: Sequence[Decision]) -> None:
        self.states = {decision.state.key: decision.state for decision in decisions}
        self.listings = {decision.listing.key: decision.listing for decision in decisions}
        self.intents = [decision.intent for decision in decisions]
        self.counts: dict[str, int] = {}
        self._raised: set[ListingKey] = set()

    def renew(self, decisions: Sequence[Decision]) -> list[Intent]:
        """Take decisions made again just before sending; returns their intents, most urgent first."""
        self.states |= {decision.state.key: decision.state for decision in decisions}
        self.listings |= {decision.listing.key: decision.listing for decision in decisions}
        for decision in decisions:
            if decision.intent.raises:
                self._raised.add(decision.state.key)
        return sorted((decision.intent for decision in decisions), key=lambda intent: intent.order)

    def count(self, what: str, by: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + by

    def having(self, move: Move) -> list[Intent]:
        return sorted((i for i in self.intents if i.move is move), key=lambda i: i.order)

    def has_raised(self, key: ListingKey) -> bool:
        """Whether the number sent was higher than the one before: it had to wait for more than its turn."""
        return key in self._raised

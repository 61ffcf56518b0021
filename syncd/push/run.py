"""One run of a pusher in memory: what was decided, the state of each listing as it moves on, and what was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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
    """One run. `busy` are the listings it does not look at again: on their way, to be read, or waiting.

    `late` counts numbers that were marked since it began and would rise or fall to 0: the brake has not seen them.
    """

    def __init__(self, began_at: datetime) -> None:
        self.began_at = began_at
        self.late = 0
        self.states: dict[ListingKey, PushState] = {}
        self.listings: dict[ListingKey, Listing] = {}
        self.busy: set[ListingKey] = set()
        self.reading: list[Intent] = []
        self.waiting: list[ListingKey] = []
        self.looked_at = 0
        self.counts: dict[str, int] = {}
        self.rising: set[ListingKey] = set()
        self._raised: set[ListingKey] = set()

    def take(self, decisions: Sequence[Decision]) -> None:
        """Go on from these decisions; the latest about a listing holds."""
        for decision in decisions:
            key, move = decision.state.key, decision.intent.move
            self.states[key], self.listings[key] = decision.state, decision.listing
            if decision.intent.raises and move in (Move.SEND, Move.READ):
                self.rising.add(key)
            if move is Move.SEND and decision.intent.raises:
                self._raised.add(key)
            elif move is Move.READ:
                self.reading.append(decision.intent)
            elif move is Move.WAIT:
                self.waiting.append(key)
            if move is not Move.NOTHING:
                self.busy.add(key)

    def give_back(self, decisions: Sequence[Decision]) -> None:
        """Leave these to the next run."""
        self.busy.difference_update(one.state.key for one in decisions)

    def unbraked(self, decisions: Sequence[Decision]) -> int:
        """How many of these the brake would have to be asked about and was not."""
        return sum(1 for one in decisions if self._is_late(one) and (one.intent.raises or one.intent.zeroes))

    def _is_late(self, one: Decision) -> bool:
        is_change = one.intent.move in (Move.SEND, Move.READ)
        return is_change and one.state.target_at is not None and one.state.target_at > self.began_at

    def count(self, what: str, by: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + by

    def has_raised(self, key: ListingKey) -> bool:
        """Whether the number sent was higher than the one before: it had to wait for more than its turn."""
        return key in self._raised


def batched(decisions: Sequence[Decision], size: int) -> list[list[Decision]]:
    """Those that send a number, most urgent first, as many together as one call takes."""
    sends = sorted((one for one in decisions if one.intent.move is Move.SEND), key=lambda one: one.intent.order)
    return [sends[start : start + size] for start in range(0, len(sends), size)]

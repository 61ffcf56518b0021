"""One run of a pusher in memory: what was decided, the state of each listing as it moves on, and what was done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from syncd.availability.derivation import Derivation
from syncd.identity import ListingId, ListingKey
from syncd.listing.listing import Listing
from syncd.push.plan import Hold, Intent, Move, PushState


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about one listing, and everything it rests on."""

    listing: Listing
    state: PushState
    derivation: Derivation
    intent: Intent


class Run:
    """One run. `busy` are the listings it does not look at again: on their way, to be read, or waiting.

    `unbraked` is what would rise or go to zero and was decided since the brake was last asked.
    """

    def __init__(self) -> None:
        self.states: dict[ListingKey, PushState] = {}
        self.listings: dict[ListingKey, Listing] = {}
        self.busy: set[ListingKey] = set()
        self.intents: dict[ListingKey, Intent] = {}
        self.unbraked: list[Intent] = []
        self.hold: Hold | None = None
        self.is_brake_asked = False
        self.is_braked = False
        self.reading: list[Intent] = []
        self.waiting: list[ListingKey] = []
        self.looked_at = 0
        self.counts: dict[str, int] = {}
        self._raised: set[ListingKey] = set()

    def take(self, decisions: Sequence[Decision]) -> None:
        """Go on from these decisions; the latest about a listing holds."""
        for decision in decisions:
            key, move = decision.state.key, decision.intent.move
            self.states[key], self.listings[key], self.intents[key] = decision.state, decision.listing, decision.intent
            if decision.intent.minds_brake:
                self.unbraked.append(decision.intent)
            if move is Move.SEND and decision.intent.raises:
                self._raised.add(key)
            elif move is Move.READ:
                self.reading.append(decision.intent)
            elif move is Move.WAIT:
                self.waiting.append(key)
            if move is not Move.NOTHING:
                self.busy.add(key)

    def count(self, what: str, by: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + by

    def has_raised(self, key: ListingKey) -> bool:
        """Whether the number sent was higher than the one before: it had to wait for more than its turn."""
        return key in self._raised


@dataclass(frozen=True, slots=True)
class Batching:
    """What one push takes: so many numbers of any listings, or of one group. `group_of`: what a group has in common.

    A push of a group costs `group_calls` calls, so it is made of as many as would need more calls one batch at a time.
    `apart` are groups that the channel lately refused to set as a whole: their listings go as any others.
    """

    size: int
    group_size: int = 0
    group_calls: int = 1
    group_of: Callable[[ListingId], str] | None = None
    apart: frozenset[str] = frozenset()

    def calls(self, count: int) -> int:
        """How many calls a push of so many numbers costs."""
        return self.group_calls if count > self.size else 1


def batched(decisions: Sequence[Decision], batching: Batching) -> list[list[Decision]]:
    """Those that send a number, most urgent first, as many together as one push takes."""
    sends = sorted((one for one in decisions if one.intent.move is Move.SEND), key=lambda one: one.intent.order)
    groups = _groups(sends, batching)
    grouped = {id(one) for group in groups for one in group}
    rest = [one for one in sends if id(one) not in grouped]
    batches = groups + [rest[start : start + batching.size] for start in range(0, len(rest), batching.size)]
    return sorted(batches, key=lambda batch: batch[0].intent.order)


def _groups(sends: Sequence[Decision], batching: Batching) -> list[list[Decision]]:
    """Those that are worth a push of their group: fewer calls than one batch at a time."""
    if batching.group_of is None:
        return []
    by_group: dict[str, list[Decision]] = {}
    for one in sends:
        group = batching.group_of(one.state.key.listing_id)
        if group not in batching.apart:
            by_group.setdefault(group, []).append(one)
    worth = batching.size * batching.group_calls
    parts = [
        members[start : start + batching.group_size]
        for members in by_group.values()
        for start in range(0, len(members), batching.group_size)
    ]
    return [part for part in parts if len(part) > worth]

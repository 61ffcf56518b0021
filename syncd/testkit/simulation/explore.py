"""Enumerates every history of a small world up to a length, none sampled, and says which shortest one ends wrong.

Histories that lead to the same state are followed together: the states of one length are found from those of the length
before, equal ones are merged (`moment` says when they are equal, and why that is sound), and how many histories each
stands for is counted. From every state the world is let come to rest, and must then be true.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncd.testkit.simulation.house import House, Story
from syncd.testkit.simulation.moment import Moment, columns_of, moment_of, return_to
from syncd.testkit.simulation.scope import SCOPE, Gates, Loss, Scope


@dataclass(frozen=True)
class Anchor:
    """A moment at which nobody was under way, and the world's own notes of it."""

    moment: Moment
    losses: tuple[Loss, ...]
    units: int


@dataclass
class State:
    """One state: how to get there from the last moment at which nobody was under way, and one shortest way from the start.

    `histories`: how many sequences of events of this length lead here.
    """

    key: int
    anchor: Anchor
    since: tuple[tuple[str, int], ...]
    story: tuple[str, ...]
    histories: int


@dataclass
class Explored:
    """What was covered, and the shortest history that ends wrong."""

    histories: int = 1
    states: int = 1
    by_length: list[tuple[int, int]] = field(default_factory=list)
    counterexample: tuple[str, ...] | None = None
    wrong: list[str] = field(default_factory=list)

    def report(self) -> str:
        """All of it, readable."""
        lines = [f"{self.histories:,} histories covered, {self.states:,} states visited"]
        lines += [
            f"  of length {length}: {histories:,} histories, {states:,} states"
            for length, (histories, states) in enumerate(self.by_length, 1)
        ]
        if self.counterexample is not None:
            lines.append("the shortest history that ends wrong:")
            lines += [f"  {number}. {event}" for number, event in enumerate(self.counterexample, 1)]
            lines += [f"  then: {sentence}" for sentence in self.wrong]
        return "\n".join(lines)


class Explorer:
    """Walks one world."""

    def __init__(self, house: House, gates: Gates, units: int) -> None:
        self.house = house
        self.scope = Scope(house, gates, units)
        self.explored = Explored()
        self._columns = columns_of()
        self._sound: set[int] = set()

    async def explore(self, length: int, events: Sequence[str] | None = None) -> Explored:
        """Every history of up to so many events."""
        await self.scope.begin()
        start = State(self._key(), self._anchor(), (), (), 1)
        known, level = {start.key}, [start]
        names = [name for name in self.scope.events() if events is None or name in events]
        for _ in range(length):
            found: dict[int, State] = {}
            for state in level:
                for name in names:
                    after = await self._after(state, name)
                    if after is None:
                        continue
                    if after.key in found:
                        found[after.key].histories += state.histories
                        continue
                    found[after.key] = after
                    if after.key not in known and not await self._is_sound(after):
                        return self.explored
            known |= found.keys()
            level = list(found.values())
            total = sum(state.histories for state in level)
            self.explored.histories += total
            self.explored.states = len(known)
            self.explored.by_length.append((total, len(level)))
        return self.explored

    async def _after(self, state: State, event: str) -> State | None:
        """The state after one more event, or None if it cannot happen then."""
        await self._return_to(state)
        if not await self.scope.do(event, state.key):
            return None
        key, story = self._key(), (*state.story, event)
        if self.scope.is_still:
            return State(key, self._anchor(), (), story, state.histories)
        return State(key, state.anchor, (*state.since, (event, state.key)), story, state.histories)

    async def _return_to(self, state: State) -> None:
        await self.scope.abandon()
        return_to(self.house, state.anchor.moment)
        self.scope.losses, self.scope.units = list(state.anchor.losses), state.anchor.units
        for event, key in state.since:
            await self.scope.do(event, key)

    async def _is_sound(self, state: State) -> bool:
        """Come to rest from here and look; what was seen to be sound before need not be looked at again."""
        wrong = list(self.scope.complaints)
        if not wrong:
            await self.scope.come_to_rest()
            passed = await self._rest()
            wrong = [] if passed is not None else await self.scope.untruths()
            if not wrong and passed is None:
                passed = []
            if not wrong:
                self._sound.update(passed or ())
        if wrong:
            self.explored.counterexample, self.explored.wrong = state.story, wrong
        return not wrong

    async def _rest(self) -> list[int] | None:
        """Let all gates, lags and pauses pass. Returns the states passed if one was known to be sound, else None."""
        passed: list[int] = []
        self._passed = passed
        for seconds in REST_SECONDS:
            key = self._key()
            if key in self._sound:
                return passed
            passed.append(key)
            await self.house.clock.sleep(seconds)
            await self.house.settle()
        return None

    def _anchor(self) -> Anchor:
        return Anchor(moment_of(self.house), tuple(self.scope.losses), self.scope.units)

    def _key(self) -> int:
        """What the state is, for comparing: losses stand for themselves, in whatever order they came."""
        scope, told = self.scope, {at: (one.by, one.order_id) for at, one in enumerate(self.scope.losses)}
        flights = {
            name: (flight.began, sorted(told[at] for at in flight.knew), flight.steps)
            for name, flight in scope.flights.items()
        }
        losses = sorted((one.by, one.order_id, one.seen, sorted(one.acted)) for one in scope.losses)
        return hash((moment_of(self.house).canonical(self._columns, flights), repr(losses), scope.units))


REST_SECONDS = (0.0, 6.0, 6.0, 6.0)
"""Pauses that together outlast every lag, sweep and pause."""


async def explore(
    length: int, units: int, *, story: Story = SCOPE, arrange: Callable[[House], Any] | None = None
) -> Explored:
    """Enumerate a small world. `arrange` may change the house before anything happens."""
    gates = Gates()
    async with House(story, gates) as house:
        if arrange is not None:
            arrange(house)
        return await Explorer(house, gates, units).explore(length)

"""Enumerates every history of a small world up to a length, none sampled, and says which shortest one ends wrong.

Histories that lead to the same state are followed together: the states of one length are found from those of the length
before, equal ones are merged (`moment` says when they are equal, and why that is sound), and how many histories each
stands for is counted. From every state the world is let come to rest, and must then be true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from syncd.testkit.simulation.house import House, Story
from syncd.testkit.simulation.moment import Moment, columns_of, moment_of, return_to
from syncd.testkit.simulation.scope import CHANNELS, SCOPE, Gates, Loss, Scope


@dataclass(frozen=True)
class Anchor:
    """A moment at which nobody was under way, and the world's own notes of it."""

    moment: Moment
    losses: tuple[Loss, ...]
    units: int


@dataclass
class State:
    """One state: how to get there from the last moment when nobody was under way, and a shortest way from the start."""

    key: int
    anchor: Anchor
    since: tuple[tuple[str, int], ...]
    story: tuple[str, ...]


@dataclass(frozen=True)
class Length:
    """How many histories have this many events, and how many states only they lead to, none shorter."""

    events: int
    histories: int
    states: int


@dataclass
class Explored:
    """What was covered, and the shortest history that ends wrong."""

    lengths: list[Length] = field(default_factory=list)
    counterexample: tuple[str, ...] | None = None
    wrong: list[str] = field(default_factory=list)

    @property
    def histories(self) -> int:
        """Sequences of events covered, the empty one included."""
        return 1 + sum(one.histories for one in self.lengths)

    @property
    def states(self) -> int:
        """Different states they lead to."""
        return 1 + sum(one.states for one in self.lengths)

    def report(self) -> str:
        """All of it, readable."""
        lines = [f"{self.histories:,} histories covered, {self.states:,} states visited"]
        lines += [
            f"  {one.events} events: {one.histories:,} histories, {one.states:,} new states" for one in self.lengths
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
        """Every history of up to so many events; each state is followed once, however many histories lead to it."""
        await self.scope.begin()
        start = State(self._key(), self._anchor(), (), ())
        names = [name for name in self.scope.events() if events is None or name in events]
        frontier, ways = [start], {start.key: Counter[int]()}
        histories = Counter({start.key: 1})
        for number in range(1, length + 1):
            found: list[State] = []
            for state in frontier:
                for name in names:
                    after = await self._after(state, name)
                    if after is None:
                        continue
                    ways[state.key][after.key] += 1
                    if after.key not in ways:
                        ways[after.key] = Counter()
                        found.append(after)
                        if not await self._is_sound(after):
                            return self.explored
            frontier = found
            histories = _longer(histories, ways)
            self.explored.lengths.append(Length(number, histories.total(), len(found)))
        return self.explored

    async def _after(self, state: State, event: str) -> State | None:
        """The state after one more event, or None if it cannot happen then."""
        await self._return_to(state)
        if not await self.scope.do(event, state.key):
            return None
        key, story = self._key(), (*state.story, event)
        if self.scope.is_still:
            return State(key, self._anchor(), (), story)
        return State(key, state.anchor, (*state.since, (event, state.key)), story)

    async def _return_to(self, state: State) -> None:
        await self.scope.abandon()
        return_to(self.house, state.anchor.moment)
        self.scope.complaints.clear()
        self.scope.losses, self.scope.units = list(state.anchor.losses), state.anchor.units
        for event, key in state.since:
            await self.scope.do(event, key)

    async def _is_sound(self, state: State) -> bool:
        """Come to rest from here and look; what was seen to be sound before need not be looked at again."""
        wrong = list(self.scope.complaints)
        if not wrong:
            await self.scope.come_to_rest()
            passed: list[int] = []
            if not await self._rest(passed):
                wrong = await self.scope.untruths()
            if not wrong:
                self._sound.update(passed)
        if wrong:
            self.explored.counterexample, self.explored.wrong = state.story, wrong
        return not wrong

    async def _rest(self, passed: list[int]) -> bool:
        """Let all gates, lags and pauses pass, noting the states passed; says whether one was known to be sound."""
        turns: tuple[str | float, ...] = (*FIRST_TURNS, *REST_SECONDS)
        for turn in turns:
            gone = len(self.scope.losses)  # who took them is in the orders, and nobody is asked any more who knew
            key = hash((moment_of(self.house).canonical(self._columns, {}), gone, self.scope.units))
            if key in self._sound:
                return True
            passed.append(key)
            if isinstance(turn, str):
                await self.scope.do(turn, 0)
                await self.scope.come_to_rest()
            else:
                await self.house.clock.sleep(turn)
                await self.house.settle()
        return False

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


def _longer(histories: Counter[int], ways: Mapping[int, Counter[int]]) -> Counter[int]:
    """Histories by the state they lead to, from those that are one event shorter."""
    found: Counter[int] = Counter()
    for key, count in histories.items():
        for after, events in ways[key].items():
            found[after] += count * events
    return found


FIRST_TURNS = tuple(f"{name}'s {what}" for what in ("orders are read", "pusher goes on") for name in CHANNELS)
"""What a world that comes to rest does first: so it passes states from which others have come to rest before."""

REST_SECONDS = (0.0, 6.0, 6.0, 6.0)
"""Pauses that together outlast every lag, sweep and pause."""


async def explore(length: int, units: int, events: Sequence[str] | None = None, *, story: Story = SCOPE) -> Explored:
    """Enumerate a small world."""
    gates = Gates()
    async with House(story, gates) as house:
        return await Explorer(house, gates, units).explore(length, events)

"""Makes listings true: one pusher per channel sends what the planner marked and what does differ.

What has to be pushed is never queued: it is the difference between the target, computed at send time, and what the
listing must be showing. A crash, a lost wake-up or a newer change cannot lose it, and no stored payload is ever
sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask
from syncd.availability.ats import Policies
from syncd.availability.store import read_delays
from syncd.availability.velocity import Way
from syncd.channel.service import ChannelLine
from syncd.channel.throttle import Urgency
from syncd.clock import Clock
from syncd.db import Database
from syncd.errors import (
    ChannelAuthFailed,
    ChannelProtocolError,
    ChannelRefused,
    ChannelUnavailable,
    RateLimited,
    RemoteError,
)
from syncd.identity import ChannelName
from syncd.ledger.service import Writer
from syncd.listing.service import Observer
from syncd.listing.store import count_listings
from syncd.orders.store import cursor
from syncd.push.plan import Hold, Move, PushConfig, PushState, brake, changes
from syncd.push.run import Decision, Run, batched
from syncd.push.service_decision import Decider
from syncd.push.service_outcomes import Outcomes
from syncd.push.service_proof import Prover
from syncd.push.service_sender import Sender
from syncd.push.store import (
    channel_hold,
    hold_channel,
    is_crossing_marked,
    push,
    read_hold,
    read_pending,
    read_waiting,
    save_state,
    step_back,
)
from syncd.telemetry import Event, log

LOOKED_AT_MAX = 800
"""Listings one run of a pusher minds at a time: on their way, to be read, or waiting."""

FIRST_LOOK_MIN = 20
"""Listings a run looks at before it sends anything: of equal risks the scarcest goes first."""

RUN_SECONDS_MAX = 1.0
"""How long a run goes on taking what is marked meanwhile while others are to be read: that comes between two runs."""

RUN_SECONDS_LONGEST = 5.0
"""The same while nothing is to be read. At the end of a run the channel's calls run out, one after the other."""

GATED_LOOK = timedelta(seconds=2)
"""How long listings that only wait make room, when more are marked than one run looks at."""

SPENT_LOOK = timedelta(seconds=30)
"""How long listings that would rise rest once the calls they may use are spent."""


class Pusher:
    """Sends one channel its numbers. One request in flight per listing; live channels only.

    `woken` is set when something was committed that may give it work.
    """

    def __init__(
        self, db: Database, writer: Writer, line: ChannelLine, *, policies: Policies, config: PushConfig, clock: Clock
    ) -> None:
        self._db = db
        self._writer = writer
        self._line = line
        self._config = config
        self._clock = clock
        observer = Observer(writer, line, policies.channels[line.name].locations, clock=clock)
        self._decider = Decider(db, line, policies, config)
        self._outcomes = Outcomes(writer, line.name, config, clock)
        self._prover = Prover(writer, line, observer, self._outcomes, config=config, clock=clock)
        self._sender = Sender(db, writer, self._decider, self._outcomes, self._prover, config)
        self._begun = False
        self.woken = writer.listen(push, channel_hold, cursor)
        self.name: ChannelName = line.name

    async def plan(self, now: datetime, marked: Sequence[PushState]) -> list[Decision]:
        """What would be done for these listings, and why; nothing is sent or written."""
        return await self._decider.decide(now, marked)

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Do what is due about marked listings, the most urgent first; returns counts of what was done.

        Goes on taking what is marked meanwhile for `RUN_SECONDS_MAX`; when it returns nothing is on its way.
        """
        if self._line.closed_until(now) is not None:
            return {}
        self._outcomes.since = self._outcomes.since or now
        run = Run()
        decided = await self._look(run, max(self._wave, FIRST_LOOK_MIN))
        if not run.looked_at:
            return {}
        async with self._db.read() as conn:
            run.hold = await read_hold(conn, self.name)
            if not self._begun:
                self._outcomes.delay = (await read_delays(conn)).get((self.name, Way.TOLD))
                self._begun = True
        if run.hold is not None and run.hold.reason:
            self._outcomes.since = None
            return {}
        if not await self._braked(run):
            await self._work(run, decided, now)
        if not self._room(run):
            await self._writer.write(step_back([run.states[key] for key in run.waiting], now + GATED_LOOK))
        return run.counts

    @property
    def _wave(self) -> int:
        """Listings that fit into all the calls the channel bears at once."""
        return self._line.capabilities.batch_size * self._line.capabilities.calls_in_flight

    def _room(self, run: Run) -> int:
        """How many more listings the run may look at."""
        return max(0, max(LOOKED_AT_MAX, self._wave) - len(run.busy))

    async def _look(self, run: Run, limit: int) -> list[Decision]:
        """Decide about the most urgent marked listings that the run is not busy with."""
        now = self._clock.now()
        async with self._db.read() as conn:
            marked = await read_pending(conn, self.name, now, limit, without=run.busy)
        run.looked_at += len(marked)
        decided = await self.plan(now, marked) if marked else []
        run.take(decided)
        run.busy.update(state.key for state in marked if state.key not in run.states)  # no such listing any more
        return decided

    async def _take(self, run: Run, calls: int) -> list[list[Decision]]:
        """Batches for so many calls, or fewer when no more is due; what shows its target is settled on the way."""
        limit = calls * self._line.capabilities.batch_size
        while (most := min(limit, self._room(run))) and (decided := await self._look(run, most)):
            if await self._braked(run):
                break
            await self._settle(run, decided)
            if batches := batched(decided, self._sender.batching(self._clock.now())):
                return batches
        return []

    async def _work(self, run: Run, decided: Sequence[Decision], now: datetime) -> None:
        try:
            await self._settle(run, decided)
            facts = self._line.capabilities
            batching = self._sender.batching(self._clock.now())
            batches = batched(decided, batching) or await self._take(run, facts.calls_in_flight)
            fault = await self._send_all(run, batches)
            if fault is not None:
                raise fault
            if not run.is_braked:
                reading = sorted(run.reading, key=lambda intent: intent.order)
                await self._prover.read_all(run, reading, now, until=self._is_crossing_marked)
                if run.counts.get("read"):
                    self.woken.set()  # what was read decides what is sent: the next run is not to wait for its turn
        except ChannelAuthFailed as fault:
            await self._pause(str(fault), now)
        except (ChannelUnavailable, RateLimited):  # what was not done is still marked
            if self._line.closed_until(self._clock.now()) is not None:
                run.count("interrupted")
            else:
                await self._rest(run, now)
        except (ChannelRefused, ChannelProtocolError) as fault:
            self._line.report(fault)
            run.count("interrupted")

    async def _send_all(self, run: Run, batches: list[list[Decision]]) -> RemoteError | None:
        """Keep as many calls on their way as the channel bears, each with what is most urgent when it leaves."""
        began = self._clock.monotonic()
        slots = self._line.capabilities.calls_in_flight
        calls: list[asyncio.Task[RemoteError | None]] = []
        woken = asyncio.create_task(self.woken.wait())
        fault: RemoteError | None = None
        try:
            while True:
                free = slots - len(calls)
                calls += [asyncio.create_task(self._sender.send(run, batch)) for batch in batches[:free]]
                run.busy.difference_update(one.state.key for batch in batches[free:] for one in batch)
                if not calls:
                    return fault
                has_room = fault is None and len(calls) < slots and self._goes_on(run, began)
                await asyncio.wait([*calls, woken] if has_room else calls, return_when=asyncio.FIRST_COMPLETED)
                fault = fault or next((said for one in calls if one.done() and (said := one.result())), None)
                calls = [one for one in calls if not one.done()]
                batches = []
                if fault is None and not run.is_braked and self._goes_on(run, began):
                    if woken.done():
                        self.woken.clear()
                        woken = asyncio.create_task(self.woken.wait())
                    batches = await self._take(run, slots - len(calls))
        finally:
            for one in (*calls, woken):
                one.cancel()
            await asyncio.gather(*calls, woken, return_exceptions=True)

    def _goes_on(self, run: Run, began: float) -> bool:
        """Whether the run still takes what is marked meanwhile."""
        longest = RUN_SECONDS_MAX if run.reading else RUN_SECONDS_LONGEST
        return self._clock.monotonic() < began + longest

    async def _is_crossing_marked(self, run: Run) -> bool:
        """Whether a listing that the run is not busy with is to show 0: that goes before any reading."""
        async with self._db.read() as conn:
            return await is_crossing_marked(conn, self.name, self._clock.now(), without=run.busy)

    async def _rest(self, run: Run, now: datetime) -> None:
        """Our own budget keeps its last calls for what matters more: what rises is not looked at at every commit."""
        rising = [run.states[i.key] for i in run.intents.values() if i.urgency is Urgency.RAISE]
        await self._writer.write(step_back([one for one in rising if one.pending], now + SPENT_LOOK))

    async def _braked(self, run: Run) -> bool:
        """Whether what would rise or go to zero since this was last asked, and all that waits behind, is too much."""
        now = self._clock.now()
        if run.hold is not None and run.hold.released_until is not None and run.hold.released_until > now:
            return False
        if not run.unbraked or (run.is_brake_asked and len(run.unbraked) < self._config.brake_listings_min):
            return False
        made, run.is_brake_asked = changes(run.unbraked), True
        if len(run.unbraked) >= self._config.brake_listings_min:
            run.unbraked = []
        async with self._db.read() as conn:
            made = made.or_more(await read_waiting(conn, self.name))
            if made.most < self._config.brake_listings_min:
                return False
            listings = await count_listings(conn, self.name)
        reason = brake(made, listings, self._config)
        if reason is None:
            return False
        advice = f"look at: syncd plan {self.name}; agree with: syncd release {self.name}"
        await self._hold(reason, Topic.BRAKE, f"{self.name}: {reason}; {advice}", now)
        log(Event.PUSH_BRAKED, channel=self.name, reason=reason)
        run.is_braked = True
        run.count("braked")
        return True

    async def _pause(self, reason: str, now: datetime) -> None:
        sentence = f"{self.name} refuses our credentials ({reason}); renew them, then type: syncd release {self.name}"
        await self._hold(reason, Topic.CHANNEL_PAUSED, sentence, now)
        log(Event.CHANNEL_PAUSED, channel=self.name, explanation=reason)

    async def _hold(self, reason: str, topic: Topic, sentence: str, now: datetime) -> None:
        question = ask(Question(topic, self.name, sentence, now))
        await self._writer.write(hold_channel(Hold(self.name, reason, now)), question)

    async def _settle(self, run: Run, decided: Sequence[Decision]) -> None:
        """Take the marks from listings that show what they should."""
        settled = [one.state for one in decided if one.intent.move is Move.NOTHING]
        writes = tuple(save_state(replace(state, pending=False), seen_version=state.version) for state in settled)
        if writes:
            await self._writer.write(*writes, lazy=True)
            run.count("settled", len(writes))

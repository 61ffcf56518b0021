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
from syncd.availability.ats import Policies, derive
from syncd.availability.store import Way, read_delays, read_supplies
from syncd.channel.port import ReadsQuantities
from syncd.channel.service import ChannelLine
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
from syncd.identity import ChannelName, ListingKey
from syncd.ledger.service import Writer
from syncd.listing.service import Observer
from syncd.listing.store import count_listings, read_listings
from syncd.orders.store import cursor as order_cursor
from syncd.orders.store import read_cursor
from syncd.push.plan import Gate, Move, PushConfig, PushState, brake, changes, intend, pace_of
from syncd.push.run import Decision, Run, batched
from syncd.push.service_outcomes import Outcomes
from syncd.push.service_proof import Prover
from syncd.push.service_send import Sender
from syncd.push.store import (
    Hold,
    channel_hold,
    hold_channel,
    push,
    read_hold,
    read_pending,
    read_states,
    read_waiting,
    save_state,
    step_back,
)
from syncd.telemetry import Event, log

LOOKED_AT_MAX = 800
"""Listings one run of a pusher looks at."""

RUN_SECONDS_MAX = 1.0
"""How long a run goes on taking what is marked meanwhile; readings and the brake come between two runs."""

GATED_LOOK = timedelta(seconds=2)
"""How long listings that only wait make room, when more are marked than one run looks at."""


SPENT_LOOK = timedelta(seconds=30)
"""How long listings that would rise rest once the calls they may use are spent."""


class Pusher:
    """Sends one channel its numbers. One request in flight per listing; live channels only."""

    def __init__(
        self, db: Database, writer: Writer, line: ChannelLine, *, policies: Policies, config: PushConfig, clock: Clock
    ) -> None:
        self._db = db
        self._writer = writer
        self._line = line
        self._policies = policies
        self._config = config
        self._clock = clock
        policy = policies.channels[line.name]
        self._observer = Observer(writer, line, policy.locations, clock=clock)
        self._outcomes = Outcomes(writer, line.name, config, clock)
        self._prover = Prover(writer, line, self._observer, self._outcomes, config=config, clock=clock)
        self._sender = Sender(writer, line, self._outcomes, self._prover, config=config, clock=clock)
        self._begun = False
        self.woken = writer.listen(push, channel_hold, order_cursor)
        self.name: ChannelName = line.name

    async def plan(self, now: datetime, marked: Sequence[PushState]) -> list[Decision]:
        """What would be done for these listings, and why; nothing is sent or written."""
        async with self._db.read() as conn:
            listings = await read_listings(conn, keys=[state.key for state in marked])
            skus = sorted({sku for listing in listings.values() for sku in listing.skus})
            supplies = await read_supplies(conn, skus, self._policies.suppliers, now)
            cursor = await read_cursor(conn, self.name)
        reads = isinstance(self._line.channel, ReadsQuantities)
        policy = self._policies.channels[self.name]
        watermark_at = cursor.watermark_at if cursor else None
        facts = self._line.capabilities
        gate = Gate(
            watermark_at,
            reads,
            self._config.fresh_read_seconds,
            asks=policy.asks_before_raising,
            outlasts_seconds=facts.write_outlasts_seconds,
            revisions_per_day=facts.revisions_per_listing_per_day,
        )
        decisions: list[Decision] = []
        for state in marked:
            listing = listings.get(state.key)
            if listing is not None:
                derivation = derive(listing, supplies, policy, self._policies.availability)
                pace = pace_of(listing, supplies)
                intent = intend(listing, state, derivation, gate, now, sold_per_day=pace)
                decisions.append(Decision(listing, state, derivation, intent))
        return decisions

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Do what is due about marked listings, the most urgent first; returns counts of what was done.

        Goes on taking what is marked meanwhile for `RUN_SECONDS_MAX`; when it returns nothing is on its way.
        """
        if self._line.closed_until(now) is not None:
            return {}
        async with self._db.read() as conn:
            hold = await read_hold(conn, self.name)
            if not self._begun:
                self._outcomes.delay = (await read_delays(conn)).get((self.name, Way.TOLD))
                self._begun = True
        is_held = hold is not None and bool(hold.reason)
        if is_held or self._outcomes.since is None:
            self._outcomes.since = None if is_held else now
        if is_held:
            return {}
        run = Run(now)
        decided = await self._look(run, max(self._wave, self._config.brake_listings_min))
        if await self._braked(decided, hold, now):
            return {"braked": 1}
        if decided:
            await self._work(run, decided, now)
        if run.looked_at >= LOOKED_AT_MAX:
            await self._writer.write(step_back([run.states[key] for key in run.waiting], now + GATED_LOOK))
        return run.counts

    @property
    def _wave(self) -> int:
        """Listings that fit into all the calls the channel bears at once."""
        return self._line.capabilities.batch_size * self._line.capabilities.calls_in_flight

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
        most = self._config.brake_listings_min
        while run.late < most and run.looked_at < LOOKED_AT_MAX and (decided := await self._look(run, limit)):
            run.late += run.unbraked(decided)
            if run.late >= most:  # so many at once are for the brake to judge, with which the next run begins
                run.give_back(decided)
                return []
            await self._settle(run, decided)
            if batches := batched(decided, self._line.capabilities.batch_size):
                return batches
        return []

    async def _work(self, run: Run, decided: Sequence[Decision], now: datetime) -> None:
        try:
            await self._settle(run, decided)
            facts = self._line.capabilities
            batches = batched(decided, facts.batch_size) or await self._take(run, facts.calls_in_flight)
            fault = await self._send_all(run, batches)
            if fault is not None:
                raise fault
            await self._prover.read_all(run, run.reading[: self._wave], now)
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

    async def _rest(self, run: Run, now: datetime) -> None:
        """Our own budget keeps its last calls for what matters more: what rises is not looked at at every commit."""
        rising = [run.states[key] for key in run.rising if run.states[key].pending]
        await self._writer.write(step_back(rising, now + SPENT_LOOK))

    async def _send_all(self, run: Run, batches: list[list[Decision]]) -> RemoteError | None:
        """Keep as many calls on their way as the channel bears, each with what is most urgent when it leaves."""
        until = self._clock.monotonic() + RUN_SECONDS_MAX
        slots = self._line.capabilities.calls_in_flight
        calls: list[asyncio.Task[RemoteError | None]] = []
        woken = asyncio.create_task(self.woken.wait())
        fault: RemoteError | None = None
        try:
            while True:
                free = slots - len(calls)
                for batch in batches[:free]:
                    calls.append(asyncio.create_task(self._sender.send(run, batch, self._decide_again)))
                run.busy.difference_update(one.state.key for batch in batches[free:] for one in batch)
                if not calls:
                    return fault
                has_room = fault is None and len(calls) < slots and self._clock.monotonic() < until
                await asyncio.wait([*calls, woken] if has_room else calls, return_when=asyncio.FIRST_COMPLETED)
                fault = fault or next((said for one in calls if one.done() and (said := one.result())), None)
                calls = [one for one in calls if not one.done()]
                batches = []
                if fault is None and self._clock.monotonic() < until:
                    if woken.done():
                        self.woken.clear()
                        woken = asyncio.create_task(self.woken.wait())
                    batches = await self._take(run, slots - len(calls))
        finally:
            for one in (*calls, woken):
                one.cancel()
            await asyncio.gather(*calls, woken, return_exceptions=True)

    async def _decide_again(self, run: Run, keys: Sequence[ListingKey]) -> list[Decision]:
        async with self._db.read() as conn:
            states = await read_states(conn, keys=keys)
        decided = await self.plan(self._clock.now(), list(states.values()))
        run.take(decided)
        return decided

    async def _braked(self, decided: Sequence[Decision], hold: Hold | None, now: datetime) -> bool:
        if hold is not None and hold.released_until is not None and hold.released_until > now:
            return False
        if len(decided) < self._config.brake_listings_min:
            return False
        async with self._db.read() as conn:
            listings = await count_listings(conn, self.name)
            waiting = await read_waiting(conn, self.name)
        reason = brake(changes([one.intent for one in decided]).or_more(waiting), listings, self._config)
        if reason is None:
            return False
        advice = f"look at: syncd plan {self.name}; agree with: syncd release {self.name}"
        await self._hold(reason, Topic.BRAKE, f"{self.name}: {reason}; {advice}", now)
        log(Event.PUSH_BRAKED, channel=self.name, reason=reason)
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
            await self._writer.write(*writes)
            run.count("settled", len(writes))

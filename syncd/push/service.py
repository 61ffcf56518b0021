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
from functools import partial

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask
from syncd.availability.ats import Policies, derive
from syncd.availability.store import Way, read_delays, read_supplies
from syncd.channel.port import PushOutcome, PushVerdict, QuantityUpdate, ReadsQuantities
from syncd.channel.service import ChannelLine
from syncd.clock import Clock
from syncd.db import Database, chunks
from syncd.errors import (
    ChannelAuthFailed,
    ChannelProtocolError,
    ChannelRefused,
    ChannelUnavailable,
    RateLimited,
    RemoteError,
)
from syncd.identity import ChannelName, ListingKey
from syncd.journal.entry import Entry, Step
from syncd.journal.store import note
from syncd.ledger.service import Writer
from syncd.listing.service import Observer
from syncd.listing.store import read_listings
from syncd.orders.store import read_cursor
from syncd.push.plan import Gate, Intent, Move, PushConfig, PushState, brake, changes, intend, pace_of
from syncd.push.run import Decision, Run
from syncd.push.service_outcomes import Outcomes
from syncd.push.service_proof import Prover
from syncd.push.store import (
    Hold,
    hold_channel,
    read_hold,
    read_pending,
    read_states,
    read_waiting,
    save_state,
    step_back,
)
from syncd.telemetry import Event, log

PENDING_LISTINGS_MAX = 1000
"""Listings one run of a pusher looks at."""

GATED_LOOK = timedelta(seconds=2)
"""How long listings that only wait make room, when more are marked than one run looks at."""


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
        self._begun = False
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
        """Look at every marked listing once and do what is due; returns counts of what was done."""
        if self._line.closed_until(now) is not None:
            return {}
        async with self._db.read() as conn:
            marked = await read_pending(conn, self.name, now, PENDING_LISTINGS_MAX)
            hold = await read_hold(conn, self.name)
            if not self._begun:
                self._outcomes.delay = (await read_delays(conn)).get((self.name, Way.TOLD))
                self._begun = True
        is_held = hold is not None and bool(hold.reason)
        if is_held or self._outcomes.since is None:
            self._outcomes.since = None if is_held else now
        if not marked or is_held:
            return {}
        run = Run(await self.plan(now, marked))
        if await self._braked(run, hold, now):
            return {"braked": 1}
        await self._settle(run)
        if len(marked) == PENDING_LISTINGS_MAX:
            waiting = [run.states[intent.key] for intent in run.having(Move.WAIT)]
            await self._writer.write(step_back(waiting, now + GATED_LOOK))
        await self._work(run, now)
        return run.counts

    async def _work(self, run: Run, now: datetime) -> None:
        try:
            await self._send_all(run, [intent.key for intent in run.having(Move.SEND)])
            await self._prover.read_all(run, run.having(Move.READ), now)
        except ChannelAuthFailed as fault:
            await self._pause(str(fault), now)
        except (ChannelUnavailable, RateLimited):  # what was not done is still marked
            if self._line.closed_until(self._clock.now()) is not None:
                run.count("interrupted")
        except (ChannelRefused, ChannelProtocolError) as fault:
            self._line.report(fault)
            run.count("interrupted")

    async def _braked(self, run: Run, hold: Hold | None, now: datetime) -> bool:
        if hold is not None and hold.released_until is not None and hold.released_until > now:
            return False
        if len(run.intents) < self._config.brake_listings_min:
            return False
        async with self._db.read() as conn:
            listings = len(await read_listings(conn, channel=self.name))
            waiting = await read_waiting(conn, self.name)
        reason = brake(changes(run.intents).or_more(waiting), listings, self._config)
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

    async def _settle(self, run: Run) -> None:
        """Take the marks from listings that show what they should."""
        settled = [run.states[intent.key] for intent in run.having(Move.NOTHING)]
        writes = tuple(save_state(replace(state, pending=False), seen_version=state.version) for state in settled)
        if writes:
            await self._writer.write(*writes)
            run.count("settled", len(writes))

    async def _send_all(self, run: Run, keys: Sequence[ListingKey]) -> None:
        batches = list(chunks(keys, self._line.capabilities.batch_size))
        for part in chunks(batches, self._line.capabilities.calls_in_flight):
            faults = await asyncio.gather(*(self._send(run, batch) for batch in part))
            for fault in faults:
                if fault is not None:
                    raise fault

    async def _send(self, run: Run, keys: Sequence[ListingKey]) -> RemoteError | None:
        """Send one batch; returns the fault that hit the whole call, after what it means for each listing is written.

        Earlier batches took their time: what to send is decided anew, on what is true now.
        """
        now = self._clock.now()
        async with self._db.read() as conn:
            states = await read_states(conn, keys=keys)
        batch = run.renew([one for one in await self.plan(now, list(states.values())) if one.intent.move is Move.SEND])
        if not batch:
            return None
        urgency = min((intent.urgency for intent in batch), key=lambda one: one.value)
        if (refused := self._line.refusal("push_quantities", now, urgency)) is not None:
            return refused
        sent = [_sending(run, intent, now) for intent in batch]
        steps = note([Entry(state.key, now, Step.SENT, state.sent) for state in sent])
        await self._writer.write(*(save_state(state, seen_version=state.version) for state in sent), steps)
        updates = [QuantityUpdate(intent.key.listing_id, intent.quantity) for intent in batch]
        push = partial(self._line.channel.push_quantities, updates)
        try:
            outcomes = await self._line.call("push_quantities", push, urgency)
        except (RateLimited, ChannelAuthFailed) as fault:
            await self._outcomes.call_failed(run, sent, PushVerdict.DEFERRED, fault)
            return fault
        except (ChannelUnavailable, ChannelProtocolError) as fault:
            await self._outcomes.call_failed(run, sent, PushVerdict.UNKNOWN, fault)
            return fault
        except ChannelRefused as fault:
            if len(batch) > 1:  # one item can spoil a call for all: each is asked for alone
                return await self._send_alone(run, [intent.key for intent in batch])
            await self._outcomes.call_failed(run, sent, PushVerdict.REJECTED, fault)
            return None
        return await self._take_outcomes(run, sent, outcomes)

    async def _send_alone(self, run: Run, keys: Sequence[ListingKey]) -> RemoteError | None:
        for key in keys:
            await self._outcomes.save(run, run.states[key])  # the refused call applied nothing: as it was before
            fault = await self._send(run, [key])
            if fault is not None:
                return fault
        return None

    async def _take_outcomes(
        self, run: Run, sent: Sequence[PushState], outcomes: Sequence[PushOutcome]
    ) -> RemoteError | None:
        by_id = {outcome.listing_id: outcome for outcome in outcomes}
        accepted: list[PushState] = []
        for state in sent:
            unsaid = PushOutcome(state.key.listing_id, PushVerdict.UNKNOWN, "", "the channel did not say")
            outcome = by_id.get(state.key.listing_id, unsaid)
            if outcome.verdict is PushVerdict.ACCEPTED:
                accepted.append(state)
            else:
                await self._outcomes.not_accepted(run, state, outcome)
        provable = [state for state in accepted if self._is_provable(state)]
        await self._outcomes.accepted(run, [one for one in accepted if one not in provable], to_prove=False)
        await self._outcomes.accepted(run, provable, to_prove=True)
        return await self._prover.prove(run, provable)

    def _is_provable(self, state: PushState) -> bool:
        """Low numbers are read back where the channel counts its sales."""
        return self._line.capabilities.sold_counter and (state.sent or 0) <= self._config.read_back_at_or_below


def _sending(run: Run, intent: Intent, now: datetime) -> PushState:
    """The state of a listing whose number goes out now, with what a read-back will be compared with."""
    state, belief = run.states[intent.key], run.listings[intent.key].belief
    return replace(
        state,
        sent=intent.quantity,
        sent_at=now,
        target=intent.quantity,
        uncertain=True,
        replaced=intent.expected,
        counted=None if belief.sold is None else belief.counted,
        revised=state.revisions_on(now.date()) + 1,
        revised_on=now.date(),
    )

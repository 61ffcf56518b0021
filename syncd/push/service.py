"""Makes listings true: the planner marks what may differ, one pusher per channel sends what does differ.

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
from syncd.availability.store import read_supplies
from syncd.channel.port import (
    ListingObservation,
    ListingStatus,
    PushOutcome,
    PushVerdict,
    QuantityUpdate,
    ReadsQuantities,
)
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
from syncd.ledger.service import Writer
from syncd.ledger.store import Write, clear_touched, read_touched
from syncd.listing.belief import erased
from syncd.listing.service import Observer
from syncd.listing.store import mark_ended, read_listings
from syncd.orders.store import read_cursor
from syncd.push.plan import Gate, Move, PushConfig, PushState, brake, changes, intend
from syncd.push.retry import after, pause
from syncd.push.run import Decision, Run
from syncd.push.store import (
    Hold,
    acknowledge,
    hold_channel,
    mark_pending,
    read_hold,
    read_pending,
    read_states,
    read_waiting,
    save_state,
)
from syncd.telemetry import Event, log

PLANNED_SKUS_MAX = 1000
"""SKUs one run of the planner takes on."""

PENDING_LISTINGS_MAX = 1000
"""Listings one run of a pusher looks at."""

UNREADABLE_MAX = 3
"""Readings that fail, with none that succeeds, before a run takes it for the channel's own trouble."""

READ_PAUSE_LONGEST = timedelta(minutes=5)
"""Longest pause of all readings while the channel answers none of them rightly."""


class Planner:
    """Turns touched SKUs into marked listings. One per process."""

    def __init__(self, db: Database, writer: Writer, policies: Policies) -> None:
        self._db = db
        self._writer = writer
        self._policies = policies

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Mark every linked listing of every touched SKU with its new target."""
        async with self._db.read() as conn:
            versions = await read_touched(conn, PLANNED_SKUS_MAX)
            if not versions:
                return {}
            listings = await read_listings(conn, skus=versions.keys())
            skus = sorted({sku for listing in listings.values() for sku in listing.skus})
            supplies = await read_supplies(conn, skus, self._policies.suppliers, now)
        targets: dict[ListingKey, int | None] = {}
        for key, listing in listings.items():
            channel = self._policies.channels.get(key.channel)
            if channel is not None:
                targets[key] = derive(listing, supplies, channel, self._policies.availability).target
        writes = (mark_pending(targets, now), clear_touched(versions)) if targets else (clear_touched(versions),)
        await self._writer.write(*writes)
        return {"skus": len(versions), "listings": len(targets)}


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
        self._unreadable = 0
        self._read_from: datetime | None = None
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
        gate = Gate(watermark_at, reads, self._config.fresh_read_seconds, policy.asks_before_raising)
        decisions: list[Decision] = []
        for state in marked:
            listing = listings.get(state.key)
            if listing is not None:
                derivation = derive(listing, supplies, policy, self._policies.availability)
                decisions.append(Decision(listing, state, derivation, intend(listing, state, derivation, gate, now)))
        return decisions

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Look at every marked listing once and do what is due; returns counts of what was done."""
        if self._line.closed_until(now) is not None:
            return {}
        async with self._db.read() as conn:
            marked = await read_pending(conn, self.name, now, PENDING_LISTINGS_MAX)
            hold = await read_hold(conn, self.name)
        if not marked or (hold is not None and hold.reason):
            return {}
        run = Run(await self.plan(now, marked))
        if await self._braked(run, hold, now):
            return {"braked": 1}
        await self._settle(run)
        try:
            await self._send_all(run, [intent.key for intent in run.having(Move.SEND)])
            await self._read_all(run, [intent.key for intent in run.having(Move.READ)], now)
        except ChannelAuthFailed as fault:
            await self._pause(str(fault), now)
        except (ChannelUnavailable, RateLimited):  # what was not done is still marked
            if self._line.closed_until(self._clock.now()) is not None:
                run.count("interrupted")
        except (ChannelRefused, ChannelProtocolError) as fault:
            self._line.report(fault)
            run.count("interrupted")
        return run.counts

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

    async def _read_all(self, run: Run, keys: Sequence[ListingKey], now: datetime) -> None:
        """Read listings; those that alone cannot be read are tried again a bounded number of times, each for itself."""
        if not keys or (self._read_from is not None and now < self._read_from):
            return
        bad: dict[ListingKey, RemoteError] = {}
        readable, confused = False, bool(self._line.last_fault)
        for part in chunks(keys, self._line.capabilities.batch_size):
            try:
                bad |= await self._read(run, part)
                readable = True
            except (ChannelRefused, ChannelProtocolError) as fault:
                bad |= dict.fromkeys(part, fault)
            if not readable and len(bad) >= UNREADABLE_MAX:
                break
        self._unreadable = 0 if readable else self._unreadable + 1
        if not readable:  # the channel's own trouble and no listing's: all wait, ever longer
            seconds = min(pause(self._unreadable, self._config), READ_PAUSE_LONGEST)
            self._read_from = self._clock.now() + seconds
            self._line.report(next(iter(bad.values())))
        if readable or not confused:
            for key, why in bad.items():
                outcome = PushOutcome(key.listing_id, PushVerdict.DEFERRED, "", f"it cannot be read: {why.message}")
                await self._not_accepted(run, run.states[key], outcome)

    async def _read(self, run: Run, keys: Sequence[ListingKey]) -> dict[ListingKey, RemoteError]:
        """Read a batch afresh; what it says is taken into account, and the next run decides on it."""
        readings = await self._observer.read("read_quantities", [key.listing_id for key in keys])
        at, found = readings.at, {observation.listing_id: observation for observation in readings.seen}
        for key in keys:
            observation = found.get(key.listing_id)
            if key.listing_id in readings.faults:
                continue
            if observation is None:
                await self._end(run, key)
                continue
            await self._observer.take(run.listings[key], observation, at=at)
            state = run.states[key]
            if observation.status is ListingStatus.ENDED:
                await self._end(run, key)
            elif observation.available is None:
                unmanaged = "the channel keeps no stock number for this listing; switch stock management on there"
                outcome = PushOutcome(key.listing_id, PushVerdict.REJECTED, "", unmanaged)
                await self._not_accepted(run, state, outcome)
            elif state.uncertain:
                certain = replace(state, uncertain=False, read_back=observation.available, read_back_at=at)
                await self._save(certain, run.states)
        run.count("read", len(found))
        return {key: readings.faults[key.listing_id] for key in keys if key.listing_id in readings.faults}

    async def _end(self, run: Run, key: ListingKey) -> None:
        state = replace(run.states[key], pending=False, uncertain=False)
        await self._writer.write(mark_ended(key), save_state(state, seen_version=state.version))
        log(Event.LISTING_ENDED, channel=self.name, listing_id=key.listing_id)

    async def _save(self, state: PushState, states: dict[ListingKey, PushState]) -> None:
        states[state.key] = state
        await self._writer.write(save_state(state, seen_version=state.version))

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
        urgent = any(intent.zeroes for intent in batch)
        if (refused := self._line.refusal("push_quantities", now, urgent=urgent)) is not None:
            return refused
        sent = [
            replace(run.states[i.key], sent=i.quantity, sent_at=now, target=i.quantity, uncertain=True) for i in batch
        ]
        await self._writer.write(*(save_state(state, seen_version=state.version) for state in sent))
        updates = [QuantityUpdate(intent.key.listing_id, intent.quantity) for intent in batch]
        push = partial(self._line.channel.push_quantities, updates)
        try:
            outcomes = await self._line.call("push_quantities", push, urgent=urgent)
        except (RateLimited, ChannelAuthFailed) as fault:
            await self._after_fault(run, sent, PushVerdict.DEFERRED, fault)
            return fault
        except (ChannelUnavailable, ChannelProtocolError) as fault:
            await self._after_fault(run, sent, PushVerdict.UNKNOWN, fault)
            return fault
        except ChannelRefused as fault:
            if len(batch) > 1:  # one item can spoil a call for all: each is asked for alone
                return await self._send_alone(run, [intent.key for intent in batch])
            await self._after_fault(run, sent, PushVerdict.REJECTED, fault)
            return None
        return await self._take_outcomes(run, sent, outcomes)

    async def _send_alone(self, run: Run, keys: Sequence[ListingKey]) -> RemoteError | None:
        for key in keys:
            await self._save(run.states[key], run.states)  # the refused call applied nothing: as it was before
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
                await self._not_accepted(run, state, outcome)
        await self._acknowledge(run, accepted)
        return await self._prove(
            run, [one for one in accepted if (one.sent or 0) <= self._config.read_back_at_or_below]
        )

    async def _after_fault(self, run: Run, sent: Sequence[PushState], verdict: PushVerdict, fault: RemoteError) -> None:
        for state in sent:
            if verdict is PushVerdict.REJECTED:
                await self._not_accepted(run, state, PushOutcome(state.key.listing_id, verdict, "", fault.message))
            else:
                # The whole call failed: that is the line's to retry, and no mark against this listing.
                was_uncertain = run.states[state.key].uncertain
                uncertain = was_uncertain or verdict is PushVerdict.UNKNOWN
                await self._save(replace(state, uncertain=uncertain), run.states)
        run.count(verdict.value, len(sent))

    async def _acknowledge(self, run: Run, sent: Sequence[PushState]) -> None:
        if not sent:
            return
        at = self._clock.now()
        for state in sent:
            taken = replace(state, acknowledged=state.sent, acknowledged_at=at, uncertain=False, pending=False)
            done = replace(taken, attempts=0, not_before=None)
            run.states[state.key] = done
            await self._writer.submit(acknowledge(done, at))
            latency = (at - state.target_at).total_seconds() * 1000 if state.target_at else None
            latency_ms = None if latency is None else round(latency, 1)
            fields = {"channel": self.name, "listing_id": state.key.listing_id, "latency_ms": latency_ms}
            log(Event.PUSH_ACKNOWLEDGED, **fields, quantity=state.sent)
        run.count("acknowledged", len(sent))

    async def _prove(self, run: Run, sent: Sequence[PushState]) -> RemoteError | None:
        """Read back what was accepted where the channel counts its sales; what cannot be read now stays to be read."""
        if not sent or not self._line.capabilities.sold_counter:
            return None
        ids, urgent = [state.key.listing_id for state in sent], any(state.sent == 0 for state in sent)
        try:
            readings = await self._observer.read("read_back", ids, urgent=urgent)
        except RemoteError as fault:
            unproven = [replace(run.states[state.key], uncertain=True, pending=True) for state in sent]
            marks = mark_pending({state.key: state.target for state in unproven}, self._clock.now())
            await self._writer.write(*(save_state(state, seen_version=state.version) for state in unproven), marks)
            return fault
        found = {observation.listing_id: observation for observation in readings.seen}
        for state in sent:
            if state.key.listing_id in found:
                await self._read_back(run, run.states[state.key], found[state.key.listing_id], readings.at)
        return None

    async def _read_back(self, run: Run, state: PushState, seen: ListingObservation, at: datetime) -> None:
        """Compare what the listing shows with what was sent: a sale our number has overwritten is put right at once."""
        listing = run.listings[state.key]
        before = listing.belief
        if seen.available is not None and seen.sold is not None and before.sold is not None:
            sent = state.sent or 0
            lost = erased(sold_before=before.counted, sold_after=seen.sold, sent=sent, shown_after=seen.available)
            if lost > 0:
                run.count("corrected", lost)
                fields = {"channel": self.name, "listing_id": state.key.listing_id}
                log(Event.PUSH_CORRECTED, **fields, quantity=lost, race="R2")
        await self._observer.take(listing, seen, at=at)
        await self._save(replace(state, read_back=seen.available, read_back_at=at), run.states)

    async def _not_accepted(self, run: Run, state: PushState, outcome: PushOutcome) -> None:
        now = self._clock.now()
        then = after(replace(state, uncertain=run.states[state.key].uncertain), outcome, self._config, now)
        run.states[state.key] = then
        writes: list[Write] = [save_state(then, seen_version=state.version)]
        fields = {"channel": self.name, "listing_id": state.key.listing_id, "code": outcome.code}
        if outcome.verdict is PushVerdict.NOT_FOUND:
            writes.append(mark_ended(state.key))
            log(Event.LISTING_ENDED, **fields, explanation=outcome.message)
        elif then.parked:
            sentence = (
                f"{state.key} takes no numbers any more: {then.parked}; mend it, then type: syncd unpark {state.key}"
            )
            writes.append(ask(Question(Topic.PARKED_LISTING, str(state.key), sentence, now)))
            log(Event.PUSH_PARKED, **fields, explanation=then.parked)
        else:
            log(Event.PUSH_DEFERRED, **fields, explanation=outcome.message, attempt=then.attempts)
        await self._writer.write(*writes)
        run.count(outcome.verdict.value)

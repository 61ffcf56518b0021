"""Writes what became of a channel's listings: accepted, put off, refused, gone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close
from syncd.availability.store import save_delays
from syncd.availability.velocity import Delay, Way, measured
from syncd.channel.port import PushOutcome, PushVerdict
from syncd.clock import Clock
from syncd.errors import RemoteError
from syncd.identity import ChannelName, ListingKey
from syncd.journal.entry import Entry, Step
from syncd.journal.store import note
from syncd.ledger.service import Writer
from syncd.ledger.store import Write, mark_touched
from syncd.listing.store import mark_ended
from syncd.measure import propagated
from syncd.push.plan import PushConfig, PushState
from syncd.push.retry import after
from syncd.push.run import Run
from syncd.push.store import acknowledge, save_state
from syncd.telemetry import Event, log

LIMIT_SECONDS_MIN = 3600.0
"""A wait this long is a limit a person has to know of."""

DELAY_SAVED_EVERY = timedelta(seconds=15)
"""How often the measured delay is written down."""


class Outcomes:
    """One channel's. `since` is from when on its numbers could be sent at all: live, and not held."""

    def __init__(self, writer: Writer, name: ChannelName, config: PushConfig, clock: Clock) -> None:
        self._writer = writer
        self._config = config
        self._clock = clock
        self._saved_at: datetime | None = None
        self.delay: Delay | None = None
        self.since: datetime | None = None
        self._is_limited = True  # also once after every start: the question may be of an earlier process
        self.name = name

    async def accepted(self, run: Run, sent: Sequence[PushState], *, to_prove: Collection[ListingKey]) -> None:
        """The channel took these numbers. For those `to_prove` tries are counted on until a reading agrees."""
        if not sent:
            return
        at = self._clock.now()
        done: list[PushState] = []
        for state in sent:
            attempts = state.attempts if state.key in to_prove else 0
            taken = replace(state, acknowledged=state.sent, acknowledged_at=at, uncertain=False, pending=False)
            done.append(replace(taken, attempts=attempts, not_before=None, stale=0))
        run.states |= {state.key: state for state in done}
        await self._writer.submit(acknowledge(done, at))
        if self._is_limited and any(run.has_raised(state.key) for state in done):
            self._is_limited = False
            await self._writer.write(close(Topic.CHANNEL_LIMIT, self.name, at))
        for state in done:
            seconds = self._seconds(state, at)
            if seconds is not None and not run.has_raised(state.key):
                self.delay = measured(self.delay, seconds)
                propagated(self.name, seconds)
            latency_ms = None if seconds is None else round(seconds * 1000, 1)
            fields = {"channel": self.name, "listing_id": state.key.listing_id, "latency_ms": latency_ms}
            log(Event.PUSH_ACKNOWLEDGED, **fields, quantity=state.sent)
        run.count("acknowledged", len(done))
        await self._save_delay(at)

    async def not_accepted(self, run: Run, state: PushState, outcome: PushOutcome) -> None:
        """The channel did not take a number, or it is not known: what follows, by one table."""
        now = self._clock.now()
        then = after(replace(state, uncertain=run.states[state.key].uncertain), outcome, self._config, now)
        run.states[state.key] = then
        said = f"{outcome.code}: {outcome.message}" if outcome.code else outcome.message
        writes: list[Write] = [
            save_state(then, seen_version=state.version),
            note([Entry(state.key, now, Step.REFUSED, state.sent, f"{outcome.verdict}: {said}")]),
        ]
        fields = {"channel": self.name, "listing_id": state.key.listing_id, "code": outcome.code}
        if outcome.verdict is PushVerdict.NOT_FOUND:
            writes += [mark_ended(state.key), self._touched(run, state.key)]
            log(Event.LISTING_ENDED, **fields, explanation=outcome.message)
        elif then.parked:
            sentence = (
                f"{state.key} takes no numbers any more: {then.parked}; mend it, then type: syncd unpark {state.key}"
            )
            writes.append(ask(Question(Topic.PARKED_LISTING, str(state.key), sentence, now)))
            log(Event.PUSH_PARKED, **fields, explanation=then.parked)
        else:
            if (outcome.wait_seconds or 0.0) >= LIMIT_SECONDS_MIN:
                self._is_limited = True
                writes.append(ask(Question(Topic.CHANNEL_LIMIT, self.name, f"{self.name}: {outcome.message}", now)))
            log(Event.PUSH_DEFERRED, **fields, explanation=outcome.message, attempt=then.attempts)
        await self._writer.write(*writes)
        run.count(outcome.verdict.value)

    async def call_failed(self, run: Run, sent: Sequence[PushState], verdict: PushVerdict, fault: RemoteError) -> None:
        """The whole call failed: that is the line's to retry, and no mark against a listing, unless it was refused."""
        for state in sent:
            if verdict is PushVerdict.REJECTED:
                await self.not_accepted(run, state, PushOutcome(state.key.listing_id, verdict, "", fault.message))
            else:
                uncertain = run.states[state.key].uncertain or verdict is PushVerdict.UNKNOWN
                said = Entry(state.key, self._clock.now(), Step.REFUSED, state.sent, f"{verdict}: {fault.message}")
                await self.save(run, replace(state, uncertain=uncertain), said)
        run.count(verdict.value, len(sent))

    async def ended(self, run: Run, key: ListingKey) -> None:
        """The channel no longer offers it; who else sells the same may show more."""
        state = replace(run.states[key], pending=False, uncertain=False)
        gone = (mark_ended(key), save_state(state, seen_version=state.version), self._touched(run, key))
        await self._writer.write(*gone)
        log(Event.LISTING_ENDED, channel=self.name, listing_id=key.listing_id)

    async def save(self, run: Run, state: PushState, *entries: Entry) -> None:
        """Keep a state as it is now, and what is to be remembered of how it came to be."""
        run.states[state.key] = state
        notes = (note(entries),) if entries else ()
        await self._writer.write(save_state(state, seen_version=state.version), *notes)

    def _touched(self, run: Run, key: ListingKey) -> Write:
        return mark_touched(run.listings[key].skus)

    def _seconds(self, state: PushState, at: datetime) -> float | None:
        """From when the number could be sent to its acceptance."""
        if state.target_at is None:
            return None
        begun = state.target_at if self.since is None else max(state.target_at, self.since)
        return max(0.0, (at - begun).total_seconds())

    async def _save_delay(self, now: datetime) -> None:
        due = self._saved_at is None or now - self._saved_at >= DELAY_SAVED_EVERY
        if due and self.delay is not None:
            self._saved_at = now
            await self._writer.write(save_delays({self.name: self.delay}, Way.TOLD, now))

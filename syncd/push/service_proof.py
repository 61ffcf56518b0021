"""Reads listings: before numbers are raised, after they were accepted, and when it is not known what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from syncd.channel.port import ListingObservation, ListingStatus, PushOutcome, PushVerdict
from syncd.channel.service import ChannelLine
from syncd.channel.throttle import Urgency
from syncd.clock import Clock
from syncd.db import chunks
from syncd.errors import ChannelProtocolError, ChannelRefused, RemoteError
from syncd.identity import ListingKey
from syncd.journal.entry import Entry, Step
from syncd.ledger.service import Writer
from syncd.listing.service import Observer
from syncd.push.plan import UNMANAGED, Intent, PushConfig, PushState
from syncd.push.proof import Judged, Proof, judge
from syncd.push.retry import pause
from syncd.push.run import Run
from syncd.push.service_outcomes import Outcomes
from syncd.push.store import count_race, save_state
from syncd.telemetry import Event, log

UNREADABLE_MAX = 3
"""Readings that fail, with none that succeeds, before a run takes it for the channel's own trouble."""

READ_PAUSE_LONGEST = timedelta(minutes=5)
"""Longest pause of all readings while the channel answers none of them rightly."""

UNSHOWN = "the channel accepted the number and still shows the one before"


Interruption = Callable[[Run], Awaitable[bool]]


class Prover:
    """One channel's."""

    def __init__(
        self,
        writer: Writer,
        line: ChannelLine,
        observer: Observer,
        outcomes: Outcomes,
        *,
        config: PushConfig,
        clock: Clock,
    ) -> None:
        self._writer = writer
        self.line = line
        self.clock = clock
        self._observer = observer
        self._outcomes = outcomes
        self._config = config
        self._unreadable = 0
        self._read_from: datetime | None = None

    async def read_all(self, run: Run, intents: Sequence[Intent], now: datetime, *, until: Interruption) -> None:
        """Read listings; those that alone cannot be read are tried again a bounded number of times, each for itself.

        Ends early once `until` says that something goes before it.
        """
        if not intents or (self._read_from is not None and now < self._read_from):
            return
        bad: dict[ListingKey, RemoteError] = {}
        readable, confused = False, bool(self.line.last_fault)
        facts = self.line.capabilities
        width = 1 if self._unreadable else facts.calls_in_flight  # after trouble one call tries whether it is over
        for wave in chunks(list(chunks(intents, facts.batch_size)), width):
            answers = await asyncio.gather(*(self._read_part(run, part) for part in wave), return_exceptions=True)
            if fault := next((one for one in answers if isinstance(one, BaseException)), None):
                raise fault
            found = [one for one in answers if not isinstance(one, BaseException)]
            bad |= {key: why for faults, _ in found for key, why in faults.items()}
            readable = readable or any(is_read for _, is_read in found)
            if (not readable and len(bad) >= UNREADABLE_MAX) or await until(run):
                break
        self._unreadable = 0 if readable else self._unreadable + 1
        if not readable:  # the channel's own trouble and no listing's: all wait, ever longer
            seconds = min(pause(self._unreadable, self._config), READ_PAUSE_LONGEST)
            self._read_from = self.clock.now() + seconds
            self.line.report(next(iter(bad.values())))
        if readable or not confused:
            for key, why in bad.items():
                outcome = PushOutcome(key.listing_id, PushVerdict.DEFERRED, "", f"it cannot be read: {why.message}")
                await self._outcomes.not_accepted(run, run.states[key], outcome)

    async def _read_part(self, run: Run, part: Sequence[Intent]) -> tuple[dict[ListingKey, RemoteError], bool]:
        """Read one batch; returns which listings cannot be read, and whether the channel answered at all."""
        keys = [intent.key for intent in part]
        try:
            return await self._read(run, keys, _urgency(part)), True
        except (ChannelRefused, ChannelProtocolError) as fault:
            return dict.fromkeys(keys, fault), False

    async def _read(self, run: Run, keys: Sequence[ListingKey], urgency: Urgency) -> dict[ListingKey, RemoteError]:
        """Read a batch afresh; what it says is taken into account, and the next run decides on it."""
        readings = await self._observer.read("read_quantities", [key.listing_id for key in keys], urgency)
        found = {observation.listing_id: observation for observation in readings.seen}
        for key in keys:
            observation = found.get(key.listing_id)
            if key.listing_id in readings.faults:
                continue
            if observation is None:
                await self._outcomes.ended(run, key)
            else:
                await self._take(run, run.states[key], observation, readings.at)
        run.count("read", len(found))
        return {key: readings.faults[key.listing_id] for key in keys if key.listing_id in readings.faults}

    async def _take(self, run: Run, state: PushState, seen: ListingObservation, at: datetime) -> None:
        if state.uncertain:
            await self._judged(run, state, seen, at)
        else:
            await self._observer.take(run.listings[state.key], seen, at=at)
        if seen.status is ListingStatus.ENDED:
            await self._outcomes.ended(run, state.key)
        elif seen.available is None:
            outcome = PushOutcome(state.key.listing_id, PushVerdict.REJECTED, "", UNMANAGED)
            await self._outcomes.not_accepted(run, run.states[state.key], outcome)

    async def prove(self, run: Run, sent: Sequence[PushState]) -> RemoteError | None:
        """Read back what was accepted; what cannot be read now stays to be read."""
        if not sent:
            return None
        ids = [state.key.listing_id for state in sent]
        urgency = Urgency.FIRST if any(state.sent == 0 for state in sent) else Urgency.LOWER
        try:
            readings = await self._observer.read("read_back", ids, urgency)
        except RemoteError as fault:
            unproven = [replace(run.states[state.key], uncertain=True, pending=True) for state in sent]
            await self._writer.write(*(save_state(state, seen_version=state.version) for state in unproven))
            return fault
        found = {observation.listing_id: observation for observation in readings.seen}
        read = [run.states[state.key] for state in sent if state.key.listing_id in found]
        await asyncio.gather(*(self._judged(run, one, found[one.key.listing_id], readings.at) for one in read))
        return None

    async def _judged(self, run: Run, state: PushState, seen: ListingObservation, at: datetime) -> None:
        """Compare what the listing shows with what was sent: a sale our number has overwritten is put right at once."""
        judged = judge(state, seen)
        if judged is not None and judged.proof is Proof.STALE:
            later = at + pause(state.stale + 1, self._config)
            waiting = replace(state, uncertain=True, pending=True, stale=state.stale + 1, not_before=later)
            await self._outcomes.save(run, waiting, _entry(state, seen, at, judged))
            run.count("stale")
            return
        if judged is not None and judged.race is not None:
            await self._count(run, state, judged, at)
        unsure, proved = not state.is_accepted, judged is not None and judged.proof is not Proof.EDITED
        await self._observer.take(run.listings[state.key], seen, at=at, unsure=unsure, proved=proved)
        if judged is not None and state.stale and judged.proof is Proof.EDITED and seen.available == state.replaced:
            await self._outcomes.save(run, replace(state, stale=0), _entry(state, seen, at, judged))
            outcome = PushOutcome(state.key.listing_id, PushVerdict.DEFERRED, "", UNSHOWN)
            await self._outcomes.not_accepted(run, run.states[state.key], outcome)
            return
        is_proved = judged is None or judged.proof is not Proof.EDITED
        done = replace(
            state,
            uncertain=False,
            read_back=seen.available,
            read_back_at=at,
            stale=0,
            attempts=0 if is_proved and state.is_accepted else state.attempts,
        )
        await self._outcomes.save(run, done, _entry(state, seen, at, judged))

    async def _count(self, run: Run, state: PushState, judged: Judged, at: datetime) -> None:
        """Every case is counted, with its race, for good."""
        run.count("corrected", judged.units)
        race = str(judged.race)
        await self._writer.write(count_race(state.key.channel, race, judged.units, at))
        fields = {"channel": state.key.channel, "listing_id": state.key.listing_id}
        log(Event.PUSH_CORRECTED, **fields, quantity=judged.units, race=race)


def _entry(state: PushState, seen: ListingObservation, at: datetime, judged: Judged | None) -> Entry:
    return Entry(state.key, at, Step.READ_BACK, seen.available, judged.sentence if judged else "")


def _urgency(part: Sequence[Intent]) -> Urgency:
    """A reading is as urgent as what it is for."""
    return min((intent.urgency for intent in part), key=lambda one: one.value)

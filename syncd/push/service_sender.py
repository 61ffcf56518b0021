"""Sends numbers in batches, as many at a time as the channel takes; what empties a listing overtakes the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from syncd.channel.port import PushOutcome, PushVerdict, QuantityUpdate
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
from syncd.identity import ListingKey
from syncd.journal.entry import Entry, Step
from syncd.journal.store import note
from syncd.ledger.service import Writer
from syncd.push.plan import Intent, Move, PushConfig, PushState
from syncd.push.run import Run
from syncd.push.service_decision import Decider
from syncd.push.service_outcomes import Outcomes
from syncd.push.service_proof import Prover
from syncd.push.store import read_crossings, read_states, save_state


class Sender:
    """One channel's. One request in flight per listing."""

    def __init__(
        self, db: Database, writer: Writer, decider: Decider, outcomes: Outcomes, prover: Prover, config: PushConfig
    ) -> None:
        self._db = db
        self._writer = writer
        self._decider = decider
        self._outcomes = outcomes
        self._prover = prover
        self._config = config
        self._line: ChannelLine = prover.line
        self._clock: Clock = prover.clock

    async def send_all(self, run: Run, keys: Sequence[ListingKey]) -> None:
        """Send a wave of calls after another; a crossing to zero that is marked meanwhile goes into the next wave.

        So many of those at once that the brake has to be asked end the run: the next one begins with the question.
        Raises the fault that hit a whole call.
        """
        facts = self._line.capabilities
        room = facts.batch_size * facts.calls_in_flight
        waiting = list(keys)
        while waiting:
            wave, waiting = waiting[:room], waiting[room:]
            faults = await asyncio.gather(*(self._send(run, batch) for batch in chunks(wave, facts.batch_size)))
            for fault in faults:
                if fault is not None:
                    raise fault
            late = await self.crossings(run) if waiting else []
            if len(late) >= self._config.brake_listings_min:
                return
            waiting = [*late, *(key for key in waiting if key not in late)]

    async def crossings(self, run: Run) -> list[ListingKey]:
        """Listings marked since the run began that are to show 0, as far as their marks tell; each is told once."""
        async with self._db.read() as conn:
            now, limit = self._clock.now(), self._config.brake_listings_min
            return run.unseen(await read_crossings(conn, self._line.name, now, limit))

    async def _send(self, run: Run, keys: Sequence[ListingKey]) -> RemoteError | None:
        """Send one batch; returns the fault that hit the whole call, after what it means for each listing is written.

        Earlier batches took their time: what to send is decided anew, on what is true now.
        """
        now = self._clock.now()
        async with self._db.read() as conn:
            states = await read_states(conn, keys=keys)
        batch = run.renew(
            [one for one in await self._decider.decide(now, list(states.values())) if one.intent.move is Move.SEND]
        )
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

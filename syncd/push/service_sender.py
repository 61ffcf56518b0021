"""Sends one batch of numbers and takes what the channel says to each: accepted, put off, refused, or not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from syncd.channel.port import PushesGroups, PushOutcome, PushVerdict, QuantityUpdate
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
from syncd.push.plan import Move, PushConfig, PushState
from syncd.push.run import Batching, Decision, Run
from syncd.push.service_decision import Decider
from syncd.push.service_outcomes import Outcomes
from syncd.push.service_proof import Prover
from syncd.push.store import read_states, save_state

REFUSED_GROUP_RESTS = timedelta(days=1)
"""How long a group that the channel refused to set as a whole goes one batch at a time: the cause is mended by hand."""

REFUSED_GROUPS_MAX = 5_000
"""Groups remembered so; beyond it the oldest is tried as a whole again."""


class Sender:
    """One channel's."""

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
        self._batching = batching_of(prover.line)
        self._clock: Clock = prover.clock
        self._refused_groups: dict[str, datetime] = {}

    def batching(self, now: datetime) -> Batching:
        """What one push takes now."""
        begun_by = now - REFUSED_GROUP_RESTS
        apart = frozenset(group for group, refused_at in self._refused_groups.items() if refused_at > begun_by)
        return replace(self._batching, apart=apart)

    async def send(self, run: Run, batch: Sequence[Decision]) -> RemoteError | None:
        """Send a batch that was decided this moment.

        Returns the fault that hit the whole call, after what it means for each listing is written.
        """
        try:
            return await self._send(run, batch)
        finally:
            run.busy.difference_update(one.state.key for one in batch)

    async def _send(self, run: Run, batch: Sequence[Decision]) -> RemoteError | None:
        now = self._clock.now()
        urgency = min((one.intent.urgency for one in batch), key=lambda one: one.value)
        if (refused := self._line.refusal("push_quantities", now, urgency)) is not None:
            return refused
        sent = [_sending(one, now) for one in batch]
        steps = note([Entry(state.key, now, Step.SENT, state.sent) for state in sent])
        await self._writer.write(*(save_state(state, seen_version=state.version) for state in sent), steps)
        updates = [QuantityUpdate(one.state.key.listing_id, one.intent.quantity) for one in batch]
        push = partial(self._line.channel.push_quantities, updates)
        try:
            calls = self._batching.calls(len(batch))
            outcomes = await self._line.call("push_quantities", push, urgency, calls=calls)
        except (RateLimited, ChannelAuthFailed) as fault:
            await self._outcomes.call_failed(run, sent, PushVerdict.DEFERRED, fault)
            return fault
        except (ChannelUnavailable, ChannelProtocolError) as fault:
            await self._outcomes.call_failed(run, sent, PushVerdict.UNKNOWN, fault)
            return fault
        except ChannelRefused as fault:
            if len(batch) > self._batching.size:  # what a group's call refuses may be no fault of its numbers
                self._remember_refused(batch, now)
                return await self._send_in_parts(run, batch, self._batching.size)
            if len(batch) > 1:  # one item can spoil a call for all: each is asked for alone
                return await self._send_in_parts(run, batch, 1)
            await self._outcomes.call_failed(run, sent, PushVerdict.REJECTED, fault)
            return None
        return await self._take_outcomes(run, sent, outcomes)

    def _remember_refused(self, batch: Sequence[Decision], now: datetime) -> None:
        if self._batching.group_of is None:
            return
        group = self._batching.group_of(batch[0].state.key.listing_id)
        self._refused_groups.pop(group, None)
        self._refused_groups[group] = now
        if len(self._refused_groups) > REFUSED_GROUPS_MAX:
            del self._refused_groups[next(iter(self._refused_groups))]

    async def _send_in_parts(self, run: Run, batch: Sequence[Decision], size: int) -> RemoteError | None:
        """Send what was refused together in smaller pushes, each a call of its own to the budget."""
        for one in batch:
            await self._outcomes.save(run, one.state)  # the refused call applied nothing: as it was before
        for part in chunks(batch, size):
            decided = await self._decide_again(run, [one.state.key for one in part])
            fault = await self._send(run, decided) if decided else None
            if fault is not None:
                return fault
        return None

    async def _decide_again(self, run: Run, keys: Sequence[ListingKey]) -> list[Decision]:
        """Earlier calls took their time: what to send is decided anew, on what is true now."""
        async with self._db.read() as conn:
            states = await read_states(conn, keys=keys)
        decided = await self._decider.decide(self._clock.now(), list(states.values()))
        run.take(decided)
        return [one for one in decided if one.intent.move is Move.SEND]

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
        await self._outcomes.accepted(run, accepted, to_prove={state.key for state in provable})
        return await self._prover.prove(run, provable)

    def _is_provable(self, state: PushState) -> bool:
        """Low numbers are read back where the channel counts its sales."""
        return self._line.capabilities.sold_counter and (state.sent or 0) <= self._config.read_back_at_or_below


def batching_of(line: ChannelLine) -> Batching:
    """What one push of this channel takes."""
    size, channel = line.capabilities.batch_size, line.channel
    if not isinstance(channel, PushesGroups):
        return Batching(size)
    return Batching(size, channel.group_size, channel.calls_per_group, channel.group_of)


def _sending(decision: Decision, now: datetime) -> PushState:
    """The state of a listing whose number goes out now, with what a read-back will be compared with."""
    state, belief, intent = decision.state, decision.listing.belief, decision.intent
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

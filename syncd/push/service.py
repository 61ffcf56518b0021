"""Makes listings true: one pusher per channel sends what the planner marked and what does differ.

What has to be pushed is never queued: it is the difference between the target, computed at send time, and what the
listing must be showing. A crash, a lost wake-up or a newer change cannot lose it, and no stored payload is ever
sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask
from syncd.availability.ats import Policies
from syncd.availability.store import Way, read_delays
from syncd.channel.service import ChannelLine
from syncd.channel.throttle import Urgency
from syncd.clock import Clock
from syncd.db import Database
from syncd.errors import ChannelAuthFailed, ChannelProtocolError, ChannelRefused, ChannelUnavailable, RateLimited
from syncd.identity import ChannelName
from syncd.ledger.service import Writer
from syncd.listing.service import Observer
from syncd.listing.store import read_listings
from syncd.push.plan import Move, PushConfig, PushState, brake, changes
from syncd.push.run import Decision, Run
from syncd.push.service_decision import Decider
from syncd.push.service_outcomes import Outcomes
from syncd.push.service_proof import Prover
from syncd.push.service_sender import Sender
from syncd.push.store import Hold, hold_channel, read_hold, read_pending, read_waiting, save_state, step_back
from syncd.telemetry import Event, log

PENDING_LISTINGS_MAX = 1000
"""Listings one run of a pusher looks at."""

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
        self._config = config
        self._clock = clock
        observer = Observer(writer, line, policies.channels[line.name].locations, clock=clock)
        self._decider = Decider(db, line, policies, config)
        self._outcomes = Outcomes(writer, line.name, config, clock)
        self._prover = Prover(writer, line, observer, self._outcomes, config=config, clock=clock)
        self._sender = Sender(db, writer, self._decider, self._outcomes, self._prover, config)
        self._begun = False
        self.name: ChannelName = line.name

    async def plan(self, now: datetime, marked: Sequence[PushState]) -> list[Decision]:
        """What would be done for these listings, and why; nothing is sent or written."""
        return await self._decider.decide(now, marked)

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Look at every marked listing once and do what is due; returns counts of what was done."""
        if self._line.closed_until(now) is not None:
            return {}
        self._outcomes.since = self._outcomes.since or now
        async with self._db.read() as conn:
            marked = await read_pending(conn, self.name, now, PENDING_LISTINGS_MAX)
            if not marked:
                return {}
            hold = await read_hold(conn, self.name)
            if not self._begun:
                self._outcomes.delay = (await read_delays(conn)).get((self.name, Way.TOLD))
                self._begun = True
        if hold is not None and hold.reason:
            self._outcomes.since = None
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
            await self._sender.send_all(run, [intent.key for intent in run.having(Move.SEND)])
            await self._prover.read_all(run, run.having(Move.READ), now, until=self._sender.crossings)
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
        rising = [run.states[i.key] for i in run.intents if i.urgency is Urgency.RAISE and run.states[i.key].pending]
        await self._writer.write(step_back(rising, now + SPENT_LOOK))

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

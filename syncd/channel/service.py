"""The line to one channel: every call goes through here, is counted against its budget and tells of its health.

A circuit breaker in effect: while the channel is down or limits us, calls are refused at once until the moment it
may be tried again. Going down and coming back are logged once each.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from syncd.channel.port import Capabilities, Channel
from syncd.channel.throttle import Budget, Urgency
from syncd.clock import Clock, doubled
from syncd.errors import ChannelAuthFailed, ChannelBlocked, ChannelUnavailable, RateLimited, RemoteError
from syncd.fence import stand
from syncd.identity import ChannelName
from syncd.pulse import beat
from syncd.telemetry import Event, log

T = TypeVar("T")

BACKOFF_FIRST_SECONDS = 1.0
BACKOFF_LONGEST_SECONDS = 60.0
BACKOFF_SHUT_OUT_LONGEST_SECONDS = 900.0
"""The same where we are not let in (a firewall, refused credentials): who goes on knocking is blocked for longer."""

WAIT_SECONDS_MAX = 1.0
"""How long a call waits for the channel's own pace before it is refused instead."""

SPENT_SECONDS_MIN = 60.0
"""A longer wait for our own budget means the day's calls are used up, which is said once."""

RATE_LIMIT_UNSAID_SECONDS = 30.0
"""How long to wait when a channel limits us without saying how long (eBay's short windows are 15 to 30 s); twice as
long each time it limits us again at once, up to `BACKOFF_SHUT_OUT_LONGEST_SECONDS`."""

POLLS_PART = 0.6
"""Part of what is left of the day's calls that looking for orders may use up."""

POLLS_TOLD_PART = 0.3
"""The same while the channel tells of its orders by itself."""

SWEEPS_PART = 0.25
"""Part of what is left of the day's calls that reading all listings may use up."""

CHANGES_PART = 0.1
"""Part of what is left of the day's calls that looking for changed listings may use up."""

TELLING = timedelta(minutes=15)
"""How long after a call of the channel it is taken to tell by itself; then it may have stopped unnoticed."""

RATE_LIMIT_SECONDS_MAX = 86_400.0
"""Longest wait believed; no limit lasts longer than the day it is counted in, so a longer one is a mistake."""


class ChannelLine:
    """One channel, its connector, its budget and its health."""

    def __init__(self, name: ChannelName, channel: Channel, clock: Clock) -> None:
        self.name = name
        self.channel = channel
        self.budget = Budget(channel.capabilities.calls_per_second, channel.capabilities.calls_per_day)
        self.down_since: datetime | None = None
        self.last_fault = ""
        self.reached_at: datetime | None = None
        self._failures = 0
        self._unsaid_limits = 0
        self._faults = 0
        self._retry_at: datetime | None = None
        self._spent_until: datetime | None = None
        self._told_at: datetime | None = None
        self._clock = clock

    @property
    def capabilities(self) -> Capabilities:
        """The facts of the channel."""
        return self.channel.capabilities

    def closed_until(self, now: datetime) -> datetime | None:
        """Until when no call is made, or None if the line is open."""
        return self._retry_at if self._retry_at is not None and self._retry_at > now else None

    def refusal(self, operation: str, now: datetime, urgency: Urgency = Urgency.ROUTINE) -> RateLimited | None:
        """Why a call would be refused now without being made, or None.

        Who writes before he calls asks first: a write that comes to nothing would wake him to write again.
        """
        closed = self.closed_until(now)
        if closed is not None:
            wait = (closed - now).total_seconds()
            return RateLimited(self.name, operation, self.last_fault or "waiting to try again", wait)
        wait = self.budget.wait_seconds(now, urgency)
        if wait <= WAIT_SECONDS_MAX:
            return None
        fault = RateLimited(self.name, operation, "our own budget for the channel is used up", wait)
        if wait > SPENT_SECONDS_MIN and (self._spent_until is None or now >= self._spent_until):
            self._spent_until = now + timedelta(seconds=wait)
            log(Event.CHANNEL_LIMITED, channel=self.name, operation=operation, explanation=fault.message)
        return fault

    def reach(self, now: datetime) -> None:
        """A call that the connector found nothing wrong with has come to our door, if only to try it."""
        self.reached_at = now

    def tell(self, now: datetime) -> None:
        """The channel has called us: it tells by itself, and need not be asked as often."""
        self._told_at = now

    def poll_seconds(self, wanted: float, now: datetime) -> float:
        """Pause until orders are looked for again: as wanted, longer where the day's calls would not last.

        A channel that has called lately is left more of them for what those calls tell.
        """
        tells = self._told_at is not None and now - self._told_at < TELLING
        return self.budget.pace_seconds(wanted, now, calls=1, part=POLLS_TOLD_PART if tells else POLLS_PART)

    def sweep_seconds(self, wanted: float, now: datetime, calls: int) -> float:
        """Pause until all listings are read again, which took so many calls."""
        return self.budget.pace_seconds(wanted, now, calls=calls, part=SWEEPS_PART)

    def changes_seconds(self, wanted: float, now: datetime) -> float:
        """Pause until changed listings are looked for again."""
        return self.budget.pace_seconds(wanted, now, calls=1, part=CHANGES_PART)

    async def call(
        self,
        operation: str,
        work: Callable[[], Awaitable[T]],
        urgency: Urgency = Urgency.ROUTINE,
        *,
        calls: int = 1,
    ) -> T:
        """Do `work`, which costs so many calls. Raises what it raises, and RateLimited while the line is closed.

        Raises LeaseLost where the work in hand is not surely this node's any more: the last look before it leaves.
        """
        now = self._clock.now()
        refused = self.refusal(operation, now, urgency)
        if refused is not None:
            raise refused
        wait = self.budget.wait_seconds(now, urgency)
        self.budget.spend(now, calls)  # before waiting: calls made side by side must not take the same place
        if wait > 0:
            await self._clock.sleep(wait)
        stand(self._clock.monotonic())
        faults_before = self._faults
        try:
            answer = await work()
        except (ChannelUnavailable, ChannelAuthFailed) as fault:
            self._went_down(fault, faults_before)
            raise
        except RateLimited as fault:
            self._was_limited(fault, operation, faults_before)
            raise
        finally:
            beat()
        self._came_back(faults_before)
        return answer

    def report(self, fault: RemoteError) -> None:
        """Remember and log a fault that does not close the line, once until the channel answers rightly again."""
        if self.last_fault != str(fault):
            self.last_fault = str(fault)
            log(Event.CHANNEL_CONFUSED, channel=self.name, operation=fault.operation, explanation=str(fault))

    def _went_down(self, fault: ChannelUnavailable | ChannelAuthFailed, faults_before: int) -> None:
        now = self._clock.now()
        self.last_fault = str(fault)
        if self._faults == faults_before:  # calls that failed side by side tell of one failure
            self._faults += 1
            self._failures += 1
            shut_out = isinstance(fault, ChannelBlocked | ChannelAuthFailed)
            longest = BACKOFF_SHUT_OUT_LONGEST_SECONDS if shut_out else BACKOFF_LONGEST_SECONDS
            self._close_until(now + timedelta(seconds=doubled(BACKOFF_FIRST_SECONDS, self._failures, longest)))
        if self.down_since is None:
            self.down_since = now
            log(Event.CHANNEL_UNAVAILABLE, channel=self.name, fault=type(fault).__name__, explanation=str(fault))

    def _was_limited(self, fault: RateLimited, operation: str, faults_before: int) -> None:
        said = fault.retry_after_seconds
        if self._faults == faults_before:
            self._unsaid_limits += said is None
        unsaid = doubled(RATE_LIMIT_UNSAID_SECONDS, self._unsaid_limits, BACKOFF_SHUT_OUT_LONGEST_SECONDS)
        seconds = unsaid if said is None else min(said, RATE_LIMIT_SECONDS_MAX)
        self._faults += 1
        self._close_until(self._clock.now() + timedelta(seconds=seconds))
        self.last_fault = str(fault)
        log(Event.CHANNEL_LIMITED, channel=self.name, operation=operation, retry_after_seconds=seconds)

    def _close_until(self, moment: datetime) -> None:
        self._retry_at = moment if self._retry_at is None else max(self._retry_at, moment)

    def _came_back(self, faults_before: int) -> None:
        if self._faults != faults_before:
            return  # this call began before the fault, and proves nothing about the time since
        if self.down_since is not None:
            seconds = (self._clock.now() - self.down_since).total_seconds()
            log(Event.CHANNEL_RECOVERED, channel=self.name, down_seconds=round(seconds, 3))
        self.down_since, self._retry_at, self.last_fault = None, None, ""
        self._failures = self._unsaid_limits = 0

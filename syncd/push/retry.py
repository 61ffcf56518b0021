"""What follows from a push that did not succeed: one table from fault to consequence, and one pure back-off."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from syncd.channel.port import PushOutcome, PushVerdict
from syncd.clock import doubled
from syncd.push.plan import PushConfig, PushState

WAIT_SECONDS_MAX = 86_400.0
"""Longest wait a channel may ask for one listing; a longer one is a mistake."""


def after(state: PushState, outcome: PushOutcome, config: PushConfig, now: datetime) -> PushState:
    """The state after an outcome that is not an acceptance; attempts are bounded, then the listing is parked."""
    reason = f"{outcome.code}: {outcome.message}" if outcome.code else outcome.message
    match outcome.verdict:
        case PushVerdict.REJECTED:
            return replace(
                state, uncertain=False, attempts=state.attempts + 1, parked=reason or "refused by the channel"
            )
        case PushVerdict.NOT_FOUND:
            return replace(state, uncertain=False, pending=False)
        case PushVerdict.ACCEPTED:
            raise ValueError("an accepted push needs no retry")
        case PushVerdict.DEFERRED | PushVerdict.UNKNOWN:
            asked = outcome.wait_seconds or 0.0
            # Who is told to rest for longer than we ever would has not failed: parked, a listing would not fall either.
            rests = outcome.verdict is PushVerdict.DEFERRED and asked >= config.retry_longest_seconds
            attempts = max(1, state.attempts) if rests else state.attempts + 1
            uncertain = state.uncertain or outcome.verdict is PushVerdict.UNKNOWN
            if attempts >= config.attempts_max and not rests:
                parked = f"given up after {attempts} tries; the last said: {reason or outcome.verdict.value}"
                return replace(state, uncertain=uncertain, attempts=attempts, parked=parked)
            waits = timedelta(seconds=min(asked, WAIT_SECONDS_MAX))
            not_before = now + max(pause(attempts, config), waits)
            return replace(state, uncertain=uncertain, attempts=attempts, not_before=not_before)


def pause(attempts: int, config: PushConfig) -> timedelta:
    """How long to wait after so many tries: doubling, bounded."""
    return timedelta(seconds=doubled(config.retry_first_seconds, attempts, config.retry_longest_seconds))

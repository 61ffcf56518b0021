"""Keeps background work going: starts it again when it fails, and waits for the store when that is away.

A fault of our own is tried a few times, then the daemon ends for systemd to start it afresh. A store that cannot be
reached or written to is nobody's fault here: everything waits for it, says so once, and goes on where it was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from syncd.clock import Clock
from syncd.db import is_gone
from syncd.errors import InvariantBroken
from syncd.telemetry import Event, log

RESTARTS_MAX = 5
"""Failures of one worker within `RESTART_WINDOW` after which the whole daemon ends, for systemd to start afresh."""

RESTART_WINDOW = timedelta(minutes=10)
RESTART_PAUSE_SECONDS = 2.0

STORE_PAUSE_SECONDS = 1.0
"""Pause before what needs the store tries it again."""

STORE_BACK_SECONDS = 3.0
"""The store counts as back when nobody has missed it for so long."""

STORE_AWAY_SECONDS_MAX = 1800.0
"""How long the store is waited for; then the daemon ends, and systemd starts it again as often as it is told to."""


class Supervisor:
    """One daemon's. `unready` says why work cannot be taken on now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: set[str] = set()
        self._lost_at: float | None = None
        self._missed_at = 0.0

    def unready(self) -> list[str]:
        """One sentence for each thing that is not as it should be."""
        store = [] if self._lost_at is None else ["the store cannot be reached or written to"]
        failed = sorted(self._failed)
        return store + [f"the worker {name!r} has failed and is being started again" for name in failed]

    async def keep(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Start failed work again, a bounded number of times; a broken invariant ends everything at once."""
        failures: list[datetime] = []
        while True:
            try:
                await run()
                return
            except InvariantBroken as fault:
                log(Event.INVARIANT_BROKEN, worker=name, exc_info=fault)
                raise
            except Exception as fault:
                if is_gone(fault) and self._may_wait(fault):
                    await self._clock.sleep(STORE_PAUSE_SECONDS)
                    continue
                now = self._clock.now()
                failures = [at for at in failures if now - at < RESTART_WINDOW] + [now]
                self._failed.add(name)
                log(Event.WORKER_FAILED, worker=name, failures=len(failures), exc_info=fault)
                if len(failures) > RESTARTS_MAX:
                    raise
            await self._clock.sleep(RESTART_PAUSE_SECONDS)
            self._failed.discard(name)
            log(Event.WORKER_RESTARTED, worker=name)

    def _may_wait(self, fault: Exception) -> bool:
        """Note that the store is away; False once it has been for too long."""
        self._missed_at = self._clock.monotonic()
        if self._lost_at is None:
            self._lost_at = self._missed_at
            log(Event.STORE_LOST, explanation=str(getattr(fault, "orig", fault)).strip().partition("\n")[0])
        return self._missed_at - self._lost_at < STORE_AWAY_SECONDS_MAX

    def look(self) -> None:
        """Whether the store is back: nobody has missed it for longer than anybody waits before he tries again."""
        now = self._clock.monotonic()
        if self._lost_at is not None and now - self._missed_at > STORE_BACK_SECONDS:
            log(Event.STORE_FOUND, seconds=round(self._missed_at - self._lost_at, 1))
            self._lost_at = None

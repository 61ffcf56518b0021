"""Looks for listings that have changed on one channel, between two readings of all of them: what was sold there is held
before an order, a notification or the next sweep tells of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from syncd.channel.port import ListingObservation, ListingStatus, TellsChanges
from syncd.channel.service import ChannelLine
from syncd.channel.throttle import Urgency
from syncd.clock import Clock
from syncd.db import Database
from syncd.errors import RateLimited, RemoteError
from syncd.identity import ChannelName, ListingKey
from syncd.ledger.service import Writer
from syncd.listing.service import Observer
from syncd.listing.store import read_listings
from syncd.push.store import read_states
from syncd.reconcile.plan import DriftPolicy, SweepOptions

LOOKS_MAX = 10
"""Calls of one run; what is left is told by the next, or by a sweep."""


class ChangesService:
    """One channel's. Where it stands is not written down: after a start a sweep reads everything once."""

    def __init__(
        self,
        db: Database,
        writer: Writer,
        line: ChannelLine,
        *,
        options: SweepOptions,
        clock: Clock,
    ) -> None:
        self._db = db
        self._line = line
        self._interval_seconds = options.changes_interval_seconds
        self._clock = clock
        adopts = options.drift is DriftPolicy.ADOPT
        self._observer = Observer(writer, line, options.locations, clock=clock, adopts_drift=adopts)
        self._cursor: str | None = None
        self._look_at: datetime | None = None
        self.name: ChannelName = line.name

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Look when it is time. Returns how many listings were told of."""
        channel = self._line.channel
        if not isinstance(channel, TellsChanges) or self._line.closed_until(now) is not None:
            return {}
        if self._look_at is not None and now < self._look_at:
            return {}
        if self._cursor is None:  # costs no call, and tells nothing yet
            self._cursor = (await channel.fetch_changes(None)).cursor
            self._rest(now)
            return {}
        changed = 0
        try:
            for _ in range(LOOKS_MAX):
                fetch = partial(channel.fetch_changes, self._cursor)
                page = await self._line.call("fetch_changes", fetch, Urgency.ROUTINE)
                changed += await self._take(page.seen)
                self._cursor = page.cursor
                if not page.has_more:
                    break
        except RemoteError as fault:
            if self._line.closed_until(self._clock.now()) is None and not isinstance(fault, RateLimited):
                self._line.report(fault)
        self._rest(now)
        return {"changed": changed} if changed else {}

    def _rest(self, now: datetime) -> None:
        self._look_at = now + timedelta(seconds=self._line.changes_seconds(self._interval_seconds, now))

    async def _take(self, seen: Sequence[ListingObservation]) -> int:
        """Each number is taken as old as the channel says it may be: it never passes for a fresh reading.

        Of a listing that has ended only the counter counts: it offers nothing. Whether it is gone a sweep says.
        """
        keys = [ListingKey(self._line.name, one.listing_id) for one in seen]
        if not keys:
            return 0
        async with self._db.read() as conn:
            known = await read_listings(conn, keys=keys)
            states = await read_states(conn, keys=keys)
        for one in seen:
            key = ListingKey(self._line.name, one.listing_id)
            state = states.get(key)
            if key in known:
                shown = one if one.status is ListingStatus.ACTIVE else replace(one, available=0)
                unsure = state is not None and state.uncertain
                await self._observer.take(known[key], shown, at=one.asked_at, unsure=unsure)
        return len(known)

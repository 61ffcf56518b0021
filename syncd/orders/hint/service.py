"""Believes what hints tell of sales, at once and downwards only: apart from the intake, which may be waiting for the
channel's answer, or not call it at all while it is down."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from syncd.channel.port import ListingObservation
from syncd.channel.service import ChannelLine
from syncd.clock import Clock
from syncd.db import Database
from syncd.identity import ListingId, ListingKey
from syncd.ledger.service import Writer
from syncd.listing.service import Observer
from syncd.listing.store import read_listings
from syncd.orders.hint.store import waiting_hints

BELIEVED_MAX = 1_000
"""Waiting hints, the oldest first, that are looked through."""


class HintService:
    """One channel's. `woken` is set when a hint was kept."""

    def __init__(
        self, db: Database, writer: Writer, line: ChannelLine, *, locations: Sequence[str], clock: Clock
    ) -> None:
        self._db = db
        self._name = line.name
        self._clock = clock
        self._observer = Observer(writer, line, tuple(locations), clock=clock)
        self._believed: set[int] = set()
        self.woken = asyncio.Event()

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Take what hints say that were not looked at yet; what they ask for is the intake's to do. Returns counts."""
        async with self._db.read() as conn:
            waiting = await waiting_hints(conn, self._name, BELIEVED_MAX)
        fresh = [one for one in waiting if one.hint_id not in self._believed]
        self._believed = {one.hint_id for one in waiting}
        told: dict[ListingId, ListingObservation] = {}
        for one in fresh:
            seen = one.hint.observation
            if seen is not None and seen.sold is not None:  # nothing but a counter is believed of a hint
                told[seen.listing_id] = seen
        if not told:
            return {}
        async with self._db.read() as conn:
            listings = await read_listings(conn, keys=[ListingKey(self._name, one) for one in told])
        for key, listing in listings.items():
            await self._observer.take(listing, told[key.listing_id], at=self._clock.now(), trusted=False)
        return {"believed": len(listings)}

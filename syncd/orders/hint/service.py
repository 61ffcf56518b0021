"""Believes what hints tell of sales, at once and downwards only: apart from the intake, which may be waiting for the
channel's answer, or not call it at all while it is down."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from syncd.channel.service import ChannelLine
from syncd.clock import Clock
from syncd.db import Database
from syncd.identity import ListingKey
from syncd.ledger.service import Writer
from syncd.listing.service import Observer
from syncd.listing.store import read_listings
from syncd.orders.hint.store import read_counted

BELIEVED_MAX = 1_000
"""Waiting hints, the oldest first, that one run takes."""


class HintService:
    """One channel's. `woken` is set when a hint was kept that tells of a counter."""

    def __init__(
        self, db: Database, writer: Writer, line: ChannelLine, *, locations: Sequence[str], clock: Clock
    ) -> None:
        self._db = db
        self._name = line.name
        self._clock = clock
        self._observer = Observer(writer, line, tuple(locations), clock=clock)
        self._after = 0
        self.woken = asyncio.Event()

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Take the counters that hints tell and that were not taken yet: nothing else of a hint is believed.

        What hints ask for is the intake's to do. Returns counts.
        """
        async with self._db.read() as conn:
            fresh = await read_counted(conn, self._name, after=self._after, limit=BELIEVED_MAX)
            if not fresh:
                return {}
            told = {}
            for _, one in sorted(fresh, key=lambda row: row[1].sold or 0):  # a counter only rises
                told[one.listing_id] = one
            listings = await read_listings(conn, keys=[ListingKey(self._name, one) for one in told])
        for key, listing in listings.items():
            await self._observer.take(listing, told[key.listing_id], at=self._clock.now(), trusted=False)
        self._after = fresh[-1][0]
        if len(fresh) == BELIEVED_MAX:
            self.woken.set()
        return {"believed": len(listings)}

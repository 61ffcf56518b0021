"""Decides about marked listings from everything known of them, at the moment it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from syncd.availability.ats import Policies, derive
from syncd.availability.store import read_supplies
from syncd.channel.port import ReadsQuantities
from syncd.channel.service import ChannelLine
from syncd.db import Database
from syncd.listing.store import read_listings
from syncd.orders.store import read_cursor
from syncd.push.plan import Gate, PushConfig, PushState, intend, pace_of
from syncd.push.run import Decision


class Decider:
    """One channel's. Reads only."""

    def __init__(self, db: Database, line: ChannelLine, policies: Policies, config: PushConfig) -> None:
        self._db = db
        self._line = line
        self._policies = policies
        self._config = config

    async def decide(self, now: datetime, marked: Sequence[PushState]) -> list[Decision]:
        """What is to be done about these listings, and why; nothing is sent or written."""
        name = self._line.name
        async with self._db.read() as conn:
            listings = await read_listings(conn, keys=[state.key for state in marked])
            skus = sorted({sku for listing in listings.values() for sku in listing.skus})
            supplies = await read_supplies(conn, skus, self._policies.suppliers, now)
            cursor = await read_cursor(conn, name)
        policy = self._policies.channels[name]
        facts = self._line.capabilities
        gate = Gate(
            cursor.watermark_at if cursor else None,
            isinstance(self._line.channel, ReadsQuantities),
            self._config.fresh_read_seconds,
            asks=policy.asks_before_raising,
            outlasts_seconds=facts.write_outlasts_seconds,
            revisions_per_day=facts.revisions_per_listing_per_day,
        )
        decisions: list[Decision] = []
        for state in marked:
            listing = listings.get(state.key)
            if listing is not None:
                derivation = derive(listing, supplies, policy, self._policies.availability)
                pace = pace_of(listing, supplies)
                intent = intend(listing, state, derivation, gate, now, sold_per_day=pace)
                decisions.append(Decision(listing, state, derivation, intent))
        return decisions

"""Reads everything that explains one listing, as of now, from one consistent state of the store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from syncd.availability.ats import Policies, derive
from syncd.availability.derivation import Derivation
from syncd.availability.store import read_supplies
from syncd.db import Database
from syncd.identity import ChannelName, ListingKey
from syncd.listing.store import read_listings
from syncd.orders.store import read_cursor
from syncd.push.store import read_hold, read_states
from syncd.why.explanation import Explanation


async def explain(
    db: Database, policies: Policies, key: ListingKey, *, modes: Mapping[ChannelName, str], now: datetime
) -> Explanation | None:
    """Why a listing shows what it shows, or None if there is no such listing. `modes`: observe or live, by channel."""
    async with db.read() as conn:
        listing = (await read_listings(conn, keys=[key])).get(key)
        if listing is None:
            return None
        supplies = await read_supplies(conn, sorted(listing.skus), policies.suppliers, now)
        state = (await read_states(conn, keys=[key])).get(key)
        hold = await read_hold(conn, key.channel)
        cursor = await read_cursor(conn, key.channel)
    channel = policies.channels.get(key.channel)
    if channel is None:
        derivation = Derivation((), None, f"channel {key.channel} is not configured")
    else:
        derivation = derive(listing, supplies, channel, policies.availability)
    return Explanation(
        listing,
        derivation,
        state,
        mode=modes.get(key.channel, ""),
        held=hold.reason if hold else "",
        orders_complete_until=cursor.watermark_at if cursor else None,
        explained_at=now,
    )

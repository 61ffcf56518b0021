"""Reads everything that explains one listing, as of now or then, from one consistent state of the store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from syncd.availability.ats import Policies, derive
from syncd.availability.derivation import Derivation
from syncd.availability.store import read_supplies
from syncd.db import Database
from syncd.history.history import Order
from syncd.history.store import read_balances_at
from syncd.identity import ChannelName, ListingKey
from syncd.journal.entry import Step
from syncd.journal.store import begins_at, read_step, read_steps
from syncd.ledger.balance import stock_levels
from syncd.listing.store import read_listings
from syncd.orders.store import read_cursor
from syncd.push.store import read_hold, read_states
from syncd.why.explanation import Explanation
from syncd.why.memory import Memory

RECALLED = (Step.TARGET, Step.SENT, Step.ACKNOWLEDGED, Step.READ_BACK)


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
        steps = await read_steps(conn, key, None)
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
        steps=steps,
    )


async def recall(db: Database, key: ListingKey, at: datetime) -> Memory | None:
    """Why a listing showed what it showed at a moment, or None if there is no such listing."""
    async with db.read() as conn:
        listing = (await read_listings(conn, keys=[key])).get(key)
        if listing is None:
            return None
        last = {step: await read_step(conn, key, step, at) for step in RECALLED}
        balances = await read_balances_at(conn, at, Order.RECORDED, sorted(listing.skus))
        return Memory(
            key,
            listing.title,
            at,
            target=last[Step.TARGET],
            sent=last[Step.SENT],
            acknowledged=last[Step.ACKNOWLEDGED],
            read_back=last[Step.READ_BACK],
            steps=await read_steps(conn, key, at),
            books=stock_levels(balances),
            journal_begins_at=await begins_at(conn),
        )

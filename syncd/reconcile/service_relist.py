"""Asks a person to relist what a channel ended for want of stock, once there is stock again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close, open_subjects
from syncd.channel.port import ListingStatus
from syncd.db import Database
from syncd.identity import ChannelName
from syncd.ledger.movement import State
from syncd.ledger.service import Writer
from syncd.ledger.store import read_balances
from syncd.listing.listing import Listing
from syncd.listing.store import read_listings
from syncd.push.store import read_states
from syncd.reconcile.plan import to_relist


async def ask_to_relist(
    db: Database, writer: Writer, name: ChannelName, locations: Sequence[str], now: datetime
) -> None:
    """Ask about each such listing of a channel; a question that has settled is closed."""
    async with db.read_at_length() as conn:
        known = await read_listings(conn, channel=name)
        ended = [key for key, one in known.items() if one.status is ListingStatus.ENDED]
        states = await read_states(conn, keys=ended)
        skus = sorted({sku for key in ended for sku in known[key].skus})
        balances = await read_balances(conn, skus)
        asked = await open_subjects(conn, Topic.ENDED_LISTING)
    free = {
        sku: sum(units for place, units in balances.by_location(sku, State.AVAILABLE).items() if place in locations)
        for sku in skus
    }
    due = to_relist(known, {key: one.acknowledged for key, one in states.items()}, free)
    subjects = {str(key) for key in due}
    mine = {subject for subject in asked if subject.startswith(f"{name}:")}
    writes = [close(Topic.ENDED_LISTING, subject, now) for subject in sorted(mine - subjects)]
    writes += [
        ask(Question(Topic.ENDED_LISTING, str(key), _sentence(one), now))
        for key, one in due.items()
        if str(key) not in asked
    ]
    if writes:
        await writer.write(*writes)


def _sentence(listing: Listing) -> str:
    return (
        f"{listing.key} ({listing.title}) ended when it was set to 0, and its stock is back: relist it on the channel; "
        "the new listing is found and linked by its SKU"
    )

"""The command that shows every listing: what it should show, what it must be showing, and why those may differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy import select

from syncd.availability.ats import derive
from syncd.availability.store import read_supplies
from syncd.channel.port import ListingStatus
from syncd.cli.age import ago
from syncd.cli.options import Common, command
from syncd.cli.screen import BAD, GOOD, LOOK, answer, data, say, table
from syncd.cli.session import Session, in_session
from syncd.identity import Sku
from syncd.ledger.store import touched
from syncd.listing.listing import Listing
from syncd.listing.store import read_listings
from syncd.push.plan import PushState
from syncd.push.store import read_states

STYLES = {"parked": BAD, "pending": LOOK, "unlinked": LOOK, "not configured": LOOK}


@dataclass(frozen=True)
class Standing:
    """One listing, and how it stands: in sync, pending, parked, unlinked, ended, observe or not configured."""

    listing: Listing
    push: PushState | None
    target: int | None
    state: str

    @property
    def said(self) -> str:
        """The state, with the reason where it has one."""
        return f"{self.state}: {self.push.parked}" if self.push and self.state == "parked" else self.state


def register(app: typer.Typer) -> None:
    """Add this command."""
    command(app, "listings")(listings)


def listings(
    common: Common,
    channel: Annotated[str | None, typer.Option("--channel", help="Only this channel's.")] = None,
) -> None:
    """Show every listing: its target, what it must be showing, what was last accepted, and how it stands.

    JSON: {"listings": [{"listing", "channel", "listing_id", "title", "components": [{"sku", "units"}], "target",
    "shown", "sent", "acknowledged", "acknowledged_at", "state", "parked"}]}; state is one of in sync,
    pending, parked, unlinked, ended, observe, not configured.
    """
    standings, now = in_session(common.path, lambda session: _read(session, channel))
    if common.as_json:
        data({"listings": [_shape(one) for one in standings]})
    else:
        _show(standings, now)


async def _read(session: Session, channel: str | None) -> tuple[list[Standing], datetime]:
    policies, now = session.policies, session.clock.now()
    wanted = session.channel(channel).name if channel else None
    async with session.db.read() as conn:
        found = await read_listings(conn, channel=wanted)
        skus = sorted({sku for listing in found.values() for sku in listing.skus})
        supplies = await read_supplies(conn, skus, policies.suppliers, now)
        states = await read_states(conn, channel=wanted)
        marked = frozenset((await conn.execute(select(touched.c.sku).where(touched.c.dirty))).scalars())
    standings: list[Standing] = []
    for key, listing in found.items():
        policy, push = policies.channels.get(key.channel), states.get(key)
        target = derive(listing, supplies, policy, policies.availability).target if policy else None
        standings.append(Standing(listing, push, target, _state(session, listing, push, target, marked)))
    return standings, now


def _state(
    session: Session, listing: Listing, push: PushState | None, target: int | None, marked: frozenset[Sku]
) -> str:
    config = session.config.channels.get(listing.key.channel)
    if listing.status is ListingStatus.ENDED:
        return "ended"
    if config is None:
        return "not configured"
    if not listing.is_linked:
        return "unlinked"
    if push is not None and push.parked:
        return "parked"
    if config.options.mode == "observe":
        return "observe"
    waits = (push is not None and push.pending) or bool(listing.skus & marked)
    return "pending" if waits or target != listing.belief.expected else "in sync"


def _shape(one: Standing) -> dict[str, Any]:
    listing, push = one.listing, one.push
    return {
        "listing": str(listing.key),
        "channel": listing.key.channel,
        "listing_id": listing.key.listing_id,
        "title": listing.title,
        "components": [{"sku": part.sku, "units": part.units} for part in listing.components],
        "target": one.target,
        "shown": listing.belief.expected,
        "sent": push.sent if push else None,
        "acknowledged": push.acknowledged if push else None,
        "acknowledged_at": push.acknowledged_at if push else None,
        "state": one.state,
        "parked": push.parked if push else "",
    }


def holds(listing: Listing) -> str:
    """The SKUs of a listing as they are typed: SKU, or SKU:UNITS for packs, several for a bundle."""
    return " ".join(f"{one.sku}:{one.units}" if one.units > 1 else one.sku for one in listing.components)


def _show(standings: list[Standing], now: datetime) -> None:
    counts = Counter(one.state for one in standings)
    said = ", ".join(f"{count} {state}" for state, count in counts.most_common())
    worst = next((style for state, style in STYLES.items() if counts[state]), GOOD)
    if not standings:
        answer("No listing is known yet; the daemon reads them from each channel.", LOOK)
        return
    answer(f"{len(standings)} listings: {said}.", worst)
    rows = [
        (
            *(str(one.listing.key), holds(one.listing) or "–", one.target),
            "unknown" if one.listing.belief.expected is None else one.listing.belief.expected,
            one.push.acknowledged if one.push else None,
            ago(one.push.acknowledged_at, now) if one.push else "never",
            one.said,
        )
        for one in standings
    ]
    table(["Listing", "SKU", ">Target", ">Shown", ">Accepted", "When", "State"], rows)
    if counts["unlinked"]:
        say("unlinked: say what one sells with: syncd link LISTING SKU")
    if counts["parked"]:
        say("parked: takes no numbers until mended; then: syncd unpark LISTING")

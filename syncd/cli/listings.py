"""The command that shows every listing: what it should show, what it must be showing, and why those may differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy import select

from syncd.availability.ats import derive
from syncd.availability.store import read_supplies
from syncd.cli.age import ago
from syncd.cli.options import Common, command
from syncd.cli.screen import BAD, LOOK, answer, counted, data, say, table
from syncd.cli.session import Session, in_session
from syncd.http import shape
from syncd.identity import Sku
from syncd.ledger.store import touched
from syncd.listing.listing import Listing
from syncd.listing.store import read_listings
from syncd.push.plan import PushState
from syncd.push.store import read_states
from syncd.why.standing import Standing, standing

STYLES = {"parked": BAD, "pending": LOOK, "unlinked": LOOK, "not configured": LOOK}


@dataclass(frozen=True)
class Line:
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

    JSON: [{"listing", "sku", "target", "state", …}, …], each as the API's listings; state is one of in sync, pending,
    parked, unlinked, ended, observe, not configured.
    """
    lines, now = in_session(common.path, lambda session: _read(session, channel))
    if common.as_json:
        data([_shape(one) for one in lines])
    else:
        _show(lines, now)


async def _read(session: Session, channel: str | None) -> tuple[list[Line], datetime]:
    policies, now = session.policies, session.clock.now()
    wanted = session.channel(channel).name if channel else None
    async with session.db.read() as conn:
        found = await read_listings(conn, channel=wanted)
        skus = sorted({sku for listing in found.values() for sku in listing.skus})
        supplies = await read_supplies(conn, skus, policies.suppliers, now)
        states = await read_states(conn, channel=wanted)
        marked = frozenset((await conn.execute(select(touched.c.sku).where(touched.c.dirty))).scalars())
    lines: list[Line] = []
    for key, listing in found.items():
        policy, push = policies.channels.get(key.channel), states.get(key)
        target = derive(listing, supplies, policy, policies.availability).target if policy else None
        current = replace(push, target=target) if push else None
        lines.append(Line(listing, push, target, _state(session, listing, current, marked)))
    return lines, now


def _state(session: Session, listing: Listing, push: PushState | None, marked: frozenset[Sku]) -> str:
    """As the API says it, told apart further by what syncd.toml says of the channel."""
    config = session.config.channels.get(listing.key.channel)
    if push is not None and listing.skus & marked:
        push = replace(push, pending=True)
    state = standing(listing, push)
    if state in (Standing.ENDED, Standing.UNLINKED):
        return state.value
    if config is None:
        return "not configured"
    return state.value if state is Standing.PARKED or config.options.mode == "live" else "observe"


def _shape(one: Line) -> dict[str, Any]:
    return {
        **shape.listing(one.listing, one.push),
        "sku": holds(one.listing),
        "target": one.target,
        "state": one.state,
    }


def holds(listing: Listing) -> str:
    """The SKUs of a listing as they are typed: SKU, or SKU:UNITS for packs, several for a bundle."""
    return " ".join(f"{one.sku}:{one.units}" if one.units > 1 else one.sku for one in listing.components)


def _show(lines: list[Line], now: datetime) -> None:
    counts = Counter(one.state for one in lines)
    said = ", ".join(f"{count} {state}" for state, count in counts.most_common())
    worst = next((style for state, style in STYLES.items() if counts[state]), "")
    if not lines:
        answer("No listing is known yet; the daemon reads them from each channel.", LOOK)
        return
    answer(f"{counted(len(lines), 'listing')}: {said}.", worst)
    rows = [
        (
            *(str(one.listing.key), holds(one.listing) or "–", one.target),
            "unknown" if one.listing.belief.expected is None else one.listing.belief.expected,
            one.push.acknowledged if one.push else None,
            ago(one.push.acknowledged_at, now) if one.push else "never",
            one.said,
        )
        for one in lines
    ]
    table(["Listing", "SKU", ">Target", ">Shown", ">Accepted", "When", "State"], rows)
    if counts["unlinked"]:
        say("unlinked: say what one sells with: syncd link LISTING SKU")
    if counts["parked"]:
        say("parked: takes no numbers until mended; then: syncd unpark LISTING")

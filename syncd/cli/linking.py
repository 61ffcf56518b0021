"""Commands that decide about one listing: link, unlink, enforce, unpark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close
from syncd.cli.options import Common, command
from syncd.cli.screen import GOOD, answer, data, say
from syncd.cli.session import Session, in_session
from syncd.errors import OperatorError
from syncd.ledger.store import Command, Plan, View
from syncd.listing.listing import Component, Listing
from syncd.listing.store import belief_of, believe, select_listing
from syncd.listing.store import link as write_link
from syncd.push.store import read_states
from syncd.push.store import unpark as write_unpark

ListingArgument = Annotated[
    str, typer.Argument(metavar="LISTING", help="CHANNEL:LISTING_ID, as `syncd listings` shows it.")
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    command(app, "link")(link)
    command(app, "unlink")(unlink)
    command(app, "enforce")(enforce)
    command(app, "unpark")(unpark)


def _done(common: Common, listing: Listing, sentence: str, note: str = "") -> None:
    if common.as_json:
        components = [{"sku": one.sku, "units": one.units} for one in listing.components]
        data({"listing": str(listing.key), "components": components, "sentence": sentence, "note": note})
        return
    answer(sentence, GOOD)
    if note:
        say(note)


def link(
    listing: ListingArgument,
    skus: Annotated[
        list[str], typer.Argument(metavar="SKU[:UNITS]...", help="What one unit of it takes off the shelf.")
    ],
    common: Common,
) -> None:
    """Say what a listing sells: a SKU, a pack (SKU:6), or several SKUs for a bundle. Replaces what was said before.

    JSON: {"listing", "components": [{"sku", "units"}], "sentence", "note"}
    """

    async def work(session: Session) -> Listing:
        found = await session.listing(listing)
        components = [await _component(session, text) for text in skus]
        if len({one.sku for one in components}) < len(components):
            raise OperatorError("a SKU is named twice; write its units behind a colon, e.g. GLOVE-X:2")
        return await _relink(session, found, components)

    now_linked = in_session(common.path, work)
    said = ", ".join(f"{one.units} × {one.sku}" for one in now_linked.components)
    _done(common, now_linked, f"{now_linked.key} sells {said}.", "Its waiting orders are taken in by the daemon.")


def unlink(listing: ListingArgument, common: Common) -> None:
    """Forget what a listing sells: nothing is pushed to it, and its orders are kept and asked about.

    JSON: as for link.
    """

    async def work(session: Session) -> Listing:
        found = await session.listing(listing)
        if not found.is_linked:
            raise OperatorError(f"{found.key} is linked to nothing")
        return await _relink(session, found, [])

    gone = in_session(common.path, work)
    again = f"As long as it carries SKU {gone.sku_on_channel} on the channel, the next sweep may link it again."
    _done(common, gone, f"{gone.key} is linked to nothing now.", again if gone.sku_on_channel else "")


async def _component(session: Session, text: str) -> Component:
    name, colon, units = text.rpartition(":")
    if colon and units.isascii() and units.isdigit():
        if not 1 <= int(units[:9]) <= 100_000:
            raise OperatorError(f"{text}: a listing holds 1 to 100000 units of a SKU")
        return Component(await session.sku(name), int(units))
    return Component(await session.sku(text))


async def _relink(session: Session, listing: Listing, components: Sequence[Component]) -> Listing:
    key = listing.key
    changed = replace(listing, components=tuple(components))

    def decide(view: View) -> Plan[None]:
        in_flight = belief_of(view.rows[0][0]).in_flight
        if in_flight:
            waits = f"{key} has sold {in_flight} whose order is not in yet; wait for it, then type this again"
            return Plan(None, refusal=waits)
        advice = f"{key} ({listing.title}) was unlinked by hand; say what it sells with: syncd link {key} SKU"
        topic, subject = Topic.UNLINKED_LISTING, str(key)
        asked = close(topic, subject, view.now) if components else ask(Question(topic, subject, advice, view.now))
        return Plan(None, writes=(*write_link(key, components), asked), marks=listing.skus | changed.skus)

    outcome = await session.submit(Command(decide, reads=(select_listing(key),)))
    if outcome.explanation:
        raise OperatorError(outcome.explanation)
    return changed


def enforce(listing: ListingArgument, common: Common) -> None:
    """Put our number back on a listing that was edited on the channel by hand.

    JSON: as for link.
    """

    async def work(session: Session) -> tuple[Listing, str]:
        found = await session.listing(listing)
        if not found.is_linked:
            raise OperatorError(f"{found.key} is linked to nothing; say what it sells with: syncd link {found.key} SKU")

        def decide(view: View) -> Plan[None]:
            belief = replace(belief_of(view.rows[0][0]), disagreed_at=None, drift=0)
            writes = (believe(found.key, belief), close(Topic.DRIFT, str(found.key), view.now))
            return Plan(None, writes=writes, marks=found.skus)

        await session.submit(Command(decide, reads=(select_listing(found.key),)))
        return found, _mode(session, found)

    found, mode = in_session(common.path, work)
    _done(
        common,
        found,
        f"{found.key} will show our number again{_once_live(mode)}.",
        f"Follow it with: syncd stock why {found.key}",
    )


def unpark(listing: ListingArgument, common: Common) -> None:
    """Push to a parked listing again, once what was wrong with it is mended.

    JSON: as for link.
    """

    async def work(session: Session) -> tuple[Listing, str]:
        found = await session.listing(listing)
        async with session.db.read() as conn:
            state = (await read_states(conn, keys=[found.key])).get(found.key)
        if state is None or not state.parked:
            raise OperatorError(f"{found.key} is not parked")

        def decide(view: View) -> Plan[None]:
            writes = (write_unpark(found.key), close(Topic.PARKED_LISTING, str(found.key), view.now))
            return Plan(None, writes=writes, marks=found.skus)

        await session.submit(Command(decide))
        return found, _mode(session, found)

    found, mode = in_session(common.path, work)
    _done(
        common,
        found,
        f"{found.key} is read again, and gets our number if it takes one{_once_live(mode)}.",
        f"Follow it with: syncd stock why {found.key}",
    )


def _mode(session: Session, listing: Listing) -> str:
    """The mode of its channel, or nothing where the channel is not configured any more."""
    channel = session.config.channels.get(listing.key.channel)
    return channel.options.mode if channel else ""


def _once_live(mode: str) -> str:
    """What a sentence about pushing adds where nothing is pushed."""
    if mode == "live":
        return ""
    return f" once its channel is live; it is on {mode}" if mode else " once its channel is configured"

"""The report a merchant reads before a channel goes live, and whenever he wants to know how the channels stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

from syncd.cli.listings import holds
from syncd.cli.options import Common, command
from syncd.cli.screen import BAD, GOOD, LOOK, answer, counted, data, fail, say, table, waiting
from syncd.cli.session import Session, in_session
from syncd.http.shape import moment
from syncd.listing.listing import Listing
from syncd.push.plan import PushConfig
from syncd.reconcile.plan import ReconcileConfig
from syncd.reconcile.report import Change, ChannelReport
from syncd.reconcile.service_report import Report, ReportRules
from syncd.reconcile.service_report import report as read_report

SHOWN_MAX = 10
"""Listings named for each finding, unless all are asked for."""


def register(app: typer.Typer) -> None:
    """Add this command."""
    command(app, "report")(report)


def report(
    common: Common,
    channel: Annotated[str | None, typer.Option("--channel", help="Only this channel.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Name every listing, however many.")] = False,
) -> None:
    """Say how the channels stand and what would change when they go live; exit code 1 if something waits for you.

    JSON: {"asks", "made_at", "nowhere": [SKU], "races": [{"channel", "race", "cases", "units"}], "channels":
    [{"channel", "mode", "held", "braked", "asks", "linked", "in_sync", "unread", "ended", "unlinked", "unmanaged",
    "twins", "not_offered", "raised", "lowered", "zeroed", "oversold", "parked", "drifted"}]}
    """

    async def work(session: Session) -> Report:
        chosen = session.channel(channel).name if channel else None
        modes = {name: one.options.mode for name, one in session.config.channels.items()}
        intended = session.config.room(ReconcileConfig).twins_intended
        rules = ReportRules(session.policies, modes, session.config.room(PushConfig), intended)
        made = await read_report(session.db, rules, session.clock.now())
        if chosen is None:
            return made
        kept = tuple(one for one in made.channels if one.channel == chosen)
        races = tuple(one for one in made.races if one.channel == chosen)
        return Report(kept, made.nowhere, races, made.made_at)

    with waiting("reading every listing"):
        made = in_session(common.path, work)
    if common.as_json:
        data(_shape(made))
    else:
        _show(made, None if everything else SHOWN_MAX)
    if made.asks:
        fail()


def _shape(made: Report) -> dict[str, Any]:
    return {
        "asks": made.asks,
        "made_at": moment(made.made_at),
        "nowhere": list(made.nowhere),
        "races": [
            {"channel": one.channel, "race": one.race, "cases": one.cases, "units": one.units} for one in made.races
        ],
        "channels": [_channel_shape(one) for one in made.channels],
    }


def _channel_shape(one: ChannelReport) -> dict[str, Any]:
    return {
        "channel": one.channel,
        "mode": one.mode,
        "held": one.held,
        "braked": one.braked,
        "asks": one.asks,
        "linked": one.linked,
        "in_sync": one.in_sync,
        "unread": one.unread,
        "ended": one.ended,
        "unlinked": [_listing_shape(found) for found in one.unlinked],
        "unmanaged": [_listing_shape(found) for found in one.unmanaged],
        "twins": [{"sells": twin.sells, "listings": [str(key) for key in twin.keys]} for twin in one.twins],
        "not_offered": list(one.not_offered),
        **{
            name: [_change_shape(x) for x in getattr(one, name)] for name in ("raised", "lowered", "zeroed", "oversold")
        },
        "parked": [{"listing": str(found.key), "why": why} for found, why in one.parked],
        "drifted": [{"listing": str(found.key), "quantity": found.belief.drift} for found in one.drifted],
    }


def _listing_shape(one: Listing) -> dict[str, Any]:
    return {"listing": str(one.key), "title": one.title, "sku_on_channel": one.sku_on_channel}


def _change_shape(one: Change) -> dict[str, Any]:
    return {
        "listing": str(one.listing.key),
        "title": one.listing.title,
        "shown": one.shown,
        "target": one.target,
        "there": one.there,
    }


HEADS = (
    *("Channel", "Mode", ">Linked", ">In sync", ">Unlinked", ">Ended", ">Twice", ">Raise", ">Lower", ">To 0"),
    *(">Oversold", ">Parked"),
)


def _show(made: Report, limit: int | None) -> None:
    total = sum(len(one.raised) + len(one.lowered) + len(one.zeroed) for one in made.channels)
    oversold = sum(len(one.oversold) for one in made.channels)
    if not made.channels:
        answer("No channel is configured.", LOOK)
        return
    said = f"{counted(len(made.channels), 'channel')}: {counted(total, 'number')} would change"
    answer(f"{said}, {oversold} of them oversold now.", BAD if oversold else LOOK if made.asks else GOOD)
    table(HEADS, [_row(one) for one in made.channels])
    for one in made.channels:
        _show_channel(one, limit)
    if made.nowhere:
        say(f"\n{counted(len(made.nowhere), 'SKU')} with stock that no channel offers: {_names(made.nowhere, limit)}.")
    for race in made.races:
        say(f"{race.channel}: {counted(race.cases, 'push')} overwrote {race.units} sold ({race.race}), all put right.")


def _row(one: ChannelReport) -> tuple[str | int, ...]:
    counts = (one.unlinked, (), one.twins, one.raised, one.lowered, one.zeroed, one.oversold, one.parked)
    found = [len(each) for each in counts]
    found[1] = one.ended
    return (one.channel, one.mode, one.linked, one.in_sync, *found)


def _show_channel(one: ChannelReport, limit: int | None) -> None:
    name = one.channel
    if not (one.linked or one.unlinked):
        say(f"\n{name}: no listing is known yet; the daemon reads them: syncd run", LOOK)
        return
    _listed(f"{name}: customers can buy what is not there", one.oversold, limit, BAD)
    _named(f"{name}: linked to no SKU, so nothing is pushed; type: syncd link LISTING SKU", one.unlinked, limit)
    _named(f"{name}: no stock number is kept for these; switch stock management on there", one.unmanaged, limit)
    for twin in one.twins[:limit]:
        same = ", ".join(str(key) for key in twin.keys)
        say(f"\n{name}: {same} sell the same ({twin.sells}): end all but one, or name it in twins_intended", LOOK)
    for found, why in one.parked[:limit]:
        say(f"\n{found.key} takes no numbers: {why}; mend it, then type: syncd unpark {found.key}", LOOK)
    for found in one.drifted[:limit]:
        word = "more" if found.belief.drift > 0 else "fewer"
        say(
            f"\n{found.key} shows {abs(found.belief.drift)} {word} than it had to; see: syncd stock why {found.key}",
            LOOK,
        )
    if one.unread:
        say(f"\n{name}: {counted(one.unread, 'listing')} not read yet")
    if one.held:
        say(f"\n{name} is held: {one.held}. Agree with: syncd release {name}", BAD)
    say(f"\n{_next(one)}", GOOD if not one.asks else "")


def _next(one: ChannelReport) -> str:
    """What to do next, in one sentence."""
    name = one.channel
    changes = len(one.raised) + len(one.lowered) + len(one.zeroed)
    held = f"; the first run will hold and ask ({one.braked}): syncd release {name}" if one.braked else ""
    if one.mode == "live":
        return f"{name} is live: {counted(changes, 'number')} on the way{held}; look with: syncd plan {name}"
    if one.unlinked or one.twins:
        return f"{name}: link what can be linked first; then look at: syncd plan {name}"
    return f'{name}: look at syncd plan {name}; if you agree, write mode = "live" below [channel.{name}]{held}'


def _listed(heading: str, changes: Sequence[Change], limit: int | None, style: str) -> None:
    if changes:
        say(f"\n{heading}:", style)
        rows = [
            (str(x.listing.key), x.listing.title, holds(x.listing), x.shown, x.there, x.target) for x in changes[:limit]
        ]
        table(["Listing", "Title…", "SKU", ">Shown", ">There", ">Target"], rows)
        _rest(len(changes), limit)


def _named(heading: str, listings: Sequence[Listing], limit: int | None) -> None:
    if listings:
        say(f"\n{heading}:", LOOK)
        rows = [(str(x.key), x.title, x.sku_on_channel or "none") for x in listings[:limit]]
        table(["Listing", "Title…", "SKU on the channel"], rows)
        _rest(len(listings), limit)


def _rest(number: int, limit: int | None) -> None:
    if limit is not None and number > limit:
        say(f"… and {number - limit} more; name them all with --all")


def _names(names: Iterable[str], limit: int | None) -> str:
    every = list(names)
    shown = ", ".join(every[:limit])
    return shown if limit is None or len(every) <= limit else f"{shown} and {len(every) - limit} more"

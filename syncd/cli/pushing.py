"""Commands about what goes to a channel: plan shows what would be pushed and why, release lets a held channel go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from syncd.attention.question import Topic
from syncd.attention.store import close
from syncd.channel.service import ChannelLine
from syncd.cli.options import Common, command
from syncd.cli.screen import BAD, GOOD, LOOK, answer, counted, data, say, table
from syncd.cli.session import Session, in_session
from syncd.config.sections import ChannelConfig
from syncd.errors import OperatorError
from syncd.listing.store import read_listings
from syncd.push.plan import Hold, Move, PushConfig, PushState, brake, changes
from syncd.push.run import Decision
from syncd.push.service import Pusher
from syncd.push.store import read_hold, read_states, release_channel


@dataclass(frozen=True)
class ChannelPlan:
    """What would be done for a channel now. `braked`: why such a run would be held, or None."""

    channel: ChannelConfig
    decisions: Sequence[Decision]
    hold: Hold | None
    braked: str | None

    @property
    def held(self) -> str:
        """Why nothing is pushed at all, or ''."""
        return self.hold.reason if self.hold else ""

    def having(self, *moves: Move) -> list[Decision]:
        """The decisions with these moves, most urgent first."""
        found = [one for one in self.decisions if one.intent.move in moves]
        return sorted(found, key=lambda one: (one.intent.move, one.intent.order))


def register(app: typer.Typer) -> None:
    """Add these commands."""
    command(app, "plan")(plan)
    command(app, "release")(release)


def plan(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL")],
    common: Common,
    everything: Annotated[bool, typer.Option("--all", help="Also the listings nothing would be done about.")] = False,
) -> None:
    """Show what would be pushed to a channel now, and why; nothing is sent, in observe mode or not.

    JSON: {"channel", "mode", "held", "braked", "intents": [{"listing", "title", "move", "quantity", "shown", "why"}]};
    move is send, read, wait or nothing.
    """
    planned = in_session(common.path, lambda session: _plan(session, channel))
    moves = tuple(Move) if everything else (Move.SEND, Move.READ, Move.WAIT)
    chosen = planned.having(*moves)
    if common.as_json:
        data(
            {
                "channel": planned.channel.name,
                "mode": planned.channel.options.mode,
                "held": planned.held,
                "braked": planned.braked,
                "intents": [_shape(one) for one in chosen],
            }
        )
    else:
        _show(planned, chosen)


async def _plan(session: Session, name: str) -> ChannelPlan:
    channel, clock = session.channel(name), session.clock
    connected = channel.connect(clock)
    rules = session.config.room(PushConfig)
    try:
        line = ChannelLine(channel.name, connected, clock)
        pusher = Pusher(session.db, session.writer, line, policies=session.policies, config=rules, clock=clock)
        async with session.db.read() as conn:
            listings = await read_listings(conn, channel=channel.name)
            known = await read_states(conn, channel=channel.name)
            hold = await read_hold(conn, channel.name)
        states = [known.get(key, PushState(key, pending=False)) for key in listings]
        decisions = await pusher.plan(clock.now(), states)
    finally:
        await connected.aclose()
    return ChannelPlan(
        channel, decisions, hold, brake(changes([one.intent for one in decisions]), len(listings), rules)
    )


def _shape(one: Decision) -> dict[str, Any]:
    intent = one.intent
    return {
        "listing": str(intent.key),
        "title": one.listing.title,
        "move": intent.move.value,
        "quantity": one.derivation.target,
        "shown": intent.expected,
        "why": intent.why,
    }


def _show(planned: ChannelPlan, chosen: Sequence[Decision]) -> None:
    name, counts = planned.channel.name, {move: len(planned.having(move)) for move in Move}
    parts = [
        f"{counted(counts[Move.SEND], 'number')} to send",
        f"{counted(counts[Move.READ], 'listing')} to read first",
    ]
    parts.append(f"{counts[Move.WAIT]} waiting")
    answer(f"{name}: {', '.join(parts)}, {counts[Move.NOTHING]} with nothing to do.")
    if planned.channel.options.mode == "observe":
        say(f'{name} is observed: none of this is sent until its section says mode = "live".', LOOK)
    if planned.held:
        say(f"{name} is held: {planned.held}. Agree with: syncd release {name}", BAD)
    elif planned.braked:
        say(f"It would be held to ask first: {planned.braked}.", LOOK)
    if chosen:
        rows = [
            (
                *(str(one.intent.key), one.listing.title),
                "unknown" if one.intent.expected is None else one.intent.expected,
                *(one.derivation.target, one.intent.move.value, one.intent.why),
            )
            for one in chosen
        ]
        table(["Listing", "Title…", ">Shown", ">Target", "Then", "Why"], rows)


def release(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL")],
    common: Common,
    minutes: Annotated[int, typer.Option("--minutes", min=1, max=1440, help="How long the brake lets runs pass.")] = 10,
) -> None:
    """Let a held channel go on: after looking at its plan, or after renewing its credentials.

    JSON: {"channel", "was_held", "released_until"}
    """

    async def work(session: Session) -> tuple[str, datetime]:
        name, now = session.channel(channel).name, session.clock.now()
        async with session.db.read() as conn:
            hold = await read_hold(conn, name)
        if hold is None or not hold.reason:
            raise OperatorError(f"{name} is not held")
        until = now + timedelta(minutes=minutes)
        closing = (close(Topic.BRAKE, name, now), close(Topic.CHANNEL_PAUSED, name, now))
        await session.writer.write(release_channel(name, until), *closing)
        return hold.reason, until

    reason, until = in_session(common.path, work)
    if common.as_json:
        data({"channel": channel, "was_held": reason, "released_until": until})
        return
    answer(f"{channel} goes on; for {minutes} min the brake lets everything pass.", GOOD)
    say(f"It was held because: {reason}")

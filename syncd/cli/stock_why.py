"""The command that answers "why does it show that?": the receipt behind the number, then how far it has come."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from syncd.cli.age import ago
from syncd.cli.options import Common, command
from syncd.cli.screen import Cell, answer, data, say, table
from syncd.cli.session import Session, in_session
from syncd.http import shape
from syncd.push.plan import PushState
from syncd.why.explanation import Explanation
from syncd.why.service import explain

STAGES = ("target", "sent", "acknowledged", "read_back")


def register(group: typer.Typer) -> None:
    """Add this command to `stock`."""
    command(group, "why")(why)


def why(
    listing: Annotated[
        str, typer.Argument(metavar="LISTING", help="CHANNEL:LISTING_ID, as `syncd listings` shows it.")
    ],
    common: Common,
) -> None:
    """Say why a listing shows what it shows: every term with its source and age, then sent, acknowledged, read back.

    JSON: as the API tells it: {"sentence", "mode", "held", "orders_complete_until", "listing", "belief", "derivation":
    {"target", "why_not", "terms": [{"name", "value", "source", "as_of"}]}, "explained_at"}
    """

    async def work(session: Session) -> Explanation:
        found = await session.listing(listing)
        modes = {name: channel.options.mode for name, channel in session.config.channels.items()}
        key, now = found.key, session.clock.now()
        explained = await explain(session.db, session.policies, key, modes=modes, now=now)
        if explained is None:
            raise LookupError(f"{key} was there a moment ago")
        return explained

    explanation = in_session(common.path, work)
    if common.as_json:
        data(shape.explanation(explanation))
    else:
        _show(explanation)


def _stages(push: PushState | None) -> dict[str, tuple[int | None, datetime | None]]:
    return {stage: (getattr(push, stage), getattr(push, f"{stage}_at")) if push else (None, None) for stage in STAGES}


def _show(e: Explanation) -> None:
    now = e.explained_at
    answer(e.sentence + ".")
    say(f"{e.listing.title}\n")
    if e.derivation.target is not None:
        rows: list[tuple[Cell, ...]] = [
            (term.name, term.value, term.source, ago(term.as_of, now) if term.as_of else "")
            for term in e.derivation.terms
        ]
        rows.append(("should show", e.derivation.target, "never below 0", ""))
        table(["What it comes from", ">Units", "Source", "As of"], rows)
        say()
    stages: list[tuple[Cell, ...]] = [
        (name.replace("_", " "), n, ago(at, now)) for name, (n, at) in _stages(e.push).items()
    ]
    belief = e.listing.belief
    stages.append(
        ("must be showing", "unknown" if belief.expected is None else belief.expected, ago(belief.shown_at, now))
    )
    table(["How far it has come", ">Units", "When"], stages)
    complete = e.orders_complete_until
    say(f"\nOrders are known up to {ago(complete, now)}." if complete else "\nNo order list was read yet.")

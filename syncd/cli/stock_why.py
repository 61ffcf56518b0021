"""The command that answers "why does it show that?": the receipt behind the number, then how far it has come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from syncd.availability.derivation import Derivation
from syncd.cli.age import ago
from syncd.cli.levels import HEADS, level_cells
from syncd.cli.moment import PastMoment
from syncd.cli.options import Common, command
from syncd.cli.screen import Cell, answer, data, say, table
from syncd.cli.session import Session, in_session
from syncd.http import shape
from syncd.journal.entry import Entry, Step
from syncd.push.plan import PushState
from syncd.why.explanation import Explanation
from syncd.why.memory import Memory
from syncd.why.service import explain, recall

STAGES = ("target", "sent", "acknowledged", "read_back")


def register(group: typer.Typer) -> None:
    """Add this command to `stock`."""
    command(group, "why")(why)


def why(
    listing: Annotated[
        str, typer.Argument(metavar="LISTING", help="CHANNEL:LISTING_ID, as `syncd listings` shows it.")
    ],
    common: Common,
    past: PastMoment,
) -> None:
    """Say why a listing shows what it shows: every term with its source and age, then sent, acknowledged, read back.

    With --at, as it was at that moment, as far as the journal goes back.

    JSON: as the API tells it: {"sentence", "mode", "held", "orders_complete_until", "listing", "belief", "derivation":
    {"target", "why_not", "terms": [{"name", "value", "source", "as_of"}]}, "steps": [{"at", "step", "quantity",
    "detail"}], "explained_at"}; with --at: {"sentence", "listing", "title", "at", "journal_begins_at", "target",
    "sent", "acknowledged", "read_back", "derivation", "steps", "books"}
    """
    at = past.moment
    if at is not None:
        _recall(listing, at, common)
        return

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


def _recall(listing: str, at: datetime, common: Common) -> None:
    async def work(session: Session) -> Memory:
        found = await session.listing(listing)
        recalled = await recall(session.db, found.key, at)
        if recalled is None:
            raise LookupError(f"{found.key} was there a moment ago")
        return recalled

    memory = in_session(common.path, work)
    if common.as_json:
        data(shape.memory(memory))
    else:
        _show_memory(memory)


def _show_memory(m: Memory) -> None:
    answer(m.sentence + ".")
    say(f"{m.title}\n")
    if m.derivation is not None and m.target is not None:
        _show_receipt(m.derivation, m.at, "should have shown")
    last = (("target", m.target), ("sent", m.sent), ("acknowledged", m.acknowledged), ("read back", m.read_back))
    rows: list[tuple[Cell, ...]] = [
        (name, one.quantity if one else None, ago(one.at, m.at) if one else "not remembered") for name, one in last
    ]
    table(["How far it had come", ">Units", "When, seen from then"], rows)
    _show_steps(m.steps)
    if m.books:
        say("\nWhat the books said at that moment:")
        table(["SKU", "Location", *HEADS], [(one.sku, one.location, *level_cells(one)) for one in m.books])


def _show_receipt(derivation: Derivation, now: datetime, last: str) -> None:
    rows: list[tuple[Cell, ...]] = [
        (term.name, term.value, term.source, ago(term.as_of, now) if term.as_of else "") for term in derivation.terms
    ]
    rows.append((last, derivation.target, "never below 0", ""))
    table(["What it comes from", ">Units", "Source", "As of"], rows)
    say()


def _show_steps(steps: Sequence[Entry]) -> None:
    if steps:
        say("\nWhat became of its number, in UTC:")
        rows: list[tuple[Cell, ...]] = [
            (
                one.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
                *(one.step.value, one.quantity),
                "" if one.step is Step.TARGET else one.detail,
            )
            for one in steps
        ]
        table(["When", "Step", ">Units", "What it means"], rows)


def _stages(push: PushState | None) -> dict[str, tuple[int | None, datetime | None]]:
    return {stage: (getattr(push, stage), getattr(push, f"{stage}_at")) if push else (None, None) for stage in STAGES}


def _show(e: Explanation) -> None:
    now = e.explained_at
    answer(e.sentence + ".")
    say(f"{e.listing.title}\n")
    if e.derivation.target is not None:
        _show_receipt(e.derivation, now, "should show")
    stages: list[tuple[Cell, ...]] = [
        (name.replace("_", " "), n, ago(at, now)) for name, (n, at) in _stages(e.push).items()
    ]
    belief = e.listing.belief
    stages.append(
        ("must be showing", "unknown" if belief.expected is None else belief.expected, ago(belief.shown_at, now))
    )
    table(["How far it has come", ">Units", "When"], stages)
    _show_steps(e.steps)
    complete = e.orders_complete_until
    say(f"\nOrders are known up to {ago(complete, now)}." if complete else "\nNo order list was read yet.")

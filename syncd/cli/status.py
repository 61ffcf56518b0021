"""syncd status: how everything stands, in the figures of /metrics: once, live on a terminal, or as JSON."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from syncd.cli.age import ago
from syncd.cli.options import Common, command
from syncd.cli.screen import BAD, GOOD, LOOK, Cell, data, fail, grid, out
from syncd.cli.session import Session, in_session
from syncd.config.sections import HttpConfig
from syncd.config.watched import watched_of
from syncd.vitals.figure import ChannelVitals, Vitals
from syncd.vitals.store import read_vitals

REFRESH_SECONDS = 1.0

DAEMON_SECONDS_MAX = 3.0
"""How long the daemon may take to say how it is."""


def register(app: typer.Typer) -> None:
    """Add this command."""
    command(app, "status")(status)


def status(
    common: Common,
    once: Annotated[bool, typer.Option("--once", help="Show it once; also what happens off a terminal.")] = False,
) -> None:
    """Show how everything stands, live until Ctrl-C; with --once or --json exit code 1 if something wants looking at.

    JSON: {"at", "daemon", "problems": [sentence], "figures": [{"name", "labels": {}, "value"}]}
    """

    async def work(session: Session) -> Standing | None:
        if common.as_json or once or not out().is_terminal:
            return await _look(session)
        with Live(console=out(), auto_refresh=False, screen=True) as live:
            while True:
                live.update(_shown(await _look(session)), refresh=True)
                await session.clock.sleep(REFRESH_SECONDS)

    try:
        found = in_session(common.path, work)
    except KeyboardInterrupt:
        return
    if found is None:
        return
    if common.as_json:
        data(_shape(found))
    else:
        out().print(_shown(found))
    if found.problems:
        fail()


@dataclass(frozen=True)
class Standing:
    """What was found. `daemon`: what it says of itself; `problems`: what wants looking at, a sentence each."""

    vitals: Vitals
    daemon: str
    problems: tuple[str, ...]


async def _look(session: Session) -> Standing:
    async with session.db.read_at_length() as conn:
        vitals = await read_vitals(conn, watched_of(session.config), session.clock.now())
    daemon, unready = _daemon(session.config.http)
    return Standing(vitals, daemon, (*unready, *problems(vitals)))


def _daemon(http: HttpConfig) -> tuple[str, list[str]]:
    """What the daemon says of itself at /readyz, and what is wrong with it."""
    host = f"[{http.host}]" if ":" in http.host else http.host
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - an address to ask, not to listen on
    url = f"http://{host}:{http.port}"
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=DAEMON_SECONDS_MAX):  # noqa: S310 - our own address
            return f"ready at {url}", []
    except urllib.error.HTTPError as answer:
        return f"not ready at {url}", [f"the daemon is not ready: {why}" for why in _reasons(answer.read(65_536))]
    except (OSError, ValueError):
        return f"does not answer at {url}", [f"no daemon answers at {url}; start it with: syncd run"]


def _reasons(body: bytes) -> list[str]:
    try:
        told = json.loads(body)
    except ValueError:
        return ["it does not say why"]
    return [str(one) for one in told.get("problems", [])] or [str(told.get("detail", "it does not say why"))]


def problems(vitals: Vitals) -> Iterator[str]:
    """What wants looking at, each with what to type."""
    for one in vitals.channels:
        if one.held:
            yield f"{one.channel} is held: {one.held}; agree with: syncd release {one.channel}"
        if one.parked:
            yield f"{one.channel}: {one.parked} parked; see: syncd report --channel {one.channel}"
        if one.drifted:
            yield f"{one.channel}: {one.drifted} drifted; see: syncd report --channel {one.channel}"
        if one.calls_left == 0:
            yield f"{one.channel}: today's calls are used up"
    for supplier in vitals.suppliers:
        if supplier.is_held:
            yield f"the list of {supplier.supplier} is held; see: syncd questions"
        elif supplier.is_stale:
            yield f"the list of {supplier.supplier} is stale: his offers count as 0"
    if vitals.overdue:
        yield f"{vitals.overdue} cases are past their deadline; see: syncd cases"
    waiting = sum(vitals.questions.values())
    if waiting:
        yield f"{waiting} questions wait for you; see: syncd questions"


CHANNEL_HEADS = (
    *("Channel", "Mode", "Orders known to", ">Usual push", ">Listings", ">Waiting", "Since", ">Parked"),
    *(">Drift", ">Oversold", ">Calls left"),
)


def _shown(found: Standing) -> RenderableType:
    vitals, wrong = found.vitals, found.problems
    head = f"{len(wrong)} things want looking at." if len(wrong) > 1 else "One thing wants looking at."
    answer = Text(head if wrong else "All is well.", style=f"bold {LOOK if wrong else GOOD}")
    parts: list[RenderableType] = [answer, Text(f"The daemon {found.daemon}.", style="" if not wrong else LOOK)]
    parts += [Text(f"  - {one}", style=BAD if "daemon" in one else "") for one in wrong]
    if vitals.channels:
        parts += [Text(), grid(CHANNEL_HEADS, [_row(one, vitals.at) for one in vitals.channels])]
    if vitals.suppliers:
        rows: list[tuple[Cell, ...]] = [
            (one.supplier, _aged(one.as_of, vitals.at), "held" if one.is_held else "stale" if one.is_stale else "good")
            for one in vitals.suppliers
        ]
        parts += [Text(), grid(("Supplier", "List of", "State"), rows)]
    cases = ", ".join(f"{count} {status}" for status, count in sorted(vitals.cases.items())) or "none open"
    deadline = f"; next deadline {vitals.next_deadline_at:%a %d %b %H:%M} UTC" if vitals.next_deadline_at else ""
    parts += [
        Text(),
        Text(f"Cases: {cases}{deadline}."),
        Text(f"Ledger: {vitals.movements:,} movements, {vitals.movements_hour:,} in the last hour."),
        Text(f"As of {vitals.at:%Y-%m-%d %H:%M:%S} UTC."),
    ]
    return Group(*parts)


def _row(one: ChannelVitals, at: datetime) -> tuple[Cell, ...]:
    usual = None if one.told_seconds is None else f"{one.told_seconds:.1f} s"
    cases = sum(cases for cases, _ in one.races.values())
    mode = "held" if one.held else "live" if one.is_live else "observe"
    counts = (one.parked, one.drifted, cases, one.calls_left)
    since = _aged(one.waiting_since, at) if one.waiting else None
    return (one.channel, mode, _aged(one.watermark_at, at), usual, one.listings, one.waiting, since, *counts)


def _aged(moment: datetime | None, at: datetime) -> str | None:
    return None if moment is None else ago(moment, at)


def _shape(found: Standing) -> dict[str, Any]:
    figures = [
        {
            "name": one.figure.value,
            "labels": dict(zip(one.figure.labels, one.labels, strict=True)),
            "value": float(one.value),
        }
        for one in found.vitals.samples()
    ]
    return {"at": found.vitals.at, "daemon": found.daemon, "problems": list(found.problems), "figures": figures}

"""`syncd simulate`: what the merchant's own last days would have come to under other settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import TaskID

from syncd.cli.chart import Bars, chart, save
from syncd.cli.options import Common, command
from syncd.cli.policies import PRESENT, Policy, policies_from
from syncd.cli.screen import GOOD, LOOK, answer, counted, data, out, progress, say, table
from syncd.cli.session import Session, in_session
from syncd.config.sections import ROOM_SECTIONS, Config
from syncd.errors import OperatorError
from syncd.testkit.simulation.contest import Terms, plainly, rooms_keep
from syncd.testkit.simulation.house import MAIN
from syncd.testkit.simulation.replay import NEAR_UNITS, Past, Replay, read_past, season_of
from syncd.testkit.simulation.trade import Tally

SALES_MIN = 30
"""Fewer sales than this say nothing: one oversell more or less would be chance."""

POLLER = "no syncd: every 15 minutes"
POLLER_SECONDS = 900.0


@dataclass(frozen=True)
class Outcome:
    """What one policy came to."""

    name: str
    tally: Tally

    def shape(self, present: Tally) -> dict[str, Any]:
        """For a program."""
        return {
            "name": self.name,
            "sold": self.tally.sold,
            "oversold": self.tally.oversold,
            "oversold_per_thousand": round(self.tally.oversold_per_thousand, 2),
            "avoided": present.oversold - self.tally.oversold,
            "lost": self.tally.lost,
            "dark_percent": round(self.tally.dark_percent, 2),
        }


def register(app: typer.Typer) -> None:
    """Add this command."""
    command(app, "simulate")(simulate)


def simulate(
    common: Common,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="How far back the replay begins.")] = 30,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Try this, e.g. availability.safety_stock=1; may be repeated."),
    ] = None,
    policies: Annotated[
        Path | None,
        typer.Option("--policies", metavar="FILE", help="A TOML file with a [policy.NAME] for each to try."),
    ] = None,
    plot: Annotated[Path | None, typer.Option("--plot", metavar="FILE.svg", help="Also write the plot here.")] = None,
) -> None:
    """Replay your own last days under other settings: oversells avoided, sales lost. Nothing is written to the store.

    What customers bought then are the wishes, what came onto the shelf the deliveries; news of each sale comes as
    late as it came. Beside your settings and those to try stands a tool that goes round every 15 minutes.

    JSON: {"since", "until", "sales", "skus", "plenty", "left_out", "policies": [{"name", "sold", "oversold",
    "oversold_per_thousand", "avoided", "lost", "dark_percent"}]}
    """
    tried = policies_from(common.path, changes or [], policies)
    if plot is not None and plot.suffix.lower() != ".svg":
        raise OperatorError(f"the plot is written as SVG: name the file {plot.stem}.svg")

    async def work(session: Session) -> Past:
        now = session.clock.now()
        places = {place for one in session.config.channels.values() for place in one.options.locations}
        return await read_past(session.db, now - timedelta(days=days), now, places)

    past = in_session(common.path, work)
    if past.sales < SALES_MIN:
        raise OperatorError(
            f"the ledger knows of {counted(past.sales, 'sale')} on channels in the last {counted(days, 'day')}, "
            f"too few to say anything ({SALES_MIN} are needed); look further back with --days"
        )
    present = tried[0].config
    replay = season_of(past, {name: one.capabilities.order_lag_seconds for name, one in present.channels.items()})
    outcomes = _played(replay, tried) if replay.season.wishes else []
    if common.as_json:
        data(_shape(past, replay, outcomes))
    else:
        _show(past, replay, outcomes)
    if plot is not None and outcomes:
        save(plot, _chart(outcomes), title=f"syncd simulate --days {days}")
        if not common.as_json:
            say(f"The plot is in {plot}.")


def _played(replay: Replay, tried: Sequence[Policy]) -> list[Outcome]:
    season = replay.season
    steps = len(season.wishes) + len(season.deliveries)
    with progress("simulating", total=steps * (len(tried) + 1)) as bar:

        def tell() -> None:
            bar.advance(TaskID(0))

        terms = Terms({name: one.capabilities for name, one in tried[0].config.channels.items()})
        found = [Outcome(one.name, _kept(replay, terms, one.config, tell)) for one in tried]
        polled = plainly(season, terms, poll_seconds=POLLER_SECONDS, pushes=False, tell=tell)
    return [*found, Outcome(POLLER, polled)]


def _kept(replay: Replay, terms: Terms, config: Config, tell: Callable[[], None]) -> Tally:
    """All stock lies in one place in the simulation, and every channel is live."""
    options = {
        name: one.options.model_dump(exclude={"connector"}) | {"mode": "live", "locations": (MAIN,)}
        for name, one in config.channels.items()
    }
    rooms = {name: config.rooms[name] for name in ROOM_SECTIONS if name in config.rooms}
    return rooms_keep(replay.season, terms, rooms=rooms, options=options, tell=tell)


def _shape(past: Past, replay: Replay, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "since": past.since,
        "until": past.until,
        "sales": past.sales,
        "skus": replay.skus,
        "plenty": replay.plenty,
        "left_out": replay.left_out,
        "policies": [one.shape(outcomes[0].tally) for one in outcomes],
    }


def _show(past: Past, replay: Replay, outcomes: Sequence[Outcome]) -> None:
    if not outcomes:
        answer(f"No SKU that sold since {_day(past.since)} fell to {NEAR_UNITS} units or fewer.", GOOD)
        say("So nothing could be oversold, and no sale lost for want of stock, whatever the settings.")
        return
    present = outcomes[0].tally
    best = min(outcomes, key=lambda one: (one.tally.oversold, one.tally.lost, one.name != PRESENT))
    answer(
        f"{counted(len(replay.season.wishes), 'sale')} since {_day(past.since)} replayed: as it is "
        f"{counted(present.oversold, 'unit')} oversold, {present.lost} lost.",
        GOOD if not present.oversold else LOOK,
    )
    table(
        ["policy", ">sold", ">oversold", ">per 1,000", ">avoided", ">lost", ">dark %"],
        [
            (
                one.name,
                one.tally.sold,
                one.tally.oversold,
                f"{one.tally.oversold_per_thousand:.1f}",
                present.oversold - one.tally.oversold,
                one.tally.lost,
                f"{one.tally.dark_percent:.1f}",
            )
            for one in outcomes
        ],
    )
    out().print(_chart(outcomes))
    if best.name != PRESENT:
        say(f"Fewest oversold, and of those fewest lost: {best.name}.")
    say(_notes(replay))


def _notes(replay: Replay) -> str:
    notes = [
        f"Lost: bought then, not shown now although it lay free; dark: part of the time a listing showed 0 so. "
        f"{counted(replay.skus, 'SKU')} played",
        f"{replay.plenty} left out that sold nothing or never ran low" if replay.plenty else "",
        f"{counted(replay.left_out, 'sale')} of unlinked listings left out" if replay.left_out else "",
    ]
    told = "; ".join(note for note in notes if note)
    return f"{told}. Customers who met a 0 then stand in no ledger, so they are missing here too."


def _chart(outcomes: Sequence[Outcome]) -> Any:
    return chart(
        [Bars(one.name, {"oversold": one.tally.oversold, "lost": one.tally.lost}) for one in outcomes],
        {"oversold": "red", "lost": "yellow"},
    )


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"

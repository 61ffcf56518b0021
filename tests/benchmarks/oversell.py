"""How many units are oversold, and how long listings are dark, in the simulator with the real rooms.

One SKU on two channels that count their sales and list an order 20 to 300 s after it was made; a push travels 0.3 to
6 s; orders are polled every 60 s. Balanced: 120 customers an hour and 90 units delivered; scarce: 360 and 90. Units
come in lots of 36: with these a plain push comes near to the 153 (balanced) and 500 (scarce) of 1,000 oversold that the
working paper's own simulation gave it. "Called": the channels call about a sale 1 to 10 s after it.

The rooms run with the settings syncd comes with. Beside them, with the same customers: a plain push on each sale heard,
polling and called as the rooms are, and a tool that goes round every 15 minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from syncd.testkit.simulation.contest import Terms, plainly, rooms_keep
from syncd.testkit.simulation.trade import Tally
from syncd.testkit.simulation.wishes import Market, Season, Span, drawn
from tests.benchmarks.figures import Figure, Goal, at_most

LISTED: Span = (20.0, 300.0)
TOLD: Span = (1.0, 10.0)
LOT = 36
OF = "of 1,000"
POLL_SECONDS = 60.0
ROUND_SECONDS = 900.0

BALANCED = Market(120, 90, LOT, LISTED, TOLD)
SCARCE = Market(360, 90, LOT, LISTED, TOLD)
UNCALLED = Market(120, 90, LOT, LISTED, None)


@dataclass(frozen=True)
class Setting:
    """One setting, played on several seeds."""

    market: Market
    hours: float
    seeds: Sequence[int]
    oversold: Goal | None = None
    dark: Goal | None = None


SETTINGS = {
    "balanced": Setting(BALANCED, 28.0, (1, 2, 3, 4), at_most(1), at_most(6)),
    "scarce": Setting(SCARCE, 12.0, (1, 2)),
    "balanced uncalled": Setting(UNCALLED, 6.0, (1, 2)),
}
PARTS = tuple(SETTINGS)


async def figures(parts: Sequence[str] = PARTS) -> list[Figure]:
    """Each setting, each contestant on the same seasons."""
    return [figure for part in parts for figure in await asyncio.to_thread(_measured, part, SETTINGS[part])]


def _measured(part: str, setting: Setting) -> list[Figure]:
    called = setting.market.told is not None
    rooms = _together(setting, rooms_keep, called=called)
    plain = _together(setting, _plain_push, called=False)
    rows = [("a plain push", plain)]
    if called:
        rows.append(("a plain push, called", _together(setting, _plain_push, called=True)))
    rows.append(("every 15 minutes", _together(setting, _rounds, called=False)))
    found = [
        Figure(f"{part}: oversold", rooms.oversold_per_thousand, OF, plain.oversold_per_thousand, setting.oversold),
        Figure(f"{part}: dark", rooms.dark_percent, "%", plain.dark_percent, setting.dark),
        Figure(f"{part}: sold", rooms.sold, "units", plain.sold),
    ]
    for name, tally in rows:
        found += [
            Figure(f"{part}: {name}: oversold", tally.oversold_per_thousand, OF),
            Figure(f"{part}: {name}: dark", tally.dark_percent, "%"),
        ]
    return found


def _together(setting: Setting, keep: Callable[[Season, Terms], Tally], *, called: bool) -> Tally:
    """All seeds of a setting; without calls the customers are still the same."""
    return _sum(keep(_season(setting, seed, called=called), Terms(seed=seed)) for seed in setting.seeds)


def _season(setting: Setting, seed: int, *, called: bool) -> Season:
    return drawn(setting.market, setting.hours, seed).uncalled(not called)


def _plain_push(season: Season, terms: Terms) -> Tally:
    return plainly(season, terms, poll_seconds=POLL_SECONDS, pushes=True)


def _rounds(season: Season, terms: Terms) -> Tally:
    return plainly(season, terms, poll_seconds=ROUND_SECONDS, pushes=False)


def _sum(tallies: Iterable[Tally]) -> Tally:
    return sum(tallies, Tally())

"""What each connector costs: items a second and processor time for an item, beside plain aiohttp with the same bytes.

An item is a listing whose number is set, or a row of a supplier's list. The stand-in runs in another process, with
answers at once and after 200 ms. WooCommerce is measured over TLS; eBay's and the supplier's stand-in speak plain http.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from tests.benchmarks.figures import Figure, Goal, at_most
from tests.benchmarks.wire.stage import Turns
from tests.benchmarks.wire.subjects import SUBJECTS, opened

DELAYS = (0.0, 0.2)
ROUNDS = 6
LOOP_HELD_MS_MAX = 10

CPU_GOALS: Mapping[str, Goal] = {"ebay": at_most(8, of="ratio"), "woocommerce": at_most(1.5, of="ratio")}
"""Processor time for an item against plain aiohttp; a supplier's list is parsed, which nothing plain compares with."""


async def cost(name: str, delay_seconds: float) -> list[Figure]:
    """One connector at one answer time, in turns with plain aiohttp so that both meet the same noise."""
    async with opened(name) as subject:
        calls = await subject.stage.calls_of(subject.work)
        await subject.stage.delay(delay_seconds)
        ours, plain = Turns(), Turns()
        replay = partial(subject.stage.replay, calls, subject.at_once)
        for _ in range(ROUNDS):
            await ours.turn(subject.work, subject.items)
            await plain.turn(replay, subject.items)
        for turns, work in ((ours, subject.work), (plain, replay)):
            await turns.watch(work)
    where = f"{name}, answers after {delay_seconds * 1000:.0f} ms"
    figures = [
        Figure(f"{where}: items", ours.rate, "per second", plain.rate),
        Figure(f"{where}: processor time for an item", ours.cpu_ms, "ms", plain.cpu_ms, CPU_GOALS.get(name)),
    ]
    held = f"{where}: event loop held, p99"
    return [*figures, Figure(held, ours.held_p99_ms, "ms", plain.held_p99_ms, at_most(LOOP_HELD_MS_MAX))]


async def calls(name: str) -> list[Figure]:
    """How many calls a thousand changed items cost, by how the listings lie."""
    figures = []
    for shape in SUBJECTS[name].shapes:
        async with opened(name, shape) as subject:
            made = len(await subject.stage.calls_of(subject.work))
        figures.append(Figure(f"{name}, {shape}: calls", made * 1000 / subject.items, "per 1,000 changed"))
    return figures


MEASURES: Mapping[str, Callable[[], Awaitable[list[Figure]]]] = {
    **{f"{name} {delay * 1000:.0f}": partial(cost, name, delay) for name in SUBJECTS for delay in DELAYS},
    **{f"{name} calls": partial(calls, name) for name in SUBJECTS},
}
PARTS = tuple(MEASURES)


async def figures(parts: Sequence[str] = PARTS) -> list[Figure]:
    """Every connector at both answer times, and its calls."""
    return [figure for part in parts for figure in await MEASURES[part]()]

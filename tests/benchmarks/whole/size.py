"""What many listings cost: a first sweep, sending every number anew, memory, and one sale among them.

Half of the listings are on each channel. Processor time is the daemon's alone; the stand-ins answer at once.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tests.benchmarks.figures import Figure, at_most
from tests.benchmarks.whole.stage import EBAY, SHOP, Whole, opened

SIZES = (1_000, 10_000, 100_000)
STOCK = 50
CAP = 40
"""A cap that the daemon is started anew with: every listing has to show less than before."""

SALES = 100
SALE_PAUSE_SECONDS = 0.02
RESIDENT_MB_MAX = 500


@dataclass(frozen=True, slots=True)
class Costs:
    """Processor seconds of the daemon, and its memory at the end in MB."""

    sweep_seconds: float
    push_seconds: float
    sale_ms: float
    resident_mb: float


async def size() -> list[Figure]:
    """Each size beside the smallest, per listing: at most linear."""
    found: list[Figure] = []
    first: tuple[int, Costs] | None = None
    for listings in SIZES:
        costs = await _measured(listings)
        first = first or (listings, costs)
        scale, least = listings / first[0], first[1]
        name = f"{listings:,} listings"
        linear = None if listings == SIZES[0] else at_most(1.1, of="ratio")
        found += [
            Figure(f"{name}: first sweep beside linear", costs.sweep_seconds, "s", least.sweep_seconds * scale, linear),
            Figure(
                f"{name}: every number anew beside linear", costs.push_seconds, "s", least.push_seconds * scale, linear
            ),
            Figure(f"{name}: one sale", costs.sale_ms, "ms", least.sale_ms, linear),
            Figure(f"{name}: resident memory", costs.resident_mb, "MB", goal=at_most(RESIDENT_MB_MAX)),
        ]
    return found


async def _measured(listings: int) -> Costs:
    stock = {channel: {f"{channel}-{number:06d}": STOCK for number in range(listings // 2)} for channel in (EBAY, SHOP)}
    async with opened(tuple(stock)) as whole:
        for channel, skus in stock.items():
            await whole.list_on(channel, skus)
        whole.configure()
        await whole.stock({sku: units for skus in stock.values() for sku, units in skus.items()})
        await whole.start_daemon()
        swept = whole.usage().cpu_seconds  # from nothing: what starting costs is in it
        swept += await whole.until("SELECT count(*) FROM listing_component", listings)
        swept += await _at_rest(whole)
        sale = await _sold(whole, sorted(stock[EBAY])[:SALES])
        await whole.end_daemon()
        whole.configure(cap=CAP)
        await whole.start_daemon()
        starting = whole.usage().cpu_seconds
        wanted = f"SELECT count(*) FROM push WHERE NOT pending AND acknowledged = {CAP}"
        pushed = starting + await whole.until(wanted, listings)
        pushed += await _at_rest(whole)
        return Costs(swept, pushed, sale, whole.usage().resident_mb)


async def _at_rest(whole: Whole) -> float:
    seconds = await whole.until("SELECT count(*) FROM touched WHERE dirty", 0)
    return seconds + await whole.until("SELECT count(*) FROM push WHERE pending", 0)


async def _sold(whole: Whole, skus: list[str]) -> float:
    """Processor milliseconds of one sale, with all that follows from it, less what an idle daemon takes meanwhile."""
    span = len(skus) * SALE_PAUSE_SECONDS
    before = whole.usage().cpu_seconds
    await asyncio.sleep(span)
    idle = whole.usage().cpu_seconds - before
    before = whole.usage().cpu_seconds
    for number, sku in enumerate(skus):
        await whole.sell(f"one-{number}", sku)
        await asyncio.sleep(SALE_PAUSE_SECONDS)
    await _at_rest(whole)
    return (whole.usage().cpu_seconds - before - idle) * 1000 / len(skus)

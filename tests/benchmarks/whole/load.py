"""How soon a movement reaches the channels: one at a time, at 80 % of what each can take, and at twice that."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from tests.benchmarks.figures import Figure, Goal, at_most
from tests.benchmarks.whole.movements import Sold, journeys, percentile, polled_ms, superseded_ms
from tests.benchmarks.whole.stage import EBAY, SHOP, Whole, opened

IDLE_SALES = 150
IDLE_PAUSE_SECONDS = 0.1
LOAD_SECONDS = 60.0
SKUS = {EBAY: 9_000, SHOP: 1_000}
STOCK = 500
"""Of most SKUs so much that no number is read back and none reaches 0 by chance."""

LAST_SHARE = 0.2
"""Share of the SKUs of which one unit is left: selling it is a crossing to zero."""

LAST_EVERY = 25
"""Every so many-th sale takes the last unit of a SKU."""

EBAY_CALL_SECONDS = 0.2
SHOP_CALL_SECONDS, SHOP_ITEM_SECONDS = 0.1, 0.04
BATCH = {EBAY: 4, SHOP: 25}
CALL_SECONDS = {EBAY: EBAY_CALL_SECONDS, SHOP: SHOP_CALL_SECONDS + BATCH[SHOP] * SHOP_ITEM_SECONDS}
"""How long one full call takes at the stand-in."""

CAPACITY = {EBAY: 16 * BATCH[EBAY] / CALL_SECONDS[EBAY], SHOP: BATCH[SHOP] / CALL_SECONDS[SHOP]}
"""Listings a second that each channel can take: eBay with 16 calls in flight, WooCommerce with one writer."""

SCANS_AT_ONCE = 200
"""Scans on their way at once; further ones wait, which is told."""

WARM_SAMPLES = 15
"""Seconds of load before the daemon's memory is looked at, and as many at the end."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """A sale that was posted: how many are left since, and how long the answer took."""

    scan_id: str
    sku: str
    left: int
    answered_ms: float


async def idle() -> list[Figure]:
    """One sale at a time on a daemon with nothing else to do."""
    skus = {f"SKU-{number:05d}": STOCK for number in range(IDLE_SALES)}
    async with opened((EBAY, SHOP)) as whole:
        await settle(whole, {EBAY: skus, SHOP: skus})
        scans: list[Scanned] = []
        for number, sku in enumerate(skus):
            scans.append(await _sell(whole, f"idle-{number}", sku, STOCK - 1))
            await asyncio.sleep(IDLE_PAUSE_SECONDS)
        sold = _committed(whole, scans)
        found = [Figure("idle, scan sent → answered p50", percentile([one.answered_ms for one in sold], 0.5), "ms")]
        for channel in (EBAY, SHOP):
            await whole.until(_pending(channel), 0)
            taken = journeys(sold, await whole.applied(channel), {})
            waits = [one.to_wire_ms for one in taken if one.to_wire_ms is not None]
            name = f"idle, committed → request at {channel}"
            found.append(Figure(f"{name} p50", percentile(waits, 0.5), "ms", polled_ms(0.5), at_most(15)))
            found.append(Figure(f"{name} p99", percentile(waits, 0.99), "ms", polled_ms(0.99), at_most(60)))
            found.append(Figure(f"{name}, never", len(sold) - len(waits), "sales", goal=at_most(0)))
        return found


async def loaded(share: float) -> list[Figure]:
    """A minute of sales at this share of what each channel can take, both at once."""
    stock = {channel: _stock(channel) for channel in CAPACITY}
    async with opened(tuple(CAPACITY)) as whole:
        await settle(whole, stock)
        await whole.drive(EBAY, "switches", {"latency_seconds": EBAY_CALL_SECONDS})
        slow = {"latency_seconds": SHOP_CALL_SECONDS, "item_latency_seconds": SHOP_ITEM_SECONDS}
        await whole.drive(SHOP, "switches", slow)
        memory: list[float] = []
        watching = asyncio.create_task(_watch(whole, memory))
        began, used = time.monotonic(), whole.usage().cpu_seconds
        runs = (_sales(whole, channel, stock[channel], CAPACITY[channel] * share) for channel in CAPACITY)
        scanned = dict(zip(CAPACITY, await asyncio.gather(*runs), strict=True))
        seconds = time.monotonic() - began
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        name, sales = f"{share:.0%}", sum(map(len, scanned.values()))
        found = [Figure(f"{name}: sales posted", sales / seconds, "per second", sum(CAPACITY.values()) * share)]
        for channel in CAPACITY:
            await whole.until(_pending(channel), 0)
        used = whole.usage().cpu_seconds - used
        found.append(
            Figure(f"{name}: processor time of a sale, all that follows from it included", used * 1000 / sales, "ms")
        )
        for channel in CAPACITY:
            found += await _judged(whole, channel, _committed(whole, scanned[channel]), name)
        late, early = statistics.median(memory[-WARM_SAMPLES:]), statistics.median(memory[WARM_SAMPLES:][:WARM_SAMPLES])
        return [*found, Figure(f"{name}: memory at the end beside the start", late, "MB", early, _memory_goal())]


async def settle(whole: Whole, stock: Mapping[str, Mapping[str, int]]) -> None:
    """Listings that show what there is, an opening stock, and a daemon that has nothing left to do."""
    for channel, skus in stock.items():
        await whole.list_on(channel, skus)
    whole.configure()
    await whole.stock({sku: units for skus in stock.values() for sku, units in skus.items()})
    await whole.start_daemon()
    listings = sum(len(skus) for skus in stock.values())
    await whole.until("SELECT count(*) FROM listing_component", listings)
    await whole.until("SELECT count(*) FROM touched WHERE dirty", 0)
    await whole.until("SELECT count(*) FROM push WHERE pending", 0)


def _memory_goal() -> Goal:
    return at_most(1.1, of="ratio")


def _stock(channel: str) -> dict[str, int]:
    last = int(SKUS[channel] * LAST_SHARE)
    return {f"{channel}-{number:05d}": 1 if number < last else STOCK for number in range(SKUS[channel])}


def _pending(channel: str) -> str:
    return f"SELECT count(*) FROM push WHERE pending AND channel = '{channel}'"


def _committed(whole: Whole, scans: Sequence[Scanned]) -> list[Sold]:
    """The sales with the store's own moments: what the load's own process is late with is no part of them."""
    at = whole.recorded()
    return [Sold(one.scan_id, one.sku, one.left, at[one.scan_id], one.answered_ms) for one in scans]


async def _sales(whole: Whole, channel: str, stock: Mapping[str, int], rate: float) -> list[Scanned]:
    """Sell at this rate for the whole time, each sale when it is due, whatever became of those before."""
    rng = random.Random(channel)
    last = iter([sku for sku, units in stock.items() if units == 1])
    many = [sku for sku, units in stock.items() if units > 1]
    left = dict(stock)
    room = asyncio.Semaphore(SCANS_AT_ONCE)
    began = time.monotonic()

    async def one(number: int, sku: str, units_left: int) -> Scanned:
        async with room:
            return await _sell(whole, f"{channel}-{number}", sku, units_left)

    async with asyncio.TaskGroup() as tasks:
        running = []
        for number in range(int(rate * LOAD_SECONDS)):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            sku = next(last) if number % LAST_EVERY == 0 else rng.choice(many)
            left[sku] -= 1
            running.append(tasks.create_task(one(number, sku, left[sku])))
    return [task.result() for task in running]


async def _sell(whole: Whole, scan_id: str, sku: str, left: int) -> Scanned:
    sent = time.perf_counter()
    await whole.sell(scan_id, sku)
    return Scanned(scan_id, sku, left, (time.perf_counter() - sent) * 1000)


async def _watch(whole: Whole, memory: list[float]) -> None:
    while True:
        memory.append(whole.usage().resident_mb)
        await asyncio.sleep(1)


async def _judged(whole: Whole, channel: str, sold: Sequence[Sold], name: str) -> list[Figure]:
    applied = await whole.applied(channel)
    call = CALL_SECONDS[channel]
    bound = 3 * call * 1000
    taken = journeys(sold, applied, _accepted(whole, channel))
    told = [one for one in taken if one.to_acknowledged_ms is not None]
    waits = [one.to_acknowledged_ms or 0.0 for one in told]
    zeroes = [one.to_acknowledged_ms or 0.0 for one in told if one.sold.left == 0]
    name = f"{name} {channel}"
    overload = name.startswith("200")
    calls = len({one.call for one in applied})
    fewest = -(-len(applied) // BATCH[channel])
    stale = superseded_ms(sold, applied)
    return [
        Figure(f"{name}: scan sent → answered p99", percentile([one.answered_ms for one in sold], 0.99), "ms"),
        Figure(f"{name}: committed → acknowledged p50", percentile(waits, 0.5), "ms", polled_ms(0.5, call)),
        Figure(
            f"{name}: same, p99",
            *(percentile(waits, 0.99), "ms", polled_ms(0.99, call), None if overload else at_most(bound)),
        ),
        Figure(f"{name}: crossings to zero p50", percentile(zeroes, 0.5), "ms", polled_ms(0.5, call)),
        Figure(f"{name}: crossings to zero p99", percentile(zeroes, 0.99), "ms", polled_ms(0.99, call), at_most(bound)),
        Figure(f"{name}: never acknowledged", len(sold) - len(told), "sales", goal=at_most(0)),
        Figure(f"{name}: number on the wire superseded for p99", percentile(stale, 0.99), "ms"),
        Figure(f"{name}: writing calls", calls, "calls", fewest, at_most(1.2, of="ratio")),
        Figure(f"{name}: reading calls", len(await whole.calls(channel)) - calls, "calls"),
    ]


def _accepted(whole: Whole, channel: str) -> dict[str, list[datetime]]:
    found: dict[str, list[datetime]] = defaultdict(list)
    for line in whole.told("push.acknowledged"):
        if line["channel"] == channel:
            found[whole.skus[channel][line["listing_id"]]].append(datetime.fromisoformat(line["at"]))
    return found

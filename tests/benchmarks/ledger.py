"""Durable movements per second through the ledger's writer, beside a bare group-commit writer on the same driver.

Each figure and its baseline are measured in turns of half a second, so that both meet the same noise of the machine.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from syncd.clock import SystemClock
from syncd.db import Database
from syncd.identity import ChannelName, Sku
from syncd.ledger.movement import CUSTOMER, SUPPLIER, Account, Movement, Reason, available, reserved
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, Verdict, View, post, read_balances
from syncd.migrations.tables import schema
from syncd.reservation.hold import HoldStatus, Reservation
from syncd.reservation.store import save_reservations
from tests.benchmarks.bare import Bare, BarePostgresql, BareSqlite
from tests.benchmarks.figures import Figure, Goal, at_least
from tests.benchmarks.growth import growth
from tests.benchmarks.turns import Measured, Post
from tests.support import postgres

CALLERS = (1, 16, 64, 256)
SKUS = 10_000
TURNS = 6
GOALS = {1: at_least(0.3, of="ratio"), 64: at_least(0.6, of="ratio")}
RESERVING_CALLERS = 16
RESERVED_GOAL = at_least(0.4, of="ratio")
HOT = Sku("SKU-00000")
PLENTY = 10_000_000
"""Units on the shelf while reservations are measured."""
LAST = 1_000
"""Units left when more are asked for."""
STORES = ("sqlite", "postgresql")


@dataclass
class Pair:
    """The ledger and its baseline on one kind of store."""

    store: str
    db: Database
    writer: Writer
    bare: Bare

    async def ledger_post(self, key: str, sku: str) -> None:
        """One receipt through the ledger."""
        moved = Movement(key, Sku(sku), 1, SUPPLIER, available("main"), Reason.RECEIPT, datetime.now(UTC))
        await self.writer.submit(post([moved]))

    async def bare_post(self, key: str, sku: str) -> None:
        """The same rows by the baseline."""
        await self.bare.post((key, sku, 1, "outside/supplier", "main/available"))

    async def compared(self, call: Post, callers: int, skus: int, name: str) -> tuple[Measured, Measured]:
        """The ledger and the baseline, in turns."""
        ours, base = Measured(), Measured()
        for turn in range(TURNS):
            await base.turn(self.bare_post, callers, skus, f"{name}-{callers}-{skus}-{turn}")
            await ours.turn(call, callers, skus, f"{name}-{callers}-{skus}-{turn}")
        return ours, base


@asynccontextmanager
async def opened_pair(store: str, ledger_url: str, bare_url: str) -> AsyncIterator[Pair]:
    """Both at work on stores with the same tables."""
    db, other = Database(ledger_url), Database(bare_url)
    await db.transact(schema().create_all)
    await other.transact(schema().create_all)
    await other.aclose()
    bare = BareSqlite(bare_url.removeprefix("sqlite:///")) if store == "sqlite" else BarePostgresql(bare_url)
    writer = Writer(db, SystemClock())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(writer.run())
        tasks.create_task(bare.run())
        yield Pair(store, db, writer, bare)
        await bare.stop()
        await writer.stop()
    await db.aclose()


async def _posting(pair: Pair) -> list[Figure]:
    """Movements per second and latencies, spread over many SKUs and on one hot SKU."""
    found: list[Figure] = []
    rates: dict[tuple[str, int], float] = {}
    for skus, where in ((SKUS, "spread"), (1, "hot")):
        for callers in CALLERS:
            ours, base = await pair.compared(pair.ledger_post, callers, skus, "post")
            name = f"{pair.store} {where} {callers}"
            rates[where, callers] = ours.rate
            found.append(Figure(name, ours.rate, "movements/s", base.rate, GOALS.get(callers)))
            for share, word in ((0.5, "p50"), (0.99, "p99")):
                found.append(Figure(f"{name} {word}", ours.percentile(share), "ms", base.percentile(share)))
    hot, spread = rates["hot", 64], rates["spread", 64]
    found.append(Figure(f"{pair.store} hot beside spread 64", hot, "movements/s", spread, at_least(1.0, of="ratio")))
    return found


def _moved(key: str, units: int, source: Account, destination: Account) -> Movement:
    return Movement(key, HOT, units, source, destination, Reason.OTHER, datetime.now(UTC))


def _reserve(key: str) -> Command[bool]:
    """One unit of the hot SKU for one order line, if there is one: the movement and the reservation's row."""

    def decide(view: View) -> Plan[bool]:
        if view.balances.of(HOT, available("main")) < 1:
            return Plan(False, refusal="nothing left")
        moved = Movement(key, HOT, 1, available("main"), reserved("main"), Reason.SALE, view.now)
        shop = ChannelName("shop")
        row = Reservation(key, shop, key, f"shop:{key}", HOT, "main", 1, 0, 0, HoldStatus.HELD, view.now)
        return Plan(True, (moved,), (save_reservations([row]),))

    return Command(decide, (key,), frozenset({HOT}))


async def _reserving(pair: Pair) -> list[Figure]:
    """Reservations of one unit each on a hot SKU, and what happens when more are asked for than there are."""
    verdicts: list[Verdict] = []
    shelf = available("main")
    await pair.writer.submit(post([_moved("plenty", PLENTY, SUPPLIER, shelf)]))

    async def call(key: str, _sku: str) -> None:
        verdicts.append((await pair.writer.submit(_reserve(key))).verdict)

    ours, base = await pair.compared(call, RESERVING_CALLERS, 1, "hold")
    held = verdicts.count(Verdict.POSTED)
    async with pair.db.read() as conn:
        left = (await read_balances(conn, [HOT])).of(HOT, shelf)
    await pair.writer.submit(post([_moved("all but the last", left - LAST, shelf, CUSTOMER)]))
    asked = [asyncio.create_task(pair.writer.submit(_reserve(f"last-{n}"))) for n in range(LAST + 500)]
    over = sum(outcome.verdict is Verdict.POSTED for outcome in await asyncio.gather(*asked)) - LAST
    goals: tuple[Goal, Goal] = RESERVED_GOAL, Goal("at_most", 0)
    name = f"{pair.store} reserving, hot, {RESERVING_CALLERS}"
    return [
        Figure(name, held / ours.seconds, "reservations/s", base.rate, goals[0]),
        Figure(f"{name} p50", ours.percentile(0.5), "ms", base.percentile(0.5)),
        Figure(f"{name} p99", ours.percentile(0.99), "ms", base.percentile(0.99)),
        Figure(f"{pair.store} reserved beyond the stock", over, "units", goal=goals[1]),
    ]


Part = Callable[[Pair], Coroutine[None, None, list[Figure]]]
BESIDE: dict[str, Part] = {"posting": _posting, "reserving": _reserving}
"""Parts that are measured beside the baseline."""
PARTS = tuple(f"{store} {part}" for part in (*BESIDE, "growth") for store in STORES)


async def figures(parts: Sequence[str] = PARTS) -> list[Figure]:
    """Both stores, and what a large ledger changes."""
    found: list[Figure] = []
    gc.collect()
    gc.freeze()  # as the daemon does
    postgres.prepare_run(durable=True)
    try:
        for store in STORES:
            wanted = [measure for part, measure in BESIDE.items() if f"{store} {part}" in parts]
            if wanted:
                with two_stores(store) as urls:
                    async with opened_pair(store, *urls) as pair:
                        for measure in wanted:
                            found += await measure(pair)
            if f"{store} growth" in parts:
                with two_stores(store) as urls:
                    found += await growth(store, *urls)
    finally:
        postgres.end_run()
    return found


@contextmanager
def two_stores(kind: str) -> Iterator[tuple[str, str]]:
    """Two new stores without tables."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/one.db", f"sqlite:///{folder}/other.db"
    else:
        with postgres.new_database(empty=True) as one, postgres.new_database(empty=True) as other:
            yield one, other

"""Durable movements per second through the ledger's writer, beside a bare group-commit writer on the same driver."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from syncd.clock import SystemClock
from syncd.db import Database
from syncd.identity import Sku
from syncd.ledger.movement import SUPPLIER, Movement, Reason, available
from syncd.ledger.service import Writer
from syncd.ledger.store import post
from syncd.migrations.tables import schema
from tests.benchmarks.bare import BareSqlite
from tests.benchmarks.figures import Figure, at_least

CALLERS = (1, 16, 64, 256)
SKUS = 10_000
SECONDS = 2.0
GOAL = {1: at_least(0.3, of="ratio"), 64: at_least(0.6, of="ratio")}

Post = Callable[[str, str], Awaitable[None]]


async def _rate(post_one: Post, callers: int, skus: int) -> tuple[float, float, float]:
    """Movements per second, p50 and p99 in milliseconds, with so many concurrent callers."""
    rng = random.Random(7)
    latencies: list[float] = []
    until = time.perf_counter() + SECONDS
    serial = iter(range(10**9))

    async def call() -> None:
        while time.perf_counter() < until:
            started = time.perf_counter()
            await post_one(f"{callers}-{skus}-{next(serial)}", f"SKU-{rng.randrange(skus):05d}")
            latencies.append((time.perf_counter() - started) * 1000)

    started = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    elapsed = time.perf_counter() - started
    latencies.sort()
    return len(latencies) / elapsed, latencies[len(latencies) // 2], latencies[int(len(latencies) * 0.99)]


async def figures() -> list[Figure]:
    """SQLite: spread over many SKUs and on one hot SKU."""
    found: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        bare = BareSqlite(Path(folder) / "bare.db")
        db = Database(f"sqlite:///{folder}/ledger.db")
        writer = Writer(db, SystemClock())
        await db.transact(schema().create_all)

        async def through_ledger(key: str, sku: str) -> None:
            moved = Movement(key, Sku(sku), 1, SUPPLIER, available("main"), Reason.RECEIPT, datetime.now(UTC))
            await writer.submit(post([moved]))

        async def through_bare(key: str, sku: str) -> None:
            await bare.post((key, sku, 1, "outside/supplier", "main/available"))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(writer.run())
            tasks.create_task(bare.run())
            for skus, where in ((SKUS, "spread"), (1, "hot")):
                for callers in CALLERS:
                    base = await _rate(through_bare, callers, skus)
                    ours = await _rate(through_ledger, callers, skus)
                    goal = GOAL.get(callers)
                    found.append(Figure(f"sqlite {where} {callers} callers", ours[0], "movements/s", base[0], goal))
                    found.append(Figure(f"sqlite {where} {callers} callers p50", ours[1], "ms", base[1]))
                    found.append(Figure(f"sqlite {where} {callers} callers p99", ours[2], "ms", base[2]))
            await bare.stop()
            await writer.stop()
        await db.aclose()
    return found

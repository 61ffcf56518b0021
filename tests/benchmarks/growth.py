"""What a large ledger changes: speed beside an empty one, the daemon's start-up, and its resident memory."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, text

from syncd.clock import SystemClock
from syncd.db import Database, chunks
from syncd.identity import Sku
from syncd.ledger.movement import SUPPLIER, Movement, Reason, available
from syncd.ledger.service import Writer
from syncd.ledger.store import INSERT_MOVEMENTS, MARK_TOUCHED, UPSERT_BALANCES, post
from syncd.migrations.schema import migrate
from tests.benchmarks.figures import Figure, at_least, at_most
from tests.benchmarks.turns import Measured

MOVEMENTS = 1_000_000
SKUS = 100_000
CALLERS = 64
TURNS = 8
READY_SECONDS_MAX = 30
ROOT = Path(__file__).parents[2]


def fill(conn: Connection) -> None:
    """A million receipts over a hundred thousand SKUs, as if posted long ago and planned since."""
    now = datetime.now(UTC)
    last: dict[str, int] = {}
    units: Counter[str] = Counter()
    for part in chunks(range(1, MOVEMENTS + 1), 20_000):
        rows = []
        for number in part:
            sku = f"SKU-{number * 7919 % SKUS:05d}"
            last[sku] = number
            units[sku] += 1
            paths = ("outside/supplier", "main/available")
            rows.append((number, f"old-{number}", sku, 1, *paths, "receipt", "", "", now, now))
        INSERT_MOVEMENTS.run(conn, rows)
    for skus in chunks(sorted(units), 20_000):
        UPSERT_BALANCES.run(conn, [(sku, "main/available", units[sku], last[sku]) for sku in skus])
        UPSERT_BALANCES.run(conn, [(sku, "outside/supplier", -units[sku], last[sku]) for sku in skus])
        MARK_TOUCHED.run(conn, [{"sku": sku, "version": 1, "dirty": False} for sku in skus])


@asynccontextmanager
async def posting(url: str) -> AsyncIterator[Writer]:
    """A writer at work."""
    db = Database(url)
    writer = Writer(db, SystemClock())
    running = asyncio.create_task(writer.run())
    yield writer
    await writer.stop()
    await running
    await db.aclose()


async def growth(store: str, large: str, empty: str) -> list[Figure]:
    """Fill one store, leave the other empty, and compare."""
    for url in (large, empty):
        db = Database(url)
        await migrate(db)
        if url == large:
            await db.transact(fill)
            if store == "postgresql":
                await db.transact(lambda conn: conn.execute(text("ANALYZE")))
        await db.aclose()
    started, resident = await _daemon(large)
    rates = {}
    async with posting(large) as full, posting(empty) as new:
        measured = {url: Measured() for url in (large, empty)}
        for turn in range(TURNS):
            for url, writer in ((large, full), (empty, new)):

                async def call(key: str, sku: str, writer: Writer = writer) -> None:
                    moved = Movement(key, Sku(sku), 1, SUPPLIER, available("main"), Reason.RECEIPT, datetime.now(UTC))
                    await writer.submit(post([moved]))

                await measured[url].turn(call, CALLERS, SKUS, f"turn {turn}")
        rates = {url: one.rate for url, one in measured.items()}
    size = f"{MOVEMENTS:,} movements, {SKUS:,} SKUs"
    return [
        Figure(f"{store} at {size} beside empty", rates[large], "movements/s", rates[empty], at_least(0.9, of="ratio")),
        Figure(f"{store} start-up at {size}", started, "s", goal=at_most(3)),
        Figure(f"{store} resident memory at {size}", resident, "MB", goal=at_most(300)),
    ]


async def _daemon(url: str) -> tuple[float, float]:
    """Seconds until `syncd run` is ready on this store, and the most memory it had by then, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        toml = Path(folder) / "syncd.toml"
        toml.write_text(f'[database]\nurl = "{url}"\n\n[http]\nport = 0\n')
        command = (sys.executable, "-m", "syncd", "--config", str(toml), "run")
        started = time.perf_counter()
        daemon = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        assert daemon.stdout is not None
        said = b""
        async with asyncio.timeout(READY_SECONDS_MAX):
            while b"daemon.started" not in said:
                if not (line := await daemon.stdout.readline()):
                    raise RuntimeError(f"the daemon ended before it was ready: {said.decode()}")
                said += line
        seconds = time.perf_counter() - started
        await asyncio.sleep(2)  # the workers have looked at everything once
        status = (Path("/proc") / str(daemon.pid) / "status").read_text()
        daemon.send_signal(signal.SIGTERM)
        await daemon.communicate()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak is not None
    return seconds, int(peak[1]) / 1024

"""Killed at any moment under load, the ledger has lost nothing it acknowledged and doubled nothing."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from syncd.db import Database
from syncd.ledger.balance import Balances
from syncd.ledger.movement import PART_MARK
from syncd.ledger.store import read_balances, read_movements
from tests.support.store import create_tables

ROUNDS = {"sqlite": 100, "postgresql": 20}
"""How often the writer is killed."""

ROOT = Path(__file__).parents[2]


async def test_nothing_acknowledged_is_lost_when_the_process_is_killed(store_url: str) -> None:
    """After SIGKILL at random moments every acknowledged movement is there once, and balances are the fold."""
    db = Database(store_url)
    await create_tables(db)
    rounds = ROUNDS[store_url.partition(":")[0]]
    program = (sys.executable, "-m", "tests.support.killed_writer", store_url, str(rounds), "20260302")
    process = await asyncio.create_subprocess_exec(*program, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert process.returncode == 0
    acknowledged: dict[str, list[str]] = json.loads(said)
    assert all(acknowledged[f"r{n}"] for n in range(rounds))

    async with db.read() as conn:
        log = [one.movement for one in await read_movements(conn, limit=1_000_000)]
        balances = await read_balances(conn)
    written = Counter(m.key for m in log)
    assert set(written.values()) == {1}
    lost = [key for keys in acknowledged.values() for key in keys if key not in written]
    assert lost == []
    folded = Balances()
    folded.apply(log)
    assert folded.by_sku == balances.by_sku
    commands = Counter(m.key.partition(PART_MARK)[0] for m in log)
    assert all(units == 1 + (number_of(key) + 1) % 3 for key, units in commands.items())
    await db.aclose()


def number_of(key: str) -> int:
    """The number of a caller's command, on which its count of movements depends: `r3-17-42` is 42."""
    return int(key.rsplit("-", 1)[1])

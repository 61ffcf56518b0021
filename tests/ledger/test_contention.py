"""Several processes write to one store at the same time: nothing is lost, doubled or oversold, and nobody gives up."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from syncd.ledger.balance import Balances
from syncd.ledger.movement import PART_MARK, available
from syncd.ledger.store import read_movements
from tests.support.rival_writer import CALLERS, COMMANDS
from tests.support.store import GLOVES, KIT, MAIN, opened_store

ROOT = Path(__file__).parents[2]
NAMES = ("a", "b")
SHARED = CALLERS * COMMANDS
STOCK = SHARED + int(1.5 * SHARED)
"""Enough for every shared command and for three quarters of the sales that both processes want."""


async def rivals(url: str) -> dict[str, dict[str, str]]:
    """Both processes' commands with their verdicts; they begin when both are ready."""
    programs = [(sys.executable, "-m", "tests.support.rival_writer", url, name) for name in NAMES]
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    running = [await asyncio.create_subprocess_exec(*program, cwd=ROOT, **pipes) for program in programs]
    for one in running:
        assert one.stdout is not None
        assert await one.stdout.readline() == b"ready\n"
    said = await asyncio.gather(*(one.communicate(b"go\n") for one in running))
    assert [one.returncode for one in running] == [0, 0]
    return {name: json.loads(out) for name, (out, _) in zip(NAMES, said, strict=True)}


async def test_two_processes_on_one_hot_sku(store_url: str) -> None:
    """Every unit is sold once, a command of both processes is posted by one of them, and the log is without gaps."""
    async with opened_store(store_url) as store:
        await store.receive(STOCK)
        await store.receive(SHARED, sku=KIT)
        told = await rivals(store_url)

        everything = Counter(verdict for one in told.values() for verdict in one.values())
        assert set(everything) <= {"posted", "duplicate", "refused"}
        assert everything.total() == 2 * 2 * SHARED
        for key in (key for key in told["a"] if key.startswith("shared")):
            assert sorted(one[key] for one in told.values()) in (["duplicate", "posted"], ["refused", "refused"])
        if not store.db.is_sqlite:  # there who waits is next; a SQLite file goes to whoever asks at the right moment
            for name in NAMES:
                won = [key for key, said in told[name].items() if key.startswith("shared") and said == "posted"]
                assert won, f"{name} came too late for everything: they did not meet, nothing was proved"
        log = await store.log()
        posted = {key for one in told.values() for key, verdict in one.items() if verdict == "posted"}
        written = Counter(m.key.partition(PART_MARK)[0] for m in log if not m.key.startswith("opening"))
        assert set(written) == posted
        assert all(count == (2 if key.startswith("shared") else 1) for key, count in written.items())

        balances = await store.balances()
        folded = Balances()
        folded.apply(log)
        assert balances.by_sku == folded.by_sku
        assert balances.of(GLOVES, MAIN) == 0, "more was wanted than there was, so all of it is gone"
        assert balances.of(GLOVES, available("north")) == balances.of(KIT, available("north"))
        async with store.db.read() as conn:
            positions = [one.position for one in await read_movements(conn, limit=100_000)]
        assert positions == list(range(1, len(log) + 1))

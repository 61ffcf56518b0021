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
from tests.support.killed_writer import movements_of, unanswered_in
from tests.support.store import create_tables

ROUNDS = 100
"""How often the writer is killed."""

ROOT = Path(__file__).parents[2]


async def test_nothing_acknowledged_is_lost_when_the_process_is_killed(store_url: str) -> None:
    """After SIGKILL at random moments every acknowledged command is there once and whole, and none that was asked
    twice is there twice; the log has no gaps, and balances are its fold."""
    db = Database(store_url)
    await create_tables(db)
    program = (sys.executable, "-m", "tests.support.killed_writer", store_url, str(ROUNDS), "20260302")
    process = await asyncio.create_subprocess_exec(*program, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert process.returncode == 0
    rounds: list[dict[str, list[str]]] = json.loads(said)
    assert len(rounds) == ROUNDS
    asked = Counter(key for one in rounds for key in one["asked"])
    posted = Counter(key for one in rounds for key in one["posted"])
    duplicate = {key for one in rounds for key in one["duplicate"]}
    assert all(one["posted"] for one in rounds)
    assert set(posted.values()) == {1}, "told twice that it was new"

    async with db.read() as conn:
        recorded = await read_movements(conn, limit=1_000_000)
        balances = await read_balances(conn)
    assert [one.position for one in recorded] == list(range(1, len(recorded) + 1))
    log = [one.movement for one in recorded]
    commands = Counter(m.key.partition(PART_MARK)[0] for m in log)
    assert (posted.keys() | duplicate) - commands.keys() == set(), "acknowledged, and lost"
    assert commands.keys() - asked.keys() == set(), "nobody asked for it"
    assert {key: n for key, n in commands.items() if n != movements_of(key)} == {}, "in part, or more than once"
    assert len({m.key for m in log}) == len(log)
    folded = Balances()
    folded.apply(log)
    assert folded.by_sku == balances.by_sku

    assert any(unanswered_in(one) for one in rounds[:-1]), "no kill left a caller without an answer: nothing was proved"
    assert duplicate, "no kill fell between a commit and its answer: nothing was proved"
    await db.aclose()

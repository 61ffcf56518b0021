"""A writer under load that is killed at random moments: run as a program, it says what had been acknowledged.

`python -m tests.support.killed_writer DATABASE ROUNDS SEED` prints one JSON object: the keys acknowledged, by round.
Each round is a forked process, so that the libraries are loaded only once.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time

from syncd.clock import SystemClock
from syncd.db import Database
from syncd.ledger.movement import CUSTOMER, SUPPLIER, available, part_key, reserved
from syncd.ledger.service import Writer
from syncd.ledger.store import Verdict, post
from tests.support.store import GLOVES, KIT, moved

CALLERS = 20
ACKNOWLEDGED_MAX = 200
"""A round is killed after at most so many acknowledgements."""
PAUSE_SECONDS_MAX = 0.02


async def sell(writer: Writer, caller: str, pipe: int) -> None:
    """Post commands of three movements for ever, and say each key once it is acknowledged."""
    number = 0
    while True:
        key = f"{caller}-{number}"
        number += 1
        sku = GLOVES if number % 2 else KIT
        steps = ((SUPPLIER, available("main")), (available("main"), reserved("main")), (reserved("main"), CUSTOMER))
        movements = [moved(1 + number % 3, *path, key=part_key(key, n), sku=sku) for n, path in enumerate(steps)]
        movements = movements[: 1 + number % 3]
        outcome = await writer.submit(post(movements))
        assert outcome.verdict is Verdict.POSTED, outcome
        os.write(pipe, "".join(f"{one.key}\n" for one in movements).encode())


async def work(url: str, name: str, pipe: int) -> None:
    """Many callers on one writer, until killed."""
    writer = Writer(Database(url), SystemClock())
    async with asyncio.TaskGroup() as group:
        group.create_task(writer.run())
        for caller in range(CALLERS):
            group.create_task(sell(writer, f"{name}-{caller}", pipe))


def acknowledged_before_killed(url: str, name: str, chance: random.Random) -> list[str]:
    """Let one process work, kill it at some moment, and tell what it had acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        asyncio.run(work(url, name, writing))
        os._exit(1)  # never reached
    os.close(writing)
    wanted, said = chance.randint(1, ACKNOWLEDGED_MAX), b""
    while said.count(b"\n") < wanted:
        part = os.read(reading, 65536)
        if not part:
            raise SystemExit(f"round {name} ended by itself")
        said += part
    time.sleep(chance.uniform(0, PAUSE_SECONDS_MAX))  # the moment is chosen, nothing is waited for
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while part := os.read(reading, 65536):
        said += part
    os.close(reading)
    return said.decode().split("\n")[:-1]


def main() -> None:
    """Several rounds on one database."""
    url, rounds, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    said = {f"r{n}": acknowledged_before_killed(url, f"r{n}", chance) for n in range(rounds)}
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()

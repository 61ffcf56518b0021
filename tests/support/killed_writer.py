"""A writer under load that is killed at random moments: run as a program, it says what had been acknowledged.

`python -m tests.support.killed_writer DATABASE ROUNDS SEED` prints a JSON list: of each round the keys that were
`asked`, and those of them that were acknowledged as `posted` or as `duplicate`. Each round is a forked process, so that
the libraries are loaded only once. What the killed one left unanswered, the next one's callers ask again under the same
keys, as every caller does who got no answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Container, Iterable, Sequence
from itertools import count

from syncd.clock import SystemClock
from syncd.db import Database
from syncd.ledger.movement import CUSTOMER, SUPPLIER, available, part_key, reserved
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Verdict, post
from tests.support.store import GLOVES, KIT, moved

CALLERS = 20
POSTED_MAX = 200
"""A round is killed after at most so many commands were acknowledged."""
PAUSE_SECONDS_MAX = 0.02


def sale(key: str) -> Command[None]:
    """One to three movements, by the number at the end of the key."""
    number = number_of(key)
    steps = ((SUPPLIER, available("main")), (available("main"), reserved("main")), (reserved("main"), CUSTOMER))
    sku, units = (GLOVES, KIT)[number % 2], movements_of(key)
    return post([moved(units, *path, key=part_key(key, n), sku=sku) for n, path in enumerate(steps[:units])])


def number_of(key: str) -> int:
    """The number of a caller's command: `r3-17-42` is 42."""
    return int(key.rsplit("-", 1)[1])


def movements_of(key: str) -> int:
    """How many movements the command of this key has."""
    return 1 + number_of(key) % 3


async def sell(writer: Writer, keys: Iterable[str], answers: Container[Verdict], pipe: int) -> None:
    """Post the commands of these keys one after the other; say each before it is asked and when it is answered."""
    for key in keys:
        os.write(pipe, f"asked {key}\n".encode())
        outcome = await writer.submit(sale(key))
        assert outcome.verdict in answers, outcome
        os.write(pipe, f"{outcome.verdict} {key}\n".encode())


async def work(url: str, name: str, unanswered: Sequence[str], pipe: int) -> None:
    """Many callers on one writer, until killed."""
    writer = Writer(Database(url), SystemClock())
    async with asyncio.TaskGroup() as group:
        group.create_task(writer.run())
        for key in unanswered:
            group.create_task(sell(writer, [key], (Verdict.POSTED, Verdict.DUPLICATE), pipe))
        for caller in range(CALLERS):
            keys = map(f"{name}-{caller}-{{}}".format, count())
            group.create_task(sell(writer, keys, (Verdict.POSTED,), pipe))


def until_killed(url: str, name: str, unanswered: Sequence[str], chance: random.Random) -> dict[str, list[str]]:
    """Let one process work, kill it at some moment, and tell what it had been asked and had acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            asyncio.run(work(url, name, unanswered, writing))
        finally:  # only a fault leads here; the parent reads the end of the pipe
            traceback.print_exc()
            os._exit(1)
    os.close(writing)
    wanted, said = chance.randint(1, POSTED_MAX), b""
    while said.count(b"posted") < wanted:
        part = os.read(reading, 65536)
        if not part:
            raise SystemExit(f"round {name} ended by itself")
        said += part
    time.sleep(chance.uniform(0, PAUSE_SECONDS_MAX))  # the moment is chosen, nothing is waited for
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
        raise SystemExit(f"round {name} was over before it was killed")
    while part := os.read(reading, 65536):
        said += part
    os.close(reading)
    told: dict[str, list[str]] = {"asked": [], "posted": [], "duplicate": []}
    for line in said.decode().split("\n")[:-1]:
        word, key = line.split(" ")
        told[word].append(key)
    return told


def unanswered_in(told: dict[str, list[str]]) -> list[str]:
    """What was asked in a round and not answered before the kill."""
    return [key for key in told["asked"] if key not in {*told["posted"], *told["duplicate"]}]


def main() -> None:
    """Several rounds on one database."""
    url, many, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    rounds: list[dict[str, list[str]]] = []
    unanswered: list[str] = []
    for n in range(many):
        rounds.append(until_killed(url, f"r{n}", unanswered, chance))
        unanswered = unanswered_in(rounds[-1])
    sys.stdout.write(json.dumps(rounds))


if __name__ == "__main__":
    main()

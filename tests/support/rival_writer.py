"""One of several processes that write to one store: run as a program, it says what became of each of its commands.

`python -m tests.support.rival_writer DATABASE NAME` says `ready` and begins when it is told a line, so that rivals
begin together; then it prints one JSON object: the verdict of every command by its key. Half of the keys are the
process's own, half are the same in every process.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys

from syncd.clock import SystemClock
from syncd.db import Database
from syncd.ledger.movement import CUSTOMER, available, part_key
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, post
from tests.support.store import GLOVES, KIT, MAIN, moved

CALLERS = 16
COMMANDS = 20
"""Of each caller, of each of the two kinds."""


def sale(key: str) -> Command[None]:
    """One unit of the SKU that everybody wants."""
    return post([moved(1, MAIN, CUSTOMER, key=key)])


def move(key: str, *, backwards: bool) -> Command[None]:
    """A unit of two SKUs to the other place, named in either order."""
    both = [moved(1, MAIN, available("north"), key=part_key(key, n), sku=sku) for n, sku in enumerate((GLOVES, KIT))]
    return post(both[::-1] if backwards else both)


async def call(writer: Writer, name: str, caller: int, verdicts: dict[str, str]) -> None:
    """One caller's commands, one after the other."""
    chance = random.Random(f"{name}-{caller}")
    for number in range(COMMANDS):
        own, shared = f"{name}-{caller}-{number}", f"shared-{caller}-{number}"
        for key, command in chance.sample(
            [(own, sale(own)), (shared, move(shared, backwards=chance.random() < 0.5))], 2
        ):
            verdicts[key] = (await writer.submit(command)).verdict.value


async def work(url: str, name: str) -> dict[str, str]:
    """Every caller at the same time on one writer."""
    db = Database(url)
    writer = Writer(db, SystemClock())
    running = asyncio.create_task(writer.run())
    verdicts: dict[str, str] = {}
    await db.version()  # connected
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await asyncio.gather(*(call(writer, name, caller, verdicts) for caller in range(CALLERS)))
    await writer.stop()
    await running
    await db.aclose()
    return verdicts


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(work(*sys.argv[1:]))))

"""The writer: one queue through which every command goes, many commands sharing one transaction.

While one transaction is being committed, new commands gather; nothing waits when idle. A caller is resolved after the
commit. Cancelling a caller never half-applies: its command is either withdrawn whole or committed whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError

from syncd.clock import Clock
from syncd.db import Database
from syncd.ledger.store import Command, Outcome, Plan, Write, commit_batch

T = TypeVar("T")

BATCH_COMMANDS_MAX = 500
"""Commands that share one transaction at most."""

QUEUE_COMMANDS_MAX = 10_000
"""Commands that may wait; further callers wait for a place."""


class Writer:
    """The one door for writes. `committed` is set after every commit; whoever waits on it clears it."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._queue: asyncio.Queue[tuple[Command[Any], asyncio.Future[Outcome[Any]]] | None] = asyncio.Queue(
            QUEUE_COMMANDS_MAX
        )
        self._listeners: list[asyncio.Event] = []

    def listen(self) -> asyncio.Event:
        """An event that is set after every commit of this process, for as long as the writer lives."""
        event = asyncio.Event()
        self._listeners.append(event)
        return event

    def wake(self) -> None:
        """Tell every listener that something was committed (also called when another process has)."""
        for event in self._listeners:
            event.set()

    async def submit(self, command: Command[T]) -> Outcome[T]:
        """Decide and commit a command; returns after the commit. Raises what the store raises."""
        future: asyncio.Future[Outcome[T]] = asyncio.get_running_loop().create_future()
        await self._queue.put((command, future))
        return await future

    async def write(self, *writes: Write) -> None:
        """Commit row writes that need no decision, all or none."""
        await self.submit(Command(lambda _view: Plan(None, writes=writes)))

    async def run(self) -> None:
        """Write until `stop` was called and everything before it is written."""
        while True:
            item = await self._queue.get()
            batch = []
            while item is not None:
                batch.append(item)
                if len(batch) == BATCH_COMMANDS_MAX or self._queue.empty():
                    break
                item = self._queue.get_nowait()
            await self._commit([entry for entry in batch if not entry[1].cancelled()])
            if item is None:
                return

    async def stop(self) -> None:
        """Let everything queued be written, then end `run`."""
        await self._queue.put(None)

    async def _commit(self, batch: Sequence[tuple[Command[Any], asyncio.Future[Outcome[Any]]]]) -> None:
        if not batch:
            return
        try:
            outcomes = await self._write([command for command, _ in batch])
        except (DBAPIError, ValueError, ArithmeticError, LookupError, TypeError, AssertionError) as fault:
            if len(batch) == 1:
                if not batch[0][1].done():
                    batch[0][1].set_exception(fault)
                return
            for entry in batch:  # one bad command must not fail the others: each gets a transaction of its own
                await self._commit([entry])
            return
        self.wake()
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)

    async def _write(self, commands: Sequence[Command[Any]]) -> list[Outcome[Any]]:
        async with self._db.write() as conn:
            return await commit_batch(conn, commands, self._clock.now())

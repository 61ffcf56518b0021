"""The writer: one queue through which every command goes, many commands sharing one transaction.

While one transaction is being committed, new commands gather; nothing waits when idle. A caller is resolved after the
commit. Cancelling a caller never half-applies: its command is either withdrawn whole or committed whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from syncd.clock import Clock
from syncd.db import Database
from syncd.errors import InvariantBroken
from syncd.ledger.store import Command, Outcome, Plan, Write, commit_batch

T = TypeVar("T")

BATCH_COMMANDS_MAX = 500
"""Commands that share one transaction at most."""

QUEUE_COMMANDS_MAX = 10_000
"""Commands that may wait; further callers wait for a place."""

COMMAND_FAULTS = (
    SQLAlchemyError,
    InvariantBroken,
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RuntimeError,
)
"""What a wrong command raises when it is decided or written. Its own caller gets it; the writer goes on."""

Entry = tuple[Command[Any], asyncio.Future[Outcome[Any]]]


class Writer:
    """The one door for writes."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._queue: asyncio.Queue[Entry | None] = asyncio.Queue(QUEUE_COMMANDS_MAX)
        self._stopping = False
        self._began = False
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
        """Decide and commit a command; returns after the commit.

        Raises what deciding or storing it raised, and InvariantBroken when the writer has stopped or ended in a fault.
        """
        if self._stopping:
            raise InvariantBroken("something is to be written, but the writer was told to stop")
        future: asyncio.Future[Outcome[T]] = asyncio.get_running_loop().create_future()
        await self._queue.put((command, future))
        return await future

    async def write(self, *writes: Write) -> None:
        """Commit row writes that need no decision, all or none."""
        await self.submit(Command(lambda _view: Plan(None, writes=writes)))

    async def run(self) -> None:
        """Write until `stop` was called and everything before it is written."""
        entries: list[Entry] = []
        try:
            while not (self._stopping and self._queue.empty()):
                entries = await self._gather()
                await self._commit(entries)
        finally:  # nobody waits for ever for an answer that cannot come
            for _, future in entries:
                if not future.done():
                    future.set_exception(InvariantBroken("the writer ended; whether this was written is not known"))

    async def stop(self) -> None:
        """Let everything queued be written, then end `run`."""
        self._stopping = True
        await self._queue.put(None)

    async def _gather(self) -> list[Entry]:
        """Wait for a command and take along what waits already; what was cancelled meanwhile is withdrawn."""
        found = [await self._queue.get()]
        while len(found) < BATCH_COMMANDS_MAX and not self._queue.empty():
            found.append(self._queue.get_nowait())
        return [entry for entry in found if entry is not None and not entry[1].cancelled()]

    async def _commit(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        try:
            outcomes = await self._write([command for command, _ in entries])
        except COMMAND_FAULTS as fault:
            await self._isolate(entries, fault)
            return
        self.wake()
        for (_, future), outcome in zip(entries, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)

    async def _isolate(self, entries: Sequence[Entry], fault: BaseException) -> None:
        """Halve what failed until the wrong command is alone: it must not fail the others, nor change their order."""
        middle = len(entries) // 2
        if middle and self._began:
            await self._commit(entries[:middle])
            await self._commit(entries[middle:])
            return
        for _, future in entries:
            if not future.done():
                future.set_exception(fault)

    async def _write(self, commands: Sequence[Command[Any]]) -> list[Outcome[Any]]:
        self._began = False  # until the transaction has begun the fault is no command's, and halving would help nobody
        async with self._db.write() as conn:
            self._began = True
            return await commit_batch(conn, commands, self._clock.now())

"""The writer: one queue through which every command goes, many commands sharing one transaction.

While one transaction is being committed, new commands gather; nothing waits when idle. A caller is resolved after the
commit. Cancelling a caller never half-applies: its command is either withdrawn whole or committed whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from syncd.bulk import BulkUpsert
from syncd.clock import Clock
from syncd.db import Database
from syncd.errors import InvariantBroken
from syncd.identity import Sku
from syncd.ledger.balance import Balances
from syncd.ledger.draft import Draft
from syncd.ledger.store import (
    INSERT_MOVEMENTS,
    LAST_POSITION,
    SELECT_BALANCES,
    SELECT_POSTED,
    UPSERT_BALANCES,
    Command,
    Outcome,
    Plan,
    Verdict,
    View,
    Write,
    add_balances,
    in_runs,
    mark_touched,
)

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
        if self._queue.full():
            await self._queue.put((command, future))
        else:
            self._queue.put_nowait((command, future))  # a turn of the loop less
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
        now = self._clock.now()

        def work(conn: Connection) -> list[Outcome[Any]]:
            self._began = True
            return commit_batch(conn, commands, now)

        return await self._db.transact(work)


class _Batch:
    """One transaction in the making."""

    def __init__(self, conn: Connection, commands: Sequence[Command[Any]], now: datetime) -> None:
        self._conn = conn
        self._now = now
        self._writes: list[Write] = []
        self._marks: set[Sku] = set()
        balances = Balances()
        add_balances(balances, SELECT_BALANCES.run(conn, {sku for command in commands for sku in command.skus}))
        self._draft = Draft(balances, {}, conn.exec_driver_sql(LAST_POSITION).scalar_one(), now)
        self._look_up([key for command in commands for key in command.keys])
        self._view = View(balances, (), now)

    def judge(self, command: Command[T]) -> Outcome[T]:
        """Decide one command and, if it stands, queue what it writes."""
        view = self._look(command) if command.reads else self._view
        known = self._draft.known(command.keys)
        if known and len(known) < len(command.keys):
            return self._conflict(known, f"only some of its keys were posted before: {known[0]}")
        if known:
            return self._repeat(command)
        plan = command.decide(view)
        if not command.skus.issuperset([m.sku for m in plan.movements]):
            unlocked = {m.sku for m in plan.movements} - command.skus
            raise InvariantBroken(f"a command moves SKUs it has not named: {', '.join(sorted(unlocked))}")
        refusal = plan.refusal or self._draft.post(plan.movements)
        if refusal:
            return Outcome(Verdict.REFUSED, explanation=refusal)
        if plan.movements or plan.writes:
            self._marks |= command.skus
        self._marks |= plan.marks
        self._writes.extend(plan.writes)
        return Outcome(Verdict.POSTED, plan.value, positions=self._draft.positions([m.key for m in plan.movements]))

    def _look(self, command: Command[Any]) -> View:
        """What the command reads, with everything that earlier commands write."""
        self.flush()
        rows = [self._conn.execute(read).mappings().all() for read in command.reads]
        return View(self._draft.balances, tuple(rows), self._now)

    def _repeat(self, command: Command[T]) -> Outcome[T]:
        """Same keys again: the same content, or a conflict. Only a plan that needs no reads can be compared."""
        keys = command.keys
        if not command.reads:
            plan = command.decide(View(Balances(), (), self._now))
            keys = (*keys, *(m.key for m in plan.movements))
            self._look_up([key for key in keys if key not in self._draft.posted])
            differing = self._draft.differing(plan.movements)
            if differing is not None:
                return self._conflict(keys, differing)
        return Outcome(Verdict.DUPLICATE, positions=self._draft.positions(keys))

    def _conflict(self, keys: Sequence[str], explanation: str) -> Outcome[Any]:
        return Outcome(Verdict.CONFLICT, explanation=explanation, positions=self._draft.positions(keys))

    def _look_up(self, keys: Sequence[str]) -> None:
        self._draft.posted |= {row[1]: row for row in SELECT_POSTED.run(self._conn, keys)}

    def flush(self) -> None:
        """Write everything queued so far."""
        log, balances = self._draft.take()
        INSERT_MOVEMENTS.run(self._conn, log)
        UPSERT_BALANCES.run(self._conn, balances)
        for statement, rows in in_runs(self._writes):
            if isinstance(statement, BulkUpsert):
                statement.run(self._conn, rows)
            else:
                self._conn.execute(statement, rows or None)
        self._writes.clear()

    def mark(self) -> None:
        """Mark every SKU that something is written for."""
        self._writes.append(mark_touched(self._marks))


def commit_batch(conn: Connection, commands: Sequence[Command[Any]], now: datetime) -> list[Outcome[Any]]:
    """Judge the commands in order inside the open transaction and write those that stand."""
    batch = _Batch(conn, commands, now)
    outcomes = [batch.judge(command) for command in commands]
    batch.mark()
    batch.flush()
    return outcomes

"""The writer: one queue through which every command goes, many commands sharing one transaction.

While one transaction is being committed, new commands gather; nothing waits when idle. A caller is resolved after the
commit. Cancelling a caller never half-applies: its command is either withdrawn whole or committed whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from syncd.clock import Clock
from syncd.db import Database, chunks, upsert
from syncd.errors import InvariantBroken
from syncd.identity import Sku
from syncd.ledger.balance import Balances
from syncd.ledger.movement import Account, Movement, problem_of
from syncd.ledger.store import (
    Command,
    Outcome,
    Plan,
    Verdict,
    View,
    Write,
    add_balances,
    balance,
    mark_touched,
    movement,
    select_balances,
    touched,
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
        now = self._clock.now()

        def work(conn: Connection) -> list[Outcome[Any]]:
            self._began = True
            return commit_batch(conn, commands, now)

        return await self._db.transact(work)


@dataclass
class _Batch:
    """One transaction in the making."""

    conn: Connection
    now: datetime
    balances: Balances
    posted: dict[str, tuple[str, int, str, str, str, str]]
    position: int
    movements: list[dict[str, Any]] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    changed: dict[tuple[Sku, Account], int] = field(default_factory=dict)
    marks: set[Sku] = field(default_factory=set)

    def judge(self, command: Command[T]) -> Outcome[T]:
        """Decide one command and, if it stands, queue what it writes."""
        if command.reads:
            self.flush()
        rows = tuple([(self.conn.execute(read)).mappings().all() for read in command.reads])
        known = [key for key in command.keys if key in self.posted]
        if known and len(known) < len(command.keys):
            return Outcome(Verdict.CONFLICT, explanation=f"only some of its keys were posted before: {known[0]}")
        if known:
            return self._repeat(command)
        plan = command.decide(View(self.balances, rows, self.now))
        unlocked = {m.sku for m in plan.movements} - command.skus
        if unlocked:
            raise InvariantBroken(f"a command moves SKUs it has not locked: {', '.join(sorted(unlocked))}")
        refusal = plan.refusal or problem_of(plan.movements) or self.balances.shortfall(plan.movements)
        if refusal:
            return Outcome(Verdict.REFUSED, explanation=refusal)
        self._queue(plan)
        if plan.movements or plan.writes:
            self.marks |= command.skus
        return Outcome(Verdict.POSTED, plan.value)

    def _repeat(self, command: Command[T]) -> Outcome[T]:
        """Same keys again: the same content, or a conflict. Only a plan that needs no reads can be compared."""
        if not command.reads:
            plan = command.decide(View(Balances(), (), self.now))
            self.posted |= _posted(self.conn, [m.key for m in plan.movements if m.key not in self.posted])
            for m in plan.movements:
                if self.posted.get(m.key) != m.content:
                    return Outcome(Verdict.CONFLICT, explanation=f"{m.key} was posted before with other content")
        return Outcome(Verdict.DUPLICATE)

    def _queue(self, plan: Plan[Any]) -> None:
        for m in plan.movements:
            self.position += 1
            self.posted[m.key] = m.content
            self.movements.append(_movement_values(m, self.position, self.now))
        for key in self.balances.apply(plan.movements):
            self.changed[key] = self.position
        self.writes.extend(plan.writes)
        self.marks |= plan.marks

    def flush(self) -> None:
        """Write everything queued so far."""
        if self.movements:
            self.conn.execute(insert(movement), self.movements)
            self.movements = []
        if self.changed:
            rows = [
                {
                    "sku": sku,
                    "account": str(account),
                    "quantity": self.balances.of(sku, account),
                    "position": position,
                }
                for (sku, account), position in sorted(self.changed.items())
            ]
            statement = upsert(balance, ("sku", "account"), ("quantity", "position"))
            self.conn.execute(statement, rows)
            self.changed = {}
        writes, self.writes = self.writes, []
        for write in writes:
            values = write.values
            if values is None:
                self.conn.execute(write.statement)
            elif values:
                self.conn.execute(write.statement, values if isinstance(values, Mapping) else list(values))


def commit_batch(conn: Connection, commands: Sequence[Command[Any]], now: datetime) -> list[Outcome[Any]]:
    """Judge the commands in order inside the open transaction and write those that stand."""
    skus = sorted({sku for command in commands for sku in command.skus})
    _lock(conn, skus)
    batch = _Batch(
        conn,
        now,
        _balances(conn, skus),
        _posted(conn, [key for command in commands for key in command.keys]),
        int((conn.execute(select(func.coalesce(func.max(movement.c.position), 0)))).scalar_one()),
    )
    outcomes = [batch.judge(command) for command in commands]
    if batch.marks:
        batch.writes.append(mark_touched(batch.marks))
    batch.flush()
    return outcomes


def _lock(conn: Connection, skus: Sequence[Sku]) -> None:
    """Keep other writers from these SKUs until the transaction ends; SQLite has one writer anyway."""
    if skus and conn.dialect.name != "sqlite":
        unchanged = upsert(touched, ("sku",), (), {"version": touched.c.version})
        conn.execute(unchanged, [{"sku": sku, "version": 0, "dirty": False} for sku in skus])


def _posted(conn: Connection, keys: Sequence[str]) -> dict[str, tuple[str, int, str, str, str, str]]:
    found: dict[str, tuple[str, int, str, str, str, str]] = {}
    c = movement.c
    for part in chunks(keys):
        statement = select(c.key, c.sku, c.quantity, c.source, c.destination, c.reason, c.reference)
        for row in conn.execute(statement.where(c.key.in_(part))):
            found[row.key] = (row.sku, row.quantity, row.source, row.destination, row.reason, row.reference)
    return found


def _movement_values(m: Movement, position: int, now: datetime) -> dict[str, Any]:
    return {
        "position": position,
        "key": m.key,
        "sku": m.sku,
        "quantity": m.quantity,
        "source": str(m.source),
        "destination": str(m.destination),
        "reason": m.reason.value,
        "reference": m.reference,
        "actor": m.actor,
        "happened_at": m.happened_at,
        "recorded_at": now,
    }


def _balances(conn: Connection, skus: Sequence[Sku]) -> Balances:
    found = Balances()
    for statement in select_balances(skus):
        add_balances(found, conn.execute(statement))
    return found

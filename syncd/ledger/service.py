"""The writer: one queue through which every command goes, many commands sharing one transaction.

While one transaction is being committed, new commands gather; nothing waits when idle. A caller is resolved after the
commit. Cancelling a caller never half-applies: its command is either withdrawn whole or committed whole.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.exc import SQLAlchemyError

from syncd.bulk import BulkWrite, at_once, send
from syncd.clock import Clock
from syncd.db import BUSY_SECONDS, Database
from syncd.errors import InvariantBroken, LeaseLost
from syncd.fence import FENCES, Fence, Fences
from syncd.identity import Sku
from syncd.lease.store import SELECT_TOKENS
from syncd.ledger.balance import Balances
from syncd.ledger.draft import Draft, Posted
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
    balance,
    in_runs,
    mark_touched,
    movement,
    table_written,
)
from syncd.ledger.store_look import Look, Looks
from syncd.pulse import beat

T = TypeVar("T")

BATCH_COMMANDS_MAX = 500
"""Commands that share one transaction at most."""

QUEUE_COMMANDS_MAX = 10_000
"""Commands that may wait; further callers wait for a place."""

TOGETHER_SECONDS_MAX = BUSY_SECONDS * 0.8
"""How long commands that stand or fall together may keep other writers waiting, who give up after `BUSY_SECONDS`."""

TOO_LONG = f"others would wait more than {TOGETHER_SECONDS_MAX:.0f} s for their turn to write: divide it"

COMMAND_FAULTS = (
    SQLAlchemyError,
    InvariantBroken,
    LeaseLost,
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RuntimeError,
)
"""What a wrong command raises when it is decided or written. Its own caller gets it; the writer goes on."""

Entry = tuple[Command[Any], asyncio.Future[Outcome[Any]], Fences | None]


class _NotTogether(Exception):
    """Undoes a transaction of commands that stand or fall together; never leaves this file."""

    def __init__(self, outcome: Outcome[Any]) -> None:
        super().__init__(outcome.explanation)
        self.outcome = outcome


class Writer:
    """The one door for writes."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._queue: asyncio.Queue[Entry | None] = asyncio.Queue(QUEUE_COMMANDS_MAX)
        self._stopping = False
        self._began = False
        self._listeners: list[tuple[frozenset[str], asyncio.Event]] = []

    def listen(self, *tables: Table) -> asyncio.Event:
        """An event that is set after every commit that wrote to one of these tables (to any, when none is named)."""
        event = asyncio.Event()
        self._listeners.append((frozenset(table.name for table in tables), event))
        return event

    def wake(self, written: frozenset[str] | None = None) -> None:
        """Tell who listens for these tables that something was committed; None: another process did, who knows where.

        Nobody is woken by a commit that wrote nothing: he would look again, for ever.
        """
        for tables, event in self._listeners:
            if written is None or (written and (not tables or tables & written)):
                event.set()

    async def submit(self, command: Command[T]) -> Outcome[T]:
        """Decide and commit a command; returns after the commit.

        Raises what deciding or storing it raised, and InvariantBroken when the writer has stopped or ended in a fault.
        """
        if self._stopping:
            raise InvariantBroken("something is to be written, but the writer was told to stop")
        future: asyncio.Future[Outcome[T]] = asyncio.get_running_loop().create_future()
        entry = (command, future, FENCES.get())
        if self._queue.full():
            await self._queue.put(entry)
        else:
            self._queue.put_nowait(entry)  # a turn of the loop less
        outcome = await future
        beat()
        return outcome

    async def write(self, *writes: Write, lazy: bool = False) -> None:
        """Commit row writes that need no decision, all or none; `lazy` as in `Command`."""
        await self.submit(Command(lambda _view: Plan(None, writes=writes), is_lazy=lazy))

    async def submit_together(
        self, commands: Callable[[], Iterable[Command[Any]]], told: Callable[[int], object]
    ) -> Outcome[int]:
        """Decide and commit many commands as one, each judged on what those before it wrote: all of them, or none.

        They share a transaction of their own and only one of them need be in memory: `commands()` makes them as they
        are asked for, in the writing thread, and anew for another attempt. `told(number)` follows each. Posted tells
        how many were no duplicates; refused or conflict is the verdict on the first that cannot stand, or on all of
        them where others would be kept waiting too long. Cancelled before the end, nothing is written.
        """
        given_up = threading.Event()
        now = self._clock.now()

        def work(conn: Connection) -> int:
            until, posted = self._clock.monotonic() + TOGETHER_SECONDS_MAX, 0
            for number, command in enumerate(commands(), 1):
                (outcome,), _ = commit_batch(conn, [command], now)
                if outcome.verdict in (Verdict.CONFLICT, Verdict.REFUSED):
                    raise _NotTogether(outcome)
                if given_up.is_set() or self._clock.monotonic() > until:
                    raise _NotTogether(Outcome(Verdict.REFUSED, explanation=TOO_LONG))
                posted += outcome.verdict is Verdict.POSTED
                told(number)
            return posted

        try:
            posted = await self._db.transact(work)
        except _NotTogether as undone:
            return Outcome(undone.outcome.verdict, explanation=undone.outcome.explanation)
        finally:
            given_up.set()
        self.wake()
        return Outcome(Verdict.POSTED if posted else Verdict.DUPLICATE, posted)

    async def run(self) -> None:
        """Write until `stop` was called and everything before it is written."""
        entries: list[Entry] = []
        try:
            while not (self._stopping and self._queue.empty()):
                entries = await self._gather()
                await self._commit(entries)
        finally:  # nobody waits for ever for an answer that cannot come
            for _, future, _ in entries:
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
            outcomes, written = await self._write(entries)
        except COMMAND_FAULTS as fault:
            await self._isolate(entries, fault)
            return
        self.wake(written)
        for (_, future, _), outcome in zip(entries, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)

    async def _isolate(self, entries: Sequence[Entry], fault: BaseException) -> None:
        """Halve what failed until the wrong command is alone: it must not fail the others, nor change their order."""
        middle = len(entries) // 2
        if middle and self._began:
            await self._commit(entries[:middle])
            await self._commit(entries[middle:])
            return
        for _, future, _ in entries:
            if not future.done():
                future.set_exception(fault)

    async def _write(self, entries: Sequence[Entry]) -> tuple[list[Outcome[Any]], frozenset[str]]:
        commands = [command for command, _, _ in entries]
        fences = frozenset([fence for _, _, held in entries if held for fence in held])
        self._began = False  # until the transaction has begun the fault is no command's, and halving would help nobody
        now = self._clock.now()

        def work(conn: Connection) -> tuple[list[Outcome[Any]], frozenset[str]]:
            self._began = True
            return commit_batch(conn, commands, now, fences)

        return await self._db.transact(work, lazy=all(command.is_lazy for command in commands))


class _Batch:
    """One transaction in the making."""

    def __init__(
        self, conn: Connection, commands: Sequence[Command[Any]], now: datetime, fences: frozenset[Fence]
    ) -> None:
        self._conn = conn
        self._now = now
        self._writes: list[Write] = []
        self._marks: set[Sku] = set()
        self.written: set[str] = set()
        self._looks = Looks(read for command in commands for read in command.reads if isinstance(read, Look))
        balances = Balances()
        skus = {sku for command in commands for sku in command.skus}
        keys = [key for command in commands for key in command.keys]
        with at_once(conn):  # nothing is asked that nobody needs: each statement lets other threads in between
            last = send(conn, LAST_POSITION) if skus else None  # who moves anything has named its SKU
            held = SELECT_BALANCES.ask(conn, skus) if skus else None
            posted = SELECT_POSTED.ask(conn, keys) if keys else None
            looked = self._looks.ask(conn)
            tokens = SELECT_TOKENS.ask(conn, {fence.duty for fence in fences}) if fences else None
        if tokens is not None:
            _compare(fences, dict(tokens.fetchall()))
        add_balances(balances, held.fetchall() if held else ())
        known: dict[str, Posted] = {row[1]: row for row in posted.fetchall()} if posted else {}
        self._draft = Draft(balances, known, last.fetchall()[0][0] if last else 0, now)
        self._view = View(balances, (), now)
        self._looks.take(looked)

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
        self._queue(plan)
        return Outcome(Verdict.POSTED, plan.value, positions=self._draft.positions([m.key for m in plan.movements]))

    def _queue(self, plan: Plan[Any]) -> None:
        """What it writes is written later, and seen by whoever reads it before."""
        self._writes.extend(plan.writes)
        for write in plan.writes:
            self._looks.changed(table_written(write.statement), write.rows)
        if plan.movements:
            moved = [{"sku": m.sku} for m in plan.movements]
            self._looks.changed(movement.name, moved)
            self._looks.changed(balance.name, moved)

    def _look(self, command: Command[Any]) -> View:
        """What the command reads, with everything that earlier commands write."""
        if not all(isinstance(read, Look) and self._looks.is_known(read) for read in command.reads):
            self.flush()
        rows = [
            self._looks.rows(read, self._conn) if isinstance(read, Look) else self._conn.execute(read).mappings().all()
            for read in command.reads
        ]
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
        if keys:
            self._draft.posted |= {row[1]: row for row in SELECT_POSTED.run(self._conn, keys)}

    def flush(self) -> None:
        """Write everything queued so far."""
        log, balances = self._draft.take()
        runs = list(in_runs(self._writes))
        if log:
            self.written |= {movement.name, balance.name}
        self.written |= {table_written(statement) for statement, _ in runs}
        is_bulk = all(isinstance(statement, BulkWrite) for statement, _ in runs)  # SQLAlchemy waits for each answer
        with at_once(self._conn) if is_bulk else nullcontext():
            INSERT_MOVEMENTS.run(self._conn, log)
            UPSERT_BALANCES.run(self._conn, balances)
            for statement, rows in runs:
                if isinstance(statement, BulkWrite):
                    statement.run(self._conn, rows)
                else:
                    self._conn.execute(statement, rows or None)
        self._writes.clear()

    def mark(self) -> None:
        """Mark every SKU that something is written for."""
        if self._marks:
            self._writes.append(mark_touched(self._marks))


def _compare(fences: frozenset[Fence], tokens: Mapping[Any, Any]) -> None:
    """Raise LeaseLost for a fence whose lease has changed hands: in this transaction that is certain."""
    for fence in fences:
        if fence.is_lost or tokens.get(fence.duty) != fence.token:
            fence.is_lost = True
            raise LeaseLost(fence.duty)


def commit_batch(
    conn: Connection, commands: Sequence[Command[Any]], now: datetime, fences: frozenset[Fence] = frozenset()
) -> tuple[list[Outcome[Any]], frozenset[str]]:
    """Judge the commands in order inside the open transaction, write those that stand, and say to which tables.

    Raises LeaseLost, before anything is judged, if one of the fences they were asked for under stands no more.
    """
    batch = _Batch(conn, commands, now, fences)
    outcomes = [batch.judge(command) for command in commands]
    batch.mark()
    batch.flush()
    return outcomes, frozenset(batch.written)

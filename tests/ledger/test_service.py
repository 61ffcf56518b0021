"""The writer: many callers share a transaction, and no caller can spoil another's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, text, update
from sqlalchemy.exc import DBAPIError, OperationalError, StatementError

import syncd.db
from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, question
from syncd.db import Database
from syncd.errors import InvariantBroken
from syncd.ledger.movement import CUSTOMER, reserved
from syncd.ledger.service import BATCH_COMMANDS_MAX, Writer
from syncd.ledger.store import Command, Plan, Verdict, View, Write, mark_touched, post, touched
from syncd.testkit.fake_clock import FakeClock
from tests.support.store import (
    GLOVES,
    MAIN,
    Store,
    create_tables,
    moved,
    opened_store,
    receipt,
    writing_held,
)

T = TypeVar("T")

_NOWHERE = Table("no_such_table", MetaData(), Column("x", Integer))

PATIENCE_SECONDS = 20
"""How long a test waits for an answer that must come."""


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A new store."""
    async with opened_store(store_url) as opened:
        yield opened


def bad_sql(_view: View) -> Plan[None]:
    """A statement the store refuses."""
    return Plan(None, writes=(Write(update(_NOWHERE).values(x=1)),))


def bad_moment(_view: View) -> Plan[None]:
    """A value the store's types refuse."""
    naive = FakeClock().now().replace(tzinfo=None)
    return Plan(None, writes=(ask(Question(Topic.DRIFT, "ebay:1", "why?", naive)),))


def bad_moment_in_statement(_view: View) -> Plan[None]:
    """The same where SQLAlchemy writes the values."""
    naive = FakeClock().now().replace(tzinfo=None)
    return Plan(None, writes=(Write(update(question).values(closed_at=naive)),))


def raising(error: Exception) -> Callable[[View], Plan[None]]:
    """A decision that fails."""

    def decide(_view: View) -> Plan[None]:
        raise error

    return decide


WRONG = {
    "bad SQL": (bad_sql, DBAPIError),
    "a moment without time zone": (bad_moment, ValueError),
    "a moment without time zone in a statement": (bad_moment_in_statement, StatementError),
    "a bug: AttributeError": (raising(AttributeError("x")), AttributeError),
    "a bug: KeyError": (raising(KeyError("x")), KeyError),
    "a bug: RecursionError": (raising(RecursionError("x")), RecursionError),
    "a broken invariant": (raising(InvariantBroken("x")), InvariantBroken),
}


@pytest.mark.parametrize(("decide", "fault"), WRONG.values(), ids=WRONG)
async def test_a_wrong_command_fails_alone(
    store: Store, decide: Callable[[View], Plan[None]], fault: type[Exception]
) -> None:
    """Its own caller gets the fault; its neighbours in the transaction are posted in order, and the writer goes on."""
    commands = [post([receipt(1, key=f"before {n}")]) for n in range(4)]
    commands += [Command(decide)]
    commands += [post([moved(1, MAIN, CUSTOMER, key=f"after {n}")]) for n in range(4)]
    async with asyncio.timeout(PATIENCE_SECONDS):
        results = await asyncio.gather(*map(store.writer.submit, commands), return_exceptions=True)
        assert isinstance(results.pop(4), fault)
        assert [getattr(one, "verdict", one) for one in results] == [Verdict.POSTED] * 8
        assert [m.key for m in await store.log()] == [f"{when} {n}" for when in ("before", "after") for n in range(4)]
        await store.receive(7)
    assert await store.units() == 7


async def test_nothing_of_a_failing_command_is_written(store: Store) -> None:
    """A movement goes with the row write that fails beside it."""
    plan = Plan(None, (receipt(1, key="a"),), bad_sql(None).writes)  # type: ignore[arg-type]
    with pytest.raises(DBAPIError):
        await store.writer.submit(Command(lambda _view: plan, ("a",), frozenset({GLOVES})))
    assert await store.log() == []
    assert await store.touched() == {}


async def test_concurrent_callers_never_oversell(store: Store) -> None:
    """200 callers want the last 50 units one by one: exactly 50 get one."""
    await store.receive(50)
    wanted = [store.post(moved(1, MAIN, reserved("main"), key=f"sale {n}")) for n in range(200)]
    verdicts = [one.verdict for one in await asyncio.gather(*wanted)]
    assert verdicts.count(Verdict.POSTED) == 50
    assert verdicts.count(Verdict.REFUSED) == 150
    assert (await store.units(), await store.units(reserved("main"))) == (0, 50)


class CountedDatabase(Database):
    """A database that counts its transactions."""

    transactions = 0

    async def transact(self, work: Callable[[Connection], T], *, lazy: bool = False) -> T:
        """One more transaction."""
        self.transactions += 1
        return await super().transact(work, lazy=lazy)


async def test_callers_share_transactions(store_url: str) -> None:
    """What waits when a transaction ends is written with one commit, up to the limit of a transaction."""
    db = CountedDatabase(store_url)
    await create_tables(db)
    writer = Writer(db, FakeClock())
    units = BATCH_COMMANDS_MAX + 100
    callers = [asyncio.create_task(writer.submit(post([receipt(1, key=f"a{n}")]))) for n in range(units)]
    await asyncio.sleep(0)  # every caller has queued its command
    await writer_over(writer)
    assert [one.result().verdict for one in callers] == [Verdict.POSTED] * units
    assert db.transactions == 1 + 2  # the tables, then the commands
    await db.aclose()


async def writer_over(writer: Writer) -> None:
    """Run a writer until everything queued is written."""
    await writer.stop()
    await asyncio.wait_for(writer.run(), PATIENCE_SECONDS)


async def test_stop_writes_what_is_queued_and_refuses_what_comes_later(store_url: str) -> None:
    """What was submitted before `stop` is written; a later caller is told at once instead of waiting for ever."""
    async with opened_store(store_url) as store:
        callers = [asyncio.create_task(store.post(receipt(1, key=f"a{n}"))) for n in range(20)]
        await asyncio.sleep(0)
        await store.writer.stop()
        assert {one.verdict for one in await asyncio.gather(*callers)} == {Verdict.POSTED}
        with pytest.raises(InvariantBroken, match="told to stop"):
            await asyncio.wait_for(store.receive(1), PATIENCE_SECONDS)
        assert await store.units() == 20


@pytest.mark.parametrize("turns", [0, 1, 2, 5, 20])
async def test_a_cancelled_caller_leaves_all_or_nothing(store: Store, turns: int) -> None:
    """Whenever a caller is cancelled, its command is written whole or not at all, and its neighbours' are written."""
    both = (receipt(2, key="a"), moved(1, MAIN, CUSTOMER, key="b"))
    cancelled = asyncio.create_task(store.post(*both))
    neighbour = asyncio.create_task(store.post(receipt(3, key="c")))
    for _ in range(turns):
        await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    assert (await neighbour).verdict is Verdict.POSTED
    assert {m.key for m in await store.log()} in ({"c"}, {"a", "b", "c"})
    assert (await store.post(*both)).verdict in (Verdict.POSTED, Verdict.DUPLICATE)
    assert await store.units() == 4


async def test_a_caller_cancelled_while_it_waits_is_withdrawn(store_url: str) -> None:
    """A command whose caller has gone before the writer took it is not written."""
    db = Database(store_url)
    await create_tables(db)
    writer = Writer(db, FakeClock())
    gone = asyncio.create_task(writer.submit(post([receipt(1, key="a")])))
    stays = asyncio.create_task(writer.submit(post([receipt(1, key="b")])))
    await asyncio.sleep(0)
    gone.cancel()
    await writer_over(writer)
    assert (await stays).verdict is Verdict.POSTED
    async with db.read() as conn:
        assert [row.key for row in await conn.execute(text("SELECT key FROM movement"))] == ["b"]
    await db.aclose()


async def test_when_the_writer_is_cancelled_its_callers_are_told(store_url: str) -> None:
    """A caller in the transaction that never ended gets a fault, not silence."""
    db = Database(store_url)
    await create_tables(db)
    writer = Writer(db, FakeClock())
    running = asyncio.create_task(writer.run())

    def end(_view: View) -> Plan[None]:
        running.cancel()
        return Plan(None)

    with pytest.raises(InvariantBroken, match="not known"):
        await asyncio.wait_for(writer.submit(Command(end)), PATIENCE_SECONDS)
    with pytest.raises(asyncio.CancelledError):
        await running
    await db.aclose()


async def test_listeners_are_woken_by_every_commit(store: Store) -> None:
    """Whoever listens is woken after a commit, again and again, and sees what was committed."""
    heard = store.writer.listen()
    for n in range(1, 4):
        heard.clear()
        await store.post(receipt(1, key=f"a{n}"))
        assert heard.is_set()
    heard.clear()
    await asyncio.gather(store.writer.submit(Command(bad_sql)), return_exceptions=True)
    assert not heard.is_set()


async def test_another_process_that_keeps_the_store_fails_all_callers_at_once(
    store: Store, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When no transaction can begin, callers are told after one wait; afterwards everything works again."""
    monkeypatch.setattr(syncd.db, "BUSY_SECONDS", 0.05)
    short = CountedDatabase(store_url)
    writer = Writer(short, store.clock)
    callers = [asyncio.create_task(writer.submit(post([receipt(1, key=f"a{n}")]))) for n in range(40)]
    async with writing_held(store.db):
        running = asyncio.create_task(writer.run())
        results = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(one) for one in results] == [OperationalError] * 40
    assert short.transactions == 1
    assert (await writer.submit(post([receipt(1, key="b")]))).verdict is Verdict.POSTED
    await writer.stop()
    await running
    await short.aclose()


async def test_a_second_process_waits_for_its_turn(store: Store, store_url: str) -> None:
    """While one process writes, another's command waits; then it is judged on what the first left."""
    await store.receive(3)
    async with opened_store(store_url) as other:
        async with writing_held(store.db):
            mine = asyncio.create_task(store.post(moved(2, MAIN, CUSTOMER, key="ours")))
            theirs = asyncio.create_task(other.post(moved(2, MAIN, CUSTOMER, key="theirs")))
            assert (await asyncio.wait({mine, theirs}, timeout=0.1))[0] == set()
        verdicts = [one.verdict for one in await asyncio.gather(mine, theirs)]
    assert sorted(verdicts) == [Verdict.POSTED, Verdict.REFUSED]
    assert await store.units() == 1


async def test_who_listens_for_some_tables_hears_of_those_alone(store: Store) -> None:
    """A commit wakes those whose rows it changed; another process's may have changed anything and wakes everybody."""
    asked, moved_on, either = (
        store.writer.listen(question),
        store.writer.listen(touched),
        store.writer.listen(question, touched),
    )
    await store.receive(3)
    assert [event.is_set() for event in (asked, moved_on, either)] == [False, True, True]
    moved_on.clear()
    either.clear()
    await store.writer.write(ask(Question(Topic.DRIFT, "x", "?", store.clock.now())))
    assert [event.is_set() for event in (asked, moved_on, either)] == [True, False, True]
    asked.clear()
    store.writer.wake()
    assert asked.is_set()
    assert moved_on.is_set()


async def test_a_write_in_plain_text_is_refused(store: Store) -> None:
    """It names no table, so nobody could be told of it; nothing of its command is written."""
    with pytest.raises(InvariantBroken, match="plain text"):
        await store.writer.write(mark_touched([GLOVES]), Write(text("UPDATE touched SET dirty = false")))
    assert await store.touched() == {}


async def test_a_commit_that_wrote_nothing_wakes_nobody(store: Store) -> None:
    """Who looks, finds nothing to write and is woken by just that would look again for ever, at full speed."""
    woken = store.writer.listen()
    await store.writer.submit(Command(lambda _view: Plan(None)))
    assert not woken.is_set()
    await store.writer.submit(post([receipt(1, key="r1")]))
    assert woken.is_set()

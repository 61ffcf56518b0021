"""The database: two sides of one store, exact types, and other processes' commits noticed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Executable, Integer, MetaData, String, Table, insert, select, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import OperationalError, StatementError

import syncd.db
from syncd.bulk import BulkInsert, BulkSelect
from syncd.db import TRANSACTION_ATTEMPTS_MAX, Database, ExactDecimal, UtcDateTime, chunks, store_url, upsert
from syncd.errors import OperatorError
from tests.support.store import writing_held

metadata = MetaData()
thing = Table(
    "thing",
    metadata,
    Column("name", String, primary_key=True),
    Column("size", Integer, nullable=False, default=0),
    Column("seen_at", UtcDateTime),
    Column("price", ExactDecimal),
)
NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
async def db(empty_store_url: str) -> AsyncIterator[Database]:
    """A store with one table."""
    opened = Database(empty_store_url)
    await opened.transact(metadata.create_all)
    yield opened
    await opened.aclose()


@pytest.fixture
async def other(db: Database, empty_store_url: str) -> AsyncIterator[Database]:
    """The same store, as another process has it open."""
    opened = Database(empty_store_url)
    yield opened
    await opened.aclose()


async def execute(db: Database, *statements: Executable) -> list[Any]:
    """Statements in one transaction, and the rows that the last one found."""

    def work(conn: Connection) -> list[Any]:
        results = [conn.execute(one) for one in statements]
        return [tuple(row) for row in results[-1]] if results[-1].returns_rows else []

    return await db.transact(work)


async def add(db: Database, name: str) -> None:
    """One more thing."""
    await execute(db, insert(thing).values(name=name))


async def sizes(db: Database) -> dict[str, int]:
    """Every thing with its size."""
    async with db.read() as conn:
        return {row.name: row.size for row in await conn.execute(select(thing))}


@pytest.mark.parametrize(
    "moment",
    [NOON, NOON.astimezone(timezone(timedelta(hours=5, minutes=30))), datetime.min.replace(tzinfo=UTC), None],
    ids=str,
)
async def test_moments_come_back_aware_and_in_utc(db: Database, moment: datetime | None) -> None:
    """Whatever zone a moment was given in, the same moment comes back in UTC, to the microsecond."""
    ((back,),) = await execute(db, insert(thing).values(name="a", seen_at=moment), select(thing.c.seen_at))
    assert back == moment
    assert back is None or back.tzinfo is UTC


async def test_moments_compare_in_the_store_as_they_do_here(db: Database) -> None:
    """A comparison in SQL compares moments, not the texts of different zones."""
    later_elsewhere = (NOON + timedelta(hours=1)).astimezone(timezone(timedelta(hours=-8)))
    await execute(db, insert(thing).values(name="a", seen_at=later_elsewhere))
    assert await execute(db, select(thing.c.name).where(thing.c.seen_at > NOON)) == [("a",)]


async def test_a_moment_without_time_zone_is_refused(db: Database) -> None:
    """A naive moment is never stored, nor compared with."""
    naive = NOON.replace(tzinfo=None)
    for statement in (insert(thing).values(name="a", seen_at=naive), select(thing).where(thing.c.seen_at > naive)):
        with pytest.raises(StatementError, match="a moment without time zone cannot be stored"):
            await execute(db, statement)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_a_decimal_survives_as_it_is(amount: Decimal) -> None:
    """A decimal goes out as text and comes back with the same digits, trailing zeros included."""
    kind, dialect = ExactDecimal(), sqlite.dialect()
    back = kind.process_result_value(kind.process_bind_param(amount, dialect), dialect)
    assert back is not None
    assert back.as_tuple() == amount.as_tuple()


async def test_a_decimal_is_kept_as_text(db: Database) -> None:
    """Money is no float in the file either."""
    await execute(db, insert(thing).values(name="a", price=Decimal("9.90")))
    await execute(db, insert(thing).values(name="b", price=None))
    kind = "typeof(price)" if db.is_sqlite else "pg_typeof(price)::text"
    ((found,),) = await execute(db, text(f"SELECT {kind} FROM thing WHERE name = 'a'"))
    assert found in ("text", "character varying")
    assert await execute(db, select(thing.c.price).order_by(thing.c.name)) == [(Decimal("9.90"),), (None,)]


@given(st.lists(st.integers()), st.integers(1, 7))
def test_chunks_are_everything_in_order_and_never_too_long(values: list[int], size: int) -> None:
    """The chunks together are the values; each has at most `size`, none is empty."""
    parts = list(chunks(values, size))
    assert [value for part in parts for value in part] == values
    assert all(1 <= len(part) <= size for part in parts)


async def test_upsert_overwrites_computes_and_leaves_alone(db: Database) -> None:
    """`columns` take the new value, `expressions` are computed from the old, other columns stay."""
    await execute(db, insert(thing).values(name="a", size=5, price=Decimal(1)))
    grow = upsert(thing, ("name",), ("seen_at",), {"size": "thing.size + 10"})
    rows = [{"name": n, "size": 1, "seen_at": NOON, "price": Decimal(2)} for n in ("a", "b", "b")]
    await db.transact(lambda conn: grow.run(conn, rows))
    assert await execute(db, select(thing).order_by(thing.c.name)) == [
        ("a", 15, NOON, Decimal(1)),
        ("b", 11, NOON, Decimal(2)),
    ]


async def test_upsert_of_nothing_leaves_an_existing_row_alone(db: Database) -> None:
    """With nothing to overwrite, only new rows are added."""
    rows = [{"name": "a", "size": 1}, {"name": "b", "size": 2}]
    await execute(db, insert(thing).values(name="a", size=5))
    await db.transact(lambda conn: upsert(thing, ("name",), ()).run(conn, rows))
    assert await sizes(db) == {"a": 5, "b": 2}


async def test_a_transaction_is_all_or_nothing(db: Database) -> None:
    """An exception inside the block takes everything back."""

    def fail(conn: Connection) -> None:
        conn.execute(insert(thing).values(name="a"))
        raise KeyError

    with pytest.raises(KeyError):
        await db.transact(fail)
    assert await sizes(db) == {}


async def test_what_a_read_writes_is_thrown_away(db: Database) -> None:
    """The reading side never commits."""
    async with db.read() as conn:
        await conn.execute(insert(thing).values(name="a"))
    assert await sizes(db) == {}


async def test_a_read_sees_one_state_while_others_write(db: Database) -> None:
    """A held read neither blocks a writer nor sees what it commits."""
    async with db.read() as conn:
        assert (await conn.execute(select(thing))).all() == []
        await add(db, "a")
        assert (await conn.execute(select(thing))).all() == []
    assert await sizes(db) == {"a": 0}


async def test_the_store_survives_a_power_cut_by_its_settings(tmp_path: Path) -> None:
    """SQLite writes ahead and waits for the disk at each commit."""
    db = Database(f"sqlite:///{tmp_path / 'syncd.sqlite'}")
    assert await execute(db, text("PRAGMA journal_mode")) == [("wal",)]
    assert await execute(db, text("PRAGMA synchronous")) == [(2,)]
    await db.aclose()


async def test_the_version_changes_when_another_process_commits(db: Database, other: Database) -> None:
    """Another process's commit changes the version; a look, our own commit and a transaction of nothing do not."""
    version = await db.version()
    await add(db, "ours")
    await sizes(db)
    await execute(other, select(thing))
    assert await db.version() == version
    await add(other, "theirs")
    assert (seen := await db.version()) != version
    assert await db.version() == seen
    await add(other, "theirs too")
    assert await db.version() != seen
    assert set(await sizes(db)) == {"ours", "theirs", "theirs too"}


async def test_watching_the_version_needs_no_lock(
    other: Database, empty_store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version can be read while another process is writing, which keeps us only from writing."""
    monkeypatch.setattr(syncd.db, "BUSY_SECONDS", 0.05)
    hasty = Database(empty_store_url)
    version = await hasty.version()
    async with writing_held(other):
        assert await hasty.version() == version
        with pytest.raises(OperationalError, match="lock"):
            await add(hasty, "a")
    await add(hasty, "a")
    assert await sizes(other) == {"a": 0}
    await hasty.aclose()


def cut_off(which: str) -> Executable:
    """End connections to this database; those of other tests on the same server stay."""
    mine = f"datname = current_database() AND {which}"
    return text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}")


async def test_a_watcher_cut_off_says_so_and_misses_nothing(postgresql_url: str) -> None:
    """When the listening connection is lost that is a fault; the next look takes it that something was committed."""
    db, other = Database(postgresql_url), Database(postgresql_url)
    await db.transact(metadata.create_all)
    version = await db.version()
    await execute(other, cut_off("(query LIKE 'LISTEN%' OR query = 'SELECT 1')"))
    with pytest.raises(OperationalError):
        await db.version()
    assert await db.version() != version
    await db.aclose()
    await other.aclose()


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
async def test_a_transaction_undone_because_of_others_is_done_again(postgresql_url: str, sqlstate: str) -> None:
    """A serialisation failure or a deadlock costs an attempt and nothing else; the attempts are bounded."""
    db = Database(postgresql_url)
    await db.transact(metadata.create_all)
    attempts = 0

    def undone(conn: Connection, name: str, times: int) -> None:
        nonlocal attempts
        attempts += 1
        conn.execute(insert(thing).values(name=name))
        if attempts <= times:
            conn.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{sqlstate}'; END $$")

    await db.transact(lambda conn: undone(conn, "a", TRANSACTION_ATTEMPTS_MAX - 1))
    assert attempts == TRANSACTION_ATTEMPTS_MAX
    attempts = 0
    with pytest.raises(OperationalError):
        await db.transact(lambda conn: undone(conn, "b", TRANSACTION_ATTEMPTS_MAX))
    assert attempts == TRANSACTION_ATTEMPTS_MAX
    assert await sizes(db) == {"a": 0}
    await db.aclose()


async def test_a_server_started_anew_between_transactions_is_not_noticed(postgresql_url: str) -> None:
    """A writing connection that was lost while nothing was being written is replaced."""
    db, other = Database(postgresql_url), Database(postgresql_url)
    await db.transact(metadata.create_all)
    await execute(other, cut_off("pid <> pg_backend_pid()"))
    await add(db, "a")
    assert await sizes(db) == {"a": 0}
    await db.aclose()
    await other.aclose()


async def test_moments_are_compared_and_kept_by_the_microsecond(db: Database) -> None:
    """Rows written in bulk are the same as rows written one by one."""
    rows = [
        ("a", 1, NOON, Decimal("9.90")),
        ("b", 2, None, None),
        ("c", 3, NOON + timedelta(microseconds=1), Decimal(1)),
    ]
    bulk = BulkInsert(
        thing, ("name", "size", "seen_at", "price"), "ON CONFLICT (name) DO UPDATE SET size = thing.size + 1"
    )
    await db.transact(lambda conn: bulk.run(conn, rows))
    await db.transact(lambda conn: bulk.run(conn, [("b", 7, None, None)]))
    await db.transact(lambda conn: bulk.run(conn, []))
    rows[1] = ("b", 3, None, None)
    assert await execute(db, select(thing).order_by(thing.c.name)) == rows


async def test_many_keys_are_one_parameter(db: Database) -> None:
    """Rows are found by a list of keys of any length and with any characters."""
    odd = ['quote"', "back\\slash", "näme", "{a,b}", "NULL", ""]
    bulk = BulkInsert(thing, ("name", "size"))
    await db.transact(lambda conn: bulk.run(conn, [(name, n) for n, name in enumerate(odd)]))
    found = BulkSelect(thing, ("name", "size"), key="name")
    assert await db.transact(lambda conn: found.run(conn, [])) == []
    rows = await db.transact(lambda conn: found.run(conn, [*odd, *map(str, range(50_000))]))
    assert dict(rows) == {name: n for n, name in enumerate(odd)}


async def test_a_statement_is_planned_for_the_store_as_it_is(postgresql_url: str) -> None:
    """However often it was used before: a plan kept from an empty table would read all of it for every key."""
    db = Database(postgresql_url)
    await db.transact(metadata.create_all)
    found = BulkSelect(thing, ("name", "size"), key="name")
    keys = [str(n) for n in range(64)]
    for _ in range(20):  # the driver prepares after 5, the server would keep a plan after 5 more
        await db.transact(lambda conn: found.run(conn, keys))
    plans = text("SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE '%thing%'")
    ((kept, made),) = await execute(db, plans)
    assert (kept, made > 10) == (0, True)
    await db.aclose()


async def test_one_row_changed_twice_in_one_call_is_changed_twice(db: Database) -> None:
    """Rows of one key are written one after the other: what the first alone says stays, the last overwrites."""
    rows = [
        {"name": "a", "size": 1, "price": Decimal(1)},
        {"name": "b", "size": 2, "price": Decimal(2)},
        {"name": "a", "size": 3, "price": Decimal(3)},
        {"name": "a", "size": 4, "price": Decimal(4)},
    ]
    await db.transact(lambda conn: upsert(thing, ("name",), ("size",)).run(conn, rows))
    assert await execute(db, select(thing).order_by(thing.c.name)) == [
        ("a", 4, None, Decimal(1)),
        ("b", 2, None, Decimal(2)),
    ]
    more = upsert(thing, ("name",), (), {"size": "thing.size + excluded.size"})
    await db.transact(lambda conn: more.run(conn, [{"name": "a", "size": 1}] * 3))
    assert await sizes(db) == {"a": 7, "b": 2}


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///syncd.sqlite", "sqlite+aiosqlite"),
        ("postgresql://syncd@localhost/syncd", "postgresql+psycopg"),
        ("postgresql+asyncpg://syncd@localhost/syncd", "postgresql+psycopg"),
    ],
)
def test_a_store_gets_its_asynchronous_driver(url: str, driver: str) -> None:
    """People write sqlite:/// or postgresql://; the driver is ours to choose."""
    assert store_url(url).drivername == driver


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://localhost/syncd", "'mysql' is not a store syncd knows; use sqlite:/// or postgresql://"),
        ("sqlite://", "is not a file"),
        ("sqlite:///:memory:", "is not a file"),
        ("syncd.sqlite", "is not a store's address; use sqlite:/// or postgresql://"),
        ("", "is not a store's address"),
    ],
)
def test_what_is_no_store_is_told_to_the_operator(url: str, sentence: str) -> None:
    """A store syncd cannot work with is named in one sentence; one in memory would be another for each connection."""
    with pytest.raises(OperatorError, match=r"\[database\] url: ") as told:
        store_url(url)
    assert sentence in str(told.value)


def test_a_password_is_not_in_the_sentence() -> None:
    """A wrong URL is not repeated with its password."""
    with pytest.raises(OperatorError) as told:
        store_url("mysql://syncd:hunter2@localhost/syncd")
    assert "hunter2" not in str(told.value)
    with pytest.raises(OperatorError) as told:
        store_url("syncd:hunter2@localhost")
    assert "hunter2" not in str(told.value)


async def _waits_for_the_disk(db: Database, *, lazy: bool) -> bool:
    """Whether a commit of this kind returns only when the disk has it."""
    asked = "PRAGMA synchronous" if db.is_sqlite else "SHOW synchronous_commit"
    said = await db.transact(lambda conn: conn.execute(text(asked)).scalar_one(), lazy=lazy)
    return str(said) in ("2", "on")


async def test_only_a_lazy_commit_does_not_wait_for_the_disk(db: Database) -> None:
    """What was acknowledged to anybody survives a power cut; after a lazy transaction the next waits again."""
    assert await _waits_for_the_disk(db, lazy=False)
    assert not await _waits_for_the_disk(db, lazy=True)
    assert not await _waits_for_the_disk(db, lazy=True)
    assert await _waits_for_the_disk(db, lazy=False)


async def test_a_lazy_transaction_is_committed_like_any_other(db: Database, other: Database) -> None:
    """Others see it at once."""
    await db.transact(lambda conn: conn.execute(insert(thing), {"name": "gloves"}), lazy=True)
    assert await execute(other, select(thing.c.name)) == [("gloves",)]

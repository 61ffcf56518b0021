"""Statements written once: the same rows as SQLAlchemy finds, on both stores, whatever the values."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, bindparam, func, insert, select
from sqlalchemy.exc import DBAPIError

from syncd.db import Database, ExactDecimal, UtcDateTime
from syncd.errors import InvariantBroken
from syncd.prepared import Prepared, among, not_among

metadata = MetaData()
thing = Table(
    "thing",
    metadata,
    Column("shop", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("size", Integer),
    Column("is_good", Boolean),
    Column("seen_at", UtcDateTime),
    Column("price", ExactDecimal),
)
NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
ODD = 'it\'s a "quote", 100 % [1] \\ é 漢'
ROWS: list[dict[str, Any]] = [
    {"shop": "a", "name": "1", "size": 1, "is_good": True, "seen_at": NOON, "price": Decimal("1.10")},
    {"shop": "a", "name": ODD, "size": 2, "is_good": False, "seen_at": None, "price": None},
    {"shop": ODD, "name": "1", "size": None, "is_good": None, "seen_at": NOON, "price": Decimal("0")},
]
EVERYTHING = Prepared(select(thing).order_by(thing.c.shop, thing.c.name))
BY_NAME = Prepared(select(thing.c.size).where(among(thing.c.name, name="names")).order_by(thing.c.size))
BY_PAIR = Prepared(select(thing).where(among(thing.c.shop, thing.c.name, name="keys")).order_by(thing.c.size))
OTHERS = Prepared(select(thing.c.name).where(thing.c.shop == "a", not_among(thing.c.name, name="names")))
SINCE = Prepared(
    select(func.count().label("count"))
    .select_from(thing)
    .where(thing.c.seen_at >= bindparam("moment", type_=UtcDateTime), thing.c.size < 100)
)
SOME = Prepared(select(thing.c.name).order_by(thing.c.size).limit(bindparam("limit", type_=Integer)))


@pytest.fixture
async def db(empty_store_url: str) -> AsyncIterator[Database]:
    """A store with one table and three rows."""
    opened = Database(empty_store_url)
    await opened.transact(metadata.create_all)
    await opened.transact(lambda conn: conn.execute(insert(thing), ROWS))
    yield opened
    await opened.aclose()


@pytest.fixture(params=["look", "at length"])
def ask(db: Database, request: pytest.FixtureRequest) -> Any:
    """Each of the ways to ask."""

    async def rows(prepared: Prepared, **values: Any) -> list[dict[str, Any]]:
        async with db.read() if request.param == "look" else db.read_at_length() as conn:
            return await prepared.rows(conn, **values)

    return rows


async def test_values_come_back_as_python_knows_them(ask: Any) -> None:
    """Moments, decimals, truth, nothing, and texts of any kind; twice, so also by the text that was kept."""
    for _ in range(2):
        found = await ask(EVERYTHING)
        assert sorted(map(str, found)) == sorted(map(str, ROWS))
        assert {type(row["is_good"]) for row in found} == {bool, type(None)}


async def test_lists_are_one_parameter(ask: Any) -> None:
    """None, one, several and many values; of one column and of two; and their opposite."""
    assert await ask(BY_NAME, names=[]) == []
    assert await ask(BY_NAME, names=[ODD]) == [{"size": 2}]
    many = [str(number) for number in range(40_000)]
    assert {row["size"] for row in await ask(BY_NAME, names=many)} == {1, None}
    assert [row["size"] for row in await ask(BY_PAIR, keys=[("a", "1"), ("a", ODD), ("b", "1")])] == [1, 2]
    assert [row["price"] for row in await ask(BY_PAIR, keys=[(ODD, "1")])] == [Decimal("0")]
    assert await ask(OTHERS, names=["1"]) == [{"name": ODD}]
    assert len(await ask(OTHERS, names=[])) == 2


async def test_other_parameters(ask: Any) -> None:
    """Moments and numbers are handed over as their types say; what the statement states itself stays."""
    assert await ask(SINCE, moment=NOON) == [{"count": 1}]
    assert await ask(SINCE, moment=NOON.replace(year=2027)) == [{"count": 0}]
    assert len(await ask(SOME, limit=2)) == 2


async def test_a_list_of_another_kind_is_refused(ask: Any) -> None:
    """Its text would change with its values."""
    with pytest.raises(InvariantBroken, match="among"):
        await ask(Prepared(select(thing.c.name).where(thing.c.name.in_(["1", "2"]))))


async def test_a_fault_is_what_sqlalchemy_would_raise(ask: Any) -> None:
    """With no value in it."""
    missing = Prepared(
        select(Table("nowhere", MetaData(), Column("name", String))).where(among(thing.c.name, name="n"))
    )
    with pytest.raises(DBAPIError) as raised:
        await ask(missing, n=["a secret"])
    assert "nowhere" in str(raised.value)
    assert "a secret" not in str(raised.value)

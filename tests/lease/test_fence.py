"""Fences on a real PostgreSQL: whoever lost his lease writes nothing and calls nobody, and loses nobody else's work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from syncd.channel.service import ChannelLine
from syncd.db import Database
from syncd.errors import LeaseLost, OperatorError
from syncd.fence import HOUSE, Fence, fenced
from syncd.identity import ChannelName
from syncd.lease.lease import LEASE_SECONDS
from syncd.lease.service import Keeper
from syncd.lease.service_node import alone_on, node_of
from syncd.lease.store import appear, give, read_holdings, renew, take
from syncd.testkit.fake_channel import FakeChannel
from syncd.testkit.fake_shop import FakeShop
from tests.support.postgres import new_database
from tests.support.store import GLOVES, MAIN, Store, opened_store, receipt

ANNA, BRUNO = ({"holder": name, "name": name, "host": "h", "pid": 1} for name in ("anna", "bruno"))


@pytest.fixture
async def shared() -> AsyncIterator[Store]:
    """A PostgreSQL store with one duty."""
    with new_database() as url:
        async with opened_store(url) as store:
            async with store.db.each_alone() as conn:
                await appear(conn, ANNA, [HOUSE])
            yield store


async def got(db: Database, who: str) -> dict[str, int]:
    """Try to take the duty."""
    async with db.each_alone() as conn:
        return await take(conn, who, [HOUSE])


async def test_a_lease_has_one_holder_and_its_number_grows(shared: Store) -> None:
    """Held: nobody else gets it. Given back: the next one does, under a higher number."""
    assert await got(shared.db, "anna") == {HOUSE: 1}
    assert await got(shared.db, "bruno") == {}
    async with shared.db.each_alone() as conn:
        assert await renew(conn, ANNA) == {HOUSE: 1}
        await give(conn, "anna", [HOUSE])
    assert await got(shared.db, "bruno") == {HOUSE: 2}
    async with shared.db.read() as conn:
        found = await read_holdings(conn)
    assert [(one.duty, one.holder, one.token, one.is_free) for one in found.leases] == [(HOUSE, "bruno", 2, False)]
    assert [(one.holder, one.is_alive) for one in found.nodes] == [("anna", True)]


async def test_an_old_number_writes_nothing_and_spoils_nothing(shared: Store) -> None:
    """In one shared transaction the fenced command fails alone; what was asked for beside it is written."""
    await got(shared.db, "anna")
    stale = Fence(HOUSE, 1, until=1e9)
    with fenced((stale,)):
        await shared.post(receipt(1, key="under the lease"))
    async with shared.db.each_alone() as conn:
        await give(conn, "anna", [HOUSE])
    await got(shared.db, "bruno")
    with fenced((stale,)):
        late = asyncio.create_task(shared.post(receipt(10, key="too late")))
    beside = asyncio.create_task(shared.post(receipt(100, key="a scan")))
    with fenced((Fence(HOUSE, 2, until=1e9),)):
        next_one = asyncio.create_task(shared.post(receipt(1000, key="the new holder")))
    with pytest.raises(LeaseLost):
        await late
    await beside
    await next_one
    assert await shared.units(MAIN, GLOVES) == 1101
    assert stale.is_lost


async def test_taking_waits_for_whoever_writes(shared: Store) -> None:
    """What is being written under the old lease is committed before the lease changes hands."""
    await got(shared.db, "anna")
    async with shared.db.each_alone() as conn:
        await give(conn, "anna", [HOUSE])
    other = Database(shared.db.url.render_as_string(hide_password=False))
    order: list[str] = []
    begun, over = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def write(_conn: object) -> None:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(over.wait(), loop).result()
        order.append("written")

    try:
        writing = asyncio.create_task(shared.db.transact(write))
        await begun.wait()
        taking = asyncio.create_task(got(other, "bruno"))
        async with other.read() as conn:
            await read_holdings(conn)  # the other connection is at work, and the lease not taken
        assert not taking.done()
        over.set()
        await writing
        assert await taking == {HOUSE: 2}
    finally:
        over.set()
        await other.aclose()
    assert order == ["written"]


async def test_no_call_leaves_when_the_time_of_a_lease_is_over(shared: Store) -> None:
    """A node that was away too long does not call a channel, even before the database told it anything."""
    shop = FakeShop(shared.clock)
    line = ChannelLine(ChannelName("fake"), FakeChannel(shop), shared.clock)
    calls: list[str] = []

    async def call() -> None:
        calls.append("called")

    fence = Fence(HOUSE, 1, until=shared.clock.monotonic() + 1)
    with fenced((fence,)):
        await line.call("look", call)
        shared.clock.advance(2)
        with pytest.raises(LeaseLost):
            await line.call("look", call)
    assert calls == ["called"]


async def test_a_keeper_whose_store_does_not_answer_gives_up_by_itself(shared: Store) -> None:
    """Cut off from the database, a node counts its leases as lost before anybody else can have them."""
    keeper = Keeper(shared.db, shared.clock, node_of("anna"), [HOUSE])
    duty = keeper.duties[HOUSE]
    duty.get(Fence(HOUSE, 1, shared.clock.monotonic() + LEASE_SECONDS - 0.5))
    assert duty.is_open
    shared.clock.advance(LEASE_SECONDS)
    keeper.expire()
    assert not duty.is_open


def test_a_second_daemon_on_a_sqlite_file_is_refused(tmp_path: Path) -> None:
    """With one sentence that says who runs there and what to do; afterwards the file is free again."""
    store = tmp_path / "syncd.db"
    refusal = r"process \d+\) runs on .*syncd\.db already, .* docs/scaling\.md"
    with alone_on(store), pytest.raises(OperatorError, match=refusal), alone_on(store):
        raise AssertionError("two daemons on one file")
    with alone_on(store):
        pass

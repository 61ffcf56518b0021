"""Commands that stand or fall together: all or none, while others read on and wait their turn to write."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from syncd.db import Database
from syncd.ledger.movement import CUSTOMER, SUPPLIER, Movement
from syncd.ledger.service import TOGETHER_SECONDS_MAX, Writer
from syncd.ledger.store import Command, Outcome, Verdict, post
from tests.support.store import GLOVES, KIT, MAIN, Store, moved, opened_store, receipt


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A new store of each kind."""
    async with opened_store(store_url) as opened:
        yield opened


STEPS = (
    moved(5, SUPPLIER, MAIN, key="a"),
    moved(4, MAIN, CUSTOMER, key="b"),
    moved(7, SUPPLIER, MAIN, key="c", sku=KIT),
)


async def together(store: Store, *steps: Movement, told: Callable[[int], object] = abs) -> Outcome[int]:
    """Post each as a command of its own, all or none."""
    return await store.writer.submit_together(lambda: (post([one]) for one in steps), told)


async def test_each_is_judged_on_those_before_it(store: Store) -> None:
    """What the first brings the second may take; positions run on without a gap, and the SKUs are marked."""
    outcome = await together(store, *STEPS)
    assert (outcome.verdict, outcome.value) == (Verdict.POSTED, 3)
    assert (await store.units(), await store.units(sku=KIT)) == (1, 7)
    assert [one.key for one in await store.log()] == ["a", "b", "c"]
    assert set(await store.touched()) == {GLOVES, KIT}


async def test_one_that_cannot_stand_undoes_all(store: Store) -> None:
    """Refused and conflicting alike: nothing of the others is there, and the reason is that of the first."""
    await store.receive(1, KIT)
    refused = await together(store, *STEPS, moved(9, MAIN, CUSTOMER, key="d", sku=KIT))
    assert (refused.verdict, refused.value) == (Verdict.REFUSED, None)
    assert "main/available holds 8, 9 are wanted" in refused.explanation
    conflict = await together(store, *STEPS, moved(2, SUPPLIER, MAIN, key="a"))
    assert conflict.verdict is Verdict.CONFLICT
    assert (await store.units(), await store.units(sku=KIT)) == (0, 1)
    assert len(await store.log()) == 1


async def test_repeats_move_nothing_twice(store: Store) -> None:
    """What was posted before is passed over; all of it posted before is a duplicate."""
    await store.post(STEPS[0])
    assert (await together(store, *STEPS)).value == 2
    assert await together(store, *STEPS) == Outcome(Verdict.DUPLICATE, 0)
    assert await store.units() == 1


async def test_a_fault_midway_undoes_all(store: Store) -> None:
    """A command that cannot even be made, as when a file ends badly, leaves nothing and is told to the caller."""

    def broken() -> Iterator[Command[None]]:
        yield post([STEPS[0]])
        raise ValueError("line 2")

    with pytest.raises(ValueError, match="line 2"):
        await store.writer.submit_together(broken, abs)
    assert await store.log() == []
    assert (await store.post(STEPS[0])).verdict is Verdict.POSTED


async def test_others_read_on_and_write_afterwards(store: Store, store_url: str) -> None:
    """While it goes on a reader sees the state before it at once; another process's writer has its turn after it."""
    loop, other_db = asyncio.get_running_loop(), Database(store_url)
    other = Writer(other_db, store.clock)
    writing = asyncio.create_task(other.run())
    seen: list[int] = []
    waiting: list[asyncio.Task[Outcome[None]]] = []

    async def look() -> None:
        seen.append(await store.units())
        waiting.append(asyncio.create_task(other.submit(post([receipt(1, key="other", sku=KIT)]))))

    outcome = await together(
        store, *STEPS, told=lambda _: seen or asyncio.run_coroutine_threadsafe(look(), loop).result()
    )
    assert (seen, outcome.value) == ([0], 3)
    assert (await waiting[0]).verdict is Verdict.POSTED
    assert [one.key for one in await store.log()] == ["a", "b", "c", "other"]
    await other.stop()
    await writing
    await other_db.aclose()


async def test_a_caller_who_gives_up_has_written_nothing(store: Store) -> None:
    """Interrupted in the middle (Ctrl-C), the rest is not even begun and what was written is undone."""
    loop, given_up, told = asyncio.get_running_loop(), threading.Event(), list[int]()

    def interrupt(number: int) -> None:
        told.append(number)
        loop.call_soon_threadsafe(task.cancel)
        given_up.wait()

    task = asyncio.create_task(together(store, *STEPS, told=interrupt))
    with pytest.raises(asyncio.CancelledError):
        await task
    given_up.set()
    assert (await store.post(STEPS[2])).verdict is Verdict.POSTED  # behind it, in the same thread
    assert told == [1]
    assert [one.key for one in await store.log()] == ["c"]


async def test_nobody_is_kept_waiting_for_ever(store: Store) -> None:
    """Longer than others would wait for their turn, it gives way: nothing is written, and what to do is said."""
    outcome = await together(store, *STEPS, told=lambda _: store.clock.advance(TOGETHER_SECONDS_MAX + 1))
    assert outcome.verdict is Verdict.REFUSED
    assert "divide it" in outcome.explanation
    assert await store.log() == []

"""The journal: what became of a listing's number, kept for a while, and told of a past moment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from syncd.availability.derivation import Derivation, Term
from syncd.identity import ListingKey
from syncd.journal.entry import Entry, JournalConfig, Step
from syncd.journal.service import FORGOTTEN_MAX, JournalService
from syncd.journal.store import begins_at, journal, note, read_step, read_steps
from syncd.why.memory import Memory
from syncd.why.service import recall
from tests.support.rooms import ONE, Rooms, Setup
from tests.support.situations import T0, at, listing


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A market alone."""
    async with Rooms(tmp_path, ONE) as made:
        yield made


async def steps_of(rooms: Rooms, key: ListingKey) -> list[tuple[Step, int | None]]:
    """The steps of a listing, in short."""
    async with rooms.db.read() as conn:
        return [(one.step, one.quantity) for one in await read_steps(conn, key, None)]


def test_a_receipt_survives_the_journal() -> None:
    """Every term with its source and age comes back as it was, and why there is no number."""
    receipt = Derivation((Term("available", 7, "X at main, ledger", T0), Term("safety stock", -1, "X, policy")), 6)
    assert Derivation.unpacked(receipt.packed, 6) == receipt
    none = Derivation((), None, "not linked to any SKU: nothing is pushed")
    assert Derivation.unpacked(none.packed, None) == none


async def test_every_step_of_a_number_is_written_down(rooms: Rooms) -> None:
    """Target, sent, acknowledged, read back: in this order, with their numbers."""
    market = await rooms.at_rest(9)
    key = (await rooms.listing("market", market)).key
    await rooms.stock("X", -5)
    await rooms.settle()
    assert (await steps_of(rooms, key))[-4:] == [
        (Step.TARGET, 4),
        (Step.SENT, 4),
        (Step.ACKNOWLEDGED, 4),
        (Step.READ_BACK, 4),
    ]


async def test_a_target_that_stays_is_not_written_again(tmp_path: Path) -> None:
    """Behind a cap stock may move as it likes: no step, no mark, no call."""
    async with Rooms(tmp_path, replace(ONE, caps={"market": 3})) as rooms:
        market = await rooms.at_rest(20)
        key = (await rooms.listing("market", market)).key
        before = await steps_of(rooms, key), rooms.pushes("market"), rooms.reads("market")
        await rooms.stock("X", -5)
        assert await rooms.settle() == {"skus": 1, "listings": 0}
        assert (await steps_of(rooms, key), rooms.pushes("market"), rooms.reads("market")) == before


async def test_a_past_moment_is_recalled(rooms: Rooms) -> None:
    """Before the change the old number with its receipt and the books of then; after it the new ones."""
    market = await rooms.at_rest(9)
    key = (await rooms.listing("market", market)).key
    then = rooms.clock.now()
    rooms.clock.advance(3600)
    await rooms.stock("X", -5)
    await rooms.settle()
    early, late = await recalled(rooms, key, then), await recalled(rooms, key, rooms.clock.now())
    assert (early.target and early.target.quantity, early.books[0].available) == (9, 9)
    assert early.derivation is not None
    assert [(term.name, term.value) for term in early.derivation.terms] == [("available", 9)]
    assert early.sentence.startswith(f"{key} should have shown 9 at that moment")
    assert (late.target and late.target.quantity, late.books[0].available) == (4, 4)
    assert late.sentence.endswith("the channel had last accepted 4 and showed 4 when it was read back")
    assert late.acknowledged is not None
    assert late.acknowledged.at > then


async def test_what_is_not_remembered_is_said(rooms: Rooms) -> None:
    """Before the journal begins nothing is made up."""
    market = await rooms.at_rest(9)
    key = (await rooms.listing("market", market)).key
    memory = await recalled(rooms, key, rooms.clock.now() - timedelta(days=400))
    assert "longer ago than is remembered" in memory.sentence
    assert (memory.target, memory.derivation, memory.steps) == (None, None, [])
    assert await recall(rooms.db, listing().key, rooms.clock.now()) is None


async def recalled(rooms: Rooms, key: ListingKey, moment: datetime) -> Memory:
    """What is known of a listing at a moment."""
    memory = await recall(rooms.db, key, moment)
    assert memory is not None
    return memory


async def test_old_entries_are_forgotten_in_parts(tmp_path: Path) -> None:
    """What is past its time goes, at most so much in one run; what is younger stays."""
    async with Rooms(tmp_path, Setup({})) as rooms:
        key = listing().key
        old = [Entry(key, at(n / 1000), Step.SENT, n) for n in range(FORGOTTEN_MAX + 10)]
        await rooms.writer.write(note(old))
        young = Entry(key, at(86_400 * 29), Step.SENT, 1)
        await rooms.writer.write(note([young]))
        service = JournalService(rooms.db, rooms.writer, JournalConfig(keep_days=30))
        assert await service.run_once(at(86_400 * 29)) == {}
        now = at(86_400 * 31)
        while await service.run_once(now):
            pass
        async with rooms.db.read() as conn:
            left = (await conn.execute(select(func.count()).select_from(journal))).scalar_one()
            assert (left, await begins_at(conn)) == (1, young.at)
            assert await read_step(conn, key, Step.SENT, now) == young
            assert await read_step(conn, key, Step.SENT, at(0)) is None

"""Everything said and done about a case is told in its order, who did it, and nothing of it is lost or doubled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from syncd.channel.port import OrderStatus
from syncd.identity import ChannelName
from syncd.privacy.service import Eraser
from syncd.shortage.case import CaseStatus
from syncd.shortage.resolution import OptionKind
from syncd.shortage.store import save_case
from syncd.shortage.store_timeline import append, assign, read_contacts, read_entries, read_timeline
from syncd.shortage.timeline import Entry, EntryKind
from tests.support.care import CARING, LAG_SECONDS, THINK_SECONDS, Care
from tests.support.rooms import ONE


@pytest.fixture
async def care(tmp_path: Path) -> AsyncIterator[Care]:
    """A market, and everybody who looks after its customers; Chiara signs."""
    async with Care(tmp_path, ONE, CARING.model_copy(update={"agent_name": "Chiara"})) as made:
        yield made


async def told(care: Care) -> list[tuple[str, str]]:
    """The timeline of the only case, as kinds and words."""
    (case,) = await care.cases()
    async with care.db.read() as conn:
        return [(one.kind.value, one.words) for one in await read_timeline(conn, case)]


async def test_a_case_tells_its_whole_story(care: Care) -> None:
    """Opened, asked, written to, decided, paid, told: each once, in order, however often everybody looks again."""
    await care.oversold()
    await care.tend_for(THINK_SECONDS)
    await care.tend_for(LAG_SECONDS)
    assert await told(care) == [
        ("step", "1 × X short: the order came when no stock was left"),
        ("step", "customer asked, 1 options"),
        ("letter", "shortage letter written"),
        ("letter", "shortage letter sent"),
        ("step", "refund chosen"),
        ("money", "refund decided"),
        ("money", "refund made"),
        ("step", "refunded 9.90 EUR"),
        ("letter", "refunded letter written"),
        ("letter", "refunded letter sent"),
    ]


async def test_a_case_is_handed_over_with_its_story(care: Care) -> None:
    """It begins with who signs; the next owner is noted with why, and signs from then on. Again changes nothing."""
    await care.oversold()
    (case,) = await care.cases()
    assert case.owner == "Chiara"
    for _ in range(2):
        await care.writer.submit(assign(case.case_id, "Marco", by="chiara", why="I am away"))
    assert [said for kind, said in await told(care) if kind == "owner"] == ["from Chiara to Marco: I am away"]
    assert await care.shortage.choose(case.case_id, OptionKind.REFUND, by="marco") is None
    await care.tend_for(1)
    assert ["Marco" in one.body for one in await care.written()] == [False, True]


async def test_a_resolved_case_is_nobodys_task(care: Care) -> None:
    """It cannot be assigned any more; a note may still be added."""
    await care.oversold()
    await care.tend_for(THINK_SECONDS)
    (case,) = await care.cases()
    assert case.status is CaseStatus.RESOLVED
    assert (await care.writer.submit(assign(case.case_id, "Marco", by="x"))).value is None


async def test_the_store_itself_refuses_a_second_open_case(care: Care) -> None:
    """One line has one open case for a SKU, whoever writes; a resolved one beside it is the past."""
    await care.oversold()
    (case,) = await care.cases()
    again = replace(case, case_id=f"{case.case_id}again")
    with pytest.raises(IntegrityError):
        await care.writer.write(save_case(again))
    await care.writer.write(save_case(replace(again, status=CaseStatus.RESOLVED)))
    assert len(await care.cases()) == 2


async def test_contacts_are_counted_and_forgotten_words_are_gone(care: Care) -> None:
    """What was typed about a buyer goes with him; that he had to phone stays as a number."""
    order_id = await care.oversold()
    (case,) = await care.cases()
    for kind in (EntryKind.NOTE, EntryKind.CONTACT):
        await care.writer.write(append(case.case_id, Entry(care.clock.now(), kind, "anna", "Signora Verdi phoned")))
    buyer = care.shops["market"].orders[order_id].buyer
    await Eraser(care.writer).forget(ChannelName("market"), [buyer.buyer_id])
    assert "Verdi" not in str(await told(care))
    async with care.db.read() as conn:
        assert await read_contacts(conn, [case.case_id]) == {case.case_id: 1}
    assert "Verdi" not in repr(Entry(care.clock.now(), EntryKind.NOTE, "anna", "Signora Verdi phoned"))


async def test_entries_come_in_pages(care: Care) -> None:
    """Whoever pages through a long story gets each entry once."""
    await care.oversold()
    (case,) = await care.cases()
    assert care.shops["market"].orders[case.order_key.removeprefix("market:")].status is OrderStatus.PAID
    seen: list[str] = []
    after = 0
    async with care.db.read() as conn:
        while page := await read_entries(conn, case.case_id, after=after, limit=1):
            after = page[-1][0]
            seen += [one.words for _, one in page]
    assert seen == ["1 × X short: the order came when no stock was left", "customer asked, 1 options"]

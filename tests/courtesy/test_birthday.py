"""A birthday is wished on its day, once a year, to whoever agreed, and to nobody who was forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from syncd.courtesy.birthday import Birthday, falls_on, from_codice_fiscale, from_date, year_due
from syncd.courtesy.service import CourtesyService
from syncd.courtesy.store import count_birthdays, save_birthday
from syncd.goodwill.goodwill import GoodwillConfig
from syncd.identity import ChannelName
from syncd.privacy.service import Eraser
from syncd.testkit.channel_rig import Fault
from syncd.testkit.shop_record import BUYER
from tests.support.care import Care

MARKET = ChannelName("market")


def born(month: int, day: int, last_year: int = 0) -> Birthday:
    """Somebody's birthday."""
    return Birthday(MARKET, BUYER.buyer_id, month, day, datetime(2026, 1, 1, tzinfo=UTC), last_year)


@pytest.mark.parametrize(
    ("year", "expected"), [(2024, date(2024, 2, 29)), (2026, date(2026, 2, 28)), (2100, date(2100, 2, 28))]
)
def test_leap_days_birthday_is_the_last_of_february(year: int, expected: date) -> None:
    """29 February falls on the 28th where there is none, also in 2100."""
    assert falls_on(2, 29, year) == expected


@pytest.mark.parametrize(
    ("one", "today", "due"),
    [
        (born(3, 2), date(2026, 3, 1), None),
        (born(3, 2), date(2026, 3, 2), 2026),
        (born(3, 2), date(2026, 3, 4), 2026),
        (born(3, 2), date(2026, 3, 5), None),
        (born(3, 2, 2026), date(2026, 3, 2), None),
        (born(3, 2, 2026), date(2027, 3, 2), 2027),
        (born(12, 31), date(2027, 1, 1), 2026),
        (born(12, 31, 2026), date(2027, 1, 1), None),
        (born(2, 29), date(2026, 2, 28), 2026),
        (born(2, 29, 2026), date(2026, 3, 1), None),
    ],
)
def test_which_year_is_due(one: Birthday, today: date, due: int | None) -> None:
    """On the day or up to two days after it, once a year, over the turn of the year too."""
    assert year_due(one, today) == due


def test_where_a_birthday_is_known_from() -> None:
    """An Italian codice fiscale has it (women's days count from 41), or the customer says it; the year is dropped."""
    assert from_codice_fiscale("RSSMRA80A01H501U") == (1, 1)
    assert from_codice_fiscale("rss mra 80a41 h501 y") == (1, 1)
    assert from_date("1980-02-29") == from_date("02-29") == (2, 29)


@pytest.mark.parametrize("text", ["RSSMRA80A01H501X", "12345678901", "", "RSSMRA80A01"])
def test_what_is_no_codice_fiscale(text: str) -> None:
    """One sentence, which does not repeat it."""
    with pytest.raises(ValueError, match="no codice fiscale") as said:
        from_codice_fiscale(text)
    assert not text or text not in str(said.value)


@pytest.mark.parametrize("text", ["29 feb", "1981-02-29", "02-30", ""])
def test_what_is_no_date(text: str) -> None:
    """Days that never are, are refused."""
    with pytest.raises(ValueError, match="is no date"):
        from_date(text)


@pytest.fixture
async def care(tmp_path: Path) -> AsyncIterator[Care]:
    """A market whose one customer has bought something and agreed to be wished today."""
    async with Care(tmp_path) as made:
        made.goodwill = GoodwillConfig(channels=("market",), birthday="auto")
        await made.stock("X", 5)
        listing = await made.offer("market", "X", 5)
        await made.settle()
        made.shops["market"].sell(listing, 1)
        await made.tend_for(300)
        today = made.clock.now()
        await made.writer.write(save_birthday(born(today.month, today.day)))
        yield made


async def wish(care: Care, days: float = 0) -> list[str]:
    """So many days later, everybody at work; the references of the letters there are."""
    care.clock.advance(days * 86_400)
    for _ in range(3):
        await CourtesyService(care.db, care.writer, care.rules()).run_once(care.clock.now())
        await care.tend_for(30)
    return [one.reference for one in await care.written()]


async def test_he_is_wished_once_a_year_with_a_coupon(care: Care) -> None:
    """A lost answer, a restart and looking again make no second one; the next year does."""
    care.shops["market"].fail_next(Fault.TIMEOUT_AFTER_APPLYING, operation="issue_coupon")
    (reference,) = await wish(care)
    await care.writer.stop()
    await care._writing
    care.start()
    assert await wish(care, 1) == [reference]
    (letter,) = await care.written()
    (code,) = care.channels["market"].coupons  # type: ignore[attr-defined]
    assert (letter.subject, code in letter.body) == ("Buon compleanno", True)
    assert len(await wish(care, 364)) == 2


async def test_who_was_forgotten_is_not_wished(care: Care) -> None:
    """His day goes with him."""
    await Eraser(care.writer).forget(MARKET, [BUYER.buyer_id])
    async with care.db.read() as conn:
        assert await count_birthdays(conn) == 0
    assert await wish(care) == []


async def test_nobody_is_wished_unless_the_merchant_says_so(care: Care) -> None:
    """Off is off, and a day that passed meanwhile is not made up for."""
    care.goodwill = GoodwillConfig(channels=("market",))
    assert await wish(care) == []
    care.goodwill = GoodwillConfig(channels=("market",), birthday="auto")
    assert await wish(care, 3) == []
    assert "1" not in repr(born(1, 1))

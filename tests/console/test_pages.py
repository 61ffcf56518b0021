"""Every page of the console over real rooms: what it answers, who may do what, and that words of others stay words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from syncd.identity import ChannelName, ListingKey, Sku
from syncd.ledger.movement import State
from syncd.ledger.store import read_balances
from syncd.push.plan import Hold
from syncd.push.store import hold_channel, read_hold
from syncd.shortage.case import CaseStatus
from tests.support.console import Shop, open_shop
from tests.support.people import Browser, browser_at

MARKET = ChannelName("market")


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """The shop, with 3 gloves Y and nothing else yet."""
    async with open_shop(tmp_path) as opened:
        await opened.stock("Y", 3)
        yield opened


@pytest.fixture
async def url(shop: Shop) -> AsyncIterator[str]:
    """Its console."""
    async with shop.console() as found:
        yield found


@pytest.fixture
async def anna(url: str) -> AsyncIterator[Browser]:
    """An agent at her desk."""
    async with browser_at(url) as browser:
        await browser.sign_in("anna")
        yield browser


async def available(shop: Shop, sku: str) -> int:
    """Free units on the shelf."""
    async with shop.db.read() as conn:
        balances = await read_balances(conn, [Sku(sku)])
    return sum(balances.by_location(Sku(sku), State.AVAILABLE).values())


async def test_the_search_finds_by_words_codes_and_orders(shop: Shop, anna: Browser) -> None:
    """Two letters are enough, in any order of words and case; the SKU itself too; what is free stands beside it."""
    status, text = await anna.open("/console?q=LEATHER+glove")
    assert status == 200
    assert ">X</span>" in text
    assert ">Y</span>" in text
    _, one = await anna.open("/console/hits?q=tongs")
    assert "Long &lt;b&gt;tongs&lt;/b&gt; &amp; more" in one
    assert "<html" not in one
    _, none = await anna.open("/console?q=zzz%25_<b>")
    assert "Nothing is called" in none
    assert "<b>”" not in none
    _, few = await anna.open("/console/hits?q=g")
    assert "<li>" not in few


async def test_one_answer_first(shop: Shop, anna: Browser) -> None:
    """How many can be sold, where they lie, what else there is; and 'no' is as clear as 'yes'."""
    _, yes = await anna.open("/console/sku/Y")
    assert "Yes: 3, today" in yes
    assert "3 in main" in yes
    _, no = await anna.open("/console/sku/X")
    assert '<p class="answer">No</p>' in no
    assert "What else, in stock now" in no
    assert "Barbecue glove Y leather" in no
    status, unknown = await anna.open("/console/sku/NOBODY-KNOWS")
    assert (status, "Unknown" in unknown) == (404, True)


async def test_a_number_is_explained(shop: Shop, anna: Browser) -> None:
    """From the listing's page to the receipt; a past moment is asked for, and an unreadable one says so."""
    listing_id = await shop.offer("market", "Y", 3)
    await shop.settle()
    key = ListingKey(MARKET, listing_id)
    _, of_sku = await anna.open("/console/sku/Y")
    assert f"/console/listing/{key}" in of_sku
    _, why = await anna.open(f"/console/listing/{key}")
    assert "It shows 3, as it should" in why
    assert "available" in why
    _, wrong = await anna.open(f"/console/listing/{key}?at=yesterday")
    assert "Write the moment as" in wrong
    status, _ = await anna.open(f"/console/listing/{key}?at=2026-01-01T00:00:00Z")
    assert status == 200
    for nothing in ("/console/listing/market:404", "/console/listing/nonsense"):
        assert (await anna.open(nothing))[0] == 404


async def test_a_case_is_decided_with_one_click(shop: Shop, anna: Browser) -> None:
    """What it will do stands there; choosing reserves, writes and ends it; a second click is told what became of it."""
    await shop.oversold()
    (case,) = await shop.cases()
    _, listed = await anna.open("/console/cases")
    assert f"/console/cases/{case.case_id}" in listed
    _, page = await anna.open(f"/console/cases/{case.case_id}")
    assert "What can be done" in page
    assert "This cannot be undone." in page
    assert await anna.submit(f"/console/choose/{case.case_id}", choice="dance") != (303, "")
    status, where = await anna.submit(f"/console/choose/{case.case_id}", choice="refund")
    assert (status, where) == (303, f"/console/cases/{case.case_id}")
    await shop.tend_for(60)
    (after,) = await shop.cases()
    assert (after.chosen_by, after.status) == ("anna", CaseStatus.RESOLVED)
    assert shop.refunded() == 1
    status, text = await anna.submit(f"/console/choose/{case.case_id}", choice="refund")
    assert (status, 'role="alert"' in text) == (409, True)
    assert shop.refunded() == 1


async def test_notes_and_hand_over_are_kept(shop: Shop, anna: Browser) -> None:
    """Who said it, and that the customer had to phone; empty and endless notes are refused with a sentence."""
    await shop.oversold()
    (case,) = await shop.cases()
    await anna.open(f"/console/cases/{case.case_id}")
    assert (await anna.submit(f"/console/note/{case.case_id}", words="He <i>wants</i> X", contact="1"))[0] == 303
    assert (await anna.submit(f"/console/assign/{case.case_id}", owner="mara", words="she knows him"))[0] == 303
    _, page = await anna.open(f"/console/cases/{case.case_id}")
    assert "He &lt;i&gt;wants&lt;/i&gt; X" in page
    assert "the customer wrote or phoned" in page
    assert "mara" in page
    for words in ("", " ", "x" * 2001):
        assert (await anna.submit(f"/console/note/{case.case_id}", words=words))[0] == 422
    assert (await anna.submit("/console/note/nobody", words="x"))[0] == 404


async def test_a_forged_click_changes_nothing(shop: Shop, anna: Browser) -> None:
    """Without what only our own page knows, no money moves."""
    await shop.oversold()
    (case,) = await shop.cases()
    for csrf in ("", "0" * 64):
        anna.csrf = csrf
        status, _ = await anna.submit(f"/console/choose/{case.case_id}", choice="refund")
        assert status == 403
    assert (await shop.cases())[0] == case


async def test_only_a_manager_lets_a_held_channel_go(shop: Shop, url: str, anna: Browser) -> None:
    """An agent sees why it is held; a manager releases it, once."""
    await shop.writer.write(hold_channel(Hold(MARKET, "9 of 9 listings would show 0", shop.clock.now())))
    _, seen = await anna.open("/console/channels")
    assert "9 of 9 listings would show 0" in seen
    assert (await anna.submit("/console/channel/market/release"))[0] == 403
    async with browser_at(url) as mara:
        await mara.sign_in("mara")
        await mara.open("/console/channels")
        assert (await mara.submit("/console/channel/market/release"))[0] == 303
        assert (await mara.submit("/console/channel/nowhere/release"))[0] == 404
    async with shop.db.read() as conn:
        hold = await read_hold(conn, MARKET)
    assert hold is not None
    assert (hold.reason, hold.released_until) != ("9 of 9 listings would show 0", None)


async def test_the_warehouse_sees_stock_and_no_customers(url: str, shop: Shop) -> None:
    """Orders and cases are not its business."""
    async with browser_at(url) as walter:
        await walter.sign_in("walter")
        assert (await walter.open("/console/sku/Y"))[0] == 200
        for path in ("/console/orders", "/console/cases", "/console/suppliers"):
            assert (await walter.open(path))[0] == 403


@pytest.mark.parametrize("language", ["en", "it"])
async def test_every_page_opens_in_both_languages(language: str, shop: Shop, url: str) -> None:
    """With something on each, and with nothing."""
    await shop.oversold()
    (case,) = await shop.cases()
    async with browser_at(url) as mara:
        await mara.sign_in("mara")
        await mara.submit("/language", language=language, next="/")
        pages = ["", "/cases", "/cases?mine", "/questions", "/orders", "/channels", "/suppliers", "/sku/X", "/sku/Y"]
        for path in (*pages, f"/cases/{case.case_id}", f"/orders/{case.order_key}"):
            status, text = await mara.open(f"/console{path}")
            assert status == 200, path
            assert f'<html lang="{language}">' in text, path
        assert ("Posso venderlo?" in (await mara.open("/console"))[1]) == (language == "it")
        assert (await mara.open("/console/orders/nobody:1"))[0] == 404

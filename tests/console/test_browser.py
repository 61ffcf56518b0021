"""The console in a real browser: what an agent does with the keyboard while a customer waits, and live numbers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.axe import weighty
from tests.support.browser import DESK, picture, running_browser
from tests.support.console import Shop, open_shop
from tests.support.people import PASSWORD

NARROW = {"width": 360, "height": 740}


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """Three gloves Y, on offer, and a case about X."""
    async with open_shop(tmp_path) as opened:
        await opened.stock("Y", 3)
        await opened.offer("market", "Y", 3)
        await opened.settle()
        await opened.oversold()
        yield opened


@asynccontextmanager
async def signed_in(browser: Browser, url: str, size: dict[str, int], name: str = "mara") -> AsyncIterator[Page]:
    """A page of the console, scripts and all; what the browser complains of fails the test."""
    view = await browser.new_context(viewport=size, locale="en-GB")  # type: ignore[arg-type]
    page = await view.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    try:
        await page.goto(f"{url}/console")
        await page.fill("#name", name)
        await page.fill("#password", PASSWORD)
        await page.press("#password", "Enter")
        await page.wait_for_url("**/console")
        yield page
    finally:
        await view.close()
    assert complaints == []


async def test_an_agent_finds_the_answer_by_keyboard(shop: Shop) -> None:
    """The field has the focus; results from the second letter; arrows and Enter; the answer; and / to search again."""
    async with shop.console() as url, running_browser() as browser, signed_in(browser, url, DESK, "anna") as page:
        await expect(page.locator("#q")).to_be_focused()
        await page.keyboard.type("g")
        await expect(page.locator(".hits li")).to_have_count(0)
        await page.keyboard.type("love y")
        await expect(page.locator(".hits li")).to_have_count(1)
        await picture(page, "console search")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/console/sku/Y")
        await expect(page.locator(".answer").first).to_have_text("Yes: 3, today")
        await picture(page, "console answer")
        await page.keyboard.press("/")
        await expect(page.locator("#q")).to_be_focused()


async def test_a_number_changes_in_place(shop: Shop) -> None:
    """Somebody scans a sale: the open page tells it without being loaded anew, and what is being typed stays."""
    async with shop.console() as url, running_browser() as browser, signed_in(browser, url, DESK) as page:
        await page.goto(f"{url}/console/sku/Y")
        await page.fill("#q", "half a word")
        async with page.expect_response(re.compile("/console/sku/Y$")):
            await shop.stock("Y", -1)
        await expect(page.locator(".answer").first).to_have_text("Yes: 2, today")
        await expect(page.locator("#q")).to_have_value("half a word")


async def test_a_case_is_decided_in_the_browser(shop: Shop) -> None:
    """From the work list to the refund; the page says who did it."""
    async with shop.console() as url, running_browser() as browser, signed_in(browser, url, DESK, "anna") as page:
        await page.click("nav >> text=Cases")
        await page.click("tbody a")
        await expect(page.locator("h2 >> text=What can be done")).to_be_visible()
        await picture(page, "console case")
        await page.click(".choice button")
        await expect(page.locator("#timeline")).to_contain_text("anna")
        await shop.tend_for(60)
        await page.reload()
        await expect(page.locator(".answer").first).to_have_text("Resolved")
        assert shop.refunded() == 1


@pytest.mark.parametrize("size", [NARROW, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_fits_and_can_be_used_by_everybody(size: dict[str, int], scheme: str, shop: Shop) -> None:
    """Nothing is wider than the window, and what looks after people who see or move little finds nothing weighty."""
    (case,) = await shop.cases()
    key, *_ = await shop.targets()
    paths = ["", "/cases", "/questions", "/orders", "/channels", "/suppliers", "/sku/Y", "/sku/X", f"/listing/{key}"]
    async with shop.console() as url, running_browser() as browser, signed_in(browser, url, size) as page:
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for path in (*paths, f"/cases/{case.case_id}", f"/orders/{case.order_key}"):
            await page.goto(f"{url}/console{path}")
            assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
            assert await weighty(page) == [], path
            await picture(page, f"console{path.split(':')[0]} {scheme} {size['width']}")

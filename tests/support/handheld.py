"""A handheld in somebody's glove: the scanner page in a real browser, signed in, with the house's time on its clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from syncd.access.role import LOCAL, Role
from tests.support.doors import BARCODE, House, serving
from tests.support.people import PASSWORD, gatekeeper

SMALL = {"width": 360, "height": 740}

MILLISECONDS_MAX = 20_000


@dataclass
class Handheld:
    """One device."""

    house: House
    url: str
    context: BrowserContext
    page: Page

    async def begin(self, job: str) -> None:
        """Choose a job on the start screen."""
        await self.page.get_by_role("button", name=job, exact=True).click()

    async def trigger(self, code: str = BARCODE) -> None:
        """Pull the trigger: the scanner types the code and ends it with Enter."""
        await self.page.evaluate("document.activeElement?.blur()")
        await self.page.keyboard.type(code)
        await self.page.keyboard.press("Enter")

    async def set_quantity(self, units: int) -> None:
        """Type a number."""
        await self.page.get_by_label("How many", exact=True).fill(str(units))
        await self.page.get_by_label("How many", exact=True).press("Tab")

    async def confirm(self) -> None:
        """Press the big button."""
        await self.page.locator("#confirm").click()

    async def says(self, text: str) -> None:
        """Wait until the page says so."""
        await expect(self.page.locator("#said")).to_contain_text(text, timeout=MILLISECONDS_MAX)

    async def is_sent(self) -> None:
        """Wait until nothing waits any more."""
        await expect(self.page.locator("#state")).to_have_attribute("data-waiting", "0", timeout=MILLISECONDS_MAX)
        await expect(self.page.locator("#state")).to_have_attribute("data-state", "online", timeout=MILLISECONDS_MAX)

    @property
    def questions(self) -> Locator:
        """The button that leads to what could not be booked."""
        return self.page.locator("#state button.look")

    async def installed(self) -> None:
        """Wait until the service worker keeps the page."""
        await self.page.evaluate("navigator.serviceWorker.ready.then(() => true)")


@asynccontextmanager
async def handheld(
    browser: Browser, house: House, *, ahead: timedelta = timedelta(0), size: dict[str, int] = SMALL, **context: Any
) -> AsyncIterator[Handheld]:
    """A device whose clock is so much ahead; a user of the warehouse has signed in, and /scan is open."""
    await gatekeeper(house).add_user("walter", Role.WAREHOUSE, PASSWORD, LOCAL)
    async with serving(house) as url:
        told: dict[str, Any] = {"viewport": size, "locale": "en", **context}
        view = await browser.new_context(**told)
        try:
            await view.clock.set_system_time(house.clock.now() + ahead)
            page = await view.new_page()
            await page.goto(f"{url}/scan")
            await page.locator("[name=name]").fill("walter")
            await page.locator("[name=password]").fill(PASSWORD)
            await page.locator("main button").click()
            await page.locator(".tiles").wait_for()
            yield Handheld(house, url, view, page)
        finally:
            await view.close()

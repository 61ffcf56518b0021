"""A real browser for tests: Chromium, found by SYNCD_TEST_CHROMIUM or on the PATH. Without one the tests are left
out and say what to install; CI has one and leaves nothing out."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

VARIABLE = "SYNCD_TEST_CHROMIUM"

NAMES = ("chromium", "chromium-browser", "google-chrome")

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


def executable() -> str:
    """Where Chromium is."""
    named = os.environ.get(VARIABLE)
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.skip(f"no Chromium: apt-get install chromium, or say where it is with {VARIABLE}")
    return found


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """A headless Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


async def picture(page: Page, name: str) -> None:
    """Keep what the page looks like in the folder that SYNCD_TEST_PICTURES names, if it names one, for a person."""
    folder = os.environ.get("SYNCD_TEST_PICTURES")
    if folder:
        await page.screenshot(path=Path(folder) / f"{name.replace('/', ' ')}.png", full_page=True)


@asynccontextmanager
async def opened(browser: Browser, size: dict[str, int], **context: object) -> AsyncIterator[Page]:
    """A page of its own in a window of this size, with scripts off: customers' pages need none."""
    view = await browser.new_context(viewport=size, java_script_enabled=False, **context)  # type: ignore[arg-type]
    try:
        yield await view.new_page()
    finally:
        await view.close()

"""What axe-core finds wrong with a page for people who see, hear or move little: in the test's browser only."""

from __future__ import annotations

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

WEIGHTY = ("serious", "critical")
"""Impacts that nobody may be left with; the others are for a person to judge."""


async def weighty(page: Page) -> list[str]:
    """Each serious or critical finding in one line: the rule, what it asks for, and the first element it names."""
    found = await Axe().run(page)
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
        for one in found.response["violations"]
        if one["impact"] in WEIGHTY
    ]

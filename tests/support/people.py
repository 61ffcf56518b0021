"""Users and tokens of a test's house, and a browser that signs in as one of them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import ClientSession, CookieJar
from argon2 import PasswordHasher

from syncd.access.role import LOCAL, Role
from syncd.access.service import Gatekeeper, Hashing
from tests.support.doors import House

PASSWORD = "four plain words here"

QUICK = Hashing(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
"""Argon2 as ever, with as little work as it takes."""


def gatekeeper(house: House) -> Gatekeeper:
    """The house's gatekeeper, hashing quickly."""
    return Gatekeeper(house.db, house.writer, house.clock, QUICK)


async def token_for(house: House, role: Role) -> str:
    """A fresh token of that role."""
    text, _ = await gatekeeper(house).issue_token(f"a {role.value}", role, None, LOCAL)
    return text


@dataclass
class Browser:
    """A browser with its cookies, without scripts."""

    session: ClientSession
    url: str
    csrf: str = ""

    async def open(self, path: str, **headers: str) -> tuple[int, str]:
        """Status and text of a page, redirects followed; what the page would send along is kept."""
        told = {"Accept": "text/html", **headers}
        async with self.session.get(f"{self.url}{path}", headers=told) as answer:
            text = await answer.text()
        found = re.search(r'name="csrf" content="([0-9a-f]*)"', text)
        self.csrf = found[1] if found else self.csrf
        return answer.status, text

    async def submit(self, path: str, **fields: str) -> tuple[int, str]:
        """Send a form as the page opened last would; the status before any redirect, and where that leads."""
        form = {"csrf": self.csrf, **fields}
        async with self.session.post(f"{self.url}{path}", data=form, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location", "") or await answer.text()

    async def sign_in(self, name: str, password: str = PASSWORD) -> tuple[int, str]:
        """Open the sign-in page and send it."""
        await self.open("/login")
        status, where = await self.submit("/login", name=name, password=password)
        if status == 303:
            await self.open("/")
        return status, where


@asynccontextmanager
async def browser_at(url: str) -> AsyncIterator[Browser]:
    """A browser that has never been here."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        yield Browser(session, url)

"""Who gets through which door: roles over every route, sessions, forged forms, and what is told to whom."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from syncd.access.role import LOCAL, Role
from syncd.access.store import read_deeds
from syncd.http.door import DOORS, Door, Kind
from syncd.http.gate import WRONG_PER_MINUTE
from syncd.http.parts import HttpOptions
from syncd.http.server import build
from tests.support.doors import GLOVE, TOKEN, House, open_house, serving
from tests.support.people import Browser, browser_at, gatekeeper, token_for

SALE = {"scan_id": "till-1:1", "kind": "counter_sale", "code": GLOVE}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Ten gloves, and one user of each role of people."""
    async with open_house(tmp_path, gloves=10) as opened:
        for name, role in (("walter", Role.WAREHOUSE), ("anna", Role.AGENT), ("mara", Role.MANAGER)):
            await gatekeeper(opened).add_user(name, role, "four plain words here", LOCAL)
        yield opened


@pytest.fixture
async def url(house: House) -> AsyncIterator[str]:
    """The server, with a token configured."""
    async with serving(house, token=TOKEN) as found:
        yield found


@pytest.fixture
async def browser(url: str) -> AsyncIterator[Browser]:
    """Nobody is signed in."""
    async with browser_at(url) as opened:
        yield opened


def doors(house: House) -> list[Door]:
    """Every declared door."""
    return list(build(HttpOptions(), house.parts())[DOORS].values())


async def test_every_route_is_declared(house: House) -> None:
    """But for the doors whose key is in the address or the body: customers' links and channels' webhooks."""
    app = build(HttpOptions(), house.parts())
    for route in app.router.routes():
        path = route.resource.canonical if route.resource else ""
        assert route in app[DOORS] or path.startswith(("/c/", "/hooks/")), path
    for door in app[DOORS].values():
        assert door.roles or door.kind is Kind.OPEN, door.path
        assert door.kind is not Kind.API or door.path.startswith(("/api/v1/", "/metrics")), door.path


async def test_no_role_gets_through_anothers_door(house: House, url: str) -> None:
    """Every route of the API by every role: 403 with a code where it is not his, and never otherwise."""
    async with ClientSession() as session:
        for role in Role:
            headers = {"Authorization": f"Bearer {await token_for(house, role)}"}
            for door in doors(house):
                if door.kind is not Kind.API:
                    continue
                path = re.sub(r"\{[^}]*\}", "nothing", door.path)
                async with session.request(door.method, url + path, headers=headers) as answer:
                    if role in door.roles:
                        assert answer.status not in (401, 403), (role, path)
                    else:
                        assert (answer.status, (await answer.json())["code"]) == (403, "forbidden"), (role, path)
    assert (await house.level()).available == 10


async def test_nobody_gets_through_any_door(house: House, url: str) -> None:
    """Without a key the API is closed everywhere, and pages lead to the sign-in."""
    async with ClientSession() as session:
        for door in doors(house):
            path = re.sub(r"\{[^}]*\}", "nothing", door.path)
            if door.kind is Kind.OPEN:
                continue
            async with session.request(door.method, url + path, allow_redirects=False) as answer:
                expected = 401 if door.kind is Kind.API else 303
                assert answer.status == expected, path


async def test_a_revoked_token_opens_nothing(house: House, url: str) -> None:
    """From the commit on."""
    text, token = await gatekeeper(house).issue_token("till", Role.SERVICE, None, LOCAL)
    async with ClientSession(headers={"Authorization": f"Bearer {text}"}) as session:
        async with session.get(f"{url}/api/v1/stock") as answer:
            assert answer.status == 200
        await gatekeeper(house).revoke(token.token_id, LOCAL)
        async with session.get(f"{url}/api/v1/stock") as answer:
            assert answer.status == 401


async def test_guessing_tokens_is_slowed(url: str) -> None:
    """One address may be wrong so often in a minute; the right token still opens."""
    async with ClientSession() as session:
        found = []
        for _ in range(WRONG_PER_MINUTE + 1):
            async with session.get(f"{url}/api/v1/stock", headers={"Authorization": "Bearer guess"}) as answer:
                found.append(answer.status)
        assert found == [401] * WRONG_PER_MINUTE + [429]
        async with session.get(f"{url}/api/v1/stock", headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
            assert answer.status == 200


async def test_signing_in_and_out(browser: Browser) -> None:
    """A page leads to the sign-in and back; afterwards the cookie, hidden from scripts, is worth nothing."""
    status, text = await browser.open("/")
    assert (status, "Sign in" in text) == (200, True)
    assert await browser.sign_in("anna") == (303, "/")
    [cookie] = [one for one in browser.session.cookie_jar if one.key == "syncd"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    secret = cookie.value
    assert await browser.submit("/logout") == (303, "/login")
    headers = {"Cookie": f"syncd={secret}"}
    async with ClientSession() as thief, thief.get(f"{browser.url}/api/v1/stock", headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, "signed_out")


async def test_behind_https_cookies_never_travel_without(house: House) -> None:
    """Secure, and under a name browsers let nobody else set."""
    async with serving(house, token=TOKEN, public_url="https://stock.example.com") as url, browser_at(url) as browser:
        answer = await browser.session.get(f"{url}/login")
        [told] = answer.headers.getall("Set-Cookie")
    assert told.startswith("__Host-syncd-door=")
    assert "Secure" in told
    assert "HttpOnly" in told


@pytest.mark.parametrize("csrf", ["", "0" * 64])
async def test_a_forged_form_does_nothing(browser: Browser, house: House, csrf: str) -> None:
    """Signed in or not: what did not come from a page of ours is refused, over the API too."""
    await browser.sign_in("walter")
    assert (await browser.submit("/logout", csrf=csrf))[0] == 403
    forged = {"X-CSRF-Token": csrf}
    for headers in ({}, forged):
        async with browser.session.post(f"{browser.url}/api/v1/scans", json=SALE, headers=headers) as answer:
            assert (answer.status, (await answer.json())["code"]) == (403, "csrf")
    assert (await house.level()).available == 10
    await browser.open("/")
    own = {"X-CSRF-Token": browser.csrf}
    async with browser.session.post(f"{browser.url}/api/v1/scans", json=SALE, headers=own) as answer:
        assert answer.status == 201


async def test_a_forged_sign_in_does_nothing(browser: Browser, url: str) -> None:
    """Nobody is signed in as somebody else's user without knowing."""
    async with browser_at(url) as other:
        await other.open("/login")
        await browser.open("/login")
        browser.csrf = other.csrf
        fields = {"name": "anna", "password": "four plain words here"}
        assert (await browser.submit("/login", **fields))[0] == 403


async def test_a_session_has_its_users_role(browser: Browser) -> None:
    """An agent's browser posts no stock."""
    await browser.sign_in("anna")
    headers = {"X-CSRF-Token": browser.csrf}
    async with browser.session.post(f"{browser.url}/api/v1/scans", json=SALE, headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "forbidden")


@pytest.mark.parametrize("wanted", ["//evil.example.com", "https://evil.example.com/", "/\\evil.example.com", "x"])
async def test_signing_in_leads_nowhere_else(browser: Browser, wanted: str) -> None:
    """Only a path of this server is gone on to."""
    await browser.open("/login")
    fields = {"name": "anna", "password": "four plain words here", "next": wanted}
    assert await browser.submit("/login", **fields) == (303, "/")


async def test_the_language_is_the_browsers_until_it_is_chosen(browser: Browser) -> None:
    """Accept-Language first, then what the user chose, everywhere."""
    _, text = await browser.open("/login", **{"Accept-Language": "fr, it;q=0.8, en;q=0.5"})
    assert '<html lang="it">' in text
    assert "Accedi" in text
    await browser.sign_in("mara")
    assert await browser.submit("/language", language="it", next="/login") == (303, "/login")
    _, text = await browser.open("/", **{"Accept-Language": "en"})
    assert "Dove vuoi andare?" in text


async def test_without_users_the_page_says_what_to_type(tmp_path: Path) -> None:
    """Nobody is asked for a password that cannot exist."""
    async with open_house(tmp_path) as house, serving(house, token=TOKEN) as url, browser_at(url) as browser:
        _, text = await browser.open("/login")
        assert "syncd user add NAME --role manager" in text
        assert "<form" not in text


async def test_pages_load_nothing_from_elsewhere_and_hold_no_script(browser: Browser) -> None:
    """A strict policy, and static files that may be kept for ever because their address changes with them."""
    async with browser.session.get(f"{browser.url}/login", headers={"Accept": "text/html"}) as answer:
        policy, text = answer.headers["Content-Security-Policy"], await answer.text()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*src=)|<style| style=| on\w+=|https?://", text)
    for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', text):
        async with browser.session.get(browser.url + path) as answer:
            assert (answer.status, "immutable" in answer.headers["Cache-Control"]) == (200, True)
            etag = answer.headers["ETag"]
        async with browser.session.get(browser.url + path, headers={"If-None-Match": etag}) as answer:
            assert answer.status == 304


async def test_errors_are_pages_for_people(browser: Browser) -> None:
    """What happened and what to do, in words."""
    status, text = await browser.open("/nowhere")
    assert (status, "There is nothing here." in text) == (404, True)


async def test_the_audit_knows_what_a_person_changed(browser: Browser, house: House) -> None:
    """Signed in, signed out: with his name."""
    await browser.sign_in("anna")
    await browser.submit("/logout")
    async with house.db.read() as conn:
        deeds = await read_deeds(conn, 2)
    assert [(one.who, one.did) for one in deeds] == [("anna", "signed out"), ("anna", "signed in")]


async def test_what_changes_is_told_at_once(house: House, url: str) -> None:
    """`ready` first; then the topic of a commit, once for however many commits went by."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with ClientSession(headers=headers) as session, session.get(f"{url}/api/v1/events") as answer:
        assert answer.content_type == "text/event-stream"
        lines = answer.content
        async with asyncio.timeout(20):
            while b"event: ready" not in await lines.readline():
                pass
            await house.scan("receipt", quantity=1)
            while b'{"topic": "stock"}' not in await lines.readline():
                pass

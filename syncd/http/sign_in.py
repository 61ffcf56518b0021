"""Signing in and out, the first page afterwards, and the choice of a language."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from aiohttp import web

from syncd.access.role import STAFF
from syncd.access.secret import PASSWORD_LENGTH_MAX, csrf_of, is_csrf
from syncd.access.service import Admission, Entry
from syncd.access.visit import LIFETIME
from syncd.clock import Clock
from syncd.http.door import FORM, Door, Kind, principal_of
from syncd.http.gate import CSRF_FIELD, caller_of, cookie_name, read_form
from syncd.http.limit import Limit
from syncd.http.parts import OPTIONS, PARTS
from syncd.http.shell import page, voice_of
from syncd.wording.wording import LANGUAGES

TRIES_PER_MINUTE_ADDRESS = 30
TRIES_PER_MINUTE_NAME = 10
"""Tries to sign in that are looked at, from one address and for one name."""

STATUS = {Entry.WRONG: 401, Entry.LOCKED: 429, Entry.BUSY: 503}

TRIES = web.AppKey("tries", tuple[Limit, Limit])


def prepare(app: web.Application, clock: Clock) -> None:
    """What these doors remember."""
    app[TRIES] = Limit(clock, TRIES_PER_MINUTE_ADDRESS), Limit(clock, TRIES_PER_MINUTE_NAME)


async def get_sign_in(request: web.Request) -> web.StreamResponse:
    """The form."""
    return await _form(request, "", "", 200)


async def post_sign_in(request: web.Request) -> web.StreamResponse:
    """Sign in, and go on to where one was going."""
    form = await read_form(request)
    name, password = form.get("name", "").strip()[:100], form.get("password", "")
    if not is_csrf(request.cookies.get(_door_cookie(request), ""), form.get(CSRF_FIELD, "")):
        return await _form(request, "stale", name, 403)
    by_address, by_name = request.app[TRIES]
    if not by_address.allows(caller_of(request)) or not by_name.allows(name.lower()):
        return await _form(request, "slow", name, 429)
    admission = Admission(Entry.WRONG)
    if len(password) <= PASSWORD_LENGTH_MAX:
        admission = await request.app[PARTS].gatekeeper.admit(name, password)
    if admission.entry is not Entry.IN:
        return await _form(request, admission.entry.value, name, STATUS[admission.entry])
    answer = _onward(form.get("next", ""))
    _set(request, answer, cookie_name(request.app[OPTIONS]), admission.secret)
    answer.del_cookie(_door_cookie(request), path="/", secure=request.app[OPTIONS].is_https)
    return answer


async def post_sign_out(request: web.Request) -> web.StreamResponse:
    """Sign out; the cookie is worth nothing from now on, wherever it is."""
    name = cookie_name(request.app[OPTIONS])
    await request.app[PARTS].gatekeeper.dismiss(request.cookies.get(name, ""))
    answer = _onward("/login")
    answer.del_cookie(name, path="/", secure=request.app[OPTIONS].is_https)
    return answer


async def post_language(request: web.Request) -> web.StreamResponse:
    """Choose the language of all pages."""
    form = request.get(FORM, {})
    if form.get("language") in LANGUAGES:
        await request.app[PARTS].gatekeeper.speak(principal_of(request).name, form["language"])
    return _onward(form.get("next", ""))


async def get_home(request: web.Request) -> web.StreamResponse:
    """Where one can go."""
    return page(request, "home.html.j2", {"name": principal_of(request).name})


def _onward(path: str) -> web.Response:
    """Go on there with a GET: reloading sends nothing twice."""
    return web.Response(status=303, headers={"Location": _inside(path)})


def _inside(path: str) -> str:
    """A path of this server; anything else could lead a person who just signed in elsewhere."""
    parts = urlsplit(path)
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc and path.isprintable()
    return path if is_ours else "/"


async def _form(request: web.Request, problem: str, name: str, status: int) -> web.Response:
    secret = request.cookies.get(_door_cookie(request), "") or secrets.token_urlsafe(32)
    facts = {
        "problem": problem,
        "name": name,
        "next": _inside(request.query.get("next", "")),
        "is_first": not await request.app[PARTS].gatekeeper.has_users(),
        "csrf": csrf_of(secret),
        "voice": voice_of(request),
    }
    answer = page(request, "sign_in.html.j2", facts, status=status)
    _set(request, answer, _door_cookie(request), secret)
    return answer


def _door_cookie(request: web.Request) -> str:
    """What ties the form to the browser that asked for it, before anybody is signed in."""
    return f"{cookie_name(request.app[OPTIONS])}-door"


def _set(request: web.Request, answer: web.StreamResponse, name: str, secret: str) -> None:
    answer.set_cookie(
        name,
        secret,
        path="/",
        max_age=int(LIFETIME.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=request.app[OPTIONS].is_https,
    )


DOORS_HERE = (
    Door("GET", "/login", get_sign_in, frozenset(), Kind.OPEN),
    Door("POST", "/login", post_sign_in, frozenset(), Kind.OPEN),
    Door("POST", "/logout", post_sign_out, STAFF, Kind.PAGE, did="signed out"),
    Door("POST", "/language", post_language, STAFF, Kind.PAGE),
    Door("GET", "/", get_home, STAFF, Kind.PAGE),
)

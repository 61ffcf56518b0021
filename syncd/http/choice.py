"""The customer's page at /c/TOKEN: he reads, chooses and is told what he chose. No script, no cookie, no other host.

Programs of mail providers open every link in a letter, some with a browser: so only a POST chooses. The address is the
key; it stands in no log (routes are logged by their pattern) and is told to no other site (no referrer).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from urllib.parse import parse_qs

from aiohttp import web

from syncd.clock import Clock
from syncd.http.body import read_body
from syncd.http.limit import Limit
from syncd.http.problem import FAULTS, ApiProblem
from syncd.identity import Sku
from syncd.shortage.choice import Standing, Verdict
from syncd.shortage.page import Pass
from syncd.shortage.service_page import ChoicePages
from syncd.telemetry import Event, log
from syncd.wording.wording import LANGUAGES, Voice

FORM_BYTES_MAX = 4096
"""Largest form: one key of an option."""

PICTURE_BYTES_MAX = 2_000_000
"""Largest picture or logo sent."""

PICTURE_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}

CALLS_PER_MINUTE = 60
"""For one link."""

WRONG_PER_MINUTE = 20
"""Wrong links from one address."""

STYLE = files("syncd.http").joinpath("templates/choice.css").read_text("utf-8")

PAGES = web.AppKey("pages", ChoicePages)
LIMITS = web.AppKey("limits", tuple[Limit, Limit])


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said above the page, and the HTTP status it goes with."""

    kind: str = ""
    status: int = 200


NOTICES = {
    Verdict.GONE: Notice("gone", 409),
    Verdict.CHOSEN_BEFORE: Notice("before", 409),
    Verdict.MOVED_ON: Notice("before", 409),
    Verdict.LATE: Notice("late", 409),
    Verdict.NOT_OFFERED: Notice("nothing", 422),
}


def add_routes(app: web.Application, pages: ChoicePages, clock: Clock) -> None:
    """Open /c/TOKEN. HEAD is answered as GET is: it does nothing."""
    app[PAGES] = pages
    app[LIMITS] = Limit(clock, CALLS_PER_MINUTE), Limit(clock, WRONG_PER_MINUTE)
    app.router.add_get("/c/{token}", get_page)
    app.router.add_post("/c/{token}", post_choice)
    app.router.add_get("/c/{token}/logo", get_logo)
    app.router.add_get("/c/{token}/picture/{number:[0-9]{1,2}}", get_picture)


async def get_page(request: web.Request) -> web.StreamResponse:
    """The page as the case stands."""
    ticket = _ticket(request)
    if isinstance(ticket, web.Response):
        return ticket
    return await _page(request, ticket, Notice())


async def post_choice(request: web.Request) -> web.StreamResponse:
    """Choose, then show the page anew: going back or reloading sends nothing twice."""
    ticket = _ticket(request)
    if isinstance(ticket, web.Response):
        return ticket
    try:
        form = parse_qs((await read_body(request, FORM_BYTES_MAX)).decode("ascii", "replace"), max_num_fields=5)
    except (ValueError, ApiProblem):
        form = {}
    try:
        decision = await request.app[PAGES].choose(ticket, form.get("choice", [""])[0])
    except FAULTS as fault:
        return _failed(request, fault)
    if decision.verdict is Verdict.UNDER_WAY:
        raise web.HTTPSeeOther(f"/c/{request.match_info['token']}", headers=_headers(_plain_policy()))
    return await _page(request, ticket, NOTICES[decision.verdict])


async def get_logo(request: web.Request) -> web.StreamResponse:
    """The shop's own."""
    ticket = _ticket(request)
    if isinstance(ticket, web.Response):
        return ticket
    return picture_file(request.app[PAGES].rules.page.logo)


async def get_picture(request: web.Request) -> web.StreamResponse:
    """Of an option of this case, and of nothing else."""
    ticket = _ticket(request)
    if isinstance(ticket, web.Response):
        return ticket
    pages = request.app[PAGES]
    view = await pages.look(ticket)
    number = int(request.match_info["number"])
    if view is None or number >= len(view.cards):
        raise web.HTTPNotFound
    return picture_file(picture_of(pages.rules.page.pictures, view.cards[number].sku))


def picture_of(folder: Path | None, sku: Sku) -> Path | None:
    """The picture of a SKU in the folder, or None. A SKU that is no plain file name has none."""
    if folder is None or Path(sku).name != sku or sku.startswith("."):
        return None
    return next((file for kind in PICTURE_TYPES if (file := folder / f"{sku}{kind}").is_file()), None)


def picture_file(path: Path | None) -> web.Response:
    """A picture as it is sent; 404 for none, for another kind of file, or one that is too large."""
    kind = PICTURE_TYPES.get(path.suffix.lower()) if path is not None else None
    if path is None or kind is None or not path.is_file() or path.stat().st_size > PICTURE_BYTES_MAX:
        raise web.HTTPNotFound
    return web.Response(body=path.read_bytes(), content_type=kind, headers=_headers(_plain_policy()))


def _ticket(request: web.Request) -> Pass | web.Response:
    """The link, if it is one of ours; else a page that says so."""
    by_link, by_address = request.app[LIMITS]
    ticket = request.app[PAGES].ticket(request.match_info["token"])
    if ticket is None:
        if not by_address.allows(request.remote or ""):
            return _message(request, "slow", 429)
        return _message(request, "unknown", 404)
    if not by_link.allows(f"{ticket.case_id}/{ticket.asked}"):
        return _message(request, "slow", 429)
    return ticket


async def _page(request: web.Request, ticket: Pass, notice: Notice) -> web.Response:
    pages = request.app[PAGES]
    try:
        view = await pages.look(ticket)
    except FAULTS as fault:
        return _failed(request, fault)
    if view is None:
        return _message(request, "unknown", 404)
    folder = pages.rules.page.pictures
    pictures = [picture_of(folder, card.sku) is not None for card in view.cards]
    facts = {"view": view, "notice": notice.kind, "token": request.match_info["token"], "pictures": pictures}
    facts["Standing"] = Standing
    return _html(request, "choice.html.j2", view.voice, facts, notice.status)


def _failed(request: web.Request, fault: BaseException) -> web.Response:
    log(Event.REQUEST_FAILED, method=request.method, route="/c/{token}", exc_info=fault)
    return _message(request, "failed", 500)


def _message(request: web.Request, kind: str, status: int) -> web.Response:
    """A page without a case, in the language the browser asks for."""
    wanted = request.headers.get("Accept-Language", "")[:2].lower()
    rules = request.app[PAGES].rules
    voice = Voice(wanted if wanted in LANGUAGES else rules.shortage.language, rules.page.time_zone)
    return _html(request, "notice.html.j2", voice, {"kind": kind, "token": ""}, status)


def _html(request: web.Request, name: str, voice: Voice, facts: Mapping[str, object], status: int) -> web.Response:
    rules = request.app[PAGES].rules
    style = f":root{{--brand:{rules.page.colour}}}\n{STYLE}"
    shop = {"shop": rules.shortage.shop_name, "agent": rules.shortage.agent_name, "contact": rules.page.contact}
    template = voice.templates("syncd.http", html=True).get_template(name)
    has_logo = bool(facts["token"]) and rules.page.logo is not None
    text = template.render(**facts, **shop, style=style, language=voice.language, has_logo=has_logo)
    return web.Response(text=text, status=status, content_type="text/html", headers=_headers(_policy(style)))


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


def _plain_policy() -> str:
    return "default-src 'none'; frame-ancestors 'none'"


def _headers(policy: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow",
        "X-Frame-Options": "DENY",
    }

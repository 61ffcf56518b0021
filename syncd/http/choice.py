"""The customer's page at /c/TOKEN: he reads, chooses and is told what he chose. No script, no cookie, no other host.

Programs of mail providers open every link in a letter, some with a browser: so only a POST chooses. The address is the
key; it stands in no log (routes are logged by their pattern) and is told to no other site (no referrer).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

from aiohttp import web

from syncd.clock import Clock
from syncd.http.body import read_body
from syncd.http.limit import Limit
from syncd.http.problem import FAULTS, ApiProblem
from syncd.http.sheet import PICTURE_TYPES, PLAIN_POLICY, file_of, headers_of, html, message
from syncd.identity import Sku
from syncd.shortage.choice import Standing, Verdict
from syncd.shortage.page import Pass
from syncd.shortage.service_page import ChoicePages
from syncd.telemetry import Event, log

FORM_BYTES_MAX = 4096
"""Largest form: one key of an option."""

CALLS_PER_MINUTE = 60
"""For one link."""

WRONG_PER_MINUTE = 20
"""Wrong links from one address."""

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
        raise web.HTTPSeeOther(f"/c/{request.match_info['token']}", headers=headers_of(PLAIN_POLICY))
    return await _page(request, ticket, NOTICES[decision.verdict])


async def get_logo(request: web.Request) -> web.StreamResponse:
    """The shop's own."""
    ticket = _ticket(request)
    if isinstance(ticket, web.Response):
        return ticket
    return file_of(request.app[PAGES].rules.page.logo)


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
    return file_of(picture_of(pages.rules.page.pictures, view.cards[number].sku))


def picture_of(folder: Path | None, sku: Sku) -> Path | None:
    """The picture of a SKU in the folder, or None. A SKU that is no plain file name has none."""
    if folder is None or Path(sku).name != sku or sku.startswith("."):
        return None
    return next((file for kind in PICTURE_TYPES if (file := folder / f"{sku}{kind}").is_file()), None)


def _ticket(request: web.Request) -> Pass | web.Response:
    """The link, if it is one of ours; else a page that says so."""
    by_link, by_address = request.app[LIMITS]
    ticket = request.app[PAGES].ticket(request.match_info["token"])
    if ticket is None:
        if not by_address.allows(request.remote or ""):
            return message(request, request.app[PAGES].rules, "slow", 429)
        return message(request, request.app[PAGES].rules, "unknown", 404)
    if not by_link.allows(f"{ticket.case_id}/{ticket.asked}"):
        return message(request, request.app[PAGES].rules, "slow", 429)
    return ticket


async def _page(request: web.Request, ticket: Pass, notice: Notice) -> web.Response:
    pages = request.app[PAGES]
    try:
        view = await pages.look(ticket)
    except FAULTS as fault:
        return _failed(request, fault)
    if view is None:
        return message(request, request.app[PAGES].rules, "unknown", 404)
    folder, token = pages.rules.page.pictures, request.match_info["token"]
    pictures = [picture_of(folder, card.sku) is not None for card in view.cards]
    facts = {"view": view, "notice": notice.kind, "page": f"/c/{token}", "pictures": pictures}
    facts["Standing"] = Standing
    return html(pages.rules, "choice.html.j2", view.voice, facts, notice.status)


def _failed(request: web.Request, fault: BaseException) -> web.Response:
    log(Event.REQUEST_FAILED, method=request.method, route="/c/{token}", exc_info=fault)
    return message(request, request.app[PAGES].rules, "failed", 500)

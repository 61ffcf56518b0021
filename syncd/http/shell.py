"""The frame of the staff's pages: language, menu by role, what a page may load, and errors a person can read.

A page's module gives `page` a template that extends `shell.html.j2` and the facts it shows. Scripts are ES modules in
`static/`, named by the page (`scripts=("console/search.js",)`); nothing stands inline and no other host is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web

from syncd.access.role import Principal
from syncd.http.assets import asset
from syncd.http.door import DOORS, PRINCIPAL
from syncd.http.parts import PARTS
from syncd.wording.wording import LANGUAGES, Voice

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}


def page(
    request: web.Request,
    template: str,
    facts: Mapping[str, object],
    *,
    status: int = 200,
    scripts: Sequence[str] = (),
) -> web.Response:
    """A page of the staff's, in the language of whoever asks."""
    principal = request.get(PRINCIPAL)
    voice = voice_of(request)
    menu = _menu(request, principal)
    frame = {
        "asset": asset,
        "language": voice.language,
        "languages": LANGUAGES,
        "principal": principal,
        "csrf": principal.csrf if principal else "",
        "menu": menu,
        "here": max((to for to, _ in menu if f"{request.path}/".startswith(f"{to}/")), key=len, default=""),
        "path": request.path,
        "scripts": [asset(one) for one in ("shell.js", *scripts)],
    }
    text = voice.templates("syncd.http", html=True).get_template(template).render({**frame, **facts})
    return web.Response(text=text, status=status, content_type="text/html", headers=HEADERS)


def voice_of(request: web.Request) -> Voice:
    """The user's own language, else the first of ours his browser asks for."""
    principal = request.get(PRINCIPAL)
    pages = request.app[PARTS].pages
    zone = pages.rules.page.time_zone if pages is not None else "UTC"
    chosen = principal.language if principal is not None else ""
    return Voice(chosen or accepted(request.headers.get("Accept-Language", "")), zone)


def accepted(header: str) -> str:
    """The first of our languages an Accept-Language header wants most; English where it wants neither."""
    wanted: list[tuple[float, str]] = []
    for number, part in enumerate(header[:200].split(",")):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            continue
        if weight > 0 and tag[:2].lower() in LANGUAGES:
            wanted.append((number / 1000 - weight, tag[:2].lower()))
    return min(wanted)[1] if wanted else "en"


def wants_page(request: web.Request) -> bool:
    """Whether one of the staff asks with a browser; customers' pages have their own words."""
    return not request.path.startswith(("/api/", "/c/", "/hooks/")) and "text/html" in request.headers.get("Accept", "")


def error_page(request: web.Request, status: int, code: str) -> web.Response:
    """What happened, what was not lost, what to do."""
    return page(request, "error.html.j2", {"title": "", "code": code, "status": status}, status=status)


def _menu(request: web.Request, principal: Principal | None) -> list[tuple[str, str]]:
    """(path, name) of the pages this role may open, as their doors were declared."""
    if principal is None:
        return []
    doors = request.app[DOORS].values()
    return [(door.path, door.nav) for door in doors if door.nav and principal.role in door.roles]

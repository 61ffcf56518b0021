"""What the customers' pages have in common: the shop's look, its logo, their headers, and the words for a bad link."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from aiohttp import web

from syncd.shortage.service_affair import Rules
from syncd.wording.wording import LANGUAGES, Voice

PICTURE_BYTES_MAX = 2_000_000
"""Largest picture or logo sent."""

PICTURE_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}

STYLE = files("syncd.http").joinpath("templates/choice.css").read_text("utf-8")

PLAIN_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""For what is no page."""


def html(rules: Rules, name: str, voice: Voice, facts: Mapping[str, object], status: int = 200) -> web.Response:
    """A page in the shop's look. `facts["page"]` is its own path, '' where nothing lies below it."""
    style = f":root{{--brand:{rules.page.colour}}}\n{STYLE}"
    shop = {"shop": rules.shortage.shop_name, "agent": rules.shortage.agent_name, "contact": rules.page.contact}
    template = voice.templates("syncd.http", html=True).get_template(name)
    has_logo = bool(facts["page"]) and rules.page.logo is not None
    text = template.render(**facts, **shop, style=style, language=voice.language, has_logo=has_logo)
    return web.Response(text=text, status=status, content_type="text/html", headers=headers_of(_policy(style)))


def message(request: web.Request, rules: Rules, kind: str, status: int) -> web.Response:
    """A page that tells of nothing but the link itself, in the language the browser asks for."""
    wanted = request.headers.get("Accept-Language", "")[:2].lower()
    voice = Voice(wanted if wanted in LANGUAGES else rules.shortage.language, rules.page.time_zone)
    return html(rules, "notice.html.j2", voice, {"kind": kind, "page": ""}, status)


def file_of(path: Path | None) -> web.Response:
    """A picture. Raises HTTPNotFound where there is none that may be sent."""
    kind = PICTURE_TYPES.get(path.suffix.lower()) if path is not None else None
    if path is None or kind is None or not path.is_file() or path.stat().st_size > PICTURE_BYTES_MAX:
        raise web.HTTPNotFound
    return web.Response(body=path.read_bytes(), content_type=kind, headers=headers_of(PLAIN_POLICY))


def headers_of(policy: str) -> dict[str, str]:
    """What every answer to a customer says: found by no search, framed by nobody, and its address told to nobody."""
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow",
        "X-Frame-Options": "DENY",
    }


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )

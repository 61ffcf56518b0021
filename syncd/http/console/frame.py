"""What all pages of the console share: who may open them, how a moment's age is told, pages of a long list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from aiohttp import web
from babel.dates import format_timedelta

from syncd.http.parts import PARTS
from syncd.http.shell import page, voice_of
from syncd.wording.wording import Voice

T = TypeVar("T")

ROWS_MAX = 100
"""Most rows a page of the console lists; what is further down is a click away."""

FRESH = timedelta(minutes=10)
"""What is younger than this needs no age beside it."""


def show(
    request: web.Request,
    template: str,
    facts: Mapping[str, object],
    *,
    status: int = 200,
    scripts: Sequence[str] = (),
) -> web.Response:
    """A page of the console. Its live parts follow what happens; it works without that, too."""
    now, voice = request.app[PARTS].clock.now(), voice_of(request)
    words = {"now": now, "ago": partial(ago, now=now, voice=voice), "is_fresh": partial(is_fresh, now=now)}
    listed = ("console/live.js", *scripts)
    return page(request, f"console/{template}.html.j2", {**words, **facts}, status=status, scripts=listed)


def ago(at: datetime | None, *, now: datetime, voice: Voice) -> str:
    """How long ago or in how long, such as '3 hours ago' or 'tra 2 giorni'; 'never' for no moment."""
    if at is None:
        return voice.gettext("never")
    return str(format_timedelta(at - now, add_direction=True, locale=voice.language))


def is_fresh(at: datetime | None, *, now: datetime) -> bool:
    """Whether a number is young enough to be told without its age."""
    return at is not None and now - at < FRESH


def some(found: Sequence[T], limit: int = ROWS_MAX) -> tuple[list[T], bool]:
    """As many as a page lists, and whether there are more."""
    return list(found[:limit]), len(found) > limit

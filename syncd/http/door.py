"""Every way in, declared: who may use it, what it takes, what it answers, and which problems it tells.

One `Door` a route. The guard reads the roles from here, so they cannot differ from what is served. A room's doors are a
tuple beside their handlers; `open_doors` adds them to the application.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from aiohttp import web
from pydantic import BaseModel

from syncd.access.role import Principal, Role

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Kind(StrEnum):
    """Who is behind a door, and so how he hears of errors."""

    API = "api"
    """A program: problem+json, a token or a browser's session."""
    PAGE = "page"
    """A person of the shop, in a browser: pages, and the sign-in page where he has to sign in."""
    OPEN = "open"
    """Anybody."""


@dataclass(frozen=True)
class Door:
    """One route.

    `answers` holds a model by status, `problems` the codes it tells, `nav` what the staff's menu calls it,
    `did` what the audit says of whoever used it ('': it changes nothing, or says so itself).
    """

    method: str
    path: str
    handler: Handler
    roles: frozenset[Role]
    kind: Kind = Kind.API
    summary: str = ""
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answers: Mapping[int, type[BaseModel]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    nav: str = ""
    did: str = ""


Doors = dict[web.AbstractRoute, Door]

DOORS = web.AppKey("doors", Doors)
PRINCIPAL = web.RequestKey("principal", Principal)
FORM = web.RequestKey("form", dict[str, str])


def open_doors(app: web.Application, doors: Iterable[Door]) -> None:
    """Add these routes. HEAD is not answered where it is not declared."""
    for door in doors:
        route = app.router.add_route(door.method, door.path, door.handler)
        app[DOORS][route] = door


def door_of(request: web.Request) -> Door | None:
    """The door a request came to; None for a path nobody declared."""
    return request.app[DOORS].get(request.match_info.route)


def principal_of(request: web.Request) -> Principal:
    """Who is asking, behind a door that is not open to anybody."""
    return request[PRINCIPAL]

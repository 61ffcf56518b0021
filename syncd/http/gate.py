"""Who may use /api and /metrics: whoever shows the token; without one, this machine's own programs and no web page."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import SecretStr

from syncd.http.parts import OPTIONS, is_loopback
from syncd.http.problem import ApiProblem

API_PREFIX = "/api/"

METRICS_PATH = "/metrics"

SCHEME = "bearer"


@web.middleware
async def guard_api(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a call to /api pass only with the right token, or locally where none is configured."""
    if request.path.startswith(API_PREFIX) or request.path == METRICS_PATH:
        options = request.app[OPTIONS]
        if options.api_token is not None:
            _check_token(request, options.api_token)
        elif not options.is_local:
            detail = "the API is closed: syncd has a public address and no token; give [http] api_token_env"
            raise ApiProblem(403, "api_closed", detail)
        else:
            _check_local(request)
    return await handler(request)


def _check_token(request: web.Request, token: SecretStr) -> None:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    expected = token.get_secret_value().encode()
    # Both are compared whatever the scheme, so that the time taken tells nothing.
    is_right = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), expected)
    if scheme.lower() != SCHEME or not is_right:
        detail = "send the token as Authorization: Bearer TOKEN"
        raise ApiProblem(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})


def _check_local(request: web.Request) -> None:
    """A web page in a browser of this machine reaches 127.0.0.1 too: by a name of its own, or from its own origin."""
    hosts = [_hostname(f"//{request.host}")]
    if "Origin" in request.headers:
        hosts.append(_hostname(request.headers["Origin"]))
    if not all(is_loopback(host) for host in hosts):
        raise ApiProblem(403, "not_local", "without a token only programs of this machine may ask; use 127.0.0.1")


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""

"""Who may come in: the one place that knows who is asking and compares it with what the door says.

A program shows a token; a browser its session's cookie and, for whatever it changes, what only our own pages can know.
Without any token in syncd.toml this machine's own programs may ask too, and no web page.
"""

from __future__ import annotations

import hmac
from urllib.parse import parse_qsl, quote, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import SecretStr

from syncd.access.role import CONFIGURED, LOCAL, Principal
from syncd.http.body import read_body
from syncd.http.door import FORM, PRINCIPAL, Door, Kind, door_of
from syncd.http.limit import Limit
from syncd.http.parts import OPTIONS, PARTS, HttpOptions, is_loopback
from syncd.http.problem import ApiProblem

API_PREFIX = "/api/"

SCHEME = "bearer"

SAFE_METHODS = frozenset({"GET", "HEAD"})

FORM_TYPE = "application/x-www-form-urlencoded"
FORM_BYTES_MAX = 65_536
FORM_FIELDS_MAX = 100

CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf"

WRONG_PER_MINUTE = 30
"""Wrong tokens from one address that are answered in a minute."""

WRONG_TOKENS = web.AppKey("wrong_tokens", Limit)


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a call pass to its handler if the door is open to who is asking."""
    door = door_of(request)
    if door is None:
        if request.path.startswith(API_PREFIX):
            await _program(request)  # what there is not is told only to who may ask
        return await handler(request)
    if door.kind is Kind.OPEN:
        return await handler(request)
    principal = await (_person(request) if door.kind is Kind.PAGE else _program(request))
    if principal.role not in door.roles:
        raise ApiProblem(403, "forbidden", f"this is not open to the role {principal.role.value}")
    if request.method not in SAFE_METHODS and principal.csrf:
        await _check_csrf(request, principal)
    request[PRINCIPAL] = principal
    answer = await handler(request)
    await _note(request, door, principal, answer)
    return answer


async def _note(request: web.Request, door: Door, principal: Principal, answer: web.StreamResponse) -> None:
    if door.did and answer.status < 400:
        await request.app[PARTS].gatekeeper.note(principal, door.did, "/".join(request.match_info.values()))


def cookie_name(options: HttpOptions) -> str:
    """What a browser's session is called. The prefix makes browsers refuse one that was not set by us over https."""
    return "__Host-syncd" if options.is_https else "syncd"


async def _person(request: web.Request) -> Principal:
    secret = request.cookies.get(cookie_name(request.app[OPTIONS]), "")
    found = await request.app[PARTS].gatekeeper.by_cookie(secret) if secret else None
    if found is None:
        wanted = quote(request.path_qs) if request.method in SAFE_METHODS else "/"
        raise web.HTTPSeeOther(f"/login?next={wanted}")
    return found


async def _program(request: web.Request) -> Principal:
    options, gatekeeper = request.app[OPTIONS], request.app[PARTS].gatekeeper
    if "Authorization" in request.headers:
        return await _by_token(request, options.api_token)
    secret = request.cookies.get(cookie_name(options))
    if secret is not None:
        found = await gatekeeper.by_cookie(secret)
        if found is None:
            raise ApiProblem(401, "signed_out", "the session has ended; sign in again at /login")
        return found
    if options.api_token is not None:
        raise _unauthorized()
    if not options.is_local:
        detail = "the API asks for a token; make one with: syncd token create NAME --role ROLE"
        raise ApiProblem(403, "api_closed", detail)
    _check_local(request)
    return LOCAL


async def _by_token(request: web.Request, configured: SecretStr | None) -> Principal:
    scheme, _, given = request.headers["Authorization"].partition(" ")
    given = given.strip()
    expected = configured.get_secret_value() if configured else ""
    # Compared whatever the scheme, so that the time taken tells nothing.
    is_right = hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())
    if scheme.lower() == SCHEME and given:
        if is_right and configured is not None:
            return CONFIGURED
        found = await request.app[PARTS].gatekeeper.by_token(given)
        if found is not None:
            return found
    if not request.app[WRONG_TOKENS].allows(caller_of(request)):
        raise too_many()
    raise _unauthorized()


def _unauthorized() -> ApiProblem:
    detail = "send the token as Authorization: Bearer TOKEN"
    return ApiProblem(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})


def too_many() -> ApiProblem:
    """Somebody knocks too often."""
    return ApiProblem(429, "too_many", "too many wrong tries; wait a minute", headers={"Retry-After": "60"})


async def _check_csrf(request: web.Request, principal: Principal) -> None:
    """A page of ours says with every change what the browser's cookie alone does not; a foreign page cannot."""
    given = request.headers.get(CSRF_HEADER, "")
    if request.content_type == FORM_TYPE:
        request[FORM] = await read_form(request)
        given = given or request[FORM].get(CSRF_FIELD, "")
    if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), principal.csrf.encode()):
        raise ApiProblem(403, "csrf", "this did not come from a page of syncd; open the page again and retry")


async def read_form(request: web.Request) -> dict[str, str]:
    """The fields of a form, the last of each name. Raises ApiProblem for one that cannot be read."""
    try:
        text = (await read_body(request, FORM_BYTES_MAX)).decode("utf-8")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX))
    except ValueError:
        raise ApiProblem(400, "bad_form", "the form cannot be read") from None


def caller_of(request: web.Request) -> str:
    """The address a call came from; behind a proxy of this machine, the one that proxy says it serves."""
    remote = request.remote or ""
    if request.app[OPTIONS].public_url is None or not is_loopback(remote):
        return remote
    told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return told[:64] or remote


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

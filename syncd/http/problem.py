"""Errors as the API tells them: RFC 9457 problem details with a stable code, and nothing of our insides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from syncd.http.shell import error_page, wants_page
from syncd.scanner.service import POST_FAULTS
from syncd.telemetry import Event, log

PROBLEM_TYPE = "application/problem+json"

FAULTS = (*POST_FAULTS, OSError, AttributeError, RuntimeError)
"""What a fault of ours may look like; the caller is told no more than that there was one."""


class ApiProblem(Exception):
    """An answer that is an error of the caller's. `code` never changes its meaning; `detail` is for people."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        extra: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.extra = extra or {}
        self.headers = headers or {}


def problem_response(problem: ApiProblem) -> web.Response:
    """The problem as `application/problem+json`."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
    }
    body.update(problem.extra)
    return web.Response(
        status=problem.status,
        text=json.dumps(body, ensure_ascii=False),
        content_type=PROBLEM_TYPE,
        headers=problem.headers,
    )


@web.middleware
async def tell_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into a problem; log the caller's as refused and ours as failed."""
    try:
        return await handler(request)
    except ApiProblem as problem:
        return _refused(request, problem)
    except web.HTTPException as answer:
        if answer.status < HTTPStatus.BAD_REQUEST:
            raise
        return _refused(request, _of_http(answer))
    except FAULTS as fault:
        log(Event.REQUEST_FAILED, method=request.method, route=_route(request), exc_info=fault)
        return _told(request, ApiProblem(500, "internal", "syncd could not answer; its log says why"))


def _refused(request: web.Request, problem: ApiProblem) -> web.Response:
    fields = {"method": request.method, "route": _route(request), "status": problem.status}
    log(Event.REQUEST_REFUSED, **fields, code=problem.code, explanation=problem.detail)
    return _told(request, problem)


def _told(request: web.Request, problem: ApiProblem) -> web.Response:
    """A page for a person with a browser, problem+json for a program."""
    if wants_page(request):
        return error_page(request, problem.status, problem.code)
    return problem_response(problem)


def _route(request: web.Request) -> str:
    """The pattern that matched, never what the caller wrote into the path."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "(none)"


def _of_http(answer: web.HTTPException) -> ApiProblem:
    match answer.status:
        case 404:
            return ApiProblem(404, "not_found", "there is nothing here")
        case 405:
            allowed = answer.headers.get("Allow", "")
            return ApiProblem(405, "method_not_allowed", f"use {allowed}", headers={"Allow": allowed})
        case 413:
            return ApiProblem(413, "body_too_large", "the body is too large")
        case _:
            return ApiProblem(answer.status, "refused", HTTPStatus(answer.status).phrase)

"""Reads request bodies: never more than a bound, never longer than a while, and JSON strictly."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from syncd.http.problem import ApiProblem
from syncd.scanner.wire import BYTES_MAX, decode

HOOK_BYTES_MAX = 1_048_576
"""Largest webhook body, in bytes."""

BODY_SECONDS_MAX = 30.0
"""How long a caller may take to send his body."""


async def read_body(request: web.Request, bytes_max: int) -> bytes:
    """The whole body as it was sent. Raises ApiProblem when it is too large, too slow, packed or cut off.

    Nothing is unpacked: a few packed bytes can hold any number, and signatures are made over what is sent.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ApiProblem(415, "packed_body", "send the body without Content-Encoding")
    too_large = ApiProblem(413, "body_too_large", f"the body may hold {bytes_max} bytes at most")
    if request.content_length is not None and request.content_length > bytes_max:
        raise too_large
    body = bytearray()
    try:
        if request.content.is_eof():  # it came with its head, as small ones do: nothing to wait for
            body += request.content.read_nowait()
            if len(body) > bytes_max:
                raise too_large
            return bytes(body)
        async with asyncio.timeout(BODY_SECONDS_MAX):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > bytes_max:
                    raise too_large
    except TimeoutError:
        raise ApiProblem(408, "body_too_slow", f"the body did not come within {BODY_SECONDS_MAX:.0f} s") from None
    except (ConnectionError, RequestPayloadError):
        raise ApiProblem(400, "body_cut_off", "the body ended before it was whole") from None
    return bytes(body)


async def read_json(request: web.Request) -> Any:
    """The decoded JSON body. Raises ApiProblem for another content type, or saying what is wrong with the body."""
    if request.content_type != "application/json":
        raise ApiProblem(415, "not_json", "send the body as Content-Type: application/json")
    body = await read_body(request, BYTES_MAX)
    try:
        return decode(body)
    except ValueError as error:
        raise ApiProblem(400, "bad_json", f"the body cannot be read: {error}") from None

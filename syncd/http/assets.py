"""Static files at /static/VERSION/PATH. The version is drawn from all of them, so that one may be kept for ever and
modules may import each other by relative path.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web

from syncd.http.door import Door, Kind

TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}

FOR_EVER = "public, max-age=31536000, immutable"


def _read(folder: Traversable, before: str = "") -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            found |= _read(entry, f"{before}{entry.name}/")
        elif f".{entry.name.rpartition('.')[2]}" in TYPES:
            found[before + entry.name] = entry.read_bytes()
    return found


FILES = _read(files("syncd.http").joinpath("static"))
"""Everything in `static/`, by path; read once, when syncd starts."""

VERSION = hashlib.sha256(b"".join(name.encode() + FILES[name] for name in sorted(FILES))).hexdigest()[:16]


def asset(path: str) -> str:
    """The address of a static file. Raises KeyError for one that is not there."""
    FILES[path]
    return f"/static/{VERSION}/{path}"


def etag_of(body: bytes) -> str:
    """What names this content."""
    return hashlib.sha256(body).hexdigest()[:32]


def file_response(request: web.Request, path: str, cache: str) -> web.Response:
    """A static file, or 304 where the browser has this very one."""
    body = FILES[path]
    etag = etag_of(body)
    headers = {"Cache-Control": cache, "ETag": f'"{etag}"'}
    if any(one.value in (etag, "*") for one in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    kind = TYPES[f".{path.rpartition('.')[2]}"]
    charset = "utf-8" if kind.startswith("text/") else None
    return web.Response(body=body, content_type=kind, charset=charset, headers=headers)


async def get_asset(request: web.Request) -> web.StreamResponse:
    """A static file of this version; one of an earlier version is answered by today's, and not kept."""
    path = request.match_info["path"]
    if path not in FILES:
        raise web.HTTPNotFound
    is_current = request.match_info["version"] == VERSION
    return file_response(request, path, FOR_EVER if is_current else "no-cache")


DOORS_HERE = (Door("GET", "/static/{version}/{path:.+}", get_asset, frozenset(), Kind.OPEN),)

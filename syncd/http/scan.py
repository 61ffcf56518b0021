"""The scanner page at /scan: an app for a phone or handheld that also works without network, and what it asks for.

What it does while offline waits on the device and comes here later, each scan under the id it was given there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from syncd.access.role import FLOOR, STAFF
from syncd.http.assets import FILES, VERSION, asset
from syncd.http.body import read_json
from syncd.http.choice import PAGES, picture_of
from syncd.http.door import Door, Kind, principal_of
from syncd.http.parts import PARTS
from syncd.http.problem import ApiProblem
from syncd.http.scan_words import words
from syncd.http.sheet import file_of
from syncd.http.shell import HEADERS, page, voice_of
from syncd.identity import Sku
from syncd.scanner.scan import Problems, Scan, ScanResult, result_values
from syncd.scanner.service import ScanDesk
from syncd.scanner.telling import tell, tell_taken_back
from syncd.scanner.undo import Undo
from syncd.wording.wording import Voice

MANIFEST = {
    "id": "/scan",
    "name": "syncd scanner",
    "short_name": "Scanner",
    "start_url": "/scan",
    "scope": "/scan",
    "display": "standalone",
    "background_color": "#15181b",
    "theme_color": "#15181b",
}

MANIFEST_TYPE = "application/manifest+json"

KEPT = ("shell.css", "shell.js", "mark.svg")
"""Files of the frame that the page needs without network, beside everything in `static/scan/`."""

TEXT_LENGTH_MAX = 200
"""Longest code or search the page may ask about."""


def _desk(request: web.Request) -> ScanDesk:
    return request.app[PARTS].desk


async def get_page(request: web.Request) -> web.StreamResponse:
    """The app's one page. It holds no stock: that is asked for."""
    facts = {"places": list(_desk(request).places), "words": words(voice_of(request))}
    return page(request, "scan.html.j2", facts, scripts=("scan/app.js",))


async def get_worker(request: web.Request) -> web.StreamResponse:
    """The service worker, with the version of the files it keeps; it may look after /scan itself, above its folder."""
    names = sorted(name for name in FILES if name in KEPT or name.startswith("scan/"))
    facts = {"version": f"scan-{VERSION}", "files": ["/scan", *(asset(name) for name in names)]}
    text = voice_of(request).templates("syncd.http", html=False).get_template("worker.js.j2").render(**facts)
    headers = {**HEADERS, "Service-Worker-Allowed": "/scan", "Cache-Control": "no-cache"}
    return web.Response(text=text, content_type="text/javascript", headers=headers)


async def get_manifest(_request: web.Request) -> web.StreamResponse:
    """What a phone has to know to install the page as an app."""
    icon = {"src": asset("scan/icon.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"}
    return web.json_response({**MANIFEST, "icons": [icon]}, content_type=MANIFEST_TYPE)


async def get_now(request: web.Request) -> web.StreamResponse:
    """The time here, by which the device knows whether its clock is right; and what its posts have to bring along."""
    who = principal_of(request)
    now = request.app[PARTS].clock.now().isoformat()
    return web.json_response({"now": now, "actor": who.name, "csrf": who.csrf})


async def get_thing(request: web.Request) -> web.StreamResponse:
    """What a scanned code means; 404 for what nobody knows."""
    found = await _desk(request).floor.look(_asked(request, "code"))
    if found is None:
        raise ApiProblem(404, "unknown_code", "syncd knows no such code")
    values = asdict(found)
    if _picture(request, found.sku) is not None:
        values["picture"] = f"/scan/pictures/{found.sku}"
    return web.json_response(values)


async def get_found(request: web.Request) -> web.StreamResponse:
    """Products by words of their title, to say what an unknown code is."""
    found = await _desk(request).floor.search(_asked(request, "words"))
    return web.json_response({"items": [asdict(one) for one in found]})


async def get_picks(request: web.Request) -> web.StreamResponse:
    """What waits to be picked at a place."""
    found = await _desk(request).floor.picks(_asked(request, "place"))
    return web.json_response({"items": [asdict(one) for one in found]})


async def get_picture(request: web.Request) -> web.StreamResponse:
    """Of a thing, from the folder of customers' pages."""
    return file_of(_picture(request, Sku(request.match_info["sku"])))


async def post_scan(request: web.Request) -> web.StreamResponse:
    """Post a scan. Whatever becomes of it is 200 with a verdict and a sentence: the page goes on to the next."""
    who = principal_of(request)
    payload = await read_json(request)
    desk = _desk(request)
    if isinstance(payload, dict):
        payload = {**payload, "actor": who.name}
    scan = desk.read(payload)
    if isinstance(scan, Problems):
        said = voice_of(request).gettext("This scan cannot be read: its device's clock may be wrong")
        return web.json_response({"verdict": "unreadable", "said": said, "problems": list(scan.sentences)})
    return web.json_response(await _told(request, scan, await desk.post(scan), voice_of(request)))


async def _told(request: web.Request, scan: Scan, result: ScanResult, voice: Voice) -> dict[str, Any]:
    found = await _desk(request).floor.look(scan.code)
    title = found.title if found is not None else scan.code
    return {**result_values(result), "title": title, "said": tell(scan, result, title, voice)}


async def post_undo(request: web.Request) -> web.StreamResponse:
    """Take a scan back, within a minute of it."""
    who = principal_of(request)
    payload = _object(await read_json(request), "of", "at")
    moment = _desk(request).moment(payload["at"])
    if moment is None:
        raise ApiProblem(422, "bad_undo", "at: must be a moment with its time zone, neither old nor in the future")
    result = await _desk(request).undoing.take_back(Undo(str(payload["of"])[:TEXT_LENGTH_MAX], moment, who.name))
    return web.json_response({**result_values(result), "said": tell_taken_back(result, voice_of(request))})


async def post_code(request: web.Request) -> web.StreamResponse:
    """Say what an unknown code is (`sku`, `units`), or that somebody else has to find out (`place`)."""
    who = principal_of(request)
    payload = await read_json(request)
    floor = _desk(request).floor
    code = payload.get("code") if isinstance(payload, dict) else None
    if not isinstance(code, str) or not 0 < len(code.strip()) <= TEXT_LENGTH_MAX:
        raise ApiProblem(422, "bad_code", f"code: must be text of 1 to {TEXT_LENGTH_MAX} characters")
    sku, units, place = payload.get("sku"), payload.get("units", 1), payload.get("place", "")
    if sku is None:
        await floor.note(code, str(place)[:TEXT_LENGTH_MAX], who.name)
        return web.json_response({"verdict": "noted"})
    if not isinstance(sku, str) or not isinstance(units, int) or isinstance(units, bool) or not 1 <= units <= 100_000:
        raise ApiProblem(422, "bad_code", "sku: must be a SKU, and units a number of at least 1")
    found = await floor.link(code, Sku(sku), units)
    if found is None:
        raise ApiProblem(404, "unknown_sku", "syncd knows no such SKU")
    return web.json_response({"verdict": "linked", **asdict(found)})


def _object(payload: object, *names: str) -> Mapping[str, Any]:
    if not isinstance(payload, dict) or any(name not in payload for name in names):
        raise ApiProblem(422, "bad_body", f"send an object with {' and '.join(names)}")
    return payload


def _asked(request: web.Request, name: str) -> str:
    text = request.query.get(name, "")
    if not 0 < len(text.strip()) <= TEXT_LENGTH_MAX:
        raise ApiProblem(400, "bad_query", f"{name}: give 1 to {TEXT_LENGTH_MAX} characters")
    return text


def _picture(request: web.Request, sku: Sku) -> Any:
    pages = request.app.get(PAGES)
    return picture_of(pages.rules.page.pictures, sku) if pages is not None else None


PEOPLE = FLOOR & STAFF

DOORS_HERE = (
    Door("GET", "/scan", get_page, PEOPLE, Kind.PAGE, nav="Scanner"),
    Door("GET", "/scan/sw.js", get_worker, frozenset(), Kind.OPEN),
    Door("GET", "/scan/manifest.webmanifest", get_manifest, frozenset(), Kind.OPEN),
    Door("GET", "/scan/now", get_now, PEOPLE, Kind.PAGE),
    Door("GET", "/scan/things", get_thing, PEOPLE, Kind.PAGE),
    Door("GET", "/scan/search", get_found, PEOPLE, Kind.PAGE),
    Door("GET", "/scan/picks", get_picks, PEOPLE, Kind.PAGE),
    Door("GET", "/scan/pictures/{sku}", get_picture, PEOPLE, Kind.PAGE),
    Door("POST", "/scan/scans", post_scan, PEOPLE, Kind.PAGE),
    Door("POST", "/scan/undo", post_undo, PEOPLE, Kind.PAGE),
    Door("POST", "/scan/codes", post_code, PEOPLE, Kind.PAGE, did="said what a code is"),
)

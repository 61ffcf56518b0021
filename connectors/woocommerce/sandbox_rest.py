"""WordPress's REST manners for the stand-in: errors, parameters, paging, field selection, answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web

from connectors.woocommerce.sandbox_json import php_json
from connectors.woocommerce.sandbox_shop import SITE_ZONE

BATCH_ITEMS_MAX = 100
PREFIX = "/wp-json/wc/v3"

_HEADERS = {
    "Server": "nginx/1.22.1",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Expose-Headers": "X-WP-Total, X-WP-TotalPages, Link",
    "Expires": "Wed, 11 Jan 1984 05:00:00 GMT",
    "Cache-Control": "no-cache, must-revalidate, max-age=0, no-store, private",
}
_INTEGER = re.compile(r"[+-]?\d+(\.0+)?")
_T = TypeVar("_T")


class RestError(Exception):
    """An error to be answered in WordPress's envelope; `data` replaces {"status": …} where it is given."""

    def __init__(self, status: int, code: str, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.data = {"status": status} if data is None else data

    def envelope(self) -> dict[str, Any]:
        """The JSON form."""
        return {"code": self.code, "message": self.message, "data": self.data}


def invalid_param(name: str, message: str) -> RestError:
    """WordPress's answer to a parameter that does not fit its schema."""
    details = {name: {"code": "rest_invalid_type", "message": message, "data": {"param": name}}}
    data = {"status": 400, "params": {name: message}, "details": details}
    return RestError(400, "rest_invalid_param", f"Invalid parameter(s): {name}", data)


def missing_param(name: str) -> RestError:
    """WordPress's answer to a parameter that must be there."""
    return RestError(
        400, "rest_missing_callback_param", f"Missing parameter(s): {name}", {"status": 400, "params": [name]}
    )


def answer(document: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer with the headers every answer has."""
    return web.Response(
        status=status,
        body=php_json(document),
        content_type="application/json",
        charset="UTF-8",
        headers=_HEADERS | dict(headers or {}),
    )


def query_of(request: web.Request) -> dict[str, str]:
    """The query as PHP sees it: the last of equal names counts, list parameters get their index."""
    found: dict[str, str] = {}
    counts: dict[str, int] = {}
    for name, value in parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True):
        if name.endswith("[]"):
            index = counts[name] = counts.get(name, -1) + 1
            found[f"{name[:-1]}{index}]"] = value
        else:
            found[name] = value
    return found


async def body_of(request: web.Request) -> dict[str, Any]:
    """The JSON body as an object; an empty one counts as {}."""
    raw = await request.read()
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        data = {"status": 400, "json_error_code": 4, "json_error_message": "Syntax error"}
        raise RestError(400, "rest_invalid_json", "Invalid JSON body passed.", data) from None
    return body if isinstance(body, dict) else {}


def bounded(query: Mapping[str, str], name: str, default: int, low: int, high: int | None) -> int:
    """An integer parameter within bounds."""
    text = query.get(name)
    if text is None:
        return default
    if not _INTEGER.fullmatch(text):
        raise invalid_param(name, f"{name} is not of type integer.")
    value = int(float(text))
    if value < low or (high is not None and value > high):
        limits = f"between {low} (inclusive) and {high} (inclusive)" if high else f"greater than or equal to {low}"
        message = f"{name} must be {limits}"
        details = {name: {"code": "rest_out_of_bounds", "message": message, "data": None}}
        data = {"status": 400, "params": {name: message}, "details": details}
        raise RestError(400, "rest_invalid_param", f"Invalid parameter(s): {name}", data)
    return value


def id_list(query: Mapping[str, str], name: str) -> list[int] | None:
    """A list of ids: "10,11" or name[0]=10. None if it was not given."""
    parts = [value for key, value in query.items() if key.startswith(f"{name}[")]
    if name in query:
        parts += query[name].split(",")
    elif not parts:
        return None
    return [int(part) for part in (text.strip() for text in parts) if part.isdecimal()]


def moment_of(query: Mapping[str, str], name: str) -> datetime | None:
    """A date filter: in the site's time unless dates_are_gmt or a zone says otherwise."""
    text = query.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RestError(400, "rest_invalid_date", f"Invalid date: {name}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC if query.get("dates_are_gmt") in ("true", "1") else SITE_ZONE)
    return moment.astimezone(UTC)


def page_of(request: web.Request, query: Mapping[str, str], rows: Sequence[_T]) -> tuple[Sequence[_T], dict[str, str]]:
    """One page of the rows and the headers that tell where it lies; beyond the end it is empty."""
    size = bounded(query, "per_page", 10, 1, 100)
    page = bounded(query, "page", 1, 1, None)
    offset = bounded(query, "offset", (page - 1) * size, 0, None)
    pages = -(-len(rows) // size)
    headers = {"X-WP-Total": str(len(rows)), "X-WP-TotalPages": str(pages)}
    near = [(page - 1, "prev")] if page > 1 else []
    near += [(page + 1, "next")] if page < pages else []
    if near:
        # The real server echoes the whole query here, the OAuth parameters included.
        headers["Link"] = ", ".join(f'<{request.url.update_query(page=number)}>; rel="{rel}"' for number, rel in near)
    return rows[offset : offset + size], headers


def select(query: Mapping[str, str], document: Any) -> Any:
    """What _fields leaves of a record or of each record in a list, by its top-level names."""
    wanted = [name.strip().partition(".")[0] for name in query.get("_fields", "").split(",") if name.strip()]
    if not wanted:
        return document
    if isinstance(document, list):
        return [select(query, item) for item in document]
    return {name: document[name] for name in wanted if name in document} or []

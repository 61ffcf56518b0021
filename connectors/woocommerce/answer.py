"""What a shop's answer says, read defensively: JSON under PHP notices, error envelopes, Retry-After. Pure."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

_STARTS_MAX = 40
_STARTS = re.compile(r"[\[{]")
_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_PAGE = re.compile(r"\ufeff?\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|h1|title|meta)\b", re.I | re.S)
_PRIVATE = re.compile(r"[^\s<>\"']+@[^\s<>\"']+|c[ks]_[0-9A-Za-z]+|oauth_\w+=[^\s&\"'<>]+")
_EXCERPT_LENGTH = 200


class NotJsonError(ValueError):
    """The body holds no JSON document."""


def decode(body: bytes) -> Any:
    """The JSON document in the body, also behind a byte order mark or PHP's notices. Raises NotJsonError."""
    text = body.decode("utf-8-sig", errors="replace").strip()
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        pass
    for count, start in enumerate(_STARTS.finditer(text)):
        if count >= _STARTS_MAX:
            break
        try:
            document, end = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            continue
        # A notice may hold brackets of its own; the document is what reaches to the end.
        if end == len(text) and isinstance(document, dict | list):
            return document
    raise NotJsonError("the body holds no JSON document")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def error_envelope(document: object) -> tuple[str, str]:
    """(code, message) of WordPress's error form; both '' if it is none."""
    if not isinstance(document, Mapping):
        return "", ""
    code, message = document.get("code"), document.get("message")
    if not isinstance(code, str | int) or not isinstance(message, str):
        return "", ""
    return str(code), redacted(html.unescape(message))


def redacted(text: str) -> str:
    """Shortened, without e-mail addresses, keys and signatures."""
    return _PRIVATE.sub("…", " ".join(text.split()))[:_EXCERPT_LENGTH]


def excerpt(body: bytes) -> str:
    """The visible words of a body that is no JSON; '' if it looks like cut JSON, which may hold addresses."""
    text = body[:20_000].decode("utf-8", errors="replace").strip()
    if not text or text[0] in "{[" or '":' in text:
        return ""
    return redacted(html.unescape(_TAGS.sub(" ", text)))


def is_page(body: bytes) -> bool:
    """Whether the body is a web page, as people see it: HTML from its first words on."""
    return _PAGE.match(body[:2000].decode("utf-8", errors="replace")) is not None


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Seconds from a Retry-After header, given as seconds or as a date; None if there is none to be read."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit() and len(text) < 9:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return max(0.0, (moment - now).total_seconds())

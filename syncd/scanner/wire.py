"""JSON as a scanner sends it, read strictly: what is ambiguous is refused, never guessed."""

from __future__ import annotations

import json
from typing import Any

BYTES_MAX = 65_536
"""Largest scan, in bytes."""


def decode(body: bytes) -> Any:
    """The decoded JSON. Raises ValueError with one sentence saying what is wrong and where."""
    if len(body) > BYTES_MAX:
        raise ValueError(f"it is larger than {BYTES_MAX} bytes")
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_repeats)
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise ValueError("it is not JSON that can be read: nested too deeply") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"it gives {name[:40]!r} twice")
        found[name] = value
    return found

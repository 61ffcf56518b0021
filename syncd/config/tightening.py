"""How an instance may differ from its connector's capabilities: tighter, never looser."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import replace
from types import NoneType
from typing import Any, Literal, get_args, get_type_hints
from urllib.parse import urlsplit

from pydantic import BaseModel

from syncd.channel.port import Capabilities
from syncd.clock import DURATION_SECONDS_MAX
from syncd.config.problem import unknown_key

Direction = Literal["down", "up", "off", "fixed"]

DIRECTIONS: dict[str, Direction] = {
    "batch_size": "down",
    "calls_in_flight": "down",
    "calls_per_second": "down",
    "calls_per_day": "down",
    "revisions_per_listing_per_day": "down",
    "quantity_max": "down",
    "order_lag_seconds": "up",
    "sold_counter": "off",
    "decrements_unpaid": "fixed",
    "holds_unpaid": "fixed",
    "restocks_cancelled": "fixed",
    "zero_keeps_listing": "off",
    "unpaid_expires_seconds": "up",
    "names_buyer_language": "off",
    "write_outlasts_seconds": "up",
    "reads_singly": "fixed",
    "cancelling_counts": "fixed",
}
"""Which way each capability is the more careful one. What the channel does by itself cannot be chosen."""

FREE_FOR_STAND_INS = frozenset(
    {
        *("order_lag_seconds", "write_outlasts_seconds"),
        *("calls_per_second", "calls_per_day", "revisions_per_listing_per_day"),
    }
)
"""What only a real channel's speed and quotas bind."""

# Limits below which nothing could be sent at all; a lag may be 0.
_LOWEST = {
    "batch_size": 1,
    "calls_in_flight": 1,
    "calls_per_day": 1,
    "revisions_per_listing_per_day": 1,
    "quantity_max": 1,
}


def tightened(
    stated: Capabilities, table: Mapping[str, object], *, stand_in: bool
) -> tuple[Capabilities, list[tuple[str, str]]]:
    """The capabilities in force, and (key, sentence) for everything refused.

    `stand_in`: the settings point at this machine, where what `FREE_FOR_STAND_INS` names may be looser, since a
    stand-in server is as quick as its owner likes.
    """
    hints = get_type_hints(Capabilities)
    accepted: dict[str, Any] = {}
    problems: list[tuple[str, str]] = []
    for key, written in table.items():
        # TOML has no null: a limit that does not exist is written "none".
        value = None if written == "none" else written
        complaint = (
            unknown_key(key, DIRECTIONS)
            if key not in DIRECTIONS
            else _wrong_type(value, get_args(hints[key]) or (hints[key],))
            or _out_of_bounds(key, value)
            or ("" if stand_in and key in FREE_FOR_STAND_INS else _looser(key, getattr(stated, key), value))
        )
        if complaint:
            problems.append((key, complaint if key not in DIRECTIONS else f"'{key}' {complaint}"))
        else:
            accepted[key] = value
    return replace(stated, **accepted), problems


def points_at_this_machine(settings: BaseModel) -> bool:
    """Whether every address among the settings can only mean the machine itself, and there is one."""
    values = [str(getattr(settings, name)) for name in type(settings).model_fields]
    addresses = [value for value in values if value.startswith(("http://", "https://"))]
    return bool(addresses) and all(_is_loopback(address) for address in addresses)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _wrong_type(value: object, allowed: tuple[type, ...]) -> str:
    if type(value) in allowed or (type(value) is int and float in allowed):
        return ""
    if bool in allowed:
        return "must be true or false"
    return 'must be a number or "none"' if NoneType in allowed else "must be a whole number"


def _out_of_bounds(key: str, value: object) -> str:
    lowest = _LOWEST.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if key.endswith("_seconds") and value > DURATION_SECONDS_MAX:
        return f"must be at most {DURATION_SECONDS_MAX:.0f}"
    if key == "calls_per_second" and not value > 0:
        return "must be greater than 0"
    return f"must be at least {lowest}" if not value >= lowest else ""


def _looser(key: str, stated: Any, value: Any) -> str:
    direction = DIRECTIONS[key]
    if value == stated:
        return ""
    if direction == "fixed":
        return f"is what the channel does and cannot be set here (it is {_toml(stated)})"
    if direction == "off":
        return "" if value is False else "can be switched off here, not on"
    if direction == "down":
        is_looser = value is None or (stated is not None and value > stated)
        return f"may be lowered here, not raised above the connector's {_toml(stated)}" if is_looser else ""
    is_looser = stated is None or (value is not None and value < stated)
    return f"may be raised here, not lowered under the connector's {_toml(stated)}" if is_looser else ""


def _toml(value: object) -> str:
    return "none" if value is None else str(value).lower()

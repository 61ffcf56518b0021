"""What answers of eBay's REST APIs have in common: errors by their ids, and the call meter. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.ebay.mapping_xml import Unreadable, moment
from syncd.channel.port import CallMeter

THROTTLE_IDS = frozenset({2001})
LATER_IDS = frozenset(
    {
        *(25001, 25025),  # Inventory: system, concurrent access
        30500,  # Fulfillment: system
        *(34900, 34922, 34929),  # refund: system, an earlier one in work, the buyer's payment not settled yet
        195000,  # Notification: system
    }
)
"""Errors that pass by themselves; after a write its outcome is unknown."""

METER_PATH = "/developer/analytics/v1_beta/rate_limit/?api_context=tradingapi&api_name=tradingapi"
DAY_SECONDS = 86_400
CALLS_PER_DAY_DEFAULT = 5_000
"""What eBay allows an application over the whole Trading API before its Application Growth Check."""


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """A JSON answer, or a refusal with the ids of eBay's errors."""

    status: int
    body: Mapping[str, Any]
    error_ids: tuple[int, ...] = ()
    message: str = ""


def error_ids(body: Mapping[str, Any]) -> tuple[tuple[int, ...], str]:
    """The ids of eBay's errors and the first one's text; nothing when the body has none."""
    errors = body.get("errors", body.get("error"))  # Post-Order writes it in the singular
    if not isinstance(errors, list):
        return (), ""
    read = [error for error in errors if isinstance(error, dict) and isinstance(error.get("errorId"), int)]
    return tuple(error["errorId"] for error in read), str(read[0].get("message", "")) if read else ""


def meter(body: Mapping[str, Any], *, calls_per_day: int | None) -> CallMeter | None:
    """The Trading API's day, from getRateLimits; None where it names none. Raises Unreadable.

    `calls_per_day` is our own limit: what an operator made smaller than eBay's default stays, else eBay's word counts.
    """
    try:
        found = [(str(name), rate) for name, rate in _rates(body) if rate.get("timeWindow") == DAY_SECONDS]
        named = [rate for name, rate in found if name == "tradingapi"] or [rate for _, rate in found]
        if not named:
            return None
        # Of several the tightest: a resource of its own may end before the whole.
        tightest = min(named, key=lambda rate: int(rate["remaining"]))
        limit, remaining = int(tightest["limit"]), int(tightest["remaining"])
        resets_at: datetime = moment(str(tightest["reset"]))
    except (KeyError, TypeError, ValueError):
        raise Unreadable("the meter's answer is not readable") from None
    is_tightened = calls_per_day is not None and calls_per_day < CALLS_PER_DAY_DEFAULT
    ours = min(limit, calls_per_day) if is_tightened and calls_per_day is not None else limit
    return CallMeter(ours, max(0, remaining), resets_at)


def _rates(body: Mapping[str, Any]) -> Iterator[tuple[object, Mapping[str, Any]]]:
    for limit in body.get("rateLimits") or ():
        for resource in limit["resources"]:
            for rate in resource["rates"]:
                yield resource.get("name"), rate

"""GetSellerEvents: the listings that changed in a window of time, as evidence of what was sold through them. Pure.

A window takes at most 48 hours and tells of changes up to two minutes ago (KB 55); there are no pages: with 3,000
items or more the answer is cut short, or refused (21917062), and a shorter window is asked for.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element

from connectors.ebay.mapping import FIXED_PRICE, ITEM_FIELDS, item_listings
from connectors.ebay.mapping_xml import Reply, Unreadable, moment, stamp, text
from syncd.channel.port import ChangePage, ListingObservation

WINDOW_MAX = timedelta(hours=48)
OVERLAP = timedelta(minutes=2)
TOO_LARGE = "21917062"
ITEMS_MAX = 3_000
"""An answer of so many may have been cut short."""
WINDOW_MIN = timedelta(minutes=1)
"""A window is not made shorter than this: what does not fit is left to the next reading of all listings."""


@dataclass(frozen=True, slots=True)
class EventCursor:
    """Changes before `seen_until` were told; the next window is no longer than `longest`."""

    seen_until: datetime
    longest: timedelta = WINDOW_MAX

    def encode(self) -> str:
        """As the opaque cursor of the port."""
        return json.dumps({"seen_until": stamp(self.seen_until), "longest": self.longest.total_seconds()})

    @classmethod
    def decode(cls, cursor: str) -> EventCursor:
        """From `encode`. Raises Unreadable."""
        try:
            read = json.loads(cursor)
            return cls(moment(read["seen_until"]), timedelta(seconds=float(read["longest"])))
        except (ValueError, KeyError, TypeError, OverflowError):
            raise Unreadable("the cursor of changes is not one of this connector") from None


@dataclass(frozen=True, slots=True)
class EventWindow:
    """What one call asks for: from `start` (before `seen_until`, or as far back as eBay tells) to `end`."""

    start: datetime
    end: datetime
    seen_until: datetime
    longest: timedelta
    is_last: bool


def event_window(cursor: EventCursor, *, now: datetime, lag: timedelta) -> EventWindow | None:
    """The window to ask for, or None where nothing new can be told yet."""
    until = now - lag
    if until <= cursor.seen_until:
        return None
    oldest = until - WINDOW_MAX
    start = max(cursor.seen_until - OVERLAP, oldest)
    end = min(until, max(cursor.seen_until, start) + cursor.longest, start + WINDOW_MAX)
    return EventWindow(start, end, cursor.seen_until, cursor.longest, end == until)


def events_request(window: EventWindow) -> dict[str, Any]:
    """GetSellerEvents by modification time, with the numbers only."""
    return {
        "ModTimeFrom": stamp(window.start),
        "ModTimeTo": stamp(window.end),
        "HideVariations": "false",
        "DetailLevel": "ReturnAll",
        "OutputSelector": ["TimeTo", *(f"ItemArray.Item.{field}" for field in ITEM_FIELDS)],
    }


def change_page(reply: Reply, window: EventWindow) -> ChangePage:
    """What the window tells, and where to go on: anew and shorter, where it held too much to be told whole.

    Every number is as old as the window's end: later changes may be in it or not.
    """
    items = reply.root.findall("ItemArray/Item")
    is_cut = len(items) >= ITEMS_MAX or any(error.code == TOO_LARGE for error in reply.errors)
    seen: list[ListingObservation] = []
    for item in items:
        with suppress(Unreadable):  # a sweep reads it as well, and says what is wrong with it
            seen += _observed(item, window.end)
    if is_cut and window.longest > WINDOW_MIN:
        begin = max(window.seen_until, window.start)
        shorter = max((window.end - begin) / 2, WINDOW_MIN)
        return ChangePage(tuple(seen), EventCursor(begin, shorter).encode(), True)
    longest = min(window.longest * 2, WINDOW_MAX)
    return ChangePage(tuple(seen), EventCursor(window.end, longest).encode(), not window.is_last)


def _observed(item: Element, asked_at: datetime) -> list[ListingObservation]:
    """What is known of an item and its variations; without a Quantity (told only above 1) what sold one unit is at 0.

    Where none was sold it may be at 0 or at 1: of that nothing is said.
    """
    if text(item, "ListingType") not in (None, *FIXED_PRICE):
        return []
    for one in [*item.findall("Variations/Variation"), item]:
        if one.find("Quantity") is None and text(one, "SellingStatus/QuantitySold") == "1":
            _set(one, "1")
    variations = item.find("Variations")
    if variations is None:
        told = [item] if item.find("Quantity") is not None else []
    else:
        told = variations.findall("Variation")
        for one in [one for one in told if one.find("Quantity") is None]:
            variations.remove(one)
        told = variations.findall("Variation")
    if not told:
        return []
    found, _ = item_listings(item, asked_at)
    return [replace(one.observation, asked_at=asked_at) for one in found]


def _set(parent: Element, value: str) -> None:
    quantity = parent.makeelement("Quantity", {})
    quantity.text = value
    parent.append(quantity)

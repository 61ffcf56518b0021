"""A scan: what a hand did at a shelf, read strictly from what a scanner sends, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from syncd.clock import moment_of
from syncd.identity import Sku
from syncd.ledger.balance import StockLevel
from syncd.ledger.count import CountVerdict
from syncd.ledger.location import NAME, NAME_WORDS, Locations, name_problem
from syncd.ledger.movement import Reason
from syncd.product.element_string import Label, read

QUANTITY_MAX = 1_000_000
"""Most units one scan may move or count."""

TEXT_LENGTH_MAX = 100
"""Longest code, actor and name of a location, in characters."""

AGE_MAX = timedelta(days=7)
"""Oldest scan taken: a scanner that was offline longer, or whose clock is wrong, has to be looked at."""

AHEAD_MAX = timedelta(minutes=5)
"""How far a scanner's clock may run ahead; such a scan is taken as of now."""

ACTOR_DEFAULT = "scanner"


class ScanKind(StrEnum):
    """What a hand did."""

    COUNTER_SALE = "counter_sale"
    """A customer in the shop takes the thing with him."""
    RECEIPT = "receipt"
    """A supplier's delivery is put on the shelf."""
    COUNT = "count"
    """So many were counted, as of the scan's moment."""
    ADJUST = "adjust"
    """So many more (or, signed, fewer) are there than the books say, with a reason."""
    DAMAGED = "damaged"
    """Can no longer be sold, is still here."""
    RETURN = "return"
    """A customer brought it back, fit to be sold."""
    TRANSFER = "transfer"
    """Carried from one location to another."""
    RESTOCK = "restock"
    """What was set aside is fit to be sold after all."""
    DISCARD = "discard"
    """What was set aside is thrown away."""
    PICK = "pick"
    """Taken from the shelf for an order and sent; 0 says that none of what it still waits for is there."""


REASONS: dict[ScanKind, tuple[Reason, ...]] = {
    ScanKind.ADJUST: (
        *(Reason.CORRECTION, Reason.SHRINKAGE, Reason.DAMAGED),
        *(Reason.RESTOCK, Reason.PROMOTION, Reason.OTHER),
    ),
    ScanKind.DAMAGED: (Reason.DAMAGED, Reason.OTHER),
}
"""Which kinds are told a reason, and which; `damaged` means its first when none is given."""

_FIELDS = ("scan_id", "kind", "code", "quantity", "location", "to_location", "order", "at", "actor", "reason", "blind")
_SCAN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan. `scan_id` is made by the scanner: the same id is one scan however often sent.

    `quantity` is in what the code means (base units, or packs), signed for `adjust` only; a count or a pick may be 0.
    `order` is the order a pick is for, by its key or its number. A `blind` count is only posted if it agrees with the
    books: whoever counted does not know what they say, and counts once more.
    """

    scan_id: str
    kind: ScanKind
    code: str
    quantity: int
    location: str
    at: datetime
    actor: str = ACTOR_DEFAULT
    reason: Reason | None = None
    to_location: str | None = None
    order: str | None = None
    blind: bool = False

    @property
    def key(self) -> str:
        """The key of its first movement; further ones carry numbers."""
        return f"scan:{self.scan_id}"

    @property
    def content(self) -> str:
        """What has to be the same for a repeated id to be the same scan; its moment and actor may differ."""
        reason = self.reason.value if self.reason else ""
        more = (self.order,) if self.order else ()
        more = (*more, "blind") if self.blind else more
        return "|".join(
            (self.kind, self.code, str(self.quantity), self.location, self.to_location or "", reason, *more)
        )


@dataclass(frozen=True, slots=True)
class Problems:
    """Why a payload is no scan: one sentence each, naming the field."""

    sentences: tuple[str, ...]


class ScanVerdict(StrEnum):
    """What became of a scan."""

    POSTED = "posted"
    DUPLICATE = "duplicate"
    """The same scan was posted before: nothing written, the first result told again."""
    CONFLICT = "conflict"
    """Another scan was posted under this id: nothing written."""
    REFUSED = "refused"
    """The books do not allow it: nothing written, and the sentence says what to do."""
    RECOUNT = "recount"
    """A blind count does not agree with the books: nothing written, nothing told of them, count once more."""
    UNKNOWN_CODE = "unknown_code"
    """The code is no SKU and no barcode: nothing written."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The verdict with a sentence for the person, and what is on hand at the locations concerned.

    `count` tells expected and counted for a count. `broken` are units that were promised to orders and are gone.
    """

    scan_id: str
    verdict: ScanVerdict
    sentence: str
    sku: Sku | None = None
    levels: tuple[StockLevel, ...] = ()
    count: CountVerdict | None = None
    broken: int = 0


def parse(payload: object, *, now: datetime, locations: Locations) -> Scan | Problems:
    """A scan from decoded JSON, or everything that is wrong with it.

    Without `at` it happened now, without `location` at the first place there is.
    """
    if not isinstance(payload, Mapping):
        return Problems(("the scan is not a JSON object; write {…}",))
    reading = _Reading(payload, now, locations)
    scan = reading.scan()
    return Problems(tuple(reading.problems)) if scan is None or reading.problems else scan


def scanned_at(text: str, now: datetime) -> datetime | None:
    """The moment a scanner tells, now at the latest; None for what is none, too old, or ahead of us by too much."""
    at = moment_of(text)
    return min(at, now) if at is not None and now - AGE_MAX <= at <= now + AHEAD_MAX else None


class _Reading:
    """Reads the fields one by one and gathers what is wrong."""

    def __init__(self, payload: Mapping[Any, Any], now: datetime, locations: Locations) -> None:
        self._payload = payload
        self._now = now
        self._locations = locations
        self.problems: list[str] = []

    def scan(self) -> Scan | None:
        unknown = sorted(str(name)[:40] for name in self._payload if name not in _FIELDS)[:5]
        self.problems += [f"{name!r}: is no field of a scan; there are {', '.join(_FIELDS)}" for name in unknown]
        scan_id = self._matching("scan_id", _SCAN_ID, "letters, digits and . _ : - (1 to 100)", None)
        kind = self._kind()
        label = self._label()
        location = self._location("location", self._locations.default)
        at = self._at()
        actor = self._text("actor", ACTOR_DEFAULT)
        if kind is None:
            return None
        quantity = self._quantity(kind, label)
        reason = self._reason(kind)
        to_location = self._to_location(kind, location)
        order = self._order(kind)
        blind = self._blind(kind)
        if scan_id is None or label is None or quantity is None or location is None or at is None or actor is None:
            return None
        return Scan(scan_id, kind, label.code, quantity, location, at, actor, reason, to_location, order, blind)

    def _label(self) -> Label | None:
        """The code as a scanner sends it: an element string holds signs that no other text may."""
        value = self._payload.get("code")
        label = read(value) if isinstance(value, str) else None
        code = self._text("code", None, value if label is None else label.code)
        return None if label is None or code is None else Label(code, label.times)

    def _text(self, name: str, default: str | None, given: object = None) -> str | None:
        value = self._payload.get(name, default) if given is None else given
        if value is None:
            self.problems.append(f"{name}: is missing")
            return None
        if not isinstance(value, str) or not value.strip() or not value.strip().isprintable():
            self.problems.append(f"{name}: must be readable text in quotes")
            return None
        if len(value.strip()) > TEXT_LENGTH_MAX:
            self.problems.append(f"{name}: is longer than {TEXT_LENGTH_MAX} characters")
            return None
        return value.strip()

    def _matching(self, name: str, pattern: re.Pattern[str], words: str, default: str | None) -> str | None:
        value = self._payload.get(name, default)
        if value is None:
            self.problems.append(f"{name}: is missing")
            return None
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.problems.append(f"{name}: must be made of {words}")
            return None
        return value

    def _location(self, name: str, default: str | None) -> str | None:
        found = self._matching(name, NAME, NAME_WORDS, default)
        problem = None if found is None else name_problem(found) or self._locations.problem(found)
        if problem is not None:
            self.problems.append(f"{name}: {problem}")
            return None
        return found

    def _kind(self) -> ScanKind | None:
        value = self._payload.get("kind")
        if isinstance(value, str) and value in tuple(ScanKind):
            return ScanKind(value)
        self.problems.append(f"kind: must be one of {', '.join(ScanKind)}")
        return None

    def _quantity(self, kind: ScanKind, label: Label | None) -> int | None:
        said = label.times if label is not None and label.times else 1
        value = self._payload.get("quantity", None if kind in (ScanKind.COUNT, ScanKind.ADJUST) else said)
        if value is None:
            self.problems.append(f"quantity: is missing; a {kind} needs one")
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.problems.append("quantity: must be a whole number")
            return None
        smallest = {ScanKind.COUNT: 0, ScanKind.PICK: 0, ScanKind.ADJUST: -QUANTITY_MAX}.get(kind, 1)
        if not smallest <= value <= QUANTITY_MAX:
            self.problems.append(f"quantity: a {kind} takes {smallest} to {QUANTITY_MAX}")
            return None
        if kind is ScanKind.ADJUST and value == 0:
            self.problems.append("quantity: an adjustment by 0 changes nothing")
            return None
        return value

    def _reason(self, kind: ScanKind) -> Reason | None:
        allowed, value = REASONS.get(kind, ()), self._payload.get("reason")
        if value is None:
            if kind is ScanKind.ADJUST:
                self.problems.append(f"reason: is missing; an adjust needs one of {', '.join(allowed)}")
            return allowed[0] if allowed else None
        if not allowed:
            self.problems.append(f"reason: a {kind} takes none")
        elif not isinstance(value, str) or value not in allowed:
            self.problems.append(f"reason: must be one of {', '.join(allowed)}")
        else:
            return Reason(value)
        return None

    def _to_location(self, kind: ScanKind, location: str | None) -> str | None:
        if kind is not ScanKind.TRANSFER:
            if self._payload.get("to_location") is not None:
                self.problems.append(f"to_location: a {kind} takes none")
            return None
        found = self._location("to_location", None)
        if found is not None and found == location:
            self.problems.append("to_location: must be another place than location")
            return None
        return found

    def _order(self, kind: ScanKind) -> str | None:
        if kind is ScanKind.PICK:
            return self._text("order", None)
        if self._payload.get("order") is not None:
            self.problems.append(f"order: a {kind} takes none")
        return None

    def _blind(self, kind: ScanKind) -> bool:
        value = self._payload.get("blind", False)
        if not isinstance(value, bool) or (value and kind is not ScanKind.COUNT):
            self.problems.append("blind: must be true or false, and only a count may be")
            return False
        return value

    def _at(self) -> datetime | None:
        value = self._payload.get("at")
        if value is None:
            return self._now
        try:
            at = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= 40 else None
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            self.problems.append("at: must be a moment with its time zone, such as 2026-03-02T08:00:00Z")
            return None
        return self._in_time(at)

    def _in_time(self, at: datetime) -> datetime | None:
        try:
            at = at.astimezone(UTC)
        except OverflowError:
            at = datetime.min.replace(tzinfo=UTC)
        if at > self._now + AHEAD_MAX:
            self.problems.append("at: lies in the future; set the scanner's clock and scan again")
            return None
        if at < self._now - AGE_MAX:
            self.problems.append(f"at: is more than {AGE_MAX.days} days ago; look at the shelf and scan again")
            return None
        return min(at, self._now)


def result_values(result: ScanResult) -> dict[str, Any]:
    """A result as JSON can hold it: how it is kept, and how HTTP and MQTT tell it."""
    count = result.count
    return {
        "scan_id": result.scan_id,
        "verdict": result.verdict.value,
        "sku": result.sku,
        "sentence": result.sentence,
        "stock": [level_values(level) for level in result.levels],
        "count": None
        if count is None
        else {"expected": count.expected, "counted": count.counted, "difference": count.difference},
        "broken": result.broken,
    }


def level_values(level: StockLevel) -> dict[str, Any]:
    """What one location holds of a SKU, as JSON can hold it."""
    return {
        "sku": level.sku,
        "location": level.location,
        "on_hand": level.on_hand,
        "available": level.available,
        "reserved": level.reserved,
        "in_flight": level.in_flight,
        "unavailable": level.unavailable,
    }

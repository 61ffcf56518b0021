"""A movement as one row of a file: the same fields in CSV and in JSON Lines, read back strictly."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

from syncd.clock import moment_of
from syncd.identity import sku
from syncd.ledger.movement import Account, Movement, Reason


class FileFormat(StrEnum):
    """How a log is written down."""

    CSV = "csv"
    """A heading, then one line for each movement (RFC 4180)."""
    JSONL = "jsonl"
    """One JSON object on each line."""


FIELDS = (
    *("position", "key", "sku", "quantity", "source", "destination"),
    *("reason", "reference", "actor", "happened_at", "recorded_at"),
)
NEEDED = tuple(name for name in FIELDS if name not in ("position", "recorded_at", "reference", "actor"))
"""What an import cannot do without; a movement is given a new position and moment of recording."""


def row_values(position: int, moved: Movement, recorded_at: datetime) -> dict[str, str | int]:
    """One movement's fields, in the order of `FIELDS`; moments in UTC, to the microsecond."""
    return {
        "position": position,
        **moved.words,
        "happened_at": _written(moved.happened_at),
        "recorded_at": _written(recorded_at),
    }


def heading_problem(heads: list[str]) -> str | None:
    """What is wrong with the heading of a CSV file, or None."""
    missing = [name for name in NEEDED if name not in heads]
    extra = [name for name in heads if name not in FIELDS]
    if missing or extra or len(set(heads)) < len(heads):
        wrong = f"there is no {missing[0]!r}" if missing else f"{extra[0]!r} is none" if extra else "one stands twice"
        return f"its first line must name the columns {', '.join(FIELDS)}: {wrong}"
    return None


def movement_of(row: Mapping[str, object]) -> Movement:
    """A movement from a row of a file. Raises ValueError with one clear sentence."""
    unknown = next((name for name in row if name not in FIELDS), None)
    if unknown is not None:
        raise ValueError(f"{str(unknown)[:40]!r} is no field of a movement")
    reason = _text(row, "reason")
    if reason not in tuple(Reason):
        raise ValueError(f"reason: {reason[:40]!r} is none of {', '.join(Reason)}")
    moved = Movement(
        _text(row, "key"),
        sku(_text(row, "sku")),
        _quantity(row),
        Account.parse(_text(row, "source")),
        Account.parse(_text(row, "destination")),
        Reason(reason),
        _moment(_text(row, "happened_at")),
        _text(row, "reference", ""),
        _text(row, "actor", ""),
    )
    problem = moved.problem()
    if problem is not None:
        raise ValueError(problem)
    return moved


def _text(row: Mapping[str, object], name: str, default: str | None = None) -> str:
    value = row.get(name, default)
    if not isinstance(value, str):
        raise ValueError(f"{name}: is missing" if value is None else f"{name}: must be text")
    return value


def _quantity(row: Mapping[str, object]) -> int:
    value = row.get("quantity")
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("quantity: must be a whole number")


def _moment(text: str) -> datetime:
    if (found := moment_of(text)) is not None:
        return found
    raise ValueError(f"happened_at: {text[:40]!r} is not a moment with its time zone, such as 2026-03-02T08:00:00Z")


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

"""Turns a JSON list of articles into records; a number there is a number, whatever mark the texts use."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.dropship.mapping_rows import Record, UnreadableFeed, Value, lacking

PEEKED_ROWS_MAX = 100
"""Rows looked through for a column before it is said to be missing: what is empty is often left out."""

_ABSENT = object()


class JsonRows:
    """Objects of one array; a column is a key, or a path of keys such as `stock/free`."""

    def __init__(self, rows: list[Any], columns: Sequence[str]) -> None:
        self._rows = rows
        self.header = tuple(columns)

    def place(self, column: str) -> int | None:
        """Where the column stands among those asked for."""
        return self.header.index(column) if column in self.header else None

    def records(self) -> Iterator[Record]:
        """Every entry of the array, by its place."""
        for place, row in enumerate(self._rows, start=1):
            if not isinstance(row, dict):
                yield Record(place, (), "the entry is not an object with names and values")
                continue
            yield self._record(place, row)

    def _record(self, place: int, row: dict[str, Any]) -> Record:
        fields: list[Value] = []
        for column in self.header:
            value = _at(row, column)
            if isinstance(value, list | dict):
                return Record(place, (), f"{column!r} is not one value but holds several")
            fields.append(_value(value))
        return Record(place, fields)


def open_json(body: bytes, columns: Sequence[str], rows_at: str) -> JsonRows:
    """Find the array of articles and see that its objects have the columns. Raises UnreadableFeed."""
    try:
        tree = json.loads(body, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise UnreadableFeed(f"the feed is not whole JSON ({_reason(error)})", _begin(body)) from None
    rows = _rows(tree, rows_at, body)
    objects = [row for row in rows[:PEEKED_ROWS_MAX] if isinstance(row, dict)]
    missing = [column for column in columns if all(_at(row, column) is _ABSENT for row in objects)]
    if objects and missing:
        raise lacking(missing, sorted({str(name) for row in objects for name in row}), _begin(body))
    return JsonRows(rows, columns)


def _rows(tree: Any, rows_at: str, body: bytes) -> list[Any]:
    if rows_at:
        rows = _at(tree, rows_at) if isinstance(tree, dict) else _ABSENT
        if not isinstance(rows, list):
            raise UnreadableFeed(f"the feed has no list at {rows_at!r} (rows_at)", _begin(body))
        return rows
    if isinstance(tree, list):
        return tree
    lists = [value for value in tree.values() if isinstance(value, list)] if isinstance(tree, dict) else []
    if len(lists) != 1:
        raise UnreadableFeed("the feed is not one list of articles; say with rows_at where they are", _begin(body))
    return lists[0]


def _at(row: dict[str, Any], column: str) -> Any:
    found: Any = row
    for key in [column] if column in row else column.split("/"):
        if not isinstance(found, dict) or key not in found:
            return _ABSENT
        found = found[key]
    return found


def _value(value: Any) -> Value:
    if value is _ABSENT or value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, Decimal) else str(value)


def _no_number(text: str) -> Decimal:
    raise ValueError(f"{text} is no number")


def _reason(error: Exception) -> str:
    return str(error)[:120] if isinstance(error, ValueError) else type(error).__name__


def _begin(body: bytes) -> str:
    return body[:500].decode("utf-8", errors="replace")

"""Reading an opening stock: CSV text into rows, or everything that is wrong with it, each with its line."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from syncd.errors import OperatorError
from syncd.identity import Sku
from syncd.identity import sku as parse_sku
from syncd.ledger.balance import Balances, stock_level
from syncd.ledger.movement import Account, State

BYTES_MAX = 50_000_000
ROWS_MAX = 200_000
QUANTITY_MAX = 1_000_000
COLUMNS = ("sku", "quantity", "location", "title")
NEEDED = COLUMNS[:2]
LOCATION_DEFAULT = "main"
STEP_ROWS = 500
"""Rows between two words about how far it has come."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `line` is where it stands in the file (1 is the heading)."""

    line: int
    sku: Sku
    quantity: int
    location: str
    title: str


def read_opening(path: Path, tell: Callable[[int, int], None]) -> tuple[list[Row], list[str]]:
    """The rows and the problems of a file. `tell(done, total)` is called as it goes, in lines.

    Raises OperatorError where the file cannot be read as a table at all.
    """
    lines = _text(path).splitlines()
    if not lines or not lines[0].strip():
        raise OperatorError(f"{path} is empty; its first line names the columns: {', '.join(COLUMNS)}")
    reader = csv.reader(lines, delimiter=_delimiter(lines[0]), strict=True)
    heads = [head.strip().lower() for head in next(reader)]
    _check_heads(path, heads)
    rows: list[Row] = []
    problems: list[str] = []
    places: dict[tuple[Sku, str], int] = {}
    try:
        for cells in reader:
            line = reader.line_num
            if line % STEP_ROWS == 0 or line == len(lines):
                tell(line, len(lines))
            if any(cell.strip() for cell in cells):
                row = _row(line, heads, cells, problems)
                if row is not None:
                    first = places.setdefault((row.sku, row.location), line)
                    rows.append(row)
                    if first != line:
                        problems.append(f"line {line}: {row.sku} at {row.location} stands in line {first} already")
    except csv.Error as error:
        problems.append(f"line {reader.line_num}: cannot be read as CSV: {error}")
    if not rows and not problems:
        raise OperatorError(f"{path} has no rows below its heading")
    if len(rows) > ROWS_MAX:
        raise OperatorError(f"{path} has {len(rows)} rows; {ROWS_MAX} are taken at once: divide it")
    return rows, problems


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
    except OSError as fault:
        raise OperatorError(f"{path} cannot be read: {(fault.strerror or 'unknown reason').lower()}") from None
    if len(content) > BYTES_MAX:
        raise OperatorError(f"{path} is larger than {BYTES_MAX} bytes: divide it")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise OperatorError(f"{path}: line {line}: not UTF-8 text; save the file with that encoding") from None


def _delimiter(heading: str) -> str:
    return max(",;\t", key=heading.count)


def _check_heads(path: Path, heads: Sequence[str]) -> None:
    problems = [f"there is no column {name!r}" for name in NEEDED if name not in heads]
    problems += [f"{head!r} is no column of an opening stock" for head in dict.fromkeys(heads) if head not in COLUMNS]
    problems += [f"column {name!r} stands there twice" for name in COLUMNS if heads.count(name) > 1]
    if problems:
        raise OperatorError(f"{path}: the first line names the columns: {', '.join(COLUMNS)}", problems)


def _row(line: int, heads: Sequence[str], cells: Sequence[str], problems: list[str]) -> Row | None:
    if len(cells) != len(heads):
        problems.append(f"line {line}: has {len(cells)} fields, the heading has {len(heads)}")
        return None
    told = dict(zip(heads, (cell.strip() for cell in cells), strict=True))
    before = len(problems)
    sku = _sku(line, told, problems)
    quantity = _quantity(line, told["quantity"], problems)
    location = told.get("location") or LOCATION_DEFAULT
    try:
        Account.parse(f"{location}/{State.AVAILABLE.value}")
    except ValueError:
        problems.append(f"line {line}: {location!r} is not a location")
    if sku is None or quantity is None or len(problems) > before:
        return None
    return Row(line, sku, quantity, location, told.get("title", ""))


def _sku(line: int, told: Mapping[str, str], problems: list[str]) -> Sku | None:
    try:
        return parse_sku(told["sku"])
    except ValueError as error:
        problems.append(f"line {line}: {error}")
        return None


def _quantity(line: int, text: str, problems: list[str]) -> int | None:
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= QUANTITY_MAX:
        return int(text)
    problems.append(f"line {line}: quantity {text!r} is not a whole number from 0 to {QUANTITY_MAX}")
    return None


def file_key(rows: Sequence[Row]) -> str:
    """The same rows make the same key, so that taking a file in twice moves nothing the second time."""
    content = "\n".join(f"{row.line}\t{row.sku}\t{row.quantity}\t{row.location}" for row in rows)
    return f"opening:{hashlib.sha256(content.encode()).hexdigest()[:32]}"


def problems_with_stock(rows: Sequence[Row], balances: Balances) -> list[str]:
    """Rows whose SKU is on hand at that location already: an opening comes before anything else."""
    held = ((row, stock_level(row.sku, row.location, balances.by_sku.get(row.sku, {})).on_hand) for row in rows)
    return [
        f"line {row.line}: {row.sku} has {on_hand} on hand at {row.location} already; count it with: "
        f"syncd stock count {row.sku} N --location {row.location}"
        for row, on_hand in held
        if on_hand
    ]

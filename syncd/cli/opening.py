"""Reading an opening stock: CSV text into rows, or everything that is wrong with it, each with its line."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from syncd.errors import OperatorError
from syncd.identity import Sku
from syncd.identity import sku as parse_sku
from syncd.ledger.balance import Balances, stock_level
from syncd.ledger.location import Locations

BYTES_MAX = 50_000_000
ROWS_MAX = 200_000
"""Most rows of one file; each costs half a kilobyte of memory until the file is in."""
QUANTITY_MAX = 1_000_000
COLUMNS = ("sku", "quantity", "location", "title")
NEEDED = COLUMNS[:2]
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


def read_opening(path: Path, locations: Locations, tell: Callable[[int, int], None]) -> tuple[list[Row], list[str]]:
    """The good rows and the problems of a file, read line by line. `tell(done, total)` is called as it goes, in lines.

    Raises OperatorError where the file cannot be read as a table at all.
    """
    total = _lines_of(path)
    lines = _decoded(path)
    heading = next(lines, "")
    if not heading.strip():
        raise OperatorError(f"{path} is empty; its first line names the columns: {', '.join(COLUMNS)}")
    reader = csv.reader(lines, delimiter=_delimiter(heading), strict=True)
    heads = [head.strip().lower() for head in next(csv.reader([heading], delimiter=_delimiter(heading)))]
    _check_heads(path, heads)
    reading = _Reading(heads, locations)
    try:
        for cells in reader:
            line = reader.line_num + 1
            if line % STEP_ROWS == 0 or line == total:
                tell(line, total)
            reading.take(line, cells)
    except csv.Error as error:
        sentence = f"{path}: line {reader.line_num + 1}: cannot be read as CSV from here on: {error}"
        raise OperatorError(sentence) from None
    if not reading.rows and not reading.problems:
        raise OperatorError(f"{path} has no rows below its heading")
    return reading.rows, reading.problems


class _Reading:
    """The rows of one file so far, and what is wrong with others."""

    def __init__(self, heads: Sequence[str], locations: Locations) -> None:
        self.rows: list[Row] = []
        self.problems: list[str] = []
        self._heads = heads
        self._locations = locations
        self._places: dict[tuple[Sku, str], int] = {}

    def take(self, line: int, cells: Sequence[str]) -> None:
        """Read one row; an empty one is passed over. Raises OperatorError for a row too many."""
        if not any(cell.strip() for cell in cells):
            return
        row = _row(line, self._heads, cells, self.problems, self._locations)
        if row is None:
            return
        first = self._places.setdefault((row.sku, row.location), line)
        if first != line:
            self.problems.append(f"line {line}: {row.sku} at {row.location} stands in line {first} already")
            return
        if len(self.rows) == ROWS_MAX:
            raise OperatorError(f"line {line}: {ROWS_MAX} rows are taken at once: divide the file")
        self.rows.append(row)


def _lines_of(path: Path) -> int:
    """How many lines there are. Raises OperatorError for a file that cannot be read or is too large."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > BYTES_MAX:
                raise OperatorError(f"{path} is larger than {BYTES_MAX} bytes: divide it")
            return sum(1 for _ in file)
    except OSError as fault:
        raise OperatorError(f"{path} cannot be read: {(fault.strerror or 'unknown reason').lower()}") from None


def _decoded(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise OperatorError(
                    f"{path}: line {number}: not UTF-8 text; save the file with that encoding"
                ) from None


def _delimiter(heading: str) -> str:
    return max(",;\t", key=heading.count)


def _check_heads(path: Path, heads: Sequence[str]) -> None:
    problems = [f"there is no column {name!r}" for name in NEEDED if name not in heads]
    problems += [f"{head!r} is no column of an opening stock" for head in dict.fromkeys(heads) if head not in COLUMNS]
    problems += [f"column {name!r} stands there twice" for name in COLUMNS if heads.count(name) > 1]
    if problems:
        raise OperatorError(f"{path}: the first line names the columns: {', '.join(COLUMNS)}", problems)


def _row(
    line: int, heads: Sequence[str], cells: Sequence[str], problems: list[str], locations: Locations
) -> Row | None:
    if len(cells) != len(heads):
        problems.append(f"line {line}: has {len(cells)} fields, the heading has {len(heads)}")
        return None
    told = dict(zip(heads, (cell.strip() for cell in cells), strict=True))
    before = len(problems)
    sku = _sku(line, told, problems)
    quantity = _quantity(line, told["quantity"], problems)
    location = told.get("location") or locations.default
    unknown = locations.problem(location)
    if unknown is not None:
        problems.append(f"line {line}: {unknown}")
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
    content = hashlib.sha256()
    for row in rows:
        content.update(f"{row.line}\t{row.sku}\t{row.quantity}\t{row.location}\n".encode())
    return f"opening:{content.hexdigest()[:32]}"


def row_key(file: str, row: Row) -> str:
    """The key of one row's movement."""
    return f"{file}:{row.line}"


def on_hand_already(rows: Sequence[Row], balances: Balances) -> dict[int, str]:
    """By line: rows whose SKU is on hand at that location already. An opening comes before anything else."""
    known = ((row, balances.by_sku.get(row.sku)) for row in rows)
    held = ((row, stock_level(row.sku, row.location, accounts).on_hand) for row, accounts in known if accounts)
    return {
        row.line: f"line {row.line}: {row.sku} has {on_hand} on hand at {row.location} already; count it with: "
        f"syncd stock count {row.sku} N --location {row.location}"
        for row, on_hand in held
        if on_hand
    }

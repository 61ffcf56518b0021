"""A log of movements in a file, written and read one movement at a time, whatever its length."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from syncd.errors import OperatorError
from syncd.history.log_row import FIELDS, FileFormat, heading_problem, movement_of
from syncd.ledger.movement import Movement

LINE_BYTES_MAX = 100_000
"""Longest line of a log: the rest of the file is not looked at."""

Append = Callable[[Mapping[str, str | int]], None]


def format_of(path: Path, given: FileFormat | None) -> FileFormat:
    """The format given, else the one its name ends with. Raises OperatorError where neither says."""
    if given is not None:
        return given
    ending = path.suffix.lower().removeprefix(".")
    if ending in tuple(FileFormat):
        return FileFormat(ending)
    raise OperatorError(f"{path} ends neither in .csv nor in .jsonl: say which with --format")


@contextmanager
def written(path: Path, form: FileFormat) -> Iterator[Append]:
    """A new file of movements; it takes its name only when it is complete. Raises OperatorError if it cannot be."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            if form is FileFormat.CSV:
                writer = csv.DictWriter(file, FIELDS)
                writer.writeheader()
                yield writer.writerow
            else:
                yield lambda row: print(json.dumps(row, ensure_ascii=False), file=file)
        os.replace(part, path)
    except OSError as fault:
        raise OperatorError(f"{path} cannot be written: {(fault.strerror or 'unknown reason').lower()}") from None
    finally:
        part.unlink(missing_ok=True)


def read(path: Path, form: FileFormat) -> Iterator[tuple[int, Movement | str]]:
    """Each movement of a file with its line, or what is wrong with that line.

    Raises OperatorError where the file as a whole cannot be read.
    """
    rows = _csv_rows(path) if form is FileFormat.CSV else _json_rows(path)
    for line, row in rows:
        if isinstance(row, str):
            yield line, row
            continue
        try:
            yield line, movement_of(row)
        except ValueError as error:
            yield line, str(error)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open("rb") as file:
            number = 0
            while raw := file.readline(LINE_BYTES_MAX + 1):
                number += 1
                if len(raw) > LINE_BYTES_MAX:
                    raise OperatorError(f"{path}: line {number} is longer than {LINE_BYTES_MAX} bytes")
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except OSError as fault:
        raise OperatorError(f"{path} cannot be read: {(fault.strerror or 'unknown reason').lower()}") from None
    except UnicodeDecodeError:
        raise OperatorError(f"{path}: line {number}: not UTF-8 text") from None


def _csv_rows(path: Path) -> Iterator[tuple[int, Mapping[str, object] | str]]:
    reader = csv.reader((text for _, text in _lines(path)), strict=True)
    try:
        heads = next(reader, [])
        problem = heading_problem(heads)
        if problem is not None:
            raise OperatorError(f"{path}: {problem}")
        for cells in reader:
            if len(cells) == len(heads):
                yield reader.line_num, dict(zip(heads, cells, strict=True))
            elif cells:
                yield reader.line_num, f"has {len(cells)} fields, the heading has {len(heads)}"
    except csv.Error as error:
        raise OperatorError(f"{path}: line {reader.line_num}: cannot be read as CSV: {error}") from None


def _json_rows(path: Path) -> Iterator[tuple[int, Mapping[str, object] | str]]:
    for line, text in _lines(path):
        if not text.strip():
            continue
        try:
            value = json.loads(text)
        except (json.JSONDecodeError, RecursionError):
            yield line, "is not JSON"
            continue
        yield line, value if isinstance(value, dict) else "is not a JSON object"

"""Turns the bytes of a CSV or TSV file into a header and records that know the line they stand on.

A quote that is never closed costs its own line only: reading resumes on the next one.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from connectors.dropship.mapping_rows import LEADING_ROWS_MAX, Record, UnreadableFeed, lacking, place_of

DELIMITERS = (";", ",", "\t", "|")
"""What `delimiter = "auto"` chooses from."""

RECORD_LINES_MAX = 50
"""Lines one record may span through quoted line breaks; more means that a quote was not closed."""

LINE_LENGTH_MAX = 100_000
"""Longest line, in characters."""

REPLACEMENT = "\ufffd"
"""Stands where bytes are not valid in the feed's encoding."""

_MARKUP = re.compile(r"^\s*<(?:!doctype|html|\?xml|head|body|!--)", re.IGNORECASE)
_EXCEL_HINT = re.compile(r"^sep=(.)\r?\n?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the file is written: delimiter or "auto", quote character or "", encoding or "auto"."""

    delimiter: str
    quote: str
    encoding: str


class Table:
    """A decoded file whose header has been read; `records` goes through the rest once."""

    def __init__(self, lines: list[str], first: int, dialect: Dialect) -> None:
        self._lines = _Lines(lines, first)
        self._reader = csv.reader(
            self._lines,
            delimiter=dialect.delimiter,
            quotechar=dialect.quote or None,
            quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
            strict=True,
        )
        header = next(self._records(), Record(first + 1, ()))
        names = [str(name).strip() for name in header.fields]
        while names and not names[-1]:
            names.pop()
        self.header = tuple(names)

    def place(self, column: str) -> int | None:
        """Where the column stands, or None; letter case, spacing and Unicode form do not matter."""
        return place_of(column, self.header)

    def records(self) -> Iterator[Record]:
        """Every record after the header that is not blank."""
        return (
            record
            for record in self._records()
            if record.sentence or any(str(field).strip() for field in record.fields)
        )

    def _records(self) -> Iterator[Record]:
        while self._lines.begin():
            line = self._lines.first + 1
            try:
                yield Record(line, next(self._reader))
            except csv.Error as error:
                self._lines.resume_after_first()
                yield Record(line, (), f"the quoting is broken ({error})")
            except _TooLong as error:
                self._lines.resume_after_first()
                yield Record(line, (), str(error))


def open_table(body: bytes, dialect: Dialect, columns: Sequence[str]) -> Table:
    """Decode, find the header and, if asked, the delimiter under which all `columns` are found.

    Raises UnreadableFeed when the body is empty, is a web page, or lacks a column.
    """
    text = decode(body, dialect.encoding)
    if _MARKUP.match(text):
        raise UnreadableFeed("a web page or XML came instead of a list", text)
    lines = list(io.StringIO(text, newline=""))
    first = next((index for index, line in enumerate(lines[:LEADING_ROWS_MAX]) if line.strip()), None)
    if first is None:
        raise UnreadableFeed("the feed is empty: it has not even a header")
    delimiters: Sequence[str] = DELIMITERS if dialect.delimiter == "auto" else (dialect.delimiter,)
    hint = _EXCEL_HINT.match(lines[first])
    if hint:
        first += 1
        delimiters = (hint[1],) if dialect.delimiter == "auto" else delimiters
    tables = [Table(lines, first, Dialect(each, dialect.quote, dialect.encoding)) for each in delimiters]
    # The delimiter is the one that yields the columns we look for, not the one that merely occurs most.
    table = min(tables, key=lambda each: (len(_missing(each, columns)), -len(each.header)))
    missing = _missing(table, columns)
    if missing:
        raise lacking(missing, table.header, text)
    return table


def decode(body: bytes, encoding: str) -> str:
    """The text, with U+FFFD where bytes are not valid.

    "auto": a byte-order mark decides; else UTF-8, or cp1252 where that is more often wrong than right.
    """
    if encoding != "auto":
        return body.decode(encoding, errors="replace").removeprefix("\ufeff")
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", errors="replace")
    text = body.decode("utf-8-sig", errors="replace")
    if REPLACEMENT not in text:
        return text
    invalid = text.count(REPLACEMENT)
    foreign = sum(1 for character in text if ord(character) > 127)
    return text if foreign - invalid >= invalid else body.decode("cp1252", errors="replace")


def _missing(table: Table, columns: Sequence[str]) -> list[str]:
    return [column for column in columns if table.place(column) is None]


class _TooLong(Exception):
    """A record or a line is longer than any honest one."""


class _Lines:
    """Lines for csv.reader that remember where a record began and can go back there."""

    def __init__(self, lines: list[str], first: int) -> None:
        self._lines = lines
        self._next = first
        self.first = first

    def begin(self) -> bool:
        """Mark the start of a record; False at the end of the file."""
        self.first = self._next
        return self._next < len(self._lines)

    def resume_after_first(self) -> None:
        """Give up the record, keep the lines after its first."""
        self._next = self.first + 1

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._next >= len(self._lines):
            raise StopIteration
        if self._next - self.first >= RECORD_LINES_MAX:
            raise _TooLong(f"a quote opened here is not closed within {RECORD_LINES_MAX} lines")
        line = self._lines[self._next]
        self._next += 1
        if len(line) > LINE_LENGTH_MAX:
            raise _TooLong(f"the line is longer than {LINE_LENGTH_MAX} characters")
        return line

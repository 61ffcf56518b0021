"""What every format of list becomes: column names, and records that know where they stand."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

Format = Literal["csv", "json", "xml", "xlsx"]

LEADING_ROWS_MAX = 20
"""Rows before the header that are passed over: blank ones, and in a sheet also titles."""

MARKUP = re.compile(r"^\ufeff?\s*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
"""How a web page begins."""

COLUMNS_NAMED_MAX = 30

Value = str | Decimal
"""A field: text, or a number where the format itself has numbers, which no decimal mark can make doubtful."""


class UnreadableFeed(ValueError):
    """The bytes are not the list that the settings describe. `excerpt` is how they begin."""

    def __init__(self, sentence: str, excerpt: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.excerpt = excerpt[:500]


@dataclass(frozen=True, slots=True)
class Record:
    """One record: where it stands (see `Rows`), and its fields or why there are none."""

    line: int
    fields: Sequence[Value]
    sentence: str = ""


class Rows(Protocol):
    """A list that was opened. `Record.line` is a line of text or XML, a row of a sheet, a place in JSON; from 1."""

    header: tuple[str, ...]

    def place(self, column: str) -> int | None:
        """Where the column stands in the fields, or None."""
        ...

    def records(self) -> Iterator[Record]:
        """Every record that is not blank, once."""
        ...


@dataclass(frozen=True, slots=True)
class Sheet:
    """How a list is laid out inside its format: the sheet's name, and where in JSON or XML its rows are; "": found."""

    name: str = ""
    rows_at: str = ""


def plain(name: str) -> str:
    """A column name as it is compared: letter case, spacing and Unicode form do not matter."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def place_of(column: str, header: Sequence[str]) -> int | None:
    """Where the column stands. Raises UnreadableFeed if it stands there twice."""
    wanted = plain(column)
    places = [index for index, name in enumerate(header) if plain(name) == wanted]
    if len(places) > 1:
        raise UnreadableFeed(f"the column {column!r} occurs {len(places)} times in the header")
    return places[0] if places else None


def lacking(missing: Sequence[str], found: Sequence[str], excerpt: str = "") -> UnreadableFeed:
    """What is said of a list that has not every column."""
    names = ", ".join(repr(name[:40]) for name in found[:COLUMNS_NAMED_MAX]) or "none"
    named = ", ".join(repr(name) for name in missing)
    return UnreadableFeed(f"the feed lacks the column {named}; columns found: {names}", excerpt)


def number_text(value: Decimal) -> str:
    """A number as a person would write it where text is wanted: an article number 4711.0 is 4711."""
    if abs(value.adjusted()) > 30:
        return str(value)
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

"""Chooses how a list is read: as its settings say, or by how its bytes begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from connectors.dropship.mapping_json import open_json
from connectors.dropship.mapping_rows import MARKUP, Format, Rows, Sheet, UnreadableFeed
from connectors.dropship.mapping_table import Dialect, open_table
from connectors.dropship.mapping_xlsx import OLD_FORMAT, open_xlsx
from connectors.dropship.mapping_xml import open_xml

ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Writing:
    """How the bytes of a list are written. `bytes_max` bounds what a workbook expands to."""

    format: Literal["auto", "csv", "json", "xml", "xlsx"] = "auto"
    dialect: Dialect = field(default_factory=lambda: Dialect("auto", '"', "auto"))
    sheet: Sheet = field(default_factory=Sheet)
    bytes_max: int = 50_000_000


def format_of(body: bytes) -> Format:
    """What the bytes look like."""
    if body.startswith((ZIP, OLD_FORMAT)):
        return "xlsx"
    begin = body[:200].removeprefix(b"\xef\xbb\xbf").lstrip()
    if begin.startswith((b"{", b"[")):
        return "json"
    return "xml" if begin.startswith(b"<") else "csv"


def open_rows(body: bytes, writing: Writing, columns: Sequence[str]) -> Rows:
    """The list with its columns found. Raises UnreadableFeed when the bytes are not the list that was described."""
    begin = body[:500].decode("utf-8", errors="replace")
    if MARKUP.match(begin):
        raise UnreadableFeed("a web page came instead of a list", begin)
    if not body.strip():
        raise UnreadableFeed("the feed is empty: it has not even a header")
    match format_of(body) if writing.format == "auto" else writing.format:
        case "json":
            return open_json(body, columns, writing.sheet.rows_at)
        case "xml":
            return open_xml(body, columns, writing.sheet.rows_at)
        case "xlsx":
            return open_xlsx(body, columns, writing.sheet, bytes_max=writing.bytes_max)
        case "csv":
            return open_table(body, writing.dialect, columns)


def needs_whole(body: bytes, writing: Writing) -> bool:
    """Whether only the whole list tells its columns: all but a table of text, and what is no list anyway."""
    if not body.strip() or MARKUP.match(body[:500].decode("utf-8", errors="replace")):
        return False
    return (format_of(body) if writing.format == "auto" else writing.format) != "csv"

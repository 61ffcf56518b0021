"""Turns a workbook (XLSX) into records; what it expands to is bounded before anything of it is read."""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from connectors.dropship.mapping_rows import LEADING_ROWS_MAX, Record, Sheet, UnreadableFeed, Value, lacking, place_of

COLUMNS_MAX = 256
"""Columns read of a sheet: one stray cell far to the right would make every row thousands of cells wide."""

PARTS_MAX = 2_000
"""Files a workbook is made of."""

ENTITIES_LOOKED_FOR_BYTES = 4_096

OLD_FORMAT = b"\xd0\xcf\x11\xe0"
"""How .xls begins, and also a workbook that asks for a password."""

BROKEN_WORKBOOK = (
    *(zipfile.BadZipFile, zlib.error, InvalidFileException, EOFError, SyntaxError, UnicodeError),
    *(KeyError, IndexError, ValueError, TypeError, AttributeError, RuntimeError, OSError, NotImplementedError),
)
"""What openpyxl lets through when a workbook is not what it should be; it promises no class of its own."""


class XlsxRows:
    """One sheet, its header found; rows count as the spreadsheet numbers them."""

    def __init__(self, rows: Iterator[Sequence[Value]], header: Sequence[str], line: int) -> None:
        self._rows = rows
        self._line = line
        self.header = tuple(header)

    def place(self, column: str) -> int | None:
        """Where the column stands; letter case, spacing and Unicode form do not matter."""
        return place_of(column, self.header)

    def records(self) -> Iterator[Record]:
        """Every row below the header that is not blank."""
        try:
            for line, cells in enumerate(self._rows, start=self._line + 1):
                if any(cells):
                    width = len(self.header)
                    yield Record(line, [*cells[:width], *[""] * (width - len(cells))])
        except BROKEN_WORKBOOK as error:
            raise _broken(error) from None


def open_xlsx(body: bytes, columns: Sequence[str], sheet: Sheet, *, bytes_max: int) -> XlsxRows:
    """The named sheet, or the first one; the header is the first of its rows that has every column.

    Raises UnreadableFeed.
    """
    if body.startswith(OLD_FORMAT):
        raise UnreadableFeed("the feed is an .xls file or asks for a password; save it as .xlsx without one")
    _bound(body, bytes_max)
    try:
        rows = _cells(body, sheet.name)
        header: list[str] = []
        found: list[str] = []
        for line, cells in enumerate(rows, start=1):
            header = _header(cells)
            found = found or [name for name in header if name]
            missing = [column for column in columns if place_of(column, header) is None]
            if not missing:
                return XlsxRows(rows, header, line)
            if line >= LEADING_ROWS_MAX:
                break
    except BROKEN_WORKBOOK as error:
        if isinstance(error, UnreadableFeed):
            raise
        raise _broken(error) from None
    raise lacking(columns, found)


def _bound(body: bytes, bytes_max: int) -> None:
    """See how large it becomes, by its table of contents; what lies about it is cut there by zipfile."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as parts:
            listed = parts.infolist()
            if len(listed) > PARTS_MAX or sum(one.file_size for one in listed) > bytes_max:
                raise UnreadableFeed(f"the workbook is larger than {bytes_max} bytes once expanded (body_bytes_max)")
            for one in listed:
                if one.filename.endswith((".xml", ".rels")):
                    with parts.open(one) as part:
                        if b"<!DOCTYPE" in part.read(ENTITIES_LOOKED_FOR_BYTES):
                            raise UnreadableFeed("the workbook declares a document type, which is not read")
    except BROKEN_WORKBOOK as error:
        if isinstance(error, UnreadableFeed):
            raise
        raise _broken(error) from None


def _cells(body: bytes, name: str) -> Iterator[Sequence[Value]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and extensions, of which nothing is read
        book = openpyxl.load_workbook(io.BytesIO(body), read_only=True, data_only=True, keep_links=False)
        if name and name not in book.sheetnames:
            known = ", ".join(repr(one) for one in book.sheetnames[:10])
            raise UnreadableFeed(f"the workbook has no sheet {name!r}; it has {known}")
        sheet = book[name] if name else book.worksheets[0]
        sheet.reset_dimensions()  # what a file says of its own size is often wrong
        for row in sheet.iter_rows(max_col=COLUMNS_MAX, values_only=True):
            yield [_value(cell) for cell in row]


def _header(cells: Sequence[Value]) -> list[str]:
    names = [str(cell).strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _value(cell: object) -> Value:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return Decimal(repr(cell))
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell)


def _broken(error: Exception) -> UnreadableFeed:
    return UnreadableFeed(f"the workbook is damaged, cut or not an .xlsx file ({type(error).__name__})")

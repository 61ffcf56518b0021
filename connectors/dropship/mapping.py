"""Maps a supplier's list, as bytes, to an OfferSnapshot: what he has, and every row that is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from connectors.dropship.mapping_format import Writing, open_rows
from connectors.dropship.mapping_header import FeedVersion, read_moment
from connectors.dropship.mapping_number import DecimalMark, QuantityWords, read_cost, read_quantity
from connectors.dropship.mapping_rows import Record, Rows, UnreadableFeed, Value, number_text
from connectors.dropship.mapping_table import REPLACEMENT
from syncd.identity import Money
from syncd.supply.port import FeedProblem, OfferRow, OfferSnapshot

SUPPLIER_SKU_LENGTH_MAX = 200
"""Longest supplier SKU, in characters; a longer one is a row out of place."""

TITLE_LENGTH_MAX = 500
"""Titles are cut here: they are shown to people and never compared."""

PROBLEMS_MAX = 1000
"""Problems kept of one feed; one more says how many others there were."""


@dataclass(frozen=True, slots=True)
class FeedLayout:
    """How this supplier writes his list. A column he has not is ""; `currency` is that of his costs."""

    sku_column: str
    quantity_column: str
    title_column: str
    cost_column: str
    writing: Writing
    words: QuantityWords
    decimal_mark: DecimalMark
    currency: str
    rows_max: int

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns the feed must have."""
        named = (self.sku_column, self.quantity_column, self.title_column, self.cost_column)
        return tuple(column for column in named if column)

    def digest(self) -> str:
        """Changes whenever the same bytes would be read differently."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]


def check_header(body: bytes, layout: FeedLayout) -> None:
    """Raises UnreadableFeed unless the beginning of the feed has every column."""
    open_rows(body, layout.writing, layout.columns)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A list as it came. `body` None: it is the one we know. `stated` is its age, said in `stated_in`."""

    body: bytes | None
    etag: str
    stated: str
    stated_in: str


def read_snapshot(
    fetched: Fetched, known: FeedVersion | None, layout: FeedLayout, *, asked_at: datetime
) -> OfferSnapshot:
    """The snapshot of a list just fetched; `unchanged` if it is the `known` one. Raises UnreadableFeed."""
    problems: tuple[FeedProblem, ...] = ()
    stated_at: datetime | None = None
    if fetched.stated:
        try:
            stated_at = read_moment(fetched.stated)
        except ValueError:
            sentence = f"{fetched.stated[:60]!r} is not a moment; the moment of asking counts instead"
            problems = (FeedProblem(1, fetched.stated_in, sentence),)
    elif fetched.body is None and known is not None:
        stated_at = known.stated_at
    # A supplier's clock that runs ahead must not make his list younger than it can be.
    as_of = min(stated_at, asked_at) if stated_at else asked_at
    body = fetched.body or b""
    digest = known.digest if fetched.body is None and known else hashlib.sha256(body).hexdigest()
    version = str(FeedVersion(layout.digest(), digest, stated_at, fetched.etag))
    if known is not None and known.digest == digest:
        return OfferSnapshot(as_of, version, (), problems, unchanged=True)
    return read_feed(body, layout, as_of=as_of, version=version, problems=problems)


def read_feed(
    body: bytes, layout: FeedLayout, *, as_of: datetime, version: str, problems: Sequence[FeedProblem] = ()
) -> OfferSnapshot:
    """Every readable row, the last one where a SKU occurs twice; `problems` found earlier come first.

    Raises UnreadableFeed when the feed as a whole is not the list that `layout` describes.
    """
    table = open_rows(body, layout.writing, layout.columns)
    row_reader = _RowReader(table, layout)
    found = _Problems(problems)
    rows: dict[str, OfferRow] = {}
    lines: dict[str, int] = {}
    for record in table.records():
        row, row_problems = row_reader.read(record)
        found.extend(row_problems)
        if row is None:
            continue
        earlier = lines.get(row.supplier_sku)
        if earlier is not None:
            sentence = f"{row.supplier_sku!r} already stood on line {earlier}; this row counts"
            found.extend([FeedProblem(record.line, layout.sku_column, sentence)])
        elif len(rows) >= layout.rows_max:
            raise UnreadableFeed(f"the feed has more than {layout.rows_max} rows (rows_max)")
        rows[row.supplier_sku] = row
        lines[row.supplier_sku] = record.line
    return OfferSnapshot(as_of, version, tuple(rows.values()), found.all())


class _Problems:
    """Problems up to a bound, and how many there were beyond it."""

    def __init__(self, problems: Sequence[FeedProblem]) -> None:
        self._kept = list(problems)
        self._beyond = 0
        self._last_line = 1

    def extend(self, problems: Sequence[FeedProblem]) -> None:
        for problem in problems:
            self._last_line = problem.line
            if len(self._kept) < PROBLEMS_MAX:
                self._kept.append(problem)
            else:
                self._beyond += 1

    def all(self) -> tuple[FeedProblem, ...]:
        if not self._beyond:
            return tuple(self._kept)
        return (
            *self._kept,
            FeedProblem(self._last_line, "", f"{self._beyond} further problems are not listed"),
        )


class _RowReader:
    """Reads records of one table into offers."""

    def __init__(self, table: Rows, layout: FeedLayout) -> None:
        self._layout = layout
        self._width = len(table.header)
        self._sku = table.place(layout.sku_column)
        self._quantity = table.place(layout.quantity_column)
        self._title = table.place(layout.title_column) if layout.title_column else None
        self._cost = table.place(layout.cost_column) if layout.cost_column else None

    def read(self, record: Record) -> tuple[OfferRow | None, list[FeedProblem]]:
        """The offer, or None, and what was wrong with the row."""
        layout = self._layout
        problems: list[FeedProblem] = []
        sentence = record.sentence or self._shape_sentence(record.fields)
        if sentence:
            return None, [FeedProblem(record.line, "", sentence)]
        supplier_sku = self._text(record, self._sku)
        sentence = _sku_sentence(supplier_sku)
        if sentence:
            return None, [FeedProblem(record.line, layout.sku_column, sentence)]
        try:
            quantity, doubt = read_quantity(self._value(record, self._quantity), layout.words, layout.decimal_mark)
        except ValueError as error:
            return None, [FeedProblem(record.line, layout.quantity_column, f"{supplier_sku}: {error}")]
        if doubt:
            problems.append(FeedProblem(record.line, layout.quantity_column, f"{supplier_sku}: {doubt}"))
        try:
            cost = self._read_cost(record)
        except ValueError as error:
            cost = None
            problems.append(FeedProblem(record.line, layout.cost_column, f"{supplier_sku}: {error}"))
        title = self._text(record, self._title)[:TITLE_LENGTH_MAX]
        return OfferRow(supplier_sku, quantity, title, cost), problems

    def _shape_sentence(self, fields: Sequence[Value]) -> str:
        """Why the row cannot be trusted to have its values in the right columns, or ""."""
        if len(fields) < self._width:
            return f"the row has {len(fields)} fields where the header has {self._width}"
        if any(str(field).strip() for field in fields[self._width :]):
            return f"the row has {len(fields)} fields where the header has {self._width}; a delimiter unquoted?"
        if any("\0" in str(field) for field in fields):
            return "the row holds a NUL byte"
        return ""

    def _read_cost(self, record: Record) -> Money | None:
        said = self._value(record, self._cost)
        return None if said == "" else Money(read_cost(said, self._layout.decimal_mark), self._layout.currency)

    def _text(self, record: Record, place: int | None) -> str:
        value = self._value(record, place)
        return number_text(value) if isinstance(value, Decimal) else value

    def _value(self, record: Record, place: int | None) -> Value:
        value = "" if place is None else record.fields[place]
        return value.strip() if isinstance(value, str) else value


def _sku_sentence(supplier_sku: str) -> str:
    if not supplier_sku:
        return "the SKU is empty"
    if REPLACEMENT in supplier_sku:
        return f"the SKU {supplier_sku[:40]!r} holds bytes that are not valid in the feed's encoding"
    if not supplier_sku.isprintable():
        return f"the SKU {supplier_sku[:40]!r} holds unprintable characters"
    if len(supplier_sku) > SUPPLIER_SKU_LENGTH_MAX:
        return f"the SKU {supplier_sku[:40]!r}… is longer than {SUPPLIER_SKU_LENGTH_MAX} characters"
    return ""

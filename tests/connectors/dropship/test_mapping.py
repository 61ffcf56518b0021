"""A supplier's list, from bytes to offers and problems."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.dropship.mapping import (
    PROBLEMS_MAX,
    FeedLayout,
    Fetched,
    check_header,
    read_feed,
    read_snapshot,
)
from connectors.dropship.mapping_format import Writing
from connectors.dropship.mapping_header import FeedVersion
from connectors.dropship.mapping_number import QuantityWords
from connectors.dropship.mapping_rows import UnreadableFeed
from connectors.dropship.mapping_table import LINE_LENGTH_MAX, RECORD_LINES_MAX, Dialect
from syncd.identity import Money
from syncd.supply.port import OfferRow, OfferSnapshot

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def layout(
    *, delimiter: str = "auto", quote: str = '"', encoding: str = "auto", title: str = "", rows_max: int = 1000
) -> FeedLayout:
    """A layout with the columns Codice and Disponibilità, and Prezzo where a title is wanted too."""
    return FeedLayout(
        sku_column="Codice",
        quantity_column="Disponibilità",
        title_column=title,
        cost_column="Prezzo" if title else "",
        writing=Writing("csv", Dialect(delimiter, quote, encoding)),
        words=QuantityWords(("sì",), ("no",), 1),
        decimal_mark=",",
        currency="EUR",
        rows_max=rows_max,
    )


def read(text: str | bytes, feed_layout: FeedLayout | None = None) -> OfferSnapshot:
    """The snapshot of a list."""
    body = text if isinstance(text, bytes) else text.encode()
    return read_feed(body, feed_layout or layout(), as_of=NOON, version="v")


def quantities(snapshot: OfferSnapshot) -> dict[str, int]:
    """Quantity by supplier SKU."""
    return {row.supplier_sku: row.quantity for row in snapshot.rows}


def lines(snapshot: OfferSnapshot) -> list[tuple[int, str]]:
    """Line and column of each problem."""
    return [(problem.line, problem.column) for problem in snapshot.problems]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_any_usual_delimiter_and_line_end_is_found(delimiter: str, end: str, last: bool) -> None:
    """Delimiter and line ends are told from the file; a missing last line break is nothing."""
    rows = [["Codice", "Titolo", "Disponibilità"], ["A", "x", "1"], ["B", "y", "2"]]
    text = end.join(delimiter.join(row) for row in rows) + (end if last else "")
    snapshot = read(text)
    assert quantities(snapshot) == {"A": 1, "B": 2}
    assert not snapshot.problems


def test_the_delimiter_is_the_one_that_gives_the_columns() -> None:
    """Commas outnumber semicolons here, and still do not separate the columns."""
    assert quantities(read("Codice;a,b,c,d,e;Disponibilità\nA;1,2,3,4,5;7\n")) == {"A": 7}


def test_a_delimiter_that_is_set_is_kept() -> None:
    """Any one character can be the delimiter when the settings say so."""
    assert quantities(read("Codice~Disponibilità\nA~7\n", layout(delimiter="~"))) == {"A": 7}


def test_the_hint_for_spreadsheets_is_followed() -> None:
    """A first line sep=| names the delimiter and is no header; lines are still counted from the file's first."""
    snapshot = read("sep=|\r\nCodice|Disponibilità\r\nA|x\r\nB|2\r\n")
    assert quantities(snapshot) == {"B": 2}
    assert lines(snapshot) == [(3, "Disponibilità")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_the_encoding_is_told_from_the_bytes(encoding: str) -> None:
    """Byte-order marks, UTF-8 and Windows text are told apart without a setting."""
    text = "Codice;Disponibilità;Titolo;Prezzo\nPERÙ-1;2;Caffè;€ 1,50\n"
    snapshot = read(text.encode(encoding), layout(title="Titolo"))
    assert snapshot.rows == (OfferRow("PERÙ-1", 2, "Caffè", Money(Decimal("1.50"), "EUR")),)


def test_an_encoding_that_is_set_is_used() -> None:
    """Bytes that mean another letter elsewhere mean what the settings say."""
    body = "Codice;Disponibilità\nPERÙ;2\n".encode("mac_roman")
    assert quantities(read(body, layout(encoding="mac_roman"))) == {"PERÙ": 2}


def test_one_broken_byte_costs_one_row() -> None:
    """A row whose SKU is not valid UTF-8 is a problem; the rest is not taken for Windows text."""
    body = "Codice;Disponibilità\nPERÙ;1\nCAFFÈ;2\n".encode() + b"X\xff;3\n"
    snapshot = read(body)
    assert quantities(snapshot) == {"PERÙ": 1, "CAFFÈ": 2}
    assert lines(snapshot) == [(4, "Codice")]


@pytest.mark.parametrize(
    "header",
    ["codice;DISPONIBILITÀ", " Codice ; Disponibilità", '"Codice";"Disponibilita\u0300"', "Codice;Disponibilità;;"],
)
def test_a_column_is_found_however_it_is_spelled(header: str) -> None:
    """Case, spacing, quoting, Unicode form and empty columns at the end do not matter."""
    assert quantities(read(f"{header}\nA;1{';' * (header.count(';') - 1)}\n")) == {"A": 1}


def test_a_missing_column_is_named_with_those_found() -> None:
    """The sentence says which column is missing and which there are."""
    with pytest.raises(UnreadableFeed, match=r"lacks the column 'Disponibilità'; columns found: 'Codice', 'Qta'"):
        read("Codice;Qta\nA;1\n")
    with pytest.raises(UnreadableFeed, match="lacks the column 'Prezzo'"):
        read("Codice;Disponibilità;Titolo\nA;1;x\n", layout(title="Titolo"))


def test_a_column_that_occurs_twice_is_refused() -> None:
    """Two columns of the same name cannot be told apart."""
    with pytest.raises(UnreadableFeed, match="'Codice' occurs 2 times"):
        read("Codice;Disponibilità;CODICE\nA;1;B\n")


@pytest.mark.parametrize(
    "body",
    [
        "<!DOCTYPE html><html></html>",
        "\n  <HTML><body>Codice;Disponibilità</body>",
        "\ufeff<html>",
        "<?xml version='1.0'?><list/>",
        "<!-- error --><p>",
    ],
)
def test_a_web_page_is_no_list(body: str) -> None:
    """A maintenance page in place of the list is refused whole, not read as rows."""
    with pytest.raises(UnreadableFeed, match="web page"):
        read(body)


@pytest.mark.parametrize("body", ["", "\n\n", "\ufeff", "   \r\n", "\n" * 100 + "Codice;Disponibilità\n"])
def test_an_empty_file_is_no_list(body: str) -> None:
    """A file without a header is a broken export, not a supplier without stock."""
    with pytest.raises(UnreadableFeed, match="empty"):
        read(body)


def test_a_header_alone_is_an_empty_offer() -> None:
    """A list with a header and no rows says that he has nothing."""
    snapshot = read("Codice;Disponibilità\n")
    assert (snapshot.rows, snapshot.problems) == ((), ())


def test_random_bytes_are_refused() -> None:
    """A picture, an archive or a list in UTF-16 without a mark is refused, with an excerpt that is bounded."""
    for body in (bytes(range(256)) * 50, "Codice;Disponibilità\nA;1\n".encode("utf-16-le")):
        with pytest.raises(UnreadableFeed) as caught:
            read(body)
        assert len(caught.value.excerpt) <= 500


def test_problems_tell_the_line_in_the_file() -> None:
    """Blank lines and quoted line breaks count, as they do in an editor."""
    text = 'Codice;Disponibilità;Nota\n\nA;1;"due\nrighe"\n;2;\nB;x;\n;;\nC;3;\n'
    snapshot = read(text)
    assert quantities(snapshot) == {"A": 1, "C": 3}
    assert lines(snapshot) == [(5, "Codice"), (6, "Disponibilità")]


@pytest.mark.parametrize(
    ("row", "column", "said"),
    [
        ("A;many;", "Disponibilità", "A: 'many' is not a quantity"),
        ("A;;", "Disponibilità", "A: the quantity is empty"),
        (";1;", "Codice", "the SKU is empty"),
        ("A\x07B;1;", "Codice", "unprintable"),
        (f"{'A' * 201};1;", "Codice", "longer than 200"),
        ("A;1", "", "2 fields where the header has 3"),
        ("A;1;x;y", "", "4 fields where the header has 3"),
        ("A\0;1;", "", "NUL"),
        ('A;1;"un"closed', "", "quoting is broken"),
        (f"A;1;{'x' * LINE_LENGTH_MAX}", "", "longer than"),
    ],
)
def test_a_bad_row_costs_only_itself(row: str, column: str, said: str) -> None:
    """Whatever is wrong with one row, the rows above and below are read."""
    snapshot = read(f"Codice;Disponibilità;Nota\nUP;1;\n{row}\nDOWN;2;\n")
    assert quantities(snapshot) == {"UP": 1, "DOWN": 2}
    assert lines(snapshot) == [(3, column)]
    assert said in snapshot.problems[0].sentence


def test_empty_fields_beyond_the_header_are_nothing() -> None:
    """Rows with one delimiter more at their end are common and sound."""
    assert quantities(read("Codice;Disponibilità\nA;1;\nB;2;;\n")) == {"A": 1, "B": 2}


@pytest.mark.parametrize("rows_after", [1, RECORD_LINES_MAX * 3])
@pytest.mark.parametrize("quoted", ["", '"'])
def test_an_unclosed_quote_costs_its_row_only(rows_after: int, quoted: str) -> None:
    """A quote that is never closed does not swallow the rows below it, quoted or not."""
    good = "".join(f"{quoted}S{number}{quoted};{number}\n" for number in range(rows_after))
    snapshot = read(f'Codice;Disponibilità\n"BAD;1\n{good}')
    assert quantities(snapshot) == {f"S{number}": number for number in range(rows_after)}
    assert lines(snapshot) == [(2, "")]


def test_without_quoting_a_quote_is_a_letter() -> None:
    """quote = "" reads inch marks as they stand."""
    snapshot = read(
        'Codice;Disponibilità;Titolo;Prezzo\nM24;1;Monitor 24" nero;9,00\n', layout(quote="", title="Titolo")
    )
    assert snapshot.rows[0].title == 'Monitor 24" nero'


def test_the_last_of_two_rows_counts_and_both_are_told() -> None:
    """A SKU that occurs twice is a problem that names both lines."""
    snapshot = read("Codice;Disponibilità\nA;1\nB;2\nA;3\n")
    assert quantities(snapshot) == {"A": 3, "B": 2}
    assert lines(snapshot) == [(4, "Codice")]
    assert "line 2" in snapshot.problems[0].sentence


def test_an_unreadable_repeat_leaves_the_earlier_row() -> None:
    """Only readable rows count as rows."""
    assert quantities(read("Codice;Disponibilità\nA;1\nA;x\n")) == {"A": 1}


def test_a_bad_cost_leaves_the_offer() -> None:
    """An unreadable cost is told and the quantity still counts; no cost at all is no problem."""
    text = "Codice;Disponibilità;Titolo;Prezzo\nA;1;x;gratis\nB;2;y;\nC;3;z;1.234,50\n"
    snapshot = read(text, layout(title="Titolo"))
    assert [row.cost for row in snapshot.rows] == [None, None, Money(Decimal("1234.50"), "EUR")]
    assert lines(snapshot) == [(2, "Prezzo")]


def test_a_doubtful_quantity_is_offered_and_told() -> None:
    """A negative quantity is offered as 0 with a problem."""
    snapshot = read("Codice;Disponibilità\nA;-2\n")
    assert quantities(snapshot) == {"A": 0}
    assert lines(snapshot) == [(2, "Disponibilità")]


def test_too_many_rows_are_refused_whole() -> None:
    """A list beyond rows_max is refused, never silently cut; repeats of one SKU do not count."""
    assert len(read("Codice;Disponibilità\nA;1\nB;1\nA;2\n", layout(rows_max=2)).rows) == 2
    with pytest.raises(UnreadableFeed, match="rows_max"):
        read("Codice;Disponibilità\nA;1\nB;1\nC;1\n", layout(rows_max=2))


def test_problems_are_bounded_and_the_rest_is_counted() -> None:
    """A list that is bad throughout gives a bounded number of problems and says how many more there were."""
    snapshot = read("Codice;Disponibilità\n" + "A;x\n" * (PROBLEMS_MAX + 7))
    assert len(snapshot.problems) == PROBLEMS_MAX + 1
    assert snapshot.problems[-1].sentence == "7 further problems are not listed"


def test_a_header_can_be_checked_on_the_beginning_alone() -> None:
    """The beginning of a list is enough to look for its columns, even when cut inside a letter."""
    check_header("Codice;Disponibilità\nPERÙ".encode()[:-1], layout())
    with pytest.raises(UnreadableFeed, match="lacks the column"):
        check_header(b"sku;qty\n", layout())


@given(
    st.lists(
        st.tuples(
            st.text(
                st.characters(codec="utf-8", categories=("L", "N", "P", "S"), exclude_characters="\ufffd"),
                min_size=1,
                max_size=20,
            ),
            st.integers(0, 9999),
            st.text(st.characters(codec="utf-8", exclude_characters="\0\ufffd"), max_size=20),
        ),
        max_size=20,
        unique_by=lambda row: row[0],
    ),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_every_well_written_list_reads_back(rows: list[tuple[str, int, str]], delimiter: str) -> None:
    """Whatever stands in quoted fields, numbers, quantities and order come back."""
    quoted = [[f'"{str(cell).replace(chr(34), chr(34) * 2)}"' for cell in row] for row in rows]
    text = "\n".join(delimiter.join(cells) for cells in [["Codice", "Disponibilità", "Nota"], *quoted])
    snapshot = read(text.encode("utf-8-sig"), layout(delimiter=delimiter, encoding="utf-8"))
    assert list(quantities(snapshot).items()) == [(sku, quantity) for sku, quantity, _ in rows]
    assert not snapshot.problems


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(noise: bytes) -> None:
    """No bytes after a sound header do anything but give rows and problems."""
    snapshot = read("Codice;Disponibilità\n".encode() + noise, layout(encoding="utf-8"))
    assert all(row.quantity >= 0 and row.supplier_sku for row in snapshot.rows)
    assert all(problem.line >= 2 for problem in snapshot.problems)


BODY = "Codice;Disponibilità\nA;1\n".encode()


def fetched(body: bytes | None = BODY, stated: str = "", etag: str = '"e"') -> Fetched:
    """A list as it came."""
    return Fetched(body, etag, stated, "Last-Modified")


def test_the_stated_moment_is_the_moment_of_the_list() -> None:
    """Last-Modified dates the list; without it, the moment of asking does."""
    dated = read_snapshot(fetched(stated="Mon, 02 Mar 2026 09:30:00 GMT"), None, layout(), asked_at=NOON)
    assert dated.as_of == datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    assert read_snapshot(fetched(), None, layout(), asked_at=NOON).as_of == NOON


def test_a_clock_that_runs_ahead_makes_nothing_younger() -> None:
    """A list dated in the future is as old as our asking."""
    ahead = read_snapshot(fetched(stated="Mon, 02 Mar 2026 19:30:00 GMT"), None, layout(), asked_at=NOON)
    assert ahead.as_of == NOON


def test_a_moment_that_is_none_is_told() -> None:
    """An unreadable date is a problem and the moment of asking counts."""
    snapshot = read_snapshot(fetched(stated="yesterday"), None, layout(), asked_at=NOON)
    assert snapshot.as_of == NOON
    assert lines(snapshot) == [(1, "Last-Modified")]
    assert len(snapshot.rows) == 1


def test_not_modified_keeps_the_moment_once_stated() -> None:
    """A "not modified" without a date confirms the list of then: a dead export does not look fresh."""
    first = read_snapshot(fetched(stated="Mon, 02 Mar 2026 09:30:00 GMT"), None, layout(), asked_at=NOON)
    known = FeedVersion.parse(first.version)
    later = NOON + timedelta(days=2)
    again = read_snapshot(fetched(body=None), known, layout(), asked_at=later)
    assert (again.unchanged, again.rows, again.version) == (True, (), first.version)
    assert again.as_of == first.as_of


def test_not_modified_confirms_a_list_that_was_never_dated() -> None:
    """Without any date from him, his "not modified" is as of the moment of asking."""
    known = FeedVersion.parse(read_snapshot(fetched(), None, layout(), asked_at=NOON).version)
    later = NOON + timedelta(hours=1)
    assert read_snapshot(fetched(body=None), known, layout(), asked_at=later).as_of == later


def test_the_same_bytes_under_another_name_are_unchanged() -> None:
    """A server that renames the same content at every call does not make it new; its newest name is remembered."""
    known = FeedVersion.parse(read_snapshot(fetched(), None, layout(), asked_at=NOON).version)
    again = read_snapshot(fetched(etag='"other"'), known, layout(), asked_at=NOON)
    assert again.unchanged
    assert again.version.endswith('"other"')


def test_other_bytes_under_the_same_name_are_changed() -> None:
    """A server that forgets to rename changed content is not believed."""
    known = FeedVersion.parse(read_snapshot(fetched(), None, layout(), asked_at=NOON).version)
    again = read_snapshot(fetched(body=BODY + b"B;2\n"), known, layout(), asked_at=NOON)
    assert quantities(again) == {"A": 1, "B": 2}


def test_a_layout_is_part_of_the_version() -> None:
    """Two layouts that read the same bytes differently have different digests."""
    assert layout().digest() == layout().digest()
    assert layout().digest() != layout(quote="").digest()

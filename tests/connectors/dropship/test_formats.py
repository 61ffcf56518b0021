"""Lists in every format: the same articles are the same offers, and what cannot be read is one sentence."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest

from connectors.dropship.mapping import read_feed
from connectors.dropship.mapping_rows import UnreadableFeed
from connectors.dropship.settings import Settings
from syncd.identity import Money
from syncd.supply.port import OfferRow, OfferSnapshot

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

GLOVES = OfferRow("GLOVE-X", 12, "Guanti è", Money(Decimal("9.9"), "EUR"))
TOOLS = OfferRow("4711", 5, "Attrezzi", Money(Decimal("24.5"), "EUR"))

CSV = "Codice;Titolo;Giacenza;Prezzo\nGLOVE-X;Guanti è;12;9,90\n4711;Attrezzi;5+;24,50\n"


def read(body: bytes, **values: Any) -> OfferSnapshot:
    """The list under these settings."""
    columns = {"sku": "Codice", "quantity": "Giacenza", "title": "Titolo", "cost": "Prezzo"}
    told = {"columns": columns, "feed_url": "https://supplier.example/list", "decimal_mark": ",", **values}
    return read_feed(body, Settings.model_validate(told).layout(), as_of=NOON, version="1")


def workbook(*rows: tuple[object, ...], title: str = "Listino") -> bytes:
    """A workbook with these rows on its second sheet."""
    book = openpyxl.Workbook()
    sheet = book.create_sheet(title)
    for row in rows:
        sheet.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


HEAD = ("Codice", "Titolo", "Giacenza", "Prezzo")
XLSX = workbook(("Listino di marzo",), (), HEAD, ("GLOVE-X", "Guanti è", 12, 9.9), (4711, "Attrezzi", "5+", 24.5))

JSON = json.dumps(
    {
        "made": "today",
        "items": [
            {"Codice": "GLOVE-X", "Titolo": "Guanti è", "Giacenza": 12, "Prezzo": 9.9},
            {"Codice": 4711, "Titolo": "Attrezzi", "Giacenza": "5+", "Prezzo": "24,50"},
        ],
    }
).encode()

XML = """<?xml version="1.0" encoding="iso-8859-1"?>
<list xmlns:p="urn:x"><articolo Codice="GLOVE-X"><Titolo>Guanti è</Titolo>
<p:magazzino><Giacenza>12</Giacenza></p:magazzino>
<Prezzo>9,90</Prezzo></articolo>
<articolo Codice="4711"><Titolo>Attrezzi</Titolo>
<p:magazzino><Giacenza> 5+ </Giacenza></p:magazzino><Prezzo>24,50</Prezzo></articolo></list>""".encode("iso-8859-1")
XML_COLUMNS = {"columns": {"sku": "@Codice", "quantity": "magazzino/Giacenza", "title": "Titolo", "cost": "Prezzo"}}


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (CSV.encode("utf-8-sig"), {}),
        (CSV.encode("cp1252"), {}),
        (CSV.encode("utf-16"), {}),
        (CSV.replace(";", "\t").encode(), {"delimiter": "tab"}),
        (JSON, {}),
        (JSON, {"format": "json", "rows_at": "items"}),
        (json.dumps(json.loads(JSON)["items"]).encode("utf-8-sig"), {}),
        (XML, XML_COLUMNS),
        (XML, {**XML_COLUMNS, "format": "xml", "rows_at": "articolo"}),
        (XLSX, {"sheet": "Listino"}),
    ],
    ids=["utf-8", "cp1252", "utf-16", "tab", "json", "json path", "json array", "xml", "xml element", "xlsx"],
)
def test_every_format_says_the_same(body: bytes, values: dict[str, Any]) -> None:
    """The same two articles come out of every format, with quantities, costs and letters as meant."""
    snapshot = read(body, **values)
    assert [(one.supplier_sku, one.quantity, one.title) for one in snapshot.rows] == [
        (one.supplier_sku, one.quantity, one.title) for one in (GLOVES, TOOLS)
    ]
    assert [one.cost for one in snapshot.rows] == [GLOVES.cost, TOOLS.cost]
    assert snapshot.problems == ()


def test_a_number_is_never_taken_for_thousands() -> None:
    """1.5 as a JSON number is one and a half whatever decimal_mark says; as text with `,` it is a mistake."""
    body = json.dumps([{"Codice": "A", "Giacenza": 1.500, "Titolo": "", "Prezzo": None}]).encode()
    for mark in (",", ".", "auto"):
        snapshot = read(body, decimal_mark=mark)
        assert [(one.quantity, one.cost) for one in snapshot.rows] == [(1, None)]
        assert "not a whole number" in snapshot.problems[0].sentence


def test_yes_and_no_are_read_as_json_writes_them() -> None:
    """true and false are the words sì and no."""
    body = b'[{"Codice": "A", "Giacenza": true, "Titolo": "", "Prezzo": ""}, {"Codice": "B", "Giacenza": false}]'
    assert [one.quantity for one in read(body, yes_quantity=3).rows] == [3, 0]


@pytest.mark.parametrize(
    ("body", "values", "line", "sentence"),
    [
        (b'[{"Codice":"A","Giacenza":1,"Titolo":"","Prezzo":1}, 7]', {}, 2, "not an object"),
        (b'[{"Codice":"A","Giacenza":[1,2],"Titolo":"","Prezzo":1}]', {}, 1, "holds several"),
        (b'[{"Codice":"A","Giacenza":"molti","Titolo":"","Prezzo":1}]', {}, 1, "'molti' is not a quantity"),
        (b'[{"Codice":"A","Giacenza":1e30,"Titolo":"","Prezzo":1}]', {}, 1, "larger than any stock"),
        (b"<l>\n<a><Codice>A</Codice><Giacenza>1</Giacenza><Giacenza>2</Giacenza></a></l>",
         {"columns": {"sku": "Codice", "quantity": "Giacenza"}}, 2, "stands there 2 times"),
        (workbook(HEAD, ("A", "", "#N/A", 1)), {"sheet": "Listino"}, 2, "'#N/A' is not a quantity"),
        (workbook(HEAD, (), ("A", "", -3, 1)), {"sheet": "Listino"}, 3, "negative"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_by_its_place(body: bytes, values: dict[str, Any], line: int, sentence: str) -> None:
    """One row that cannot be read is a problem with its place; nothing else is lost."""
    (problem,) = read(body, **values).problems
    assert problem.line == line
    assert sentence in problem.sentence


def bomb(parts: int = 1, size: int = 60_000_000) -> bytes:
    """A workbook of a few kilobytes that expands to many megabytes."""
    target = io.BytesIO(workbook(HEAD))
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as book:
        for number in range(parts):
            book.writestr(f"xl/media/{number}.bin", b"\0" * size)
    return target.getvalue()


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><l><a><Codice>&c;</Codice></a></l>"""
OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><l><a><Codice>&a;</Codice></a></l>'
)


@pytest.mark.parametrize(
    ("body", "values", "sentence"),
    [
        (b"", {}, "empty"),
        (b"  \n", {"format": "json"}, "empty"),
        (b"<!DOCTYPE html><html><body>Manutenzione</body></html>", {}, "web page"),
        (b"<!DOCTYPE html><html><body>Manutenzione</body></html>", {"format": "xlsx"}, "web page"),
        (JSON[:-30], {}, "not whole JSON"),
        (b"[" * 100_000, {}, "not whole JSON"),
        (b'[{"Codice": NaN}]', {}, "not whole JSON"),
        (b'{"error": "maintenance"}', {}, "not one list"),
        (JSON, {"rows_at": "articles"}, "no list at 'articles'"),
        (b'[{"sku": "A"}]', {}, "lacks the column 'Codice'"),
        (XML[:-60], XML_COLUMNS, "not whole XML"),
        (b"<l>" * 5000, XML_COLUMNS, "not whole XML"),
        (LAUGHS, XML_COLUMNS, "document type"),
        (OUTSIDE, XML_COLUMNS, "document type"),
        (XML, {**XML_COLUMNS, "rows_at": "item"}, "no element 'item'"),
        (XML, {}, "lacks the column 'Codice'"),
        (XLSX, {}, "lacks the column"),
        (XLSX, {"sheet": "Marzo"}, "no sheet 'Marzo'; it has 'Sheet', 'Listino'"),
        (XLSX[: len(XLSX) // 2], {}, "damaged, cut or not an .xlsx"),
        (b"PK\x03\x04" + b"\0" * 50, {}, "damaged, cut or not an .xlsx"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 50, {}, ".xls file"),
        (bomb(), {}, "larger than 50000000 bytes"),
        (CSV.encode(), {"format": "json"}, "not whole JSON"),
        (CSV.encode(), {"format": "xml"}, "not whole XML"),
        (CSV.encode(), {"format": "xlsx"}, "damaged"),
        (XLSX, {"format": "csv"}, "lacks the column"),
    ],
)  # fmt: skip
def test_what_is_no_list_is_one_clear_sentence(body: bytes, values: dict[str, Any], sentence: str) -> None:
    """Cut, empty, a web page, a bomb or another format: refused whole, with what is wrong, and nothing is expanded."""
    with pytest.raises(UnreadableFeed) as caught:
        read(body, **values)
    assert sentence in caught.value.sentence
    assert "\n" not in caught.value.sentence


def test_a_sheet_with_a_stray_cell_far_away_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell somebody typed at the end of the sheet widens no row."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEAD)
    sheet.append(("A", "x", 1, 1))
    sheet["XFD2"] = "stray"
    sheet["A1000"] = "B"
    sheet["C1000"] = 2
    target = io.BytesIO()
    book.save(target)
    assert [(one.supplier_sku, one.quantity) for one in read(target.getvalue()).rows] == [("A", 1), ("B", 2)]


def test_a_list_without_articles_is_no_rows() -> None:
    """An empty array, element or sheet offers nothing, and is for the guard to doubt."""
    for body, values in ((b"[]", {}), (b"<l/>", XML_COLUMNS), (workbook(HEAD), {"sheet": "Listino"})):
        assert read(body, **values).rows == ()


def test_ten_megabytes_are_read_to_the_end() -> None:
    """A long list in any format arrives whole."""
    count = 60_000
    title = "x" * 130
    rows = [{"Codice": f"S-{n}", "Giacenza": n % 9, "Titolo": title, "Prezzo": 1} for n in range(count)]
    body = json.dumps(rows).encode()
    assert len(body) > 10_000_000
    assert len(read(body).rows) == count
    items = "".join(f'<a Codice="S-{n}"><m><g>{n % 9}</g></m><t>{title}</t></a>' for n in range(count))
    columns = {"columns": {"sku": "@Codice", "quantity": "m/g", "title": "t"}}
    assert len(read(f"<l>{items}</l>".encode(), **columns).rows) == count

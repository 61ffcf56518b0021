"""Turns an XML list of articles into records, without entities, without a network, never deeper than a list is."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from lxml import etree

from connectors.dropship.mapping_rows import Record, UnreadableFeed, lacking

PEEKED_ROWS_MAX = 100
"""Rows looked through for a column before it is said to be missing: what is empty is often left out."""


class XmlRows:
    """Elements of one name; a column is a child, a path such as `stock/free`, or an attribute such as `@id`."""

    def __init__(self, found: list[Record], columns: Sequence[str]) -> None:
        self._found = found
        self.header = tuple(columns)

    def place(self, column: str) -> int | None:
        """Where the column stands among those asked for."""
        return self.header.index(column) if column in self.header else None

    def records(self) -> Iterator[Record]:
        """Every article, by the line its element begins on."""
        return iter(self._found)


def open_xml(body: bytes, columns: Sequence[str], rows_at: str) -> XmlRows:
    """Read every element that is an article: those called `rows_at`, or all directly below the root.

    Prefixes of namespaces do not matter. Raises UnreadableFeed, also for a document type: a list needs none, and it is
    where entities that expand a thousandfold are declared.
    """
    found: list[Record] = []
    names: set[str] = set()
    present: set[str] = set()
    depth = deepest = 0
    try:
        parser = etree.iterparse(
            io.BytesIO(body),
            events=("start", "end"),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        for event, element in parser:
            if event == "start":
                if depth == 0 and element.getroottree().docinfo.doctype:
                    raise UnreadableFeed("the feed declares a document type, which is not read: it may hold anything")
                depth += 1
                deepest = max(deepest, depth)
                continue
            depth -= 1
            if (_name(element) == rows_at) if rows_at else depth == 1:
                found.append(_record(element, columns, present))
                if len(found) <= PEEKED_ROWS_MAX:
                    names |= _names(element)
                _forget(element)
    except etree.XMLSyntaxError as error:
        raise UnreadableFeed(f"the feed is not whole XML ({str(error)[:120]})", _begin(body)) from None
    missing = [column for column in columns if column not in present]
    if missing and found:
        raise lacking(missing, sorted(names), _begin(body))
    if rows_at and not found and deepest > 2:  # less deep it holds no articles: he offers nothing
        raise UnreadableFeed(f"the feed has no element {rows_at!r} (rows_at)", _begin(body))
    return XmlRows(found, columns)


def _record(element: etree._Element, columns: Sequence[str], present: set[str]) -> Record:
    line = element.sourceline or 1
    fields: list[str] = []
    sentence = ""
    for column in columns:
        values = _values(element, column)
        if values:
            present.add(column)
        if len(values) > 1:
            sentence = sentence or f"{column!r} stands there {len(values)} times"
        fields.append(values[0].strip() if values else "")
    return Record(line, () if sentence else fields, sentence)


def _values(element: etree._Element, column: str) -> list[str]:
    *path, last = column.split("/")
    at = [element]
    for name in path if last.startswith("@") else [*path, last]:
        at = [child for parent in at for child in parent if _name(child) == name]
    if last.startswith("@"):
        return [text for one in at for name, text in one.attrib.items() if _local(str(name)) == last[1:]]
    return ["".join(one.itertext()) for one in at]


def _names(element: etree._Element) -> set[str]:
    return {f"@{_local(str(name))}" for name in element.attrib} | {_name(child) for child in element}


def _name(element: etree._Element) -> str:
    return _local(element.tag) if isinstance(element.tag, str) else ""


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _forget(element: etree._Element) -> None:
    """A long list is not kept in memory twice."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]


def _begin(body: bytes) -> str:
    return body[:500].decode("utf-8", errors="replace")

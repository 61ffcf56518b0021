"""Reading scans: what is right becomes a value, everything wrong is named in one sentence each."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.identity import Sku
from syncd.ledger.location import Locations
from syncd.ledger.movement import Reason
from syncd.scanner.scan import AGE_MAX, Problems, Scan, ScanKind, parse
from syncd.scanner.wire import BYTES_MAX, decode

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
PLACES = Locations(("main", "shop-2"))
SALE: dict[str, Any] = {"scan_id": "till-1:77", "kind": "counter_sale", "code": "GLOVE-X"}


def read(**changes: object) -> Scan | Problems:
    """The sale with some fields changed, read; None takes a field away."""
    return parse({k: v for k, v in {**SALE, **changes}.items() if v is not None}, now=NOW, locations=PLACES)


def test_a_short_scan_means_one_piece_here_and_now() -> None:
    """What is left out has a plain meaning: one piece, at main, now."""
    assert read() == Scan("till-1:77", ScanKind.COUNTER_SALE, Sku("GLOVE-X"), 1, "main", NOW)


def test_a_full_scan_is_read_whole() -> None:
    """Every field arrives as it was sent, moments in UTC."""
    scan = read(
        kind="adjust", quantity=-3, location="shop-2", at="2026-03-02T08:30:00+01:00", actor="Anna", reason="shrinkage"
    )
    at = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
    assert scan == Scan("till-1:77", ScanKind.ADJUST, "GLOVE-X", -3, "shop-2", at, "Anna", Reason.SHRINKAGE)


def test_a_clock_slightly_ahead_means_now() -> None:
    """A scanner whose clock runs a little fast does not put stock into the future."""
    scan = read(at=(NOW + timedelta(seconds=90)).isoformat())
    assert isinstance(scan, Scan)
    assert scan.at == NOW


def test_damaged_needs_no_reason() -> None:
    """The kind says it already."""
    scan = read(kind="damaged")
    assert isinstance(scan, Scan)
    assert scan.reason is Reason.DAMAGED


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"scan_id": None}, "scan_id: is missing"),
        ({"scan_id": "a#b"}, "scan_id: must be made of letters, digits and . _ : - (1 to 100)"),
        ({"scan_id": "x" * 101}, "scan_id: must be made of letters, digits and . _ : - (1 to 100)"),
        ({"scan_id": 7}, "scan_id: must be made of letters, digits and . _ : - (1 to 100)"),
        (
            {"kind": "theft"},
            "kind: must be one of counter_sale, receipt, count, adjust, damaged, return, transfer, "
            "restock, discard, pick",
        ),
        (
            {"kind": ["receipt"]},
            "kind: must be one of counter_sale, receipt, count, adjust, damaged, return, transfer, "
            "restock, discard, pick",
        ),
        ({"code": None}, "code: is missing"),
        ({"code": "   "}, "code: must be readable text in quotes"),
        ({"code": "GLOVE\x00"}, "code: must be readable text in quotes"),
        ({"code": "x" * 101}, "code: is longer than 100 characters"),
        ({"quantity": 0}, "quantity: a counter_sale takes 1 to 1000000"),
        ({"quantity": -1}, "quantity: a counter_sale takes 1 to 1000000"),
        ({"quantity": 1_000_001}, "quantity: a counter_sale takes 1 to 1000000"),
        ({"quantity": 1.0}, "quantity: must be a whole number"),
        ({"quantity": True}, "quantity: must be a whole number"),
        ({"quantity": "1"}, "quantity: must be a whole number"),
        ({"kind": "count"}, "quantity: is missing; a count needs one"),
        ({"kind": "count", "quantity": -1}, "quantity: a count takes 0 to 1000000"),
        ({"kind": "adjust", "quantity": 0, "reason": "other"}, "quantity: an adjustment by 0 changes nothing"),
        (
            {"kind": "adjust", "quantity": 1},
            "reason: is missing; an adjust needs one of correction, shrinkage, damaged, restock, promotion, other",
        ),
        ({"kind": "damaged", "reason": "sale"}, "reason: must be one of damaged, other"),
        ({"reason": "other"}, "reason: a counter_sale takes none"),
        ({"location": "outside"}, "location: 'outside' is no place of ours"),
        ({"location": "main/x"}, "location: must be made of letters, digits and . _ - (1 to 100)"),
        ({"kind": "transfer"}, "to_location: is missing"),
        ({"kind": "transfer", "to_location": "main"}, "to_location: must be another place than location"),
        ({"to_location": "shop-2"}, "to_location: a counter_sale takes none"),
        ({"at": "2026-03-02T08:00:00"}, "at: must be a moment with its time zone, such as 2026-03-02T08:00:00Z"),
        ({"at": "yesterday"}, "at: must be a moment with its time zone, such as 2026-03-02T08:00:00Z"),
        ({"at": 1772438400}, "at: must be a moment with its time zone, such as 2026-03-02T08:00:00Z"),
        ({"at": "2026-03-02T08:06:00Z"}, "at: lies in the future; set the scanner's clock and scan again"),
        ({"at": "1970-01-01T00:00:00Z"}, "at: is more than 7 days ago; look at the shelf and scan again"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at: is more than 7 days ago; look at the shelf and scan again"),
        (
            {"shelf": 4},
            "'shelf': is no field of a scan; there are scan_id, kind, code, quantity, location, to_location, order, "
            "at, actor, reason, blind",
        ),
    ],
)
def test_one_mistake_is_one_sentence(changes: dict[str, object], sentence: str) -> None:
    """The sentence names the field and what to write instead."""
    assert read(**changes) == Problems((sentence,))


def test_every_mistake_is_told_at_once() -> None:
    """Nobody has to repair a scan one sentence at a time."""
    found = parse({"kind": "count", "quantity": "x", "at": "x", "y": 1}, now=NOW, locations=PLACES)
    assert isinstance(found, Problems)
    assert [sentence.split(":")[0] for sentence in found.sentences] == ["'y'", "scan_id", "code", "at", "quantity"]


@pytest.mark.parametrize("payload", [None, [], "scan", 3, [SALE]])
def test_what_is_no_object_is_no_scan(payload: object) -> None:
    """Anything but an object is refused in one sentence."""
    assert parse(payload, now=NOW, locations=PLACES) == Problems(("the scan is not a JSON object; write {…}",))


ODD: list[object] = [
    *(None, True, 0, 1, -1, 10**30, 1.5, float("inf"), "", " ", "GLOVE-X", "main", "outside", "\x00", "\ud800"),
    *("2026-03-02T07:00:00Z", "9999-12-31T23:59:59-14:00", [], {}, [["receipt"]], {"a": 1}, *ScanKind, *Reason),
]
values = st.sampled_from(ODD) | st.integers()
names = st.sampled_from([*Scan.__dataclass_fields__, "shelf"])


@settings(deadline=None)
@given(st.dictionaries(names, values))
def test_whatever_comes_is_a_scan_or_problems(changes: dict[str, object]) -> None:
    """No payload raises; what is taken is within bounds, what is refused says why."""
    found = parse({**SALE, **changes}, now=NOW, locations=PLACES)
    if isinstance(found, Problems):
        assert found.sentences
    else:
        assert abs(found.quantity) <= 1_000_000
        assert NOW - AGE_MAX <= found.at <= NOW


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=1000), st.integers(min_value=1, max_value=1000))
def test_content_tells_scans_apart_and_ignores_moment_and_actor(one: int, other: int) -> None:
    """A repeat with another time stamp is the same scan; with another quantity it is not."""
    first, later = read(quantity=one), read(quantity=one, at=(NOW - timedelta(hours=1)).isoformat(), actor="Anna")
    different = read(quantity=other)
    assert isinstance(first, Scan)
    assert isinstance(later, Scan)
    assert isinstance(different, Scan)
    assert first.content == later.content
    assert (first.content == different.content) == (one == other)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "it is not JSON: Expecting value at line 1, column 1"),
        (b"{", "it is not JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
        (b"\xff\xfe", "it is not UTF-8 text"),
        (b'{"quantity": NaN}', "NaN is not a JSON number"),
        (b'{"quantity": 1, "quantity": 2}', "it gives 'quantity' twice"),
        (b"[" * 60_000, "it is not JSON that can be read: nested too deeply"),
        (b" " * (BYTES_MAX + 1), f"it is larger than {BYTES_MAX} bytes"),
    ],
)
def test_bytes_that_are_no_json_are_told_where(body: bytes, sentence: str) -> None:
    """What is cut, ambiguous, too deep or too large is refused in one sentence."""
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        decode(body)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_sentence(body: bytes) -> None:
    """Whatever bytes come, they are JSON or a ValueError."""
    try:
        told = json.dumps(decode(body))
    except ValueError as error:
        told = str(error)
    assert told

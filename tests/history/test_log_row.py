"""A movement survives being written to a file and read back, and nothing that is none is taken for one."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.history.log_row import FIELDS, heading_problem, movement_of, row_values
from syncd.identity import Sku
from syncd.ledger.movement import QUANTITY_MAX, SUPPLIER, Movement, Reason, available

T0 = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ROW = row_values(7, Movement("k#2", Sku("X"), 3, SUPPLIER, available("main"), Reason.RECEIPT, T0, "note", "anna"), T0)


def test_a_row_is_read_back() -> None:
    """Whether its numbers came as numbers (JSON) or as text (CSV)."""
    moved = movement_of(ROW)
    assert moved == movement_of({name: str(value) for name, value in ROW.items()})
    assert row_values(7, moved, T0) == ROW
    assert tuple(ROW) == FIELDS


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"key": ""}, "needs a key"),
        ({"key": None}, "key: is missing"),
        ({"sku": " "}, "not a SKU"),
        ({"quantity": "0"}, "at least 1"),
        ({"quantity": "1.5"}, "whole number"),
        ({"quantity": True}, "whole number"),
        ({"quantity": "٣"}, "whole number"),
        ({"quantity": QUANTITY_MAX + 1}, "at most"),
        ({"source": "main"}, "not an account"),
        ({"source": "main/available"}, "moves nothing"),
        ({"destination": "outside/moon"}, "not an account"),
        ({"reason": "theft"}, "reason: 'theft'"),
        ({"happened_at": "2026-03-02T08:00:00"}, "happened_at"),
        ({"happened_at": "0001-01-01T00:00:00+14:00"}, "happened_at"),
        ({"actor": 5}, "actor: must be text"),
        ({"colour": "red"}, "no field"),
    ],
)
def test_what_is_no_movement_is_one_sentence(changes: dict[str, Any], word: str) -> None:
    """Each thing that can be wrong with a row says which field it is."""
    with pytest.raises(ValueError, match=word):
        movement_of({name: value for name, value in {**ROW, **changes}.items() if value is not None})


@pytest.mark.parametrize(
    ("heads", "word"), [(["key"], "no 'sku'"), ([*FIELDS, "x"], "'x' is none"), ([*FIELDS, "key"], "twice")]
)
def test_a_heading_names_the_columns(heads: list[str], word: str) -> None:
    """Missing, unknown and repeated columns are told."""
    assert word in (heading_problem(heads) or "")
    assert heading_problem(list(FIELDS)) is None


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), st.none() | st.integers() | st.text(max_size=30)))
def test_any_row_is_a_movement_or_refused(row: dict[str, object]) -> None:
    """Nothing in a file brings the reading down."""
    with suppress(ValueError):
        assert movement_of(row).problem() is None

"""What the texts in a quantity or cost column mean."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.dropship.mapping_number import QUANTITY_MAX, DecimalMark, QuantityWords, read_cost, read_quantity

WORDS = QuantityWords(("sì", "disponibile"), ("no", "esaurito"), 3)


@pytest.mark.parametrize(
    ("text", "mark", "quantity"),
    [
        ("0", "auto", 0),
        (" 12 ", "auto", 12),
        ("007", "auto", 7),
        ("+4", "auto", 4),
        ("5+", "auto", 5),
        ("5 +", "auto", 5),
        ("> 10", "auto", 10),
        (">10", "auto", 10),
        (">= 10", "auto", 10),
        ("≥10", "auto", 10),
        ("oltre 20", "auto", 20),
        ("Più di 20", "auto", 20),
        ("sì", "auto", 3),
        ("SÌ", "auto", 3),
        ("Disponibile", "auto", 3),
        ("NO", "auto", 0),
        ("  esaurito ", "auto", 0),
        ("1,0", "auto", 1),
        ("12.00", "auto", 12),
        ("1.234,00", "auto", 1234),
        ("1,234.00", "auto", 1234),
        ("1.234.567", "auto", 1234567),
        ("1 000", ",", 1000),
        ("1\u00a0000", ",", 1000),
        ("1’000", ".", 1000),
        ("1.000", ",", 1000),
        ("1.000", ".", 1),
        ("1,000", ",", 1),
        ("1,000", ".", 1000),
    ],
)
def test_a_plain_text_is_its_number(text: str, mark: DecimalMark, quantity: int) -> None:
    """A text with one reading is that quantity, without a word."""
    assert read_quantity(text, WORDS, mark) == (quantity, "")


@pytest.mark.parametrize(
    ("text", "quantity", "said"),
    [
        ("-3", 0, "negative"),
        ("-0,5", 0, "negative"),
        ("< 5", 0, "guarantees no piece"),
        ("<5", 0, "guarantees no piece"),
        ("1,5", 1, "not a whole number"),
        ("0.9", 0, "not a whole number"),
        ("1.000", 1, "decimal_mark"),
        ("12,500", 12, "decimal_mark"),
        ("1.000+", 1, "decimal_mark"),
    ],
)
def test_a_doubtful_text_is_the_least_it_guarantees(text: str, quantity: int, said: str) -> None:
    """In doubt the smallest quantity counts, and the doubt is said."""
    found, sentence = read_quantity(text, WORDS, "auto")
    assert found == quantity
    assert said in sentence


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "molti",
        "12 pz",
        "1.2.3",
        "1,23,4",
        "10 12",
        "1-5",
        "1e3",
        "٣",
        "NaN",
        "inf",
        "--1",
        "+",
        ">",
        "0x10",
        "9 " * 60_000,
    ],
)
def test_a_text_that_is_no_quantity_is_said_so(text: str) -> None:
    """Text that guarantees nothing is refused in a sentence."""
    with pytest.raises(ValueError, match="quantity"):
        read_quantity(text, WORDS, "auto")


@pytest.mark.parametrize("text", ["8001234567890", "9" * 5000, str(QUANTITY_MAX + 1), "12.345.678"])
def test_a_barcode_is_no_quantity(text: str) -> None:
    """A number beyond any stock is a value from another column; the sentence stays short."""
    with pytest.raises(ValueError, match=r"quantity|larger than any stock") as caught:
        read_quantity(text, WORDS, ",")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "mark", "cost"),
    [
        ("9,90", "auto", "9.90"),
        ("9.90", "auto", "9.90"),
        ("€ 9,90", "auto", "9.90"),
        ("9,90€", "auto", "9.90"),
        ("EUR 12", "auto", "12"),
        ("1.234,50", "auto", "1234.50"),
        ("1,234.50", "auto", "1234.50"),
        ("1.234", ",", "1234"),
        ("1.234", ".", "1.234"),
        ("0", "auto", "0"),
    ],
)
def test_a_cost_is_exact(text: str, mark: DecimalMark, cost: str) -> None:
    """Decimal comma, decimal point, groups and the euro sign are read; digits are kept as written."""
    assert str(read_cost(text, mark)) == cost


@pytest.mark.parametrize(
    ("text", "said"),
    [("1.234", "two ways"), ("-1", "negative"), ("gratis", "not an amount"), ("1,2,3", "not an amount")],
)
def test_a_cost_in_doubt_is_no_cost(text: str, said: str) -> None:
    """A cost that may be one of two amounts is none; money is never guessed."""
    with pytest.raises(ValueError, match=said):
        read_cost(text, "auto")


@given(st.integers(min_value=0, max_value=QUANTITY_MAX), st.sampled_from([",", "."]))
def test_a_grouped_number_reads_back(quantity: int, mark: DecimalMark) -> None:
    """Every quantity written with groups of thousands and decimals is read as itself."""
    group = "." if mark == "," else ","
    text = f"{quantity:,}".replace(",", group) + f"{mark}00"
    assert read_quantity(text, WORDS, mark) == (quantity, "")


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text at all does anything but give a quantity within bounds or a ValueError."""
    try:
        quantity, _ = read_quantity(text, WORDS, "auto")
    except ValueError:
        return
    assert 0 <= quantity <= QUANTITY_MAX


@given(st.decimals(min_value=0, max_value=10**6, places=2))
def test_a_cost_reads_back(cost: Decimal) -> None:
    """Every amount in cents, written with a comma, is read exactly."""
    assert read_cost(f"{cost:f}".replace(".", ","), ",") == cost

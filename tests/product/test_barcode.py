"""Barcodes: GTINs are one number however many zeros are written, other codes are their text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import ean

from syncd.product.barcode import UNITS_MAX, barcode, is_gtin, known_as, remark


@pytest.mark.parametrize(
    ("written", "known", "shown"),
    [
        ("4006381333931", "04006381333931", "4006381333931"),
        ("04006381333931", "04006381333931", "4006381333931"),
        ("036000291452", "00036000291452", "0036000291452"),
        ("0036000291452", "00036000291452", "0036000291452"),
        ("96385074", "00000096385074", "96385074"),
        ("14006381333938", "14006381333938", "14006381333938"),
        (" 4006381333931 ", "04006381333931", "4006381333931"),
        ("4006381333930", "4006381333930", "4006381333930"),
        ("X001ABC", "X001ABC", "X001ABC"),
        ("٤٠٠٦٣٨١٣٣٣٩٣١", "٤٠٠٦٣٨١٣٣٣٩٣١", "٤٠٠٦٣٨١٣٣٣٩٣١"),
    ],
)
def test_a_code_is_known_by_one_text(written: str, known: str, shown: str) -> None:
    """UPC-A, EAN-8, EAN-13 and GTIN-14 of one thing are one code; what is no GTIN stays as it is."""
    one = barcode(written)
    assert (one.code, one.shown, known_as(written.strip())) == (known, shown, known)


@pytest.mark.parametrize(("code", "word"), [("4006381333930", "wrong check digit"), ("A-12", "is no GTIN")])
def test_what_is_no_gtin_is_told(code: str, word: str) -> None:
    """A person hears of a code that may be mistyped; of a right one there is nothing to say."""
    assert word in remark(code)
    assert remark("4006381333931") == ""


@pytest.mark.parametrize(
    ("code", "units"), [("", 1), ("  ", 1), ("a\nb", 1), ("x" * 101, 1), ("A", 0), ("A", UNITS_MAX + 1)]
)
def test_what_is_no_barcode_is_refused(code: str, units: int) -> None:
    """Empty, unreadable, endless, or meaning no sensible number of units."""
    with pytest.raises(ValueError, match="barcode"):
        barcode(code, units)


@settings(deadline=None)
@given(st.integers(0, 10**12 - 1), st.sampled_from([7, 11, 12]))
def test_every_spelling_of_a_gtin_finds_the_same(number: int, length: int) -> None:
    """Whatever zeros lead it, a number with a right check digit is known by one text and shown as a GTIN."""
    body = str(number)[-length:].zfill(length)
    code = body + ean.calc_check_digit(body)
    spellings = {code.zfill(n) for n in (8, 12, 13, 14) if n >= len(code)}
    assert len({known_as(one) for one in spellings}) == 1
    assert is_gtin(barcode(code).shown)
    assert known_as(barcode(code).shown) == known_as(code)


@settings(deadline=None)
@given(st.text(max_size=20))
def test_any_text_is_a_code_or_refused(text: str) -> None:
    """Nothing a scanner sends brings the reading down."""
    try:
        one = barcode(text)
    except ValueError:
        return
    assert barcode(one.shown).code == one.code

"""What labels of cases and DataMatrix codes say, by table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.product.element_string import GS, Label, read

GTIN = "04006381333931"


@pytest.mark.parametrize(
    ("sent", "label"),
    [
        ("4006381333931", Label("4006381333931")),
        ("GLOVE-X", Label("GLOVE-X")),
        (f"01{GTIN}", Label(GTIN)),
        (f"]C101{GTIN}", Label(GTIN)),
        (f"]d201{GTIN}10LOT7{GS}17270101", Label(GTIN)),
        (f"]e001{GTIN}", Label(GTIN)),
        (f"{GS}01{GTIN}21SERIAL-1", Label(GTIN)),
        (f"(01){GTIN}(10)LOT7", Label(GTIN)),
        (f"02{GTIN}3712", Label(GTIN, 12)),
        (f"]C102{GTIN}3712{GS}10LOT", Label(GTIN, 12)),
        (f"01{GTIN}306", Label(GTIN, 6)),
        (f"02{GTIN}370", Label(GTIN)),
        ("01GLOVES", Label("01GLOVES")),
        ("0104006381333932", Label("0104006381333932")),  # a wrong check digit is no GTIN
        (f"]C110LOT7{GS}17270101", Label(f"10LOT7{GS}17270101")),  # a lot alone names nothing
        (" 4006381333931\r\n", Label("4006381333931")),
        ("", Label("")),
    ],
)
def test_a_label_is_read(sent: str, label: Label) -> None:
    """With every mark scanners send, or none."""
    assert read(sent) == label


@given(st.text(max_size=80))
def test_whatever_is_sent_is_read_as_something(text: str) -> None:
    """Nothing a scanner can send raises; a number of times is at least one."""
    label = read(text)
    assert label.times is None or label.times > 0

"""What a GS1 element string says: the GTIN on a case or in a DataMatrix, and how many lie in it.

GS1 General Specifications, section 7.8: (01) a trade item's GTIN, (02) the GTIN of what lies in a container and (37)
how many of it, (30) how many pieces of a thing without a fixed number. A scanner sends it bare, with the symbology's
mark before it (`]C1`, `]d2`, …) and with the sign GS between parts; a person reads it with brackets.
"""

from __future__ import annotations

from dataclasses import dataclass

from stdnum import gs1_128

GS = "\x1d"
"""Ends a part of variable length (FNC1)."""

MARKS = ("]C1", "]e0", "]d2", "]Q3", "]J1")
"""Symbology identifiers (ISO/IEC 15424) that announce element strings: GS1-128, DataBar, DataMatrix, QR, DotCode."""

GTIN_LENGTH = 14


@dataclass(frozen=True, slots=True)
class Label:
    """A code to be looked up, and how many times it is there where the label says so."""

    code: str
    times: int | None = None


def read(text: str) -> Label:
    """The label behind what a scanner sent; text that is no element string with a GTIN is a code as it stands."""
    bare = text.strip(f" \t\r\n{GS}")
    mark = bare[:3] if bare.startswith(MARKS) else ""
    body = bare[len(mark) :]
    if not (mark or GS in body or body.startswith(("(01)", "(02)")) or _is_long(body)):
        return Label(bare)
    try:
        found = gs1_128.info(body, separator=GS)
    except ValueError:  # of the library's own faults ValidationError is one
        return Label(body)
    gtin, times = found.get("01") or found.get("02"), found.get("37") or found.get("30")
    if not isinstance(gtin, str):
        return Label(body)
    return Label(gtin, times if isinstance(times, int) and times > 0 else None)


def _is_long(body: str) -> bool:
    """Whether it looks like an element string of a scanner that sends neither marks nor GS: 01 and 14 digits first."""
    return len(body) > GTIN_LENGTH + 1 and body[:2] in ("01", "02") and body[2:16].isdigit() and body.isascii()

"""A barcode: what a scanner reads, how it is known, and how many units it means.

GTINs (GS1 General Specifications, section 1.4) of 8, 12, 13 and 14 digits are one number written with more or fewer
leading zeros; they are known by their 14 digits, so that a UPC-A scanned as an EAN-13 is found. Any other code is
known by its text.
"""

from __future__ import annotations

from dataclasses import dataclass

from stdnum import ean

GTIN_LENGTHS = (8, 12, 13, 14)
LENGTH_MAX = 100
UNITS_MAX = 100_000
"""Most units one code means: a pallet of small parts."""


@dataclass(frozen=True, slots=True)
class Barcode:
    """A code as it is known, and the base units it means: 1, or a pack's."""

    code: str
    units: int = 1

    @property
    def shown(self) -> str:
        """The code as it stands on the thing: GTINs in the shortest usual form, 8 or 13 digits."""
        if not is_gtin(self.code) or len(self.code) != 14 or self.code[0] != "0":
            return self.code
        return self.code[6:] if self.code.startswith("000000") else self.code[1:]


def barcode(text: str, units: int = 1) -> Barcode:
    """A barcode from outside text. Raises ValueError with one clear sentence."""
    stripped = text.strip()
    if not stripped or not stripped.isprintable() or len(stripped) > LENGTH_MAX:
        raise ValueError(f"{text[:LENGTH_MAX]!r} is no barcode: 1 to {LENGTH_MAX} readable characters")
    if not 1 <= units <= UNITS_MAX:
        raise ValueError(f"a barcode means 1 to {UNITS_MAX} units, not {units}")
    return Barcode(known_as(stripped), units)


def is_gtin(code: str) -> bool:
    """Whether it is a GTIN: the right length, digits only, the check digit right."""
    return len(code) in GTIN_LENGTHS and code.isascii() and code.isdigit() and bool(ean.is_valid(code))


def known_as(code: str) -> str:
    """The text a code is looked up by: 14 digits for a GTIN, else itself."""
    return code.zfill(14) if is_gtin(code) else code


def remark(code: str) -> str:
    """What a person should know of a code that is no GTIN; empty for one that is."""
    if is_gtin(code):
        return ""
    if len(code) in GTIN_LENGTHS and code.isascii() and code.isdigit():
        return f"{code} has the length of a GTIN and a wrong check digit: is it typed rightly? Kept as text."
    return f"{code} is no GTIN: it is kept as plain text, and found only exactly as written."

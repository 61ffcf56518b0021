"""Reads the numbers people write into supplier lists: quantities, words that stand for quantities, and costs.

One rule decides every doubt: the smallest quantity that the text guarantees, and a sentence that says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

DecimalMark = Literal["auto", ",", "."]

QUANTITY_MAX = 10_000_000
"""A larger quantity is a barcode in the wrong column, not stock."""

COST_MAX = Decimal(10) ** 9
"""A larger number is not what one piece costs."""

NUMBER_LENGTH_MAX = 30
"""Longest text read as a number, in characters."""

TEXT_LENGTH_MAX = 100
"""Longest text read as a quantity or a word for one, in characters."""

_AT_LEAST = re.compile(r"^(?:>=?|≥|oltre|più di|more than)\s*(.+)$|^(.+?)\s*\+$")
_BELOW = re.compile(r"^(?:<=?|≤)\s*.+$")


def _pattern(mark: str, group: str) -> re.Pattern[str]:
    grouped = rf"[0-9]{{1,3}}(?P<group>[{re.escape(group)} '’\u00a0\u202f])[0-9]{{3}}(?:(?P=group)[0-9]{{3}})*"
    return re.compile(rf"^(?P<sign>[+-]?)(?P<whole>{grouped}|[0-9]+)(?:{re.escape(mark)}(?P<fraction>[0-9]+))?$")


_PATTERNS = {",": _pattern(",", "."), ".": _pattern(".", ",")}


@dataclass(frozen=True, slots=True)
class QuantityWords:
    """Words that stand for a quantity, in lower case; `yes_quantity` is what a yes is worth."""

    yes: tuple[str, ...]
    no: tuple[str, ...]
    yes_quantity: int


def read_quantity(said: str | Decimal, words: QuantityWords, mark: DecimalMark) -> tuple[int, str]:
    """The quantity in base units, and a sentence when it had to be doubted ("" otherwise).

    A Decimal is a number by its format, and no mark makes it doubtful. Raises ValueError with one clear sentence when
    what is said guarantees nothing at all.
    """
    if isinstance(said, Decimal):
        return _counted(str(said), said)
    text = said
    word = " ".join(text.split()).casefold()
    if word.isascii() and word.isdigit():
        return _bounded(word, int(word[:NUMBER_LENGTH_MAX])), ""
    if not word:
        raise ValueError("the quantity is empty")
    if len(word) > TEXT_LENGTH_MAX:
        raise ValueError(f"{_quoted(text)} is not a quantity")
    if word in words.yes:
        return words.yes_quantity, ""
    if word in words.no:
        return 0, ""
    if _BELOW.match(word):
        return 0, f"{_quoted(text)} guarantees no piece; it counts as 0"
    at_least = _AT_LEAST.match(word)
    value, doubted = _number(at_least[1] or at_least[2] if at_least else word, mark)
    if value is None:
        raise ValueError(f"{_quoted(text)} is not a quantity")
    quantity, sentence = _counted(text, value)
    if doubted and value >= 0:
        return (
            quantity,
            f"{_quoted(text)} may mean thousands; it counts as {quantity} until decimal_mark is set",
        )
    return quantity, sentence


def _counted(text: str, value: Decimal) -> tuple[int, str]:
    """Whole pieces of a number, and what is odd about it."""
    if value < 0:
        return 0, f"{_quoted(text)} is negative; it counts as 0"
    quantity = _bounded(text, value)
    return quantity, "" if quantity == value else f"{_quoted(text)} is not a whole number; it counts as {quantity}"


def read_cost(said: str | Decimal, mark: DecimalMark) -> Decimal:
    """An amount such as "9,90", "1.234,50" or "€ 12". Raises ValueError with one clear sentence."""
    if isinstance(said, Decimal):
        if not 0 <= said <= COST_MAX:
            raise ValueError(f"{_quoted(str(said))} is not what one piece costs")
        return said
    text = said
    bare = re.sub(r"^(?:€|eur)\s*|\s*(?:€|eur)$", "", text.strip().casefold())
    value, doubted = _number(bare, mark)
    if value is None:
        raise ValueError(f"{_quoted(text)} is not an amount of money")
    if doubted:
        raise ValueError(f"{_quoted(text)} can be read in two ways; set decimal_mark to ',' or '.'")
    if value < 0:
        raise ValueError(f"{_quoted(text)} is negative")
    return value


def _number(text: str, mark: DecimalMark) -> tuple[Decimal | None, bool]:
    """The number, and whether the decimal mark can be read in two ways (the smaller number is returned)."""
    if len(text) > NUMBER_LENGTH_MAX:
        return None, False
    marks = (",", ".") if mark == "auto" else (mark,)
    readings = {value for value in (_marked(text, each) for each in marks) if value is not None}
    if not readings:
        return None, False
    return min(readings), len(readings) > 1


def _marked(text: str, mark: str) -> Decimal | None:
    """The number when `mark` is the decimal mark, or None if the text then makes no sense."""
    found = _PATTERNS[mark].match(text.strip())
    if found is None:
        return None
    whole = re.sub(r"[^0-9]", "", found["whole"])
    fraction = f".{found['fraction']}" if found["fraction"] else ""
    return Decimal(f"{found['sign']}{whole}{fraction}")


def _bounded(text: str, value: Decimal | int) -> int:
    if value > QUANTITY_MAX:
        raise ValueError(f"{_quoted(text)} is larger than any stock; is it in the right column?")
    return int(value)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= NUMBER_LENGTH_MAX else text[:NUMBER_LENGTH_MAX] + "…")

"""The receipt behind a number: every term with its source and age, so that "why 1?" can be answered aloud."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Term:
    """One line of the receipt. `as_of` is when the source said so, None where it is policy."""

    name: str
    value: int
    source: str
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Derivation:
    """The terms in order and what they come to. `target` None: nothing may be said, and `why_not` tells why."""

    terms: tuple[Term, ...]
    target: int | None
    why_not: str = ""

"""The receipt behind a number: every term with its source and age, so that "why 1?" can be answered aloud."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from syncd.journal.entry import packed, unpacked


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

    @property
    def packed(self) -> str:
        """The receipt as the journal keeps it."""
        rows: list[list[object]] = [
            [term.name, term.value, term.source, term.as_of.isoformat() if term.as_of else None] for term in self.terms
        ]
        return packed(rows, self.why_not)

    @classmethod
    def unpacked(cls, detail: str, target: int | None) -> Derivation:
        """A receipt from the journal."""
        rows, why_not = unpacked(detail)
        terms = tuple(_term(*row) for row in rows)
        return cls(terms, target, why_not)


def _term(name: object, value: object, source: object, as_of: object) -> Term:
    moment = datetime.fromisoformat(str(as_of)) if as_of else None
    return Term(str(name), int(str(value)), str(source), moment)

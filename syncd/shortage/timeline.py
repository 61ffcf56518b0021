"""Everything said and done about a case, as entries in the order of time: steps, notes, contacts, owners; letters and
money are told from their own rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncd.identity import Money
from syncd.shortage.case import Case, CaseStatus

BY_ITSELF = "syncd"
"""Who did it, where nobody did."""

WORDS_LENGTH_MAX = 2000
"""Longest note, in characters."""

OWNER_LENGTH_MAX = 60
"""Longest name of an owner; it signs letters."""


class EntryKind(StrEnum):
    """What an entry tells of."""

    STEP = "step"
    """The case went from one state to another, or its options changed."""
    NOTE = "note"
    CONTACT = "contact"
    """The customer had to write or phone about it: the aim is 0."""
    OWNER = "owner"
    """Somebody was given the case, or handed it over."""
    LETTER = "letter"
    MONEY = "money"
    COUPON = "coupon"


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """`status` is how the case stood after a step. Words of notes and contacts may be personal: the repr shows none."""

    at: datetime
    kind: EntryKind
    by: str
    words: str
    status: CaseStatus | None = None
    money: Money | None = None

    def __repr__(self) -> str:
        return f"Entry({self.kind}, {self.at:%Y-%m-%d %H:%M})"


def step_of(seen: Case | None, then: Case, at: datetime) -> Entry | None:
    """What a change of a case tells, or None where nobody needs to be told of it (a deadline moved, an owner)."""
    if seen is not None and (seen.status, seen.units, seen.asked) == (then.status, then.units, then.asked):
        return None
    has_chosen = then.chosen_by and (seen is None or then.chosen_by != seen.chosen_by or then.chosen != seen.chosen)
    by = then.chosen_by if has_chosen else BY_ITSELF
    return Entry(at, EntryKind.STEP, by, _words(seen, then), then.status)


def _words(seen: Case | None, then: Case) -> str:
    if seen is not None and seen.status is then.status:
        return f"{then.units} of {seen.units} are still short" if then.units < seen.units else "asked again"
    match then.status:
        case CaseStatus.OPEN:
            return f"{then.units} × {then.sku} short: {then.cause}"
        case CaseStatus.ASKED:
            return f"customer asked, {len(then.options)} options" + (", again" if then.asked > 1 else "")
        case CaseStatus.ACTING:
            return f"{then.chosen} chosen" + (f": {then.instead}" if then.instead else "")
        case CaseStatus.WAITING:
            return "the customer waits"
        case CaseStatus.NEEDS_PERSON:
            return "waits for a person" + (f": {then.chosen} chosen" if then.chosen else "")
        case CaseStatus.RESOLVED:
            return then.resolution


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Oldest first; what happened at one moment in the order it was told."""
    return sorted(entries, key=lambda one: one.at)


def handed_over(case: Case, owner: str, why: str) -> str:
    """The words of a change of owner."""
    said = f"from {case.owner} to {owner}" if case.owner else f"to {owner}"
    return f"{said}: {why}" if why else said

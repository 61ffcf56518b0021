"""The places where stock may lie: those syncd.toml names, and what is said of a name that is none of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz import process

from syncd.ledger.movement import OUTSIDE, Account

DEFAULT = "main"
"""The one place of a shop that names none."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
NAME_WORDS = "letters, digits and . _ - (1 to 100)"

LIKENESS_MIN = 60.0
"""Below this likeness (0 to 100) a known name is not offered as what may have been meant."""


@dataclass(frozen=True, slots=True)
class Locations:
    """The known places; the first one is meant where none is named."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> Locations:
        """Each name once, in the order of first mention; `main` where there is none."""
        return cls(tuple(dict.fromkeys(names)) or (DEFAULT,))

    @property
    def default(self) -> str:
        """Where something happened that names no place."""
        return self.names[0]

    def problem(self, name: str) -> str | None:
        """Why nothing can lie there, with the nearest name there is, or None."""
        if name in self.names:
            return None
        near = process.extractOne(name, self.names, score_cutoff=LIKENESS_MIN)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(self.names)}"
        return f"there is no location {name} in syncd.toml ([daemon] locations and those of the channels); {hint}"

    def account_problem(self, account: Account) -> str | None:
        """The same of an account; outside ones lie nowhere."""
        return self.problem(account.location) if account.is_ours else None


def name_problem(name: str) -> str | None:
    """Why this can be no location's name, or None."""
    if name == OUTSIDE:
        return f"{OUTSIDE!r} is no place of ours"
    return None if NAME.fullmatch(name) else f"must be made of {NAME_WORDS}"

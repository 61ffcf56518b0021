"""A customer's birthday: where it is known from, which day it falls on, and that it is wished once a year."""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from stdnum.exceptions import ValidationError
from stdnum.it import codicefiscale

from syncd.identity import ChannelName

LATE_MAX = timedelta(days=2)
"""So long after the day a wish is still sent, should syncd not have run; later it would only be odd."""


@dataclass(frozen=True, slots=True, repr=False)
class Birthday:
    """The day and month a customer agreed to be wished on; no year, nothing else. Personal data: its repr shows none.

    `last_year` is the last one he was wished in; 0: never.
    """

    channel: ChannelName
    buyer_id: str
    month: int
    day: int
    agreed_at: datetime
    last_year: int = 0

    def __repr__(self) -> str:
        return "Birthday(withheld)"


def falls_on(month: int, day: int, year: int) -> date:
    """The day of a birthday in a year: who was born on 29 February has it on the 28th where there is no 29th."""
    return date(year, 2, 28) if (month, day) == (2, 29) and not isleap(year) else date(year, month, day)


def year_due(one: Birthday, today: date) -> int | None:
    """The year of the birthday to be wished today, or None: not yet, too late, or wished already."""
    for year in (today.year, today.year - 1):  # one of 31 December may be wished on 1 January
        late = today - falls_on(one.month, one.day, year)
        if timedelta(0) <= late <= LATE_MAX and one.last_year < year:
            return year
    return None


def from_codice_fiscale(text: str) -> tuple[int, int]:
    """Month and day out of an Italian codice fiscale. Raises ValueError with one sentence that does not repeat it."""
    try:
        born = codicefiscale.get_birth_date(codicefiscale.validate(text))
    except (ValidationError, ValueError):
        raise ValueError(
            "this is no codice fiscale of a person: a letter, a digit or its check letter is wrong"
        ) from None
    return born.month, born.day


def from_date(text: str) -> tuple[int, int]:
    """Month and day out of "1980-02-29" or "02-29". Raises ValueError with one sentence."""
    written = text.strip()
    try:
        born = date.fromisoformat(written if len(written) > len("02-29") else f"2000-{written}")
    except ValueError:
        raise ValueError(f"{text!r} is no date; write it as 1980-02-29, or 02-29") from None
    return born.month, born.day

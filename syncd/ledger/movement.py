"""What a movement is: units of a SKU from one account to another, why, and because of whom.

An account is a location and a state, written `main/available`. The outside accounts (supplier, customer, loss, opening)
close the sum: the balances of a SKU over all accounts are always zero in total.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from syncd.identity import Sku

KEY_LENGTH_MAX = 200
"""Longest idempotency key, in characters."""

QUANTITY_MAX = 1_000_000_000
"""Most units one movement moves: below every barcode of 13 digits, which scanners like to send in the wrong field."""

PART_MARK = "#"
"""Separates a key from the number of its further movements; callers' keys may not contain it."""

OUTSIDE = "outside"
"""The location whose accounts may go below zero."""


PLACES_MAX = 1000
"""Locations whose accounts are kept instead of made anew."""


class State(StrEnum):
    """The states that partition what is on hand at a location."""

    AVAILABLE = "available"
    RESERVED = "reserved"
    IN_FLIGHT = "in-flight"
    UNAVAILABLE = "unavailable"


class Reason(StrEnum):
    """Why units moved."""

    RECEIPT = "receipt"
    SALE = "sale"
    SHIPMENT = "shipment"
    RETURN = "return"
    TRANSFER = "transfer"
    CYCLE_COUNT = "cycle_count"
    CORRECTION = "correction"
    DAMAGED = "damaged"
    SHRINKAGE = "shrinkage"
    RESTOCK = "restock"
    PROMOTION = "promotion"
    OTHER = "other"


class Account(NamedTuple):
    """Where units are: a location and a state. A plain tuple, because the fold looks up two for every movement."""

    location: str
    state: str

    def __str__(self) -> str:
        return f"{self.location}/{self.state}"

    @property
    def is_ours(self) -> bool:
        """Ours may never hold less than nothing."""
        return self.location != OUTSIDE

    @classmethod
    def parse(cls, text: str) -> Account:
        """From `location/state`. Raises ValueError with one clear sentence."""
        location, slash, state = text.partition("/")
        allowed = OUTSIDE_STATES if location == OUTSIDE else tuple(State)
        if not (location and slash) or state not in allowed:
            raise ValueError(f"{text!r} is not an account; write LOCATION/STATE with one of: {', '.join(allowed)}")
        return cls(location, str(state))

    @classmethod
    def written(cls, text: str) -> Account:
        """The account that was written as this text."""
        return cls(*text.rsplit("/", 1))


OUTSIDE_STATES = ("supplier", "customer", "loss", "opening")
SUPPLIER, CUSTOMER, LOSS, OPENING = (Account(OUTSIDE, state) for state in OUTSIDE_STATES)


@lru_cache(PLACES_MAX)
def available(location: str) -> Account:
    """Free to promise at a location."""
    return Account(location, State.AVAILABLE)


@lru_cache(PLACES_MAX)
def reserved(location: str) -> Account:
    """Promised to orders and not shipped, at a location."""
    return Account(location, State.RESERVED)


@lru_cache(PLACES_MAX)
def in_flight(location: str) -> Account:
    """Sold according to a channel's own counter, order not imported yet, at a location."""
    return Account(location, State.IN_FLIGHT)


Content = tuple[str, int, str, str, str, str]
"""SKU, quantity, source, destination, reason, reference."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Units to move. `key` is made by whoever caused it: same key and content are one movement however often posted."""

    key: str
    sku: Sku
    quantity: int
    source: Account
    destination: Account
    reason: Reason
    happened_at: datetime
    reference: str = ""
    actor: str = ""

    def problem(self) -> str | None:
        """Why this can never be posted, in one sentence, or None."""
        if not self.key or len(self.key) > KEY_LENGTH_MAX:
            return f"a movement needs a key of 1 to {KEY_LENGTH_MAX} characters"
        if self.quantity <= 0:
            return f"{self.sku}: a movement moves at least 1 unit, not {self.quantity}"
        if self.quantity > QUANTITY_MAX:
            return f"{self.sku}: a movement moves at most {QUANTITY_MAX} units, not {self.quantity}; is that a barcode?"
        if self.source == self.destination:
            return f"{self.sku}: a movement from {self.source} to itself moves nothing"
        if self.happened_at.tzinfo is None:
            return f"{self.sku}: the movement's time has no time zone"
        return None

    @property
    def words(self) -> dict[str, str | int]:
        """Everything but its moment by name of field, as files and scripts know it."""
        return {
            "key": self.key,
            "sku": self.sku,
            "quantity": self.quantity,
            "source": str(self.source),
            "destination": str(self.destination),
            "reason": self.reason.value,
            "reference": self.reference,
            "actor": self.actor,
        }

    @property
    def content(self) -> Content:
        """What has to be the same for a repeated key to be a duplicate and not a conflict."""
        return (
            self.sku,
            self.quantity,
            str(self.source),
            str(self.destination),
            self.reason.value,
            self.reference,
        )


def problem_of(movements: Iterable[Movement]) -> str | None:
    """Why these can never be posted as one command, in one sentence, or None."""
    keys: set[str] = set()
    for movement in movements:
        problem = movement.problem()
        if problem is not None:
            return problem
        if movement.key in keys:
            return f"the key {movement.key} stands for two movements of one command"
        keys.add(movement.key)
    return None


def part_key(key: str, number: int) -> str:
    """The key of the number-th movement (from 0) caused by one command."""
    return key if number == 0 else f"{key}{PART_MARK}{number + 1}"

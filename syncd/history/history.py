"""What the books held at a past moment: told by when things happened, or by when they were written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from syncd.ledger.movement import Account, Movement, State


class Order(StrEnum):
    """Which of a movement's two moments decides."""

    HAPPENED = "happened"
    """What lay on the shelf: a count entered late counts from when it was made."""
    RECORDED = "recorded"
    """What the books said: a count entered late counts from when it was entered."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What was held of a SKU at all places together, just after a movement."""

    on_hand: int
    available: int


def standings(movements: Iterable[Movement], before: Mapping[Account, int]) -> list[Standing]:
    """The balance after each of these movements of one SKU; `before` is what its accounts held until then."""
    on_hand = sum(quantity for account, quantity in before.items() if account.is_ours)
    free = sum(quantity for account, quantity in before.items() if _is_free(account))
    found: list[Standing] = []
    for one in movements:
        on_hand += one.quantity * (one.destination.is_ours - one.source.is_ours)
        free += one.quantity * (_is_free(one.destination) - _is_free(one.source))
        found.append(Standing(on_hand, free))
    return found


def _is_free(account: Account) -> bool:
    return account.is_ours and account.state == State.AVAILABLE

"""What makes the balances the fold of the log again: rows for those that differ, and a correction for each account of
ours that the movements themselves take below zero, or that there is not. The log is never touched: what is missing in
it is posted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from syncd.identity import Sku
from syncd.ledger.balance import BalanceKey, Repair, repairs
from syncd.ledger.movement import LOSS, Account, Movement, Reason, State, part_key

REFERENCE = "doctor --rebuild-balances"
ACTOR = "doctor"

Folded = tuple[int, int]
"""Units, and the position of the last movement in them."""


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """What is to be written: corrections, then each balance that differs; `positions` only of those no one moves."""

    repairs: tuple[Repair, ...]
    movements: tuple[Movement, ...]
    positions: Mapping[BalanceKey, int]


def rebuild(fold: Mapping[BalanceKey, Folded], kept: Mapping[BalanceKey, Folded], now: datetime) -> Rebuilding:
    """Decide what has to be written for the balances to be the fold, and the fold to be possible."""
    totals = {key: quantity for key, (quantity, _) in fold.items()}
    stem = f"rebuilt:{now.isoformat()}"
    why = (Reason.CORRECTION, now, REFERENCE, ACTOR)
    movements = tuple(
        Movement(part_key(stem, number), sku, abs(totals[sku, account]), source, to, *why)
        for number, (sku, account, source, to) in enumerate(_corrections(totals, kept))
    )
    moved: set[BalanceKey] = set()
    for one in movements:
        for account, delta in ((one.source, -one.quantity), (one.destination, one.quantity)):
            moved.add((one.sku, account))
            totals[one.sku, account] = totals.get((one.sku, account), 0) + delta
    found = repairs(totals, {key: quantity for key, (quantity, _) in kept.items()})
    told = {(one.sku, one.account) for one in found}
    found += [
        Repair(*key, quantity, quantity)
        for key, (quantity, position) in sorted(kept.items())
        if key not in told and (key in moved or position != fold.get(key, (0, 0))[1])
    ]
    positions = {
        (one.sku, one.account): fold.get((one.sku, one.account), (0, 0))[1]
        for one in found
        if (one.sku, one.account) not in moved
    }
    return Rebuilding(tuple(found), movements, positions)


def _corrections(
    totals: Mapping[BalanceKey, int], kept: Mapping[BalanceKey, Folded]
) -> Iterator[tuple[Sku, Account, Account, Account]]:
    """Of each impossible account: from where to where what it holds too much or too little is moved.

    Nothing is moved that the balances do not hold yet: it is once they have been made the fold.
    """
    for (sku, account), quantity in sorted(totals.items()):
        if not account.is_ours or not quantity or kept.get((sku, account), (0, 0))[0] < quantity:
            continue
        if quantity < 0:
            yield sku, account, LOSS, account
        elif account.state not in tuple(State):
            yield sku, account, account, Account(account.location, State.UNAVAILABLE)

"""Balances: the fold of movements, and the one place that refuses to take an account of ours below zero."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from syncd.identity import Sku
from syncd.ledger.movement import Account, Movement, State, available, in_flight, reserved

BalanceKey = tuple[Sku, Account]


@dataclass(slots=True)
class Balances:
    """Quantities by SKU and account while a transaction is being decided; changed only by `apply` and `post`."""

    by_sku: dict[Sku, dict[Account, int]] = field(default_factory=dict)

    def of(self, sku: Sku, account: Account) -> int:
        """Units of a SKU in an account; 0 where nothing was ever moved."""
        return self.by_sku.get(sku, {}).get(account, 0)

    def by_location(self, sku: Sku, state: State) -> dict[str, int]:
        """Units of a SKU in one state, location by location, without empty ones."""
        accounts = self.by_sku.get(sku, {})
        return {
            account.location: quantity
            for account, quantity in accounts.items()
            if account.state == state and account.is_ours and quantity
        }

    def apply(self, movements: Iterable[Movement]) -> None:
        """Fold the movements in, whatever comes of it."""
        self._fold(movements)

    def post(self, movements: Sequence[Movement]) -> str | None:
        """Fold the movements in, all or none: why not, if together they take an account of ours below zero."""
        before = self._fold(movements)
        for movement in movements:
            sku, source = movement.sku, movement.source  # no other account can have less than before
            after = self.by_sku[sku][source]
            if after < 0 and source.is_ours:
                _put_back(before)
                held = self.of(sku, source)
                return f"{sku}: {source} holds {held}, {held - after} are wanted"
        return None

    def shortfall(self, movements: Iterable[Movement]) -> str | None:
        """Why these movements together would take an account of ours below zero, or None; nothing changes."""
        listed = tuple(movements)
        return Balances({sku: dict(self.by_sku.get(sku, {})) for sku in {m.sku for m in listed}}).post(listed)

    def _fold(self, movements: Iterable[Movement]) -> list[_Held]:
        """Fold the movements in; what each account held before each of them."""
        before: list[_Held] = []
        for movement in movements:
            sku, quantity = movement.sku, movement.quantity
            accounts = self.by_sku.get(sku)
            if accounts is None:
                accounts = self.by_sku[sku] = {}
            for account, delta in ((movement.source, -quantity), (movement.destination, quantity)):
                held = accounts.get(account)
                before.append((accounts, account, held))
                accounts[account] = (held or 0) + delta
        return before


_Held = tuple[dict[Account, int], Account, int | None]
"""The accounts of a SKU, one of them, and what it held; None where nothing was ever booked."""


def _put_back(before: Sequence[_Held]) -> None:
    for accounts, account, held in reversed(before):
        if held is None:
            del accounts[account]
        else:
            accounts[account] = held


@dataclass(frozen=True, slots=True)
class Repair:
    """A balance that differs from its movements: what is kept, and what they come to."""

    sku: Sku
    account: Account
    kept: int
    folded: int


def repairs(fold: Mapping[BalanceKey, int], kept: Mapping[BalanceKey, int]) -> list[Repair]:
    """What has to change for the balances kept to be the fold, sorted."""
    both = sorted({*fold, *kept})
    found = (Repair(sku, account, kept.get((sku, account), 0), fold.get((sku, account), 0)) for sku, account in both)
    return [repair for repair in found if repair.kept != repair.folded]


@dataclass(frozen=True, slots=True)
class StockLevel:
    """What is on hand of one SKU at one location; on_hand is the sum of the four states."""

    sku: Sku
    location: str
    available: int
    reserved: int
    in_flight: int
    unavailable: int

    @property
    def on_hand(self) -> int:
        """Everything physically there according to the books."""
        return self.available + self.reserved + self.in_flight + self.unavailable


def stock_level(sku: Sku, location: str, accounts: Mapping[Account, int]) -> StockLevel:
    """What one location holds of a SKU, from its balances."""
    return StockLevel(
        sku,
        location,
        available=accounts.get(available(location), 0),
        reserved=accounts.get(reserved(location), 0),
        in_flight=accounts.get(in_flight(location), 0),
        unavailable=accounts.get(Account(location, State.UNAVAILABLE), 0),
    )


def stock_levels(balances: Balances) -> list[StockLevel]:
    """One level per SKU and location of ours, sorted."""
    return [
        stock_level(sku, location, accounts)
        for sku, accounts in sorted(balances.by_sku.items())
        for location in sorted({account.location for account in accounts if account.is_ours})
    ]

"""What one transaction has decided and not yet written: log rows, changed balances, and the keys that are taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from syncd.ledger.balance import BalanceKey, Balances
from syncd.ledger.movement import Content, Movement, problem_of

LogRow = tuple[int, str, str, int, str, str, str, str, str, datetime, datetime]
"""Position, key, content (SKU, quantity, source, destination, reason, reference), actor, happened at, recorded at."""

BalanceRow = tuple[str, str, int, int]
"""SKU, account, quantity, position of the last movement folded in."""


@dataclass(slots=True)
class Draft:
    """The balances as they will be, with everything queued since the last `take`."""

    balances: Balances
    contents: dict[str, Content]
    """Of the keys looked up and posted before, in the store or in this transaction."""
    queued: list[Movement] = field(default_factory=list)
    _changed: dict[BalanceKey, int] = field(default_factory=dict)
    """Balances that differ from the store's, with the number of the queued movement that changed them last."""

    def known(self, keys: Iterable[str]) -> list[str]:
        """Those of the keys that were posted before."""
        return [key for key in keys if key in self.contents]

    def differing(self, movements: Iterable[Movement]) -> str | None:
        """The first key that was not posted before with the same content, or None."""
        return next((m.key for m in movements if self.contents.get(m.key) != m.content), None)

    def post(self, movements: Sequence[Movement]) -> str | None:
        """Queue the movements of one command, all or none: why not, in one sentence."""
        refusal = problem_of(movements) or self.balances.post(movements)
        if refusal is None:
            for movement in movements:
                self.queued.append(movement)
                self.contents[movement.key] = movement.content
                self._changed[movement.sku, movement.source] = len(self.queued)
                self._changed[movement.sku, movement.destination] = len(self.queued)
        return refusal

    def take(self, position: int, now: datetime) -> tuple[list[LogRow], list[BalanceRow]]:
        """Rows of everything queued, numbered from just after `position`, each list in the order of its key."""
        log: list[LogRow] = [
            (number, m.key, *self.contents[m.key], m.actor, m.happened_at, now)
            for number, m in enumerate(self.queued, position + 1)
        ]
        balances = [
            (sku, str(account), self.balances.of(sku, account), position + number)
            for (sku, account), number in self._changed.items()
        ]
        self.queued, self._changed = [], {}
        return log, sorted(balances)

"""What one transaction has decided and not yet written: log rows, changed balances, and the keys that are taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from syncd.ledger.balance import BalanceKey, Balances
from syncd.ledger.movement import Movement, problem_of

LogRow = tuple[int, str, str, int, str, str, str, str, str, datetime, datetime]
"""Position, key, content (SKU, quantity, source, destination, reason, reference), actor, happened at, recorded at."""

Posted = Sequence[Any]
"""At least the first eight values of a log row: position, key, content."""

CONTENT = slice(2, 8)
"""Where the content is in a row."""

BalanceRow = tuple[str, str, int, int]
"""SKU, account, quantity, position of the last movement folded in."""


@dataclass(slots=True)
class Draft:
    """The balances as they will be, with everything queued since the last `take`."""

    balances: Balances
    posted: dict[str, Posted]
    """By key: what was looked up and found, and what this transaction has posted."""
    position: int
    """Of the last movement, queued ones included."""
    now: datetime
    _queued: list[LogRow] = field(default_factory=list)
    _changed: dict[BalanceKey, int] = field(default_factory=dict)
    """Balances that differ from the store's, with the position of the movement that changed them last."""

    def known(self, keys: Iterable[str]) -> list[str]:
        """Those of the keys that were posted before."""
        return [key for key in keys if key in self.posted]

    def positions(self, keys: Iterable[str]) -> tuple[int, ...]:
        """Where the movements of these keys stand in the log, as far as they do, each once."""
        return tuple([self.posted[key][0] for key in dict.fromkeys(keys) if key in self.posted])

    def differing(self, movements: Iterable[Movement]) -> str | None:
        """Why these are not what was posted before under their keys, or None."""
        for movement in movements:
            posted = self.posted.get(movement.key)
            if posted is None:
                return f"only some of its movements were posted before: {movement.key} was not"
            if posted[CONTENT] != movement.content:
                return f"{movement.key} was posted before with other content"
        return None

    def post(self, movements: Sequence[Movement]) -> str | None:
        """Queue the movements of one command, all or none: why not, in one sentence."""
        refusal = problem_of(movements) or self.balances.post(movements)
        if refusal is None:
            for m in movements:
                self.position += 1
                row = (self.position, m.key, *m.content, m.actor, m.happened_at, self.now)
                self._queued.append(row)
                self.posted[m.key] = row
                self._changed[m.sku, m.source] = self._changed[m.sku, m.destination] = self.position
        return refusal

    def take(self) -> tuple[list[LogRow], list[BalanceRow]]:
        """Rows of everything queued, each list in the order of its key."""
        balances = [
            (sku, str(account), self.balances.of(sku, account), position)
            for (sku, account), position in self._changed.items()
        ]
        log, self._queued, self._changed = self._queued, [], {}
        return log, sorted(balances)

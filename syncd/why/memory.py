"""Why a listing showed what it showed at a past moment: what was written down then, and what the books held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.availability.derivation import Derivation
from syncd.identity import ListingKey
from syncd.journal.entry import Entry
from syncd.ledger.balance import StockLevel


@dataclass(frozen=True, slots=True)
class Memory:
    """One listing as it was known at a moment. `target` is the number it should have shown, with its receipt.

    Each of the four is the last of its kind up to the moment, or None. `books`: what the books said at that moment of
    the SKUs it holds now. `journal_begins_at`: nothing older is remembered.
    """

    key: ListingKey
    title: str
    at: datetime
    target: Entry | None
    sent: Entry | None
    acknowledged: Entry | None
    read_back: Entry | None
    steps: Sequence[Entry]
    books: Sequence[StockLevel]
    journal_begins_at: datetime | None

    @property
    def derivation(self) -> Derivation | None:
        """The receipt of the target."""
        return None if self.target is None else Derivation.unpacked(self.target.detail, self.target.quantity)

    @property
    def sentence(self) -> str:
        """The whole in one sentence, to be said aloud."""
        if self.target is None:
            return f"{self.key}: {self._forgotten()}"
        number = "nothing of ours" if self.target.quantity is None else str(self.target.quantity)
        return f"{self.key} should have shown {number} at that moment; {self._accepted()}"

    def _accepted(self) -> str:
        if self.acknowledged is None:
            return "the channel had accepted no number of ours that is remembered"
        said = f"the channel had last accepted {self.acknowledged.quantity}"
        if self.read_back is None or self.read_back.at < self.acknowledged.at:
            return said
        return f"{said} and showed {self.read_back.quantity} when it was read back"

    def _forgotten(self) -> str:
        begins = self.journal_begins_at
        if begins is None:
            return "nothing is remembered of any listing"
        if begins > self.at:
            return f"that is longer ago than is remembered, which begins at {begins.isoformat(timespec='seconds')}"
        return "no number had been worked out for it by then"

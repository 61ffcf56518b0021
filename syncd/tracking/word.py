"""What a customer tells of his order from its page: that something is wrong, and what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

WORDS_LENGTH_MAX = 1000
"""Characters of what he writes that are kept."""

WORDS_MAX = 5
"""How often one order's page takes something in."""


class WordKind(StrEnum):
    """What is wrong, as he marks it."""

    LATE = "late"
    DAMAGED = "damaged"
    WRONG = "wrong"
    OTHER = "other"


@dataclass(frozen=True, slots=True, repr=False)
class Word:
    """What he said, and when. His words may be personal data: its repr shows nothing of them."""

    word_id: str
    order_key: str
    kind: WordKind
    words: str
    said_at: datetime

    def __repr__(self) -> str:
        return f"Word({self.word_id}, {self.kind})"


def parse_kind(text: str) -> WordKind | None:
    """What he marked, or None for what the page does not offer."""
    return WordKind(text) if text in tuple(WordKind) else None

"""A letter to a customer about a line of his order: written with a decision, sent exactly once or given to a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncd.identity import ChannelName


class LetterStatus(StrEnum):
    """How a letter stands."""

    WAITING = "waiting"
    SENDING = "sending"
    """Written before the channel is asked: a letter found here after a crash may have gone, and is never sent again."""
    SENT = "sent"
    NEEDS_PERSON = "needs_person"


@dataclass(frozen=True, slots=True, repr=False)
class Letter:
    """What is said to whom. Personal data: its repr shows nothing of it. `language` is 'it' or 'en'."""

    reference: str
    channel: ChannelName
    order_key: str
    line_id: str
    language: str
    subject: str
    body: str
    status: LetterStatus = LetterStatus.WAITING
    html: str = ""
    attempts: int = 0
    next_attempt_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Letter({self.reference}, {self.status})"

"""What became of a listing's number, step by step: short entries that age and are forgotten."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from syncd.identity import ListingKey


class JournalConfig(BaseModel):
    """[journal]: how long it is remembered why a listing showed what it showed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep_days: int = Field(default=30, ge=1, le=3650, description="days after which entries are forgotten")


class Step(StrEnum):
    """What happened."""

    TARGET = "target"
    """The number it should show changed; the detail is the receipt it comes from."""
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    """Not accepted, or not known to be; the detail says why."""
    READ_BACK = "read back"
    """What it showed after our number was accepted; the detail says what that proves."""
    DRIFT = "drift"
    """It showed what it need not have; the detail says the likely cause."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of one listing. `quantity` in listing units, None where there is none."""

    key: ListingKey
    at: datetime
    step: Step
    quantity: int | None
    detail: str = ""


def packed(rows: list[list[object]], why_not: str) -> str:
    """A receipt in few characters: its terms as rows, and why there is no number."""
    return json.dumps([why_not, *rows], ensure_ascii=False, separators=(",", ":"))


def unpacked(detail: str) -> tuple[list[list[object]], str]:
    """The rows of a receipt and why there is no number."""
    why_not, *rows = json.loads(detail)
    return rows, why_not

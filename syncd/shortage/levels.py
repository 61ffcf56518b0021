"""Our own clocks on a case: when the customer has to be told, a person to decide, the money to be back; and when a
person hears that one of them runs out, which is before it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.resolution import OptionKind

REFUND_WITHIN_MAX = 14 * 86_400.0
"""Seconds. Money is owed back within 14 days at the latest (directive 2011/83/EU art. 13; Codice del consumo art. 56);
for what cannot be delivered "without undue delay" (art. 18; art. 61)."""

ESCALATE_AT = 0.75
"""The part of a clock after which a person is told: a quarter of it is left to do something."""

MONEY = (OptionKind.REFUND, OptionKind.PART_NOW, None)
"""Choices after which money goes back; None: nobody chose, and the default is that it does."""


class ServiceConfig(BaseModel):
    """[service]: how soon we promise ourselves to act on a case. A person is told before one of these is missed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    notice_within_seconds: float = Field(
        default=900, gt=0, le=86_400, description="from finding that something is missing to the letter that says so"
    )
    decide_within_seconds: float = Field(
        default=172_800, gt=0, le=REFUND_WITHIN_MAX, description="how long a case may wait for a person"
    )
    refund_within_seconds: float = Field(
        default=604_800, gt=0, le=REFUND_WITHIN_MAX, description="from the choice to the money; by law 14 days at most"
    )


class Level(StrEnum):
    """What has to be done in time."""

    NOTICE = "notice"
    DECISION = "decision"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Watched:
    """A case with what its clocks depend on: since when it stands as it does, when its customer was first told, whether
    he has paid."""

    case: Case
    since: datetime
    told_at: datetime | None
    is_paid: bool


@dataclass(frozen=True, slots=True)
class Running:
    """A clock that runs."""

    case_id: str
    level: Level
    began_at: datetime
    due_at: datetime

    @property
    def escalates_at(self) -> datetime:
        """When a person is told."""
        return self.began_at + (self.due_at - self.began_at) * ESCALATE_AT


def running(watched: Watched, config: ServiceConfig) -> list[Running]:
    """The clocks that run for a case now."""
    case, found = watched.case, []

    def add(level: Level, began_at: datetime, seconds: float) -> None:
        found.append(Running(case.case_id, level, began_at, began_at + timedelta(seconds=seconds)))

    if case.status in (CaseStatus.OPEN, CaseStatus.ASKED) and watched.told_at is None and watched.is_paid:
        add(Level.NOTICE, case.opened_at, config.notice_within_seconds)
    if case.status is CaseStatus.NEEDS_PERSON:
        add(Level.DECISION, watched.since, config.decide_within_seconds)
    if case.status in (CaseStatus.ACTING, CaseStatus.NEEDS_PERSON) and case.chosen in MONEY:
        # A case that goes to and fro between machine and person began no later than its customer's time ended.
        began_at = min(watched.since, case.deadline_at or watched.since)
        add(Level.REFUND, began_at, config.refund_within_seconds)
    return found


def to_escalate(watched: Sequence[Watched], config: ServiceConfig, now: datetime) -> list[Running]:
    """The clocks a person has to hear of."""
    clocks = [one for case in watched for one in running(case, config)]
    return [one for one in clocks if now >= one.escalates_at]


SENTENCES = {
    Level.NOTICE: "the customer of case {case} was not told yet; write to him by {due} ({owner}); see: syncd questions",
    Level.DECISION: "case {case} waits for a person; decide by {due} ({owner}) with: syncd cases choose {case} refund",
    Level.REFUND: "the money of case {case} is to be back by {due} ({owner}); see: syncd refunds",
}


def sentence(clock: Running, case: Case) -> str:
    """What the person is told."""
    owner = f"owner: {case.owner}" if case.owner else "nobody's yet"
    return SENTENCES[clock.level].format(case=case.case_id, due=f"{clock.due_at:%Y-%m-%d %H:%M} UTC", owner=owner)

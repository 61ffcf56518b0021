"""Tells a person before a deadline of ours is missed, once for each, and stops asking when it is met."""

from __future__ import annotations

from datetime import datetime

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close, open_subjects
from syncd.db import Database
from syncd.ledger.service import Writer
from syncd.shortage.case import CaseStatus
from syncd.shortage.levels import ServiceConfig, sentence, to_escalate
from syncd.shortage.store import read_cases
from syncd.shortage.store_figures import read_watched
from syncd.shortage.store_timeline import append
from syncd.shortage.timeline import BY_ITSELF, Entry, EntryKind
from syncd.telemetry import Event, log

WATCHED = (CaseStatus.OPEN, CaseStatus.ASKED, CaseStatus.ACTING, CaseStatus.NEEDS_PERSON)


class LevelWatch:
    """The clocks of all cases."""

    def __init__(self, db: Database, writer: Writer, config: ServiceConfig) -> None:
        self._db = db
        self._writer = writer
        self._config = config

    async def follow(self, now: datetime, counts: dict[str, int]) -> None:
        """Ask about every clock that runs out, and close what was asked about those that run no more."""
        async with self._db.read() as conn:
            cases = {one.case_id: one for one in await read_cases(conn, WATCHED)}
            watched = await read_watched(conn, list(cases.values()))
            asked = await open_subjects(conn, Topic.DEADLINE)
        wanted = {f"{one.case_id}/{one.level}": one for one in to_escalate(watched, self._config, now)}
        for subject, clock in wanted.items():
            if subject in asked:
                continue
            case = cases[clock.case_id]
            said = sentence(clock, case)
            entry = Entry(
                now, EntryKind.NOTE, BY_ITSELF, f"a person was told: {clock.level} due {clock.due_at:%d %b %H:%M}"
            )
            await self._writer.write(ask(Question(Topic.DEADLINE, subject, said, now)), append(case.case_id, entry))
            log(Event.CASE_ESCALATED, channel=case.channel, case_id=case.case_id, clock=clock.level.value)
            counts["escalated"] = counts.get("escalated", 0) + 1
        for subject in sorted(asked - wanted.keys()):
            await self._writer.write(close(Topic.DEADLINE, subject, now))

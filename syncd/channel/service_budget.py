"""Remembers across restarts what the channels' days have cost in calls."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from syncd.channel.service import ChannelLine
from syncd.channel.store import book, read_booked
from syncd.db import Database
from syncd.identity import ChannelName
from syncd.ledger.service import Writer


class BudgetService:
    """One per process; a line with no limit for the day costs nothing here."""

    def __init__(self, db: Database, writer: Writer, lines: Mapping[ChannelName, ChannelLine]) -> None:
        self._db = db
        self._writer = writer
        self._lines = lines

    async def begin(self, now: datetime) -> None:
        """Go on from what was spent of this day before the start."""
        async with self._db.read() as conn:
            booked = await read_booked(conn)
        for name, (day, calls) in booked.items():
            if name in self._lines:
                self._lines[name].budget.remember(day, calls, now)

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Write down what was spent, a few calls ahead; seldom anything is due."""
        due = {name: told for name, line in self._lines.items() if (told := line.budget.to_book(now)) is not None}
        if due:
            await self._writer.write(book(due))
        return {}

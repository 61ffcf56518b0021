"""Remembers across restarts what the channels' days have cost in calls, and goes by a channel's own meter where it has
one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from syncd.channel.port import MetersCalls
from syncd.channel.service import ChannelLine
from syncd.channel.store import book, read_booked
from syncd.db import Database
from syncd.errors import RemoteError
from syncd.fence import covers_channel
from syncd.identity import ChannelName
from syncd.ledger.service import Writer

METER_EVERY = timedelta(minutes=10)
"""How often a channel's own meter is read; eBay asks for no more than every few minutes."""


class BudgetService:
    """One per process; a line with no limit for the day costs nothing here."""

    def __init__(self, db: Database, writer: Writer, lines: Mapping[ChannelName, ChannelLine]) -> None:
        self._db = db
        self._writer = writer
        self._lines = lines
        self._meter_at: dict[ChannelName, datetime] = {}
        self._mine: set[ChannelName] = set(lines)

    async def begin(self, now: datetime) -> None:
        """Go on from what was spent of this day before the start."""
        async with self._db.read() as conn:
            booked = await read_booked(conn)
        for name, (day, calls) in booked.items():
            if name in self._lines:
                self._lines[name].budget.remember(day, calls, now)

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Read the meters that are due, and write down what was spent, a few calls ahead; seldom anything is due."""
        mine = {name: line for name, line in self._lines.items() if covers_channel(name, self._lines)}
        if mine.keys() - self._mine:
            await self.begin(now)  # another node has spent some of the day
        self._mine = set(mine)
        for name, line in mine.items():
            if isinstance(line.channel, MetersCalls) and self._meter_at.get(name, now) <= now:
                self._meter_at[name] = now + METER_EVERY
                await self._read_meter(line, line.channel, now)
        due = {name: told for name, line in mine.items() if (told := line.budget.to_book(now)) is not None}
        if due:
            await self._writer.write(book(due))
        return {}

    async def _read_meter(self, line: ChannelLine, channel: MetersCalls, now: datetime) -> None:
        """Past the line's own gate: the meter costs none of the calls it counts, and is wanted most when they are gone.

        Without it our own count goes on; a fault is told once, as every other of the channel.
        """
        try:
            meter = await channel.read_meter()
        except RemoteError as fault:
            line.report(fault)
            return
        if meter is not None:
            line.budget.take_meter(meter, now)

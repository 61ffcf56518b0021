"""Forgets what is older than the configured limit, a bounded number of entries at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from syncd.db import Database
from syncd.journal.entry import JournalConfig
from syncd.journal.store import forget, outdated
from syncd.ledger.service import Writer

FORGOTTEN_MAX = 5_000
"""Entries forgotten in one run."""


class JournalService:
    """Keeps the journal as long as the operator wants it."""

    def __init__(self, db: Database, writer: Writer, config: JournalConfig) -> None:
        self._db = db
        self._writer = writer
        self._config = config

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Forget the oldest entries that are past their time; returns how many positions."""
        async with self._db.read() as conn:
            position = await outdated(conn, now - timedelta(days=self._config.keep_days), FORGOTTEN_MAX)
        if position is None:
            return {}
        await self._writer.write(forget(position))
        return {"forgotten_to": position}

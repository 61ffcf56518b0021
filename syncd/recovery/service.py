"""Catches a restored store up with the world: orders first, then every listing and its counter. Pushes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from syncd.clock import Clock
from syncd.db import Database
from syncd.ledger.service import Writer
from syncd.orders.service import IntakeService
from syncd.orders.store import read_cursor
from syncd.push.store import read_hold
from syncd.reconcile.service import SweepService
from syncd.recovery.recovery import RESTORED, Caught, Standing, shortfall
from syncd.recovery.store import distrust, read_standing

ROUNDS_MAX = 200
"""Runs of the intake, each of many pages, after which a channel's list of orders is taken to have no end."""

LAG_MARGIN = timedelta(seconds=30)
"""How much longer than its own lag a channel's list of orders is waited for."""


class RecoveryService:
    """One channel's catching up. What is committed is committed: begun again it goes on where it was."""

    def __init__(
        self, db: Database, writer: Writer, intake: IntakeService, sweep: SweepService, *, clock: Clock
    ) -> None:
        self._db = db
        self._writer = writer
        self._intake = intake
        self._sweep = sweep
        self._clock = clock
        self.name = intake.name

    async def hold(self) -> None:
        """Push nothing to the channel, and take nothing for unsent; where that was done before, nothing changes."""
        async with self._db.read() as conn:
            hold = await read_hold(conn, self.name)
        if hold is None or hold.reason != RESTORED:
            await self._writer.write(*distrust([self.name], self._clock.now()))

    async def catch_up(self, lag_seconds: float) -> Caught:
        """Take in every order until now, then read every listing. Only then is it known what a listing may show.

        Orders are waited for until the channel's list, which lags by so many seconds, tells of the moment this began.
        """
        before = await self._standing()
        needed_at = self._clock.now()
        fault = await self._orders(needed_at.replace(microsecond=0), needed_at + timedelta(seconds=lag_seconds))
        listings = 0
        if not fault:
            counts = await self._sweep.run_once(self._clock.now())
            listings = counts.get("listings", 0)
            fault = "its listings could not be read" if "interrupted" in counts else ""
        if not fault:
            self._intake.take_over()
            await self._intake.run_once(self._clock.now())  # a sale between the two has its order, or stays in flight
        return Caught(self.name, before, await self._standing(), listings, fault)

    async def _orders(self, needed_at: datetime, until_at: datetime) -> str:
        for _ in range(ROUNDS_MAX):
            self._intake.take_over()
            counts = await self._intake.run_once(self._clock.now())
            if "interrupted" in counts:
                return "its orders could not be read"
            async with self._db.read() as conn:
                cursor = await read_cursor(conn, self.name)
            missing = shortfall(cursor.watermark_at if cursor else None, needed_at)
            if not missing or self._clock.now() > until_at + LAG_MARGIN:
                return missing
            await self._clock.sleep(1.0)
        return f"its list of orders has no end in {ROUNDS_MAX} looks"

    async def _standing(self) -> Standing:
        async with self._db.read() as conn:
            return await read_standing(conn, self.name)

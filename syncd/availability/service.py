"""Follows the log of movements and keeps up how fast each SKU sells: apart from the hot path, in few writes."""

from __future__ import annotations

from datetime import datetime, timedelta

from syncd.availability.ats import AvailabilityConfig
from syncd.availability.pace import Heard, Pace, slowed
from syncd.availability.scarcity import ScarcityPolicy
from syncd.availability.store import (
    PACE_FOLD,
    Way,
    named,
    position_before,
    read_delays,
    read_velocities,
    save_delays,
    save_fold,
    save_velocities,
    select_fold,
)
from syncd.availability.velocity import STEADY
from syncd.db import Database
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, View, mark_touched, read_movements

PAGE_MOVEMENTS = 2_000
"""Movements one run counts in."""

FORGOTTEN = 8 * STEADY
"""Older sales are worth less than a hundredth and are not looked for when the first run begins."""

COOLING = timedelta(hours=1)
"""How often SKUs are looked through that sell no more as they did."""


class PaceService:
    """One per store; a second one that counts at the same time finds its work done."""

    def __init__(self, db: Database, writer: Writer, config: AvailabilityConfig) -> None:
        self._db = db
        self._writer = writer
        self._config = config
        self._cooled_at: datetime | None = None

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Count in what was sold since; once an hour mark what no longer sells as fast. Returns counts."""
        counts: dict[str, int] = {}
        await self._count(now, counts)
        if self._cooled_at is None:
            self._cooled_at = now  # a start has marked everything
        elif now - self._cooled_at >= COOLING:
            await self._cool(self._cooled_at, now, counts)
            self._cooled_at = now
        return counts

    async def _count(self, now: datetime, counts: dict[str, int]) -> None:
        async with self._db.read() as conn:
            known = (await conn.execute(select_fold(PACE_FOLD))).scalar_one_or_none()
            after = await position_before(conn, now - FORGOTTEN) if known is None else int(known)
            page = await read_movements(conn, after=after, limit=PAGE_MOVEMENTS)
            if not page:
                return
            sales = [heard for one in page if (heard := Heard(one.movement, one.recorded_at)).is_sale]
            pace = Pace(await read_velocities(conn, named((one.movement.sku, one.channel) for one in sales)))
            pace.heard = {name: one for (name, way), one in (await read_delays(conn)).items() if way is Way.HEARD}
        pace.take(sales)
        writes = [save_fold(PACE_FOLD, page[-1].position)]
        if sales:
            writes += [save_velocities(pace.velocities), save_delays(pace.heard, Way.HEARD, now)]

        def decide(view: View) -> Plan[None]:
            reached = view.rows[0][0]["position"] if view.rows[0] else None
            if reached != known:
                return Plan(None, refusal="another process has counted these")
            return Plan(None, writes=tuple(writes))

        await self._writer.submit(Command(decide, reads=(select_fold(PACE_FOLD),)))
        if sales:
            counts["sales"] = len(sales)

    async def _cool(self, before: datetime, now: datetime, counts: dict[str, int]) -> None:
        async with self._db.read() as conn:
            velocities = await read_velocities(conn)
            delays = await read_delays(conn)
        assumed = self._config.propagation_seconds
        seconds = sum(max([one.seconds for (_, w), one in delays.items() if w is way] or [assumed]) for way in Way)
        policy = ScarcityPolicy(chance=self._config.oversell_chance, units_max=self._config.scarce_units_max)
        skus = slowed(velocities, before, now, policy, seconds)
        if skus:
            await self._writer.write(mark_touched(skus))
            counts["slower"] = len(skus)

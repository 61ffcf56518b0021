"""Follows the log of movements and keeps up how fast each SKU sells: apart from the hot path, in few writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from syncd.availability.ats import Policies
from syncd.availability.pace import Figures, Heard, Pace, decided_otherwise, perhaps_scarce
from syncd.availability.store import (
    PACE_FOLD,
    named,
    position_before,
    read_delays,
    read_fold,
    read_offered,
    read_velocities,
    save_delays,
    save_fold,
    save_velocities,
    select_fold,
)
from syncd.availability.velocity import STEADY, Delay, Way
from syncd.db import Database
from syncd.identity import ChannelName, Sku
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, Verdict, View, Write, read_movements

PAGE_MOVEMENTS = 2_000
"""Movements one run counts in."""

FORGOTTEN = 8 * STEADY
"""Older sales are worth less than a hundredth and are not looked for when the first run begins."""

COOLING = timedelta(minutes=15)
"""How often SKUs are looked through that sell no more as they did: a quarter of a rush's half-life."""


class PaceService:
    """One per store; a second one that counts at the same time finds its work done."""

    def __init__(self, db: Database, writer: Writer, policies: Policies) -> None:
        self._db = db
        self._writer = writer
        self._policies = policies
        self._cooled_at: datetime | None = None
        self._reckoned: Mapping[tuple[ChannelName, Way], Delay] = {}

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Count in what was sold since, and mark the SKUs whose last units are to be shown in another way: now that
        this is known, now that news takes longer or shorter, or, looked for now and then, because they sell no more as
        they did. Returns counts.
        """
        counts: dict[str, int] = {}
        if self._cooled_at is None:  # a start has marked everything
            self._cooled_at, self._reckoned = now, await self._delays()
        await self._count(now, counts)
        delays = await self._delays()
        cooling = now - self._cooled_at >= COOLING
        due = cooling or _steps(delays) != _steps(self._reckoned)
        if due and await self._look_through(now if cooling else None, delays, counts):
            self._reckoned = delays
            self._cooled_at = now if cooling else self._cooled_at
        return counts

    async def _delays(self) -> Mapping[tuple[ChannelName, Way], Delay]:
        async with self._db.read() as conn:
            return await read_delays(conn)

    async def _count(self, now: datetime, counts: dict[str, int]) -> None:
        async with self._db.read() as conn:
            known = await read_fold(conn, PACE_FOLD)
            after = await position_before(conn, now - FORGOTTEN) if known is None else known
            page = await read_movements(conn, after=after, limit=PAGE_MOVEMENTS)
            if not page:
                return
            sales = [heard for one in page if (heard := Heard(one.movement, one.recorded_at)).is_sale]
            skus = named((one.movement.sku, one.channel) for one in sales)
            before = Figures(await read_velocities(conn, skus), await read_delays(conn))
            offered = await read_offered(conn, skus)
        lateness = {name: one for (name, way), one in before.delays.items() if way is Way.HEARD}
        pace = Pace(dict(before.velocities), lateness)
        pace.take(sales)
        writes = [save_fold(PACE_FOLD, page[-1].position)]
        if sales:
            writes += [save_velocities(pace.velocities), save_delays(pace.heard, Way.HEARD, now)]
            counts["sales"] = len(sales)
        after_these = Figures(pace.velocities, before.delays)
        await self._write(known, writes, decided_otherwise(before, after_these, offered, self._policies))

    async def _look_through(
        self, now: datetime | None, delays: Mapping[tuple[ChannelName, Way], Delay], counts: dict[str, int]
    ) -> bool:
        """Judge every SKU anew by these delays, with its pace as of `now` if that is given. False: look again."""
        async with self._db.read_at_length() as conn:
            known = await read_fold(conn, PACE_FOLD)
            before = Figures(await read_velocities(conn), self._reckoned)
            after = Figures(before.velocities, delays)
            if now is not None:
                after = after.cooled(now)
            scarce = perhaps_scarce(before, self._policies) | perhaps_scarce(after, self._policies)
            offered: Mapping[Sku, Collection[ChannelName]] = await read_offered(conn, sorted(scarce))
        otherwise = decided_otherwise(before, after, offered, self._policies)
        if not otherwise:
            return True
        cooled = {key: one for key, one in after.velocities.items() if key[0] in otherwise}
        counts["judged_otherwise"] = len(otherwise)
        return await self._write(known, [save_velocities(cooled)], otherwise)

    async def _write(self, known: int | None, writes: list[Write], marks: set[Sku]) -> bool:
        """False: another process has counted meanwhile, and nothing was written."""

        def decide(view: View) -> Plan[None]:
            reached = view.rows[0][0]["position"] if view.rows[0] else None
            if reached != known:
                return Plan(None, refusal="another process has counted these")
            return Plan(None, writes=tuple(writes), marks=frozenset(marks))

        outcome = await self._writer.submit(Command(decide, reads=(select_fold(PACE_FOLD),)))
        return outcome.verdict is not Verdict.REFUSED


def _steps(delays: Mapping[tuple[ChannelName, Way], Delay]) -> dict[tuple[ChannelName, Way], float]:
    return {key: one.seconds for key, one in delays.items()}

"""Ends promises whose time is over: unpaid orders give their units back once the channel itself has given them up."""

from __future__ import annotations

import asyncio
from datetime import datetime

from syncd.db import Database
from syncd.ledger.movement import Movement, Reason, available, reserved
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, Verdict, View
from syncd.reservation.hold import HoldStatus, Reservation
from syncd.reservation.store import read_expired, reservation_of, save_reservations, select_reservation
from syncd.telemetry import Event, log

EXPIRED_MAX = 500
"""Reservations one run ends."""


class ExpiryService:
    """Expires reservations. One per process."""

    def __init__(self, db: Database, writer: Writer) -> None:
        self._db = db
        self._writer = writer

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Give back what has expired; returns how many reservations ended."""
        async with self._db.read() as conn:
            expired = await read_expired(conn, now, EXPIRED_MAX)
        outcomes = await asyncio.gather(*(self._writer.submit(_expire(one)) for one in expired))  # one transaction
        ended = 0
        for one, outcome in zip(expired, outcomes, strict=True):
            fields = {"channel": one.channel, "order_key": one.order_key, "sku": one.sku}
            if outcome.value:
                ended += 1
                log(Event.RESERVATION_EXPIRED, **fields, quantity=outcome.value)
            elif outcome.verdict is not Verdict.POSTED:  # the ledger holds less than was promised
                log(Event.INVARIANT_BROKEN, **fields, explanation=outcome.explanation)
        return {"expired": ended} if ended else {}


def _expire(seen: Reservation) -> Command[int]:
    """End one reservation if it still is what was seen to expire; returns the units given back."""

    def decide(view: View) -> Plan[int]:
        if not view.rows[0]:
            return Plan(0)
        now = reservation_of(view.rows[0][0])
        if now.expires_at is None or now.expires_at > view.now or not now.open:
            return Plan(0)
        key = f"expiry:{now.reservation_id}:{now.released}"
        back = Movement(
            key,
            now.sku,
            now.open,
            reserved(now.location),
            available(now.location),
            Reason.RESTOCK,
            view.now,
            now.order_key,
            "expiry",
        )
        return Plan(now.open, (back,), (save_reservations([now.release(now.open, HoldStatus.EXPIRED)]),))

    return Command(decide, skus=frozenset({seen.sku}), reads=(select_reservation(seen.reservation_id),))

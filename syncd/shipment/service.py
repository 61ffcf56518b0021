"""Tells channels of the parcels suppliers sent; what a channel will not hear becomes a person's task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask
from syncd.channel.port import AcknowledgesShipments
from syncd.channel.service import ChannelLine
from syncd.channel.throttle import Urgency
from syncd.clock import Clock
from syncd.db import Database
from syncd.errors import ChannelProtocolError, ChannelUnavailable, RateLimited, RemoteError
from syncd.fence import covers_channel
from syncd.identity import ChannelName
from syncd.ledger.service import Writer
from syncd.orders.store import read_orders_of_lines
from syncd.reservation.store import read_demands_of_lines
from syncd.shipment.notice import Telling, tellings
from syncd.supply.parcel import ATTEMPTS_MAX, ParcelStatus
from syncd.supply.store_parcel import read_parcels, save_parcels
from syncd.telemetry import Event, log


class ShipmentService:
    """Parcels of the channels this node works for. One per process."""

    def __init__(self, db: Database, writer: Writer, lines: Mapping[ChannelName, ChannelLine], *, clock: Clock) -> None:
        self._db = db
        self._writer = writer
        self._lines = lines
        self._clock = clock

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Tell of what waits; returns how many parcels were told of. The same parcel told twice is one."""
        async with self._db.read() as conn:
            waiting = await read_parcels(conn, status=ParcelStatus.WAITING)
            mine = [one for one in waiting if covers_channel(one.channel, self._lines)]
            due = [one for one in mine if one.next_attempt_at is None or one.next_attempt_at <= now]
            lines = [(one.channel, one.line_id) for one in due]
            orders = await read_orders_of_lines(conn, lines)
            demands = await read_demands_of_lines(conn, lines)
        known = {(one.channel, one.line_id, one.sku): one for one in demands}
        told = 0
        for telling in tellings(due, orders, known):
            told += await self._tell(telling, now)
        return {"told": told} if told else {}

    async def _tell(self, telling: Telling, now: datetime) -> int:
        line = self._lines.get(telling.channel)
        channel = line.channel if line else None
        if line is None or not isinstance(channel, AcknowledgesShipments):
            cannot = "cannot be told by machine" if line is not None else "is only observed"
            await self._by_hand(telling, f"{telling.channel} {cannot}", now)
            return 0
        if line.refusal("acknowledge_shipment", now, Urgency.ROUTINE) is not None:
            return 0
        try:
            await line.call("acknowledge_shipment", lambda: channel.acknowledge_shipment(telling.notice))
        except RateLimited:
            return 0
        except (ChannelUnavailable, ChannelProtocolError) as fault:
            await self._later(telling, fault, now)
            return 0
        except RemoteError as fault:
            await self._by_hand(telling, str(fault), now)
            return 0
        done = [replace(one, status=ParcelStatus.TOLD, next_attempt_at=None) for one in telling.parcels]
        await self._writer.write(save_parcels(done))
        log(Event.PARCEL_TOLD, channel=telling.channel, reference=telling.notice.reference)
        return len(done)

    async def _later(self, telling: Telling, fault: RemoteError, now: datetime) -> None:
        tried = [one.tried(now) for one in telling.parcels]
        kept = [one for one in tried if one is not None]
        if len(kept) < len(tried):
            await self._by_hand(telling, f"tried {ATTEMPTS_MAX} times; the last said: {fault}", now)
        else:
            await self._writer.write(save_parcels(kept))

    async def _by_hand(self, telling: Telling, why: str, now: datetime) -> None:
        notice, first = telling.notice, telling.parcels[0]
        number = f", number {notice.tracking_number}" if notice.tracking_number else ""
        by = f" by {notice.carrier}" if notice.carrier else ""
        sentence = (
            f"{first.supplier} has sent goods of order {notice.order_id}{by}{number}: enter it on {telling.channel} "
            f"yourself: {why}"
        )
        question = ask(Question(Topic.SHIPMENT, notice.reference, sentence, now))
        parcels = [replace(one, status=ParcelStatus.NEEDS_PERSON, next_attempt_at=None) for one in telling.parcels]
        await self._writer.write(save_parcels(parcels), question)
        log(Event.PARCEL_REFUSED, channel=telling.channel, reference=notice.reference, explanation=why)

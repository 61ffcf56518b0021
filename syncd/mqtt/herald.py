"""Tells a broker, without being asked, what there is of each SKU, what moved, and how much waits for a person.

Nothing is queued here. What has to be told is read from the log, from just after the position up to which the broker
was told; that position is a retained message at the broker itself. So a broker that was down, or that came back with
an older state, or empty, is told exactly what it lacks: retained values are made true again, and events follow on.
Somebody may hear an event twice; its id is the position of the movement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.attention.store import count_open, question
from syncd.availability.store import read_fold, save_fold
from syncd.clock import Clock
from syncd.db import Database
from syncd.identity import Sku
from syncd.ledger.balance import stock_levels
from syncd.ledger.service import Writer
from syncd.ledger.store import last_position, movement, read_balances, read_movements, read_stocked_skus
from syncd.mqtt.topics import (
    Topics,
    attention_payload,
    availability_payload,
    movement_payload,
    told_payload,
    told_position,
)
from syncd.product.store import read_products
from syncd.shortage.store import count_waiting, shortage_case

PAGE = 500
"""Movements, or SKUs, told in one go."""

UNDER_WAY_MAX = 50
"""Messages the broker may have to acknowledge at one time: a scan's result waits behind no more than these."""

LOOK_SECONDS = 1.0
"""How long nothing may be looked for although nobody woke us."""

KEEP_SECONDS = 10.0
"""How often the position is written down on our side too, for a broker that comes back empty."""

FOLD = "mqtt"


@dataclass(frozen=True, slots=True)
class Message:
    """One message, sent until the broker has it."""

    topic: str
    payload: bytes
    is_retained: bool = False


Publish = Callable[[Message], Coroutine[Any, Any, None]]


class Herald:
    """One per process; it speaks to one broker, connection after connection."""

    def __init__(self, db: Database, writer: Writer, topics: Topics, clock: Clock) -> None:
        self._db = db
        self._writer = writer
        self._topics = topics
        self._clock = clock
        self._woken = writer.listen(movement, question, shortage_case)
        self._kept_at = clock.monotonic()

    async def run(self, note: bytes | None, publish: Publish) -> None:
        """Tell everything this broker lacks, then everything that happens, until cancelled.

        `note` is what it holds on the topic `told`, None if nothing. Raises what `publish` raises.
        """
        position = await self._begin(None if note is None else told_position(note), publish)
        waiting: tuple[int, int] | None = None
        while True:
            self._woken.clear()
            position = await self._tell_movements(position, publish)
            waiting = await self._tell_attention(waiting, publish)
            await self._pause()

    async def _begin(self, told: int | None, publish: Publish) -> int:
        """The position to go on from. A broker without a note of ours, or with one of another log, is told all."""
        async with self._db.read() as conn:
            last, kept = await last_position(conn), await read_fold(conn, FOLD)
        if told is not None and told <= last:
            return told
        await self._tell_stock(publish)
        begun = last if kept is None else min(kept, last)
        await self._note(begun, publish)
        await self._keep(begun)
        return begun

    async def _tell_stock(self, publish: Publish) -> None:
        after = ""
        while True:
            async with self._db.read() as conn:
                skus = await read_stocked_skus(conn, after=after, limit=PAGE)
                messages = await self._availability(conn, skus)
            await _send(messages, publish)
            if len(skus) < PAGE:
                return
            after = skus[-1]

    async def _tell_movements(self, position: int, publish: Publish) -> int:
        """Everything after a position, page by page; returns the position reached."""
        while True:
            async with self._db.read() as conn:
                page = await read_movements(conn, after=position, limit=PAGE)
                if not page:
                    return position
                skus = sorted({one.movement.sku for one in page})
                stock = await self._availability(conn, skus)
            events = [Message(self._topics.movements, movement_payload(one)) for one in page]
            await _send([*stock, *events], publish)
            position = page[-1].position
            await self._note(position, publish)
            if self._clock.monotonic() - self._kept_at >= KEEP_SECONDS:
                await self._keep(position)

    async def _availability(self, conn: AsyncConnection, skus: Sequence[Sku]) -> list[Message]:
        position = await last_position(conn)
        levels = stock_levels(await read_balances(conn, skus))
        products = await read_products(conn, skus)
        found: list[Message] = []
        for sku in skus:
            title = products[sku].title if sku in products else ""
            own = [level for level in levels if level.sku == sku]
            payload = availability_payload(sku, title, own, position)
            found.append(Message(self._topics.availability(sku), payload, is_retained=True))
        return found

    async def _tell_attention(self, before: tuple[int, int] | None, publish: Publish) -> tuple[int, int]:
        async with self._db.read() as conn:
            waiting = await count_open(conn), await count_waiting(conn)
        if waiting != before:
            await publish(Message(self._topics.attention, attention_payload(*waiting), is_retained=True))
        return waiting

    async def _note(self, position: int, publish: Publish) -> None:
        await publish(Message(self._topics.told, told_payload(position), is_retained=True))

    async def _keep(self, position: int) -> None:
        self._kept_at = self._clock.monotonic()
        await self._writer.write(save_fold(FOLD, position))

    async def _pause(self) -> None:
        waits = [asyncio.create_task(self._woken.wait()), asyncio.create_task(self._clock.sleep(LOOK_SECONDS))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)


async def _send(messages: Iterable[Message], publish: Publish) -> None:
    """Publish in order, some at a time; returns once the broker has them all."""
    waiting = list(messages)
    for start in range(0, len(waiting), UNDER_WAY_MAX):
        async with asyncio.TaskGroup() as group:
            for message in waiting[start : start + UNDER_WAY_MAX]:
                group.create_task(publish(message))

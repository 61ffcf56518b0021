"""Answers the questions of the scanner page, and takes in what a person says an unknown code means."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close
from syncd.clock import Clock
from syncd.db import Database
from syncd.identity import Sku
from syncd.ledger.service import Writer
from syncd.product.barcode import Barcode, known_as
from syncd.product.element_string import read
from syncd.product.product import Coded
from syncd.product.store import read_code, read_products, save_barcode, search_products
from syncd.reservation.store import read_held_at
from syncd.scanner.floor import PickOrder, Thing, thing, to_pick
from syncd.scanner.store import read_numbers_to_pick

PICKS_MAX = 200
"""Reservations shown as work at one place; further ones show when these are done."""

FOUND_MAX = 20
"""Products a search shows."""


class Floor:
    """One per process."""

    def __init__(self, db: Database, writer: Writer, clock: Clock) -> None:
        self._db = db
        self._writer = writer
        self._clock = clock

    async def look(self, text: str) -> Thing | None:
        """What a scanned text means; None for what nobody knows."""
        async with self._db.read() as conn:
            coded = await read_code(conn, read(text).code)
            return None if coded is None else thing(coded, await _titles(conn, [coded.sku]))

    async def search(self, words: str) -> list[Thing]:
        """Products whose SKU or title holds the words."""
        async with self._db.read() as conn:
            return [
                thing(Coded(one.sku), {one.sku: one.title}) for one in await search_products(conn, words, FOUND_MAX)
            ]

    async def picks(self, place: str) -> list[PickOrder]:
        """What waits to be picked at a place, the oldest promise first."""
        async with self._db.read() as conn:
            held = await read_held_at(conn, place, PICKS_MAX)
            numbers = await read_numbers_to_pick(conn, {one.order_key for one in held})
            return to_pick(held, numbers, await _titles(conn, {one.sku for one in held}))

    async def link(self, text: str, sku: Sku, units: int) -> Thing | None:
        """A code means so many units of a SKU from now on; None if there is no such SKU.

        Raises ValueError with one sentence for what is no barcode. Its question is closed.
        """
        async with self._db.read() as conn:
            titles = await _titles(conn, [sku])
        if sku not in titles:
            return None
        code = read(text).code
        found = Barcode(known_as(code), units)
        await self._writer.write(save_barcode(sku, found), close(Topic.CODE, found.code, self._clock.now()))
        return thing(Coded(sku, units), titles)

    async def note(self, text: str, place: str, actor: str) -> None:
        """Nobody on the floor knows a code: somebody else is asked."""
        now: datetime = self._clock.now()
        code = known_as(read(text).code)
        sentence = (
            f"{actor} scanned {code} at {place}, and nobody knows what it is: find out, then: "
            f"syncd product barcode add SKU {code}"
        )
        await self._writer.write(ask(Question(Topic.CODE, code, sentence, now)))


async def _titles(conn: AsyncConnection, skus: Collection[Sku]) -> dict[Sku, str]:
    return {sku: one.title for sku, one in (await read_products(conn, list(skus))).items()}

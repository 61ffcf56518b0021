"""Reads what one supplier answers later, and takes it in: each answer as often as it comes, to the same end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask
from syncd.clock import Clock
from syncd.db import Database
from syncd.errors import RemoteError
from syncd.identity import SupplierName
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, View, Write
from syncd.reservation.store import demand_of, select_demands_of_lines
from syncd.supply.answer import Heard, hear
from syncd.supply.port import AnswersLater, PurchaseAnswer, Supplier
from syncd.supply.purchase_order import PurchaseOrder
from syncd.supply.store import purchase_orders_of, read_purchase_orders, select_purchase_orders
from syncd.supply.store_answer import Answered, answer_writes
from syncd.supply.store_parcel import parcel_of, read_answer_cursor, save_answer_cursor, save_parcels, select_parcels
from syncd.telemetry import Event, log

PROBLEMS_TOLD_MAX = 20
"""Answers that cannot be read, logged one by one; all are counted."""


class Answers:
    """One supplier's answers."""

    def __init__(self, db: Database, writer: Writer, supplier: Supplier, *, name: SupplierName, clock: Clock) -> None:
        self._db = db
        self._writer = writer
        self._supplier = supplier
        self._clock = clock
        self._fault = ""
        self.name = name

    async def run(self, now: datetime, counts: dict[str, int]) -> None:
        """Take in what is new. How far was read is noted last: after a crash the same answers come again."""
        supplier = self._supplier
        if not isinstance(supplier, AnswersLater):
            return
        async with self._db.read() as conn:
            cursor = await read_answer_cursor(conn, self.name)
        try:
            page = await supplier.fetch_answers(cursor)
        except RemoteError as fault:
            if self._fault != str(fault):
                log(Event.SUPPLIER_UNAVAILABLE, supplier=self.name, explanation=str(fault))
            self._fault = str(fault)
            return
        self._fault = ""
        for problem in page.problems[:PROBLEMS_TOLD_MAX]:
            where = f"{problem.column} line {problem.line}".strip()
            log(Event.ANSWER_REFUSED, supplier=self.name, where=where, explanation=problem.sentence)
        await self._take(page.answers, counts)
        if page.cursor != (cursor or ""):
            await self._writer.write(save_answer_cursor(self.name, page.cursor))

    async def _take(self, answers: Sequence[PurchaseAnswer], counts: dict[str, int]) -> None:
        if not answers:
            return
        async with self._db.read() as conn:
            known = {one.reference: one for one in await read_purchase_orders(conn, supplier=self.name)}
        by_reference: dict[str, list[PurchaseAnswer]] = {}
        for answer in answers:
            by_reference.setdefault(answer.reference, []).append(answer)
        for reference, told in by_reference.items():
            order = known.get(reference)
            if order is None:
                said = f"{reference[:80]!r} is no purchase order of ours to him"
                log(Event.ANSWER_REFUSED, supplier=self.name, where="", explanation=said)
            elif await hear_answers(self._writer, order, told, self._clock.now()):
                counts["answers"] = counts.get("answers", 0) + 1


async def hear_answers(
    writer: Writer, order: PurchaseOrder, answers: Sequence[PurchaseAnswer], now: datetime
) -> Heard | None:
    """Take answers about one purchase order in, judged on how it stands then; None if they change nothing."""

    def decide(view: View) -> Plan[Heard | None]:
        orders = purchase_orders_of(view.rows[1])
        before = next(one for one in orders if one.reference == order.reference)
        others = [one for one in orders if one.reference != order.reference]
        heard = hear(before, answers, [parcel_of(row) for row in view.rows[2]], now)
        if heard.order == before and not heard.parcels and not heard.remarks:
            return Plan(None)
        demands = [demand_of(row) for row in view.rows[0]]
        writes = (
            *answer_writes(Answered(before, heard.order, others, demands), f"{order.supplier} refused it", now),
            save_parcels(heard.parcels),
            *_asked(heard, now),
        )
        return Plan(heard, writes=writes, marks=frozenset(one.sku for one in before.purchases))

    channels = {one.channel for one in order.purchases}
    lines = {one.line_id for one in order.purchases}
    reads = (
        select_demands_of_lines(channels, lines),
        select_purchase_orders([order.order_key]),
        select_parcels(order.reference),
    )
    heard = (await writer.submit(Command(decide, reads=reads))).value
    if heard is not None:
        parcels = len(heard.parcels)
        log(Event.ANSWER_HEARD, supplier=order.supplier, reference=order.reference, parcels=parcels)
    return heard


def _asked(heard: Heard, now: datetime) -> list[Write]:
    """One question for each thing a person has to know, beside the one about the order as a whole."""
    subject = heard.order.reference
    return [
        ask(Question(Topic.PURCHASE_ORDER, f"{subject}/answer{number or ''}", sentence, now))
        for number, sentence in enumerate(heard.remarks)
    ]

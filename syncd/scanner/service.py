"""The one door for hands on shelves: a scan from HTTP, MQTT or the command line becomes movements, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Select
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import SQLAlchemyError

from syncd.attention.question import Topic
from syncd.attention.store import ask, close
from syncd.clock import Clock
from syncd.db import Database
from syncd.errors import SyncdError
from syncd.identity import Sku
from syncd.ledger.location import Locations
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, View, Write
from syncd.ledger.store_look import Look
from syncd.product.product import Coded
from syncd.product.store import read_code
from syncd.reservation.store import (
    demand_of,
    reservation_of,
    save_demands,
    save_reservations,
    select_open_reservations,
)
from syncd.scanner.judgement import Judgement, Shelf, judge, question_subject
from syncd.scanner.scan import QUANTITY_MAX, Problems, Scan, ScanKind, ScanResult, ScanVerdict, parse
from syncd.scanner.store import (
    keep,
    read_order_keys,
    result_of,
    select_moved_since,
    select_promised_demands,
    select_scan,
)
from syncd.telemetry import Event, log

POST_FAULTS = (SyncdError, SQLAlchemyError, ArithmeticError, LookupError, TypeError, ValueError, AssertionError)
"""What `post` may raise: the store's faults, and bugs the writer hands to the one caller they concern."""


class ScanDesk:
    """Posts scans. One per process."""

    def __init__(self, db: Database, writer: Writer, clock: Clock, locations: Locations) -> None:
        self._db = db
        self._writer = writer
        self._clock = clock
        self._locations = locations

    def read(self, payload: object) -> Scan | Problems:
        """A scan from decoded JSON, as of now where it names no moment, or everything that is wrong with it."""
        return parse(payload, now=self._clock.now(), locations=self._locations)

    async def post(self, scan: Scan) -> ScanResult:
        """Post a scan; returns after the commit. The same scan again is told its first result and moves nothing."""
        async with self._db.read() as conn:
            coded = await read_code(conn, scan.code)
            orders = await read_order_keys(conn, scan.order) if scan.order else []
        refused = _refusal(scan, coded, orders)
        if refused is not None or coded is None:
            result = refused or _unknown(scan)
            log(Event.SCAN_REFUSED, scan_id=scan.scan_id, verdict=result.verdict, explanation=result.sentence)
            return result
        done = replace(scan, quantity=scan.quantity * coded.units, order=orders[0] if orders else None)
        outcome = await self._writer.submit(_command(scan, done, coded))
        if outcome.value is None:
            result = ScanResult(scan.scan_id, ScanVerdict.REFUSED, outcome.explanation, coded.sku)
            log(Event.SCAN_REFUSED, scan_id=scan.scan_id, sku=coded.sku, explanation=outcome.explanation)
            return result
        _tell(done, coded.sku, outcome.value)
        return outcome.value.result


def _refusal(scan: Scan, coded: Coded | None, orders: Sequence[str]) -> ScanResult | None:
    """Why a scan is refused before anything is looked at, or None."""
    if coded is None:
        return _unknown(scan)
    sentence = ""
    if abs(scan.quantity) * coded.units > QUANTITY_MAX:
        sentence = f"{scan.quantity} × a pack of {coded.units} is more than {QUANTITY_MAX} units; is that a barcode?"
    elif scan.order and not orders:
        sentence = f"there is no order {scan.order}: scan its number, or its key as `syncd orders` shows it"
    elif len(orders) > 1:
        sentence = f"{scan.order} is the number of several orders: name one by its key: {', '.join(orders)}"
    return ScanResult(scan.scan_id, ScanVerdict.REFUSED, sentence, coded.sku) if sentence else None


def _unknown(scan: Scan) -> ScanResult:
    sentence = (
        f"{scan.code} is no SKU and no barcode that syncd knows: check the label, or make it known with: "
        f"syncd product add {scan.code}"
    )
    return ScanResult(scan.scan_id, ScanVerdict.UNKNOWN_CODE, sentence)


def _command(scan: Scan, done: Scan, coded: Coded) -> Command[Judgement]:
    """Judge what was done on what the transaction itself reads, and write the scan with everything it breaks.

    `done` is the scan in base units and with the key of its order.
    """
    sku = coded.sku

    def decide(view: View) -> Plan[Judgement]:
        known, *rest = view.rows
        if known:
            first = result_of(known[0])
            return Plan(Judgement(_repeat(scan, first, same=known[0]["content"] == scan.content)))
        shelf = _shelf(sku, view, rest)
        judgement = judge(done, shelf)
        if coded.units > 1:
            sentence = f"{judgement.result.sentence} (a pack of {coded.units}, {scan.quantity} times)"
            judgement.result = replace(judgement.result, sentence=sentence)
        return Plan(judgement, tuple(judgement.movements), _writes(scan, shelf, judgement))

    reads: list[Select[Any] | Look] = [select_scan(scan.scan_id)]
    if scan.kind in (ScanKind.COUNTER_SALE, ScanKind.COUNT, ScanKind.PICK):
        reads += [select_open_reservations(sku), select_promised_demands(sku)]
    if scan.kind is ScanKind.COUNT:
        reads.append(select_moved_since(sku, scan.location, scan.at))
    return Command(decide, skus=frozenset({sku}), reads=tuple(reads))


def _shelf(sku: Sku, view: View, rows: Sequence[Sequence[RowMapping]]) -> Shelf:
    """What the reads of a command found; a kind that needs less has read less."""
    open_rows, demand_rows = (rows[0], rows[1]) if len(rows) > 1 else ((), ())
    demands = [demand_of(row) for row in demand_rows]
    return Shelf(
        sku,
        view.balances,
        [reservation_of(row) for row in open_rows],
        {(one.channel, one.line_id): one for one in demands},
        view.now,
        int(rows[2][0]["units"]) if len(rows) > 2 else 0,
    )


def _repeat(scan: Scan, first: ScanResult, *, same: bool) -> ScanResult:
    if same:
        return replace(first, verdict=ScanVerdict.DUPLICATE)
    sentence = f"scan {scan.scan_id} was posted before with other content; give every scan an id of its own"
    return ScanResult(scan.scan_id, ScanVerdict.CONFLICT, sentence, first.sku)


def _writes(scan: Scan, shelf: Shelf, judgement: Judgement) -> tuple[Write, ...]:
    if judgement.result.verdict is not ScanVerdict.POSTED:
        return (ask(judgement.question),) if judgement.question else ()
    writes = [keep(scan, judgement.result, shelf.now)]
    if judgement.reservations:
        writes += [save_reservations(judgement.reservations), save_demands(judgement.demands)]
    if judgement.question:
        writes.append(ask(judgement.question))
    if scan.kind is ScanKind.COUNT:
        writes.append(close(Topic.COUNT, question_subject(scan, shelf.sku), shelf.now))
    return tuple(writes)


def _tell(scan: Scan, sku: Sku, judgement: Judgement) -> None:
    result = judgement.result
    fields = {"scan_id": scan.scan_id, "kind": scan.kind.value, "sku": sku, "location": scan.location}
    if result.verdict in (ScanVerdict.CONFLICT, ScanVerdict.REFUSED):
        log(Event.SCAN_REFUSED, **fields, verdict=result.verdict.value, explanation=result.sentence)
        return
    log(Event.SCAN_ACCEPTED, **fields, quantity=scan.quantity, verdict=result.verdict.value)
    if result.verdict is ScanVerdict.DUPLICATE:
        return
    if result.count is not None:
        count = result.count
        log(
            Event.COUNT_POSTED,
            **fields,
            expected=count.expected,
            counted=count.counted,
            difference=count.difference,
        )
    for event, endings in (
        (Event.RESERVATION_BROKEN, judgement.broken),
        (Event.RESERVATION_FULFILLED, judgement.sent),
    ):
        for one in endings:
            held = one.reservation
            log(event, channel=held.channel, order_key=held.order_key, sku=sku, quantity=one.units)

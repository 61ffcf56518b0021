"""The door for taking a scan back, beside the one for scans."""

from __future__ import annotations

from dataclasses import replace

from syncd.db import Database
from syncd.ledger.movement import part_key
from syncd.ledger.service import Writer
from syncd.ledger.store import Command, Plan, Verdict, View, recorded, select_by_keys
from syncd.reservation.store import reservation_of, save_reservations, select_fulfilled
from syncd.scanner.scan import ScanResult, ScanVerdict
from syncd.scanner.store import read_scan, result_of
from syncd.scanner.undo import Posted, TakenBack, Undo, take_back
from syncd.telemetry import Event, log

MOVEMENTS_MAX = 50
"""Movements of one scan that is taken back; only one that broke promises, which is not, has more."""


class UndoDesk:
    """Takes scans back. One per process."""

    def __init__(self, db: Database, writer: Writer) -> None:
        self._db = db
        self._writer = writer

    async def take_back(self, undo: Undo) -> ScanResult:
        """Take a scan back; returns after the commit. The same wish again changes nothing."""
        keys = [part_key(f"scan:{undo.of}", number) for number in range(MOVEMENTS_MAX)]
        async with self._db.read() as conn:
            kept = await read_scan(conn, undo.of)
            moved = [recorded(row).movement for row in (await conn.execute(select_by_keys(keys))).mappings()]
        first = result_of(kept) if kept else None
        if kept is None or first is None or first.sku is None:
            return ScanResult(undo.of, ScanVerdict.REFUSED, "there is no such scan")
        scan = Posted(first, kept["actor"], kept["happened_at"], moved)
        orders = {one.reference for one in moved if one.reference}
        reads = (select_fulfilled(first.sku, orders),)

        def decide(view: View) -> Plan[TakenBack]:
            taken = take_back(undo, replace(scan, fulfilled=[reservation_of(row) for row in view.rows[0]]))
            writes = (save_reservations(taken.reservations),) if taken.reservations else ()
            return Plan(taken, tuple(taken.movements), writes)

        command = Command(decide, keys=(undo.key,), skus=frozenset({first.sku}), reads=reads)
        outcome = await self._writer.submit(command)
        if outcome.verdict is Verdict.DUPLICATE:
            return ScanResult(undo.of, ScanVerdict.DUPLICATE, "taken back before", first.sku)
        if outcome.value is None:
            return ScanResult(undo.of, ScanVerdict.REFUSED, outcome.explanation, first.sku)
        result = outcome.value.result
        if result.verdict is ScanVerdict.POSTED:
            log(Event.SCAN_WITHDRAWN, scan_id=undo.of, sku=first.sku)
        return result

"""Learns from what happened how much of each supplier's offers may be believed, now and then and in steps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from syncd.db import Database
from syncd.identity import SupplierName
from syncd.ledger.service import Writer
from syncd.supply.offer import SupplierPolicy
from syncd.supply.scorecard import LEARNED_FROM, Trust, score, trust
from syncd.supply.store_scorecard import learn, read_record, read_trust
from syncd.telemetry import Event, log


class ScorecardService:
    """Some suppliers' records. A second one that looks at the same time finds its work done."""

    def __init__(
        self, db: Database, writer: Writer, suppliers: Mapping[SupplierName, SupplierPolicy], *, learns: bool
    ) -> None:
        self._db = db
        self._writer = writer
        self._suppliers = suppliers
        self._learns = learns

    async def run_once(self, now: datetime) -> dict[str, int]:
        """Judge every supplier anew; a belief that has moved a step is written with marks on what he offers."""
        counts: dict[str, int] = {}
        for name, policy in self._suppliers.items():
            async with self._db.read() as conn:
                before = await read_trust(conn, name)
                record = await read_record(conn, name, now - LEARNED_FROM)
            found = trust(score(record.deals, policy.lead_days, now.date())) if self._learns else Trust()
            if found.share == before.share:
                continue  # the record has grown, the belief has not moved
            if (await self._writer.submit(learn(name, before, found))).value:
                counts["learned"] = counts.get("learned", 0) + 1
                log(Event.SUPPLIER_JUDGED, supplier=name, share=str(found.share), kept=found.kept, asked=found.asked)
        return counts

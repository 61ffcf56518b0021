"""Buys what ran short from another supplier: silently while the promised day still holds, or because the customer
waits for it."""

from __future__ import annotations

from datetime import datetime

from syncd.availability.ats import Policies
from syncd.identity import SupplierName
from syncd.ledger.service import Writer
from syncd.ledger.store import Write
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.service_affair import Affair, Affairs
from syncd.shortage.store_buying import Buying, buy
from syncd.shortage.store_steps import Step
from syncd.telemetry import Event, log


class Buyer:
    """Buys for cases."""

    def __init__(self, writer: Writer, affairs: Affairs, policies: Policies) -> None:
        self._writer = writer
        self._affairs = affairs
        self._policies = policies

    async def silently(self, affair: Affair, now: datetime) -> bool:
        """From a supplier with whom the promised day holds: the case ends, and nobody has to be told."""
        case = affair.case
        need = await self._affairs.need(affair, now)
        for one in await self._affairs.alternatives.arrivals(case, need, now):
            if need.promised is None or one.until > need.promised:
                continue
            words = f"bought from {one.supplier}; the promised day holds and nobody had to be told"
            then = case.to(CaseStatus.RESOLVED, resolved_at=now, resolution=words)
            step = await self.order(affair, then, one.supplier)
            if step is Step.NOT_POSSIBLE:
                continue
            if step is Step.TAKEN:
                log(Event.CASE_RESOLVED, channel=case.channel, case_id=case.case_id, resolution=words)
            return True
        return False

    async def order(self, affair: Affair, then: Case, supplier: SupplierName, *writes: Write) -> Step:
        """Order it from one supplier and take the case on with it."""
        policy = self._policies.suppliers.get(supplier)
        if policy is None:
            return Step.NOT_POSSIBLE
        buying = Buying({supplier: policy}, affair.order.ship_to)
        outcome = await self._writer.submit(buy(affair.case, then, buying, *writes))
        return outcome.value or Step.MOVED_ON

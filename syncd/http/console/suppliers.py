"""The suppliers: how old their word is, what it is worth, and which purchase orders wait for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.access.role import OFFICE, STAFF
from syncd.http.console.frame import show
from syncd.http.door import Door, Kind
from syncd.http.parts import PARTS
from syncd.supply.offer import SupplierPolicy
from syncd.supply.purchase_order import PurchaseOrder, PurchaseStatus
from syncd.supply.store import Feed, count_offers, read_feed, read_purchase_orders

WAITING = (PurchaseStatus.DRAFT, PurchaseStatus.SENDING, PurchaseStatus.SENT, PurchaseStatus.BY_HAND)


@dataclass(frozen=True, slots=True)
class SupplierView:
    """One supplier. `offers` are SKUs he offers any of."""

    policy: SupplierPolicy
    feed: Feed | None
    offers: int
    waiting: tuple[PurchaseOrder, ...]

    def is_stale(self, now: datetime) -> bool:
        """Whether his word is too old to promise anything on it."""
        age = None if self.feed is None else (now - self.feed.as_of).total_seconds()
        return age is None or age > self.policy.stale_after_seconds


async def get_suppliers(request: web.Request) -> web.StreamResponse:
    """All of them."""
    parts = request.app[PARTS]
    now = parts.clock.now()
    async with parts.db.read() as conn:
        views = [await _view(conn, policy) for policy in parts.policies.suppliers.values()]
    return show(request, "suppliers", {"suppliers": [(one, one.is_stale(now)) for one in views]})


async def _view(conn: AsyncConnection, policy: SupplierPolicy) -> SupplierView:
    waiting = await read_purchase_orders(conn, supplier=policy.name)
    return SupplierView(
        policy,
        await read_feed(conn, policy.name),
        await count_offers(conn, policy.name),
        tuple(one for one in waiting if one.status in WAITING)[-20:],
    )


DOORS_HERE = (
    Door("GET", "/console/suppliers", get_suppliers, OFFICE & STAFF, Kind.PAGE, summary="Suppliers", nav="Suppliers"),
)

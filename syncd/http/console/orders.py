"""Orders with what is promised for them: newest first, and one by its number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from syncd.access.role import DESK, STAFF
from syncd.channel.port import ChannelOrder
from syncd.http.console.frame import ROWS_MAX, show, some
from syncd.http.door import Door, Kind
from syncd.http.parts import PARTS
from syncd.identity import ChannelName
from syncd.orders.store import channels_of, read_newest, read_orders
from syncd.reservation.hold import Demand, Reservation
from syncd.reservation.store import read_demands, read_reservations
from syncd.shortage.case import Case
from syncd.shortage.store import read_cases_of_order
from syncd.supply.purchase_order import PurchaseOrder
from syncd.supply.store import read_orders_for


@dataclass(frozen=True, slots=True)
class Promise:
    """An order with what covers it."""

    key: str
    channel: ChannelName
    order: ChannelOrder
    demands: Sequence[Demand]
    reservations: Sequence[Reservation]

    @property
    def short(self) -> int:
        """Units nothing covers."""
        return sum(one.short for one in self.demands)

    @property
    def reserved(self) -> int:
        """Units promised and not sent yet."""
        return sum(one.open for one in self.reservations)

    @property
    def sent(self) -> int:
        """Units sent."""
        return sum(one.fulfilled for one in self.reservations)

    @property
    def bought(self) -> int:
        """Units a supplier was asked for."""
        return sum(one.purchased for one in self.demands)


async def get_orders(request: web.Request) -> web.StreamResponse:
    """Newest first."""
    after = request.query.get("after")
    async with request.app[PARTS].db.read() as conn:
        keys, has_more = some(await read_newest(conn, after=after, limit=ROWS_MAX + 1))
        orders = await read_orders(conn, keys)
        channels = await channels_of(conn, keys)
        demands, held = await read_demands(conn, keys), await read_reservations(conn, keys)
    promises = [
        Promise(
            key,
            channels[key],
            orders[key],
            [one for one in demands if one.order_key == key],
            [one for one in held if one.order_key == key],
        )
        for key in keys
    ]
    return show(request, "orders", {"promises": promises, "after": keys[-1] if has_more else ""})


async def get_order(request: web.Request) -> web.StreamResponse:
    """One order: each line's need, what covers it, and its cases."""
    key = request.match_info["order"]
    cases: list[Case] = []
    purchases: list[PurchaseOrder] = []
    async with request.app[PARTS].db.read() as conn:
        order = (await read_orders(conn, [key])).get(key)
        if order is None:
            raise web.HTTPNotFound
        channel = (await channels_of(conn, [key]))[key]
        promise = Promise(key, channel, order, await read_demands(conn, [key]), await read_reservations(conn, [key]))
        cases = await read_cases_of_order(conn, channel, [line.line_id for line in order.lines])
        purchases = await read_orders_for(conn, key)
    return show(request, "order", {"promise": promise, "cases": cases, "purchases": purchases})


DOORS_HERE = (
    Door("GET", "/console/orders", get_orders, DESK & STAFF, Kind.PAGE, summary="Orders", nav="Orders"),
    Door("GET", "/console/orders/{order:.+}", get_order, DESK & STAFF, Kind.PAGE, summary="One order"),
)

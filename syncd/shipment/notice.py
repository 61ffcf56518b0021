"""Which parcels a channel is told of together: those of one order that travel under one number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from syncd.channel.port import ChannelOrder, Shipment, ShippedLine
from syncd.identity import ChannelName, Sku
from syncd.reservation.hold import Demand
from syncd.supply.parcel import Parcel, listing_units

Line = tuple[ChannelName, str]
Demands = Mapping[tuple[ChannelName, str, Sku], Demand]


@dataclass(frozen=True, slots=True)
class Telling:
    """A notice, and the parcels it tells of."""

    channel: ChannelName
    notice: Shipment
    parcels: tuple[Parcel, ...]


def tellings(
    parcels: Iterable[Parcel],
    orders: Mapping[Line, ChannelOrder],
    demands: Mapping[tuple[ChannelName, str, Sku], Demand],
) -> list[Telling]:
    """One telling for each order and tracking number. Orders are known by the lines they hold now.

    A parcel that had no number when it was first told of is told by its line, then and once it has one, so that the
    channel knows it again.
    """
    together: dict[tuple[ChannelName, str, str, str], list[Parcel]] = {}
    for one in sorted(parcels, key=lambda parcel: (parcel.shipped_at, parcel.parcel_id)):
        order = orders.get((one.channel, one.line_id))
        if order is not None:
            name = one.tracking_number if one.was_numbered else f"|{one.line_id}|{one.ordinal}"
            together.setdefault((one.channel, order.order_id, one.reference, name), []).append(one)
    return [_telling(group, orders[(group[0].channel, group[0].line_id)], demands) for group in together.values()]


def _telling(group: list[Parcel], order: ChannelOrder, demands: Demands) -> Telling:
    ordered = {one.line_id: one.quantity for one in order.lines}
    units: dict[str, int] = {}
    for one in group:
        demand = demands.get((one.channel, one.line_id, one.sku))
        count = listing_units(one.quantity, need=demand.need if demand else 0, ordered=ordered.get(one.line_id, 1))
        units[one.line_id] = max(units.get(one.line_id, 0), count)
    first = group[0]
    numberless = f"{first.reference}|{first.line_id}|{first.ordinal}"
    notice = Shipment(
        order.order_id,
        first.parcel_id if first.was_numbered else numberless,  # its number may come later, with others under it
        tuple(ShippedLine(line_id, count) for line_id, count in units.items()),
        min(one.shipped_at for one in group),
        next((one.carrier for one in group if one.carrier), ""),
        first.tracking_number,
    )
    return Telling(first.channel, notice, tuple(group))

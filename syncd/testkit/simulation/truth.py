"""What is true of a simulated house at this moment, and what must hold once it has come to rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncd.channel.port import ListingStatus, OrderStatus
from syncd.identity import ChannelName, ListingKey, Sku
from syncd.ledger.balance import Balances
from syncd.ledger.movement import Account, State
from syncd.ledger.store import read_balances
from syncd.listing.listing import Listing
from syncd.listing.store import read_listings
from syncd.orders.store import read_orders
from syncd.push.store import read_states
from syncd.reservation.hold import Demand, HoldStatus, Reservation
from syncd.reservation.store import read_demands, read_reservations
from syncd.testkit.simulation.house import House


@dataclass(frozen=True)
class Standing:
    """Everything the checks need, read at one moment. `targets`: what each active listing should show."""

    balances: Balances
    listings: Mapping[ListingKey, Listing]
    targets: Mapping[ListingKey, int | None]
    reservations: tuple[Reservation, ...]
    demands: tuple[Demand, ...]

    def held(self, sku: str = "X") -> dict[str, int]:
        """Units of a SKU on our accounts by state, without empty ones."""
        found = {str(state): _on(self.balances, Sku(sku), state) for state in State}
        return {state: units for state, units in found.items() if units}

    def sent(self, sku: str = "X") -> int:
        """Units that left the house to customers."""
        return self.balances.of(Sku(sku), Account("outside", "customer"))

    def short(self, sku: str = "X") -> int:
        """Units promised that nothing covers, said openly."""
        return sum(demand.short for demand in self.demands if demand.sku == sku)


async def standing(house: House) -> Standing:
    """Look at the store once. Targets are those the pushers would decide on now."""
    async with house.db.read() as conn:
        listings = await read_listings(conn)
        keys = list(await read_orders(conn))
        reservations, demands = await read_reservations(conn, keys), await read_demands(conn, keys)
        balances = await read_balances(conn)
        states = await read_states(conn, keys=list(listings))
    targets: dict[ListingKey, int | None] = {}
    for name, pusher in house.rooms.pushers.items():
        marked = [state for key, state in states.items() if key.channel == name]
        for decision in await pusher.plan(house.clock.now(), marked):
            if decision.listing.status is ListingStatus.ACTIVE:
                targets[decision.listing.key] = decision.derivation.target
    return Standing(balances, listings, targets, tuple(reservations), tuple(demands))


async def untruths(house: House) -> list[str]:
    """Everything that is wrong with a house at rest, one sentence each; an empty list is the proof."""
    now = await standing(house)
    found = [
        f"{key} shows {shown}, should show {target}"
        for key, target in now.targets.items()
        if target is not None and (shown := house.shown(key.channel, key.listing_id)) != target
    ]
    return found + unsound(now) + miscounted(house, now)


def unsound(now: Standing) -> list[str]:
    """Where reservations, demands and units in flight disagree with the ledger."""
    found: list[str] = []
    for demand in now.demands:
        line = (demand.channel, demand.line_id, demand.sku)
        own = [one for one in now.reservations if (one.channel, one.line_id, one.sku) == line]
        covered = sum(one.quantity - one.released for one in own) + demand.purchased + demand.short
        if demand.need != covered and not any(one.status is HoldStatus.EXPIRED for one in own):
            found.append(f"line {demand.line_id} needs {demand.need} × {demand.sku} and has {covered}")
    for sku in now.balances.by_sku:
        reserved, open_ = _on(now.balances, sku, State.RESERVED), sum(r.open for r in now.reservations if r.sku == sku)
        if reserved != open_:
            found.append(f"{sku}: {reserved} reserved in the ledger, {open_} by reservations")
        flying = sum(
            one.belief.in_flight * part.units
            for one in now.listings.values()
            for part in one.components
            if part.sku == sku
        )
        if _on(now.balances, sku, State.IN_FLIGHT) != flying:
            found.append(f"{sku}: {_on(now.balances, sku, State.IN_FLIGHT)} in flight in the ledger, {flying} believed")
        if sum(now.balances.by_sku[sku].values()):
            found.append(f"{sku}: the balances do not add up to nothing")
    return found


def miscounted(house: House, now: Standing) -> list[str]:
    """Where what the books promise is not what customers were promised.

    Every unit of an order that still stands is reserved, sent, bought or openly short, and nothing else is: a sale
    counted twice, or lost, shows here. Marked copies are no orders. Units refunded before they were sent count as given
    up; what was sent has left the house, refunded or not.
    """
    wanted: dict[str, int] = {}
    for shop in house.shops.values():
        for order in shop.orders.values():
            if order.status is OrderStatus.CANCELLED or order.copy_of:
                continue
            for line in order.lines:
                if line.listing_id is None:
                    continue
                given_up = 0 if order.status is OrderStatus.SHIPPED else line.refunded
                units = max(0, line.quantity - line.cancelled - given_up)
                for part in now.listings[ListingKey(ChannelName(shop.name), line.listing_id)].components:
                    wanted[part.sku] = wanted.get(part.sku, 0) + units * part.units
    found: list[str] = []
    for sku in sorted({*wanted, *(demand.sku for demand in now.demands)}):
        promised = sum(one.open + one.fulfilled for one in now.reservations if one.sku == sku)
        promised += sum(one.purchased + one.short for one in now.demands if one.sku == sku)
        if promised != wanted.get(sku, 0):
            found.append(f"{sku}: customers were promised {wanted.get(sku, 0)}, the books say {promised}")
        flying = now.held(sku).get(State.IN_FLIGHT, 0)
        if flying:
            found.append(f"{sku}: {flying} still in flight although every order is in")
    return found


def _on(balances: Balances, sku: Sku, state: State) -> int:
    return sum(balances.by_location(sku, state).values())

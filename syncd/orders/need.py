"""One order line's need of one SKU: holding more, giving back, shipping — decided on what is free at this point."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.attention.question import Question, Topic
from syncd.channel.port import ChannelOrder, OrderStatus
from syncd.identity import ListingId, Sku
from syncd.ledger.movement import (
    CUSTOMER,
    PART_MARK,
    Account,
    Movement,
    Reason,
    State,
    available,
    in_flight,
    part_key,
    reserved,
)
from syncd.listing.listing import Component
from syncd.orders.situation import Free, Intake, IntakePolicy, ReturnPolicy, Situation
from syncd.reservation.hold import Demand, HoldStatus, Reservation, allocate, give_back
from syncd.supply.offer import UsableOffer
from syncd.supply.purchase_order import Purchase, source

ACTOR = "intake"


@dataclass
class Need:
    """One line's needs being met, SKU by SKU."""

    line_id: str
    policy: IntakePolicy
    intake: Intake
    free: Free
    situation: Situation
    order: ChannelOrder
    now: datetime
    revision: int
    aside: int = 0
    """Listing units refunded now that the channel did not put back: given back they lie aside, not for sale."""

    def held(self, sku: Sku) -> list[Reservation]:
        """The line's reservations of a SKU, with what was decided so far."""
        own = [r for r in self.situation.reservations if (r.line_id, r.sku) == (self.line_id, sku)]
        ids = {r.reservation_id for r in own}
        decided = self.intake.reservations.values()
        added = [r for r in decided if (r.line_id, r.sku) == (self.line_id, sku) and r.reservation_id not in ids]
        return [self.intake.reservations.get(r.reservation_id, r) for r in own] + added

    def meet(self, component: Component, need: int, *, sold: int = 0, from_flight: int = 0) -> int:
        """Hold more, or give back, until the line's need of a SKU is covered or known to be short.

        `sold` are the base units ordered and not cancelled, `from_flight` those in flight that may be used first.
        Returns how many of these were.
        """
        sku = component.sku
        before = self.situation.demands.get((self.line_id, sku))
        demand = before or Demand(self.policy.channel, self.line_id, sku, self.intake.order_key, 0)
        if self._was_sent:
            demand = replace(demand, short=0, short_since=None)  # sent all the same: there is nobody left to ask
        need = max(min(need, sold - demand.forgone), sum(r.fulfilled for r in self.held(sku)))
        covered = sum(r.quantity - r.released for r in self.held(sku)) + demand.purchased + demand.short
        demand = replace(demand, need=need, order_key=self.intake.order_key)
        flown = 0
        if need > covered:
            demand, flown = self._hold(demand, need - covered, sold, from_flight)
        elif need < covered:
            demand = self._give_back(demand, covered - need, self.aside * component.units)
        self._renew(sku)
        if demand != before and (before is not None or need or demand.forgone):
            self.intake.demands.append(demand)
        return flown

    def meet_instead(self, component: Component, wanted: int) -> list[Sku]:
        """Keep what the customer took instead of a SKU as far as the line is still wanted; returns what that is.

        `wanted` are base units of the line still to be sent, or sent, whatever they are. What was ordered comes first.
        """
        decided = {one.sku: one for one in self.intake.demands if one.line_id == self.line_id}
        own = decided.get(component.sku) or self.situation.demands.get((self.line_id, component.sku))
        room = max(0, wanted - (own.need if own else 0))
        found: list[Sku] = []
        for (line_id, sku), demand in self.situation.demands.items():
            if line_id == self.line_id and demand.instead_of == component.sku:
                kept = min(demand.need, room)
                room -= kept
                self.meet(Component(sku), kept, sold=kept + demand.forgone)
                if self._was_sent:
                    self.ship(sku)
                found.append(sku)
        return found

    def leave(self, components: Collection[Sku]) -> None:
        """The line holds other SKUs now than it did, or none: what was held of the old ones is given back."""
        for line_id, sku in self.situation.demands:
            if line_id == self.line_id and sku not in components:
                self.meet(Component(sku), 0)

    def land(self, sku: Sku, units: int) -> None:
        """Units in flight whose sale is explained and needs them no more are free again."""
        for location, flying in self.free.by_location(sku, State.IN_FLIGHT).items():
            back = min(units, flying)
            if back > 0:
                self._move(sku, back, in_flight(location), available(location), Reason.CORRECTION)
                units -= back

    @property
    def _listing_id(self) -> ListingId | None:
        return next((one.listing_id for one in self.order.lines if one.line_id == self.line_id), None)

    @property
    def _was_sent(self) -> bool:
        return self.order.status is OrderStatus.SHIPPED

    def _hold(self, demand: Demand, units: int, sold: int, from_flight: int) -> tuple[Demand, int]:
        sku, locations = demand.sku, self.policy.locations
        found = allocate(
            units,
            in_flight=_at_most(self.free.by_location(sku, State.IN_FLIGHT), from_flight, locations),
            available=self.free.by_location(sku, State.AVAILABLE),
            locations=locations,
        )
        for taking in found.takings:
            location = taking.account.location
            self._move(sku, taking.units, taking.account, reserved(location), Reason.SALE)
            self._save(self._reservation(sku, location).more(taking.units))
        flown = sum(taking.units for taking in found.takings if taking.account.state == State.IN_FLIGHT)
        if not found.short:
            return demand, flown
        return (self._forgo(demand, found.short, sold) if self._was_sent else self._buy(demand, found.short)), flown

    def _buy(self, demand: Demand, units: int) -> Demand:
        """Cover units no shelf holds from suppliers; the rest is short."""
        offers = _unspent(self.situation.offers.get(demand.sku, ()), self.intake.purchases)
        bought = source(units, demand.sku, offers, channel=demand.channel, line_id=self.line_id)
        self.intake.purchases.extend(bought.purchases)
        demand = replace(demand, purchased=demand.purchased + units - bought.short)
        if not bought.short:
            return demand
        cause = demand.cause or "the order came when no stock was left"
        return replace(
            demand, short=demand.short + bought.short, cause=cause, short_since=demand.short_since or self.now
        )

    def _forgo(self, demand: Demand, units: int, sold: int) -> Demand:
        """The order was sent with units the books do not hold: a matter for a count, not for the customer."""
        sentence = (
            f"order {self.order.number} on {demand.channel} was sent with {units} × {demand.sku} that the books do not "
            f"hold; count the shelf: syncd stock count {demand.sku} N"
        )
        subject = f"{demand.channel}:{self.line_id}/{demand.sku}"
        self.intake.questions.append(Question(Topic.COUNT, subject, sentence, self.now))
        need = demand.need - units
        return replace(demand, need=need, forgone=sold - need)

    def _give_back(self, demand: Demand, units: int, aside: int) -> Demand:
        less_short = min(units, demand.short)
        units -= less_short
        short = demand.short - less_short
        demand = replace(demand, short=short, short_since=demand.short_since if short else None)
        for ending in give_back(self.held(demand.sku), units):
            location = ending.reservation.location
            apart = min(aside, ending.units)
            for part, place in (
                (apart, Account(location, State.UNAVAILABLE)),
                (ending.units - apart, available(location)),
            ):
                if part:
                    self._move(demand.sku, part, reserved(location), place, Reason.RESTOCK)
            self._save(ending.reservation.release(ending.units))
            units -= ending.units
            aside -= apart
        unbought = min(units, demand.purchased)
        if unbought:
            self.intake.unbought[(self.line_id, demand.sku)] += unbought
            demand = replace(demand, purchased=demand.purchased - unbought)
        return demand

    def take_back(self, sku: Sku, units: int) -> int:
        """Units that were sent and that the channel put back on its number; returns how many there can be."""
        units = min(units, sum(r.fulfilled for r in self.held(sku)))
        if not units:
            return 0
        if self.policy.returns is ReturnPolicy.ASK:
            sentence = (
                f"{units} × {sku} of order {self.order.number} on {self.policy.channel} were refunded and put back "
                f"there after they were sent; when they lie on the shelf again: syncd stock post {sku} {units} --return"
            )
            subject = f"{self.policy.channel}:{self.line_id}/{sku}"
            self.intake.questions.append(Question(Topic.RETURN, subject, sentence, self.now))
        else:
            state = State.AVAILABLE if self.policy.returns is ReturnPolicy.AVAILABLE else State.UNAVAILABLE
            self._move(sku, units, CUSTOMER, Account(self.policy.locations[0], state), Reason.RETURN)
        return units

    def ship(self, sku: Sku) -> None:
        """The channel says it was sent: what is still held for it has left the house."""
        for reservation in self.held(sku):
            if reservation.open:
                self._move(sku, reservation.open, reserved(reservation.location), CUSTOMER, Reason.SHIPMENT)
                self._save(reservation.fulfil(reservation.open))

    def _renew(self, sku: Sku) -> None:
        """Unpaid promises end by themselves, paid ones do not; and a promise follows its line into another order."""
        terms = (*self._terms(), self.intake.order_key)
        for reservation in self.held(sku):
            expires_at, channel_holds, order_key = terms if reservation.open else (*_terms_of(reservation), terms[2])
            renewed = replace(reservation, expires_at=expires_at, channel_holds=channel_holds, order_key=order_key)
            if renewed != reservation:
                self._save(renewed)

    def _terms(self) -> tuple[datetime | None, bool]:
        if self.order.status is not OrderStatus.UNPAID:
            return None, False
        decremented = any(x.decremented for x in self.order.lines if x.line_id == self.line_id)
        holds = self.policy.capabilities.holds_unpaid and not decremented
        return self.policy.lapses_at(self.order), holds

    def _reservation(self, sku: Sku, location: str) -> Reservation:
        reservation_id = f"{self.policy.channel}:{self.line_id}/{sku}@{location}"
        for reservation in self.held(sku):
            if reservation.reservation_id == reservation_id:
                return reservation
        expires_at, channel_holds = self._terms()
        return Reservation(
            reservation_id,
            self.policy.channel,
            self.line_id,
            self.intake.order_key,
            sku,
            location,
            quantity=0,
            fulfilled=0,
            released=0,
            status=HoldStatus.HELD,
            held_at=self.now,
            expires_at=expires_at,
            channel_holds=channel_holds,
            listing_id=self._listing_id,
        )

    def _save(self, reservation: Reservation) -> None:
        self.intake.reservations[reservation.reservation_id] = replace(reservation, order_key=self.intake.order_key)

    def _move(self, sku: Sku, units: int, source_: Account, destination: Account, reason: Reason) -> None:
        stem = f"{self.policy.channel}:{self.line_id}/{sku}:r{self.revision}"
        parts = (m.key for m in self.intake.movements if m.key == stem or m.key.startswith(stem + PART_MARK))
        key = part_key(stem, sum(1 for _ in parts))
        movement = Movement(
            key,
            sku,
            units,
            source_,
            destination,
            reason,
            self.order.modified_at,
            self.intake.order_key,
            ACTOR,
        )
        self.intake.movements.append(movement)
        self.free.apply(movement)


def _at_most(held: Mapping[str, int], units: int, locations: Sequence[str]) -> dict[str, int]:
    """At most `units` of what is held, location by location."""
    found: dict[str, int] = {}
    for location in locations:
        found[location] = min(units, held.get(location, 0))
        units -= found[location]
    return found


def _terms_of(reservation: Reservation) -> tuple[datetime | None, bool]:
    return reservation.expires_at, reservation.channel_holds


def _unspent(offers: Sequence[UsableOffer], purchases: Sequence[Purchase]) -> list[UsableOffer]:
    """The offers less what other lines of the same order take of them."""
    spent: Counter[tuple[str, str]] = Counter()
    for one in purchases:
        spent[(one.supplier, one.supplier_sku)] += one.quantity
    return [replace(o, units=max(0, o.units - spent[(o.offer.supplier, o.offer.supplier_sku)])) for o in offers]

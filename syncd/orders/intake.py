"""What an imported order means for stock: a pure decision from the order, what is known of it, and the stock at hand.

The same order may come any number of times, changed or not: what is decided is always the difference to what was
decided before. Units already in flight for this very sale are used first (the channel's counter told of it before the
order came), then available ones, then a supplier's; what is left is short. A line we cannot link to stock keeps its
order and raises a question.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from syncd.attention.question import Question, Topic
from syncd.channel.port import Capabilities, ChannelOrder, OrderLine, OrderStatus
from syncd.identity import ChannelName
from syncd.listing.belief import order_taken
from syncd.listing.listing import Component, Listing
from syncd.orders.copy import doubt, mark_of
from syncd.orders.need import Need
from syncd.orders.order import KnownLine, KnownOrder, fingerprint, new_order_key
from syncd.orders.situation import Free, Intake, IntakePolicy, Situation


def decide(order: ChannelOrder, situation: Situation, policy: IntakePolicy, now: datetime) -> Intake:
    """Judge an order as it is now against everything decided for it before."""
    known = situation.order
    key = known.order_key if known else _order_key(order, situation, policy)
    before_start = (known is None or known.before_start) and policy.precedes_start(order)
    mark = mark_of(order.copy_of, known.copy_of if known else "")
    intake = Intake(key, before_start, _news(order, known), mark)
    question = doubt(order, key, mark, situation.lookalikes, now)
    if question is not None:
        intake.questions.append(question)
    judge = _Judge(order, situation, policy, intake, Free(situation.balances), now)
    # What becomes free first may be needed by another line of the same order.
    for gone in _dropped(order, known, situation):
        judge.drop(gone)
    for line in sorted(order.lines, key=judge.growth):
        judge.line(line)
    return intake


def _order_key(order: ChannelOrder, situation: Situation, policy: IntakePolicy) -> str:
    """Lines outlive their order's id (eBay renames an order once it is paid): known lines name the order."""
    known = [situation.lines[line.line_id].order_key for line in order.lines if line.line_id in situation.lines]
    return known[0] if known else new_order_key(policy.channel, order.order_id)


def _news(order: ChannelOrder, known: KnownOrder | None) -> str:
    if known is None:
        return "accepted"
    if known.status != order.status and order.status in (OrderStatus.CANCELLED, OrderStatus.SHIPPED):
        return order.status.value
    return "changed" if known.fingerprint != fingerprint(order) else ""


def _dropped(order: ChannelOrder, known: KnownOrder | None, situation: Situation) -> list[KnownLine]:
    """Lines edited away. An order under another id is a rename, a merger or a part, and says nothing of other lines."""
    if known is None or known.order_id != order.order_id:
        return []
    told = {line.line_id for line in order.lines}
    gone = (line for line in situation.lines.values() if line.line_id not in told)
    return [line for line in gone if line.order_key == known.order_key and line.wanted]


def _off(line: OrderLine, order: ChannelOrder, facts: Capabilities) -> int:
    """Units the channel has taken off its own number for this line and not put back."""
    if line.decremented is not None:
        return line.decremented
    if order.status is OrderStatus.UNPAID and not facts.decrements_unpaid:
        return 0
    if order.status is OrderStatus.CANCELLED and facts.restocks_cancelled:
        return 0
    return line.quantity


@dataclass(frozen=True, slots=True)
class _Judge:
    """One order being judged, line by line."""

    order: ChannelOrder
    situation: Situation
    policy: IntakePolicy
    intake: Intake
    free: Free
    now: datetime

    def growth(self, line: OrderLine) -> int:
        """How many listing units more than before a line needs."""
        known = self.situation.lines.get(line.line_id)
        return self._wanted(line, known) - (known.wanted if known else 0)

    def line(self, line: OrderLine) -> None:
        """Decide one line: what it needs, what the channel's counter told of it, and what it still waits for."""
        known = self.situation.lines.get(line.line_id)
        listing = self.situation.listings.get(line.listing_id) if line.listing_id else None
        components = _components(line, listing, self.situation)
        wanted = self._wanted(line, known)
        taken = self._taken(line, known)
        landing = 0 if listing is None else self._believe(listing, known, taken)
        aside = self._aside(line, known)
        need = replace(self._need(line.line_id, known), aside=aside - (known.aside if known else 0))
        back = self._put_back(line, known, taken)
        decided = self.intake.weight
        for component in components:
            flown = landing * component.units
            if not self.intake.before_start:
                need.take_back(component.sku, back * component.units)
                sold = max(0, line.quantity - line.cancelled) * component.units
                flown -= need.meet(component, wanted * component.units, sold=sold, from_flight=flown)
                if self.order.status is OrderStatus.SHIPPED:
                    need.ship(component.sku)
            need.land(component.sku, flown)
        if components and not self.intake.before_start:
            stand_ins = {sku for part in components for sku in need.meet_instead(part, wanted * part.units)}
            need.leave({component.sku for component in components} | stand_ins)
        linked = bool(components) or not self.intake.takes_stock or wanted == 0
        if not linked:
            self.intake.questions.append(_unlinked(line, self.order, self.policy.channel, self.now))
        before = known.revision if known else 0
        revision = need.revision if self.intake.weight != decided or known is None else before
        withdrawn = self._withdrawn(line, known)
        key = self.intake.order_key
        self.intake.lines.append(
            KnownLine(line.line_id, key, line.listing_id, wanted, taken, revision, linked, withdrawn, aside)
        )

    def drop(self, gone: KnownLine) -> None:
        """A line that was edited away: everything held for it is given back."""
        facts = self.policy.capabilities
        put_back = facts.restocks_cancelled and not facts.sold_counter
        need = self._need(gone.line_id, gone)
        need.leave(set())
        taken = 0 if put_back else gone.taken
        self.intake.lines.append(
            replace(gone, wanted=0, taken=taken, revision=need.revision, order_key=self.intake.order_key)
        )
        listing = self.situation.listings.get(gone.listing_id) if gone.listing_id else None
        if listing is not None:
            self._believe(listing, gone, taken)

    def _need(self, line_id: str, known: KnownLine | None) -> Need:
        revision = known.revision + 1 if known else 1
        return Need(line_id, self.policy, self.intake, self.free, self.situation, self.order, self.now, revision)

    def _wanted(self, line: OrderLine, known: KnownLine | None) -> int:
        """Listing units of a line that are still to be sent, or were sent."""
        lapses_at = self.policy.lapses_at(self.order)
        lapsed = lapses_at is not None and lapses_at <= self.now
        if not self.intake.takes_stock or self.order.status is OrderStatus.CANCELLED or lapsed:
            return 0
        return max(0, line.quantity - line.cancelled - self._withdrawn(line, known))

    def _withdrawn(self, line: OrderLine, known: KnownLine | None) -> int:
        if self.order.status in (OrderStatus.SHIPPED, OrderStatus.CANCELLED):
            return known.withdrawn if known else 0
        return line.refunded

    def _aside(self, line: OrderLine, known: KnownLine | None) -> int:
        """Listing units refunded before they were sent that the channel keeps off its number.

        Whoever refunded them said that they do not go back on sale. Where the channel does not say, they do.
        """
        before = known.aside if known else 0
        if line.decremented is None or self.order.status is not OrderStatus.PAID:
            return before
        refunded = self._withdrawn(line, known)
        return max(before, min(refunded, line.decremented - max(0, line.quantity - line.cancelled - refunded)))

    def _put_back(self, line: OrderLine, known: KnownLine | None, taken: int) -> int:
        """Listing units the channel put back on its number since the order was sent: goods it says have come back."""
        was_sent = self.situation.order is not None and self.situation.order.status is OrderStatus.SHIPPED
        if known is None or line.decremented is None or not was_sent or self.order.status is not OrderStatus.SHIPPED:
            return 0
        return max(0, known.taken - taken)

    def _taken(self, line: OrderLine, known: KnownLine | None) -> int:
        """Units the channel counts as taken by the line.

        A sold counter counts the sale, and whether a cancellation lowers it again is not settled: there it only grows.
        """
        facts = self.policy.capabilities
        if not facts.sold_counter:
            return _off(line, self.order, facts)
        counted = line.quantity if self.order.status is OrderStatus.CANCELLED else _off(line, self.order, facts)
        return max(counted, known.taken if known else 0)

    def _believe(self, listing: Listing, known: KnownLine | None, taken: int) -> int:
        """Move the belief on by what the channel took off; return how many units in flight this explains."""
        belief = self.intake.beliefs.get(listing.key, listing.belief)
        sold_at = self.order.sold_at or self.order.created_at
        if known is None and belief.counted_from is not None and sold_at <= belief.counted_from:
            return 0  # sold before we first saw the listing: its number and its counter held the sale already
        changed_at = self.order.modified_at if known else sold_at
        moved = order_taken(belief, taken - (known.taken if known else 0), changed_at)
        landing = max(0, moved.in_flight - moved.unexplained)
        moved = replace(moved, in_flight=moved.in_flight - landing)
        if moved != belief:
            self.intake.beliefs[listing.key] = moved
        return landing


def _components(line: OrderLine, listing: Listing | None, situation: Situation) -> tuple[Component, ...]:
    """What leaves the shelf: as the listing is linked, else the very SKU the order names, if we know it."""
    if listing is not None and listing.is_linked:
        return listing.components
    if line.sku and line.sku.strip() in situation.stocked:
        return (Component(situation.stocked[line.sku.strip()]),)
    return ()


def _unlinked(line: OrderLine, order: ChannelOrder, channel: ChannelName, now: datetime) -> Question:
    what = line.sku or line.title or line.line_id
    link = f"syncd link {channel}:{line.listing_id} SKU" if line.listing_id else "syncd product add SKU"
    sentence = (
        f"order {order.number} on {channel} sold {what}, which is linked to no stock: nothing is reserved; type: {link}"
    )
    return Question(Topic.UNLINKED_ORDER_LINE, f"{channel}:{line.line_id}", sentence, now)

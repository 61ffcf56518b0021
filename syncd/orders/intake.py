"""What an imported order means for stock: a pure decision from the order, what is known of it, and the stock at hand.

The same order may come any number of times, changed or not: what is decided is always the difference to what was
decided before. Units already in flight for this very sale are used first (the channel's counter told of it before the
order came), then available ones, then a supplier's; what is left is short. A line we cannot link to stock keeps its
order and raises a question.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from syncd.attention.question import Question, Topic
from syncd.channel.port import Capabilities, ChannelOrder, OrderLine, OrderStatus
from syncd.identity import ChannelName
from syncd.listing.belief import order_taken
from syncd.listing.listing import Component, Listing
from syncd.orders.need import Free, Intake, IntakePolicy, Need, Situation
from syncd.orders.order import KnownLine, KnownOrder, fingerprint, new_order_key


def decide(order: ChannelOrder, situation: Situation, policy: IntakePolicy, now: datetime) -> Intake:
    """Judge an order as it is now against everything decided for it before."""
    known = situation.order
    key = known.order_key if known else _order_key(order, situation, policy)
    before_start = known.before_start if known else order.created_at < policy.since
    intake = Intake(key, before_start, _news(order, known))
    free = Free(situation.balances)
    for line in order.lines:
        _decide_line(line, order, situation, policy, intake, free, now)
    for line_id, gone in situation.lines.items():
        if line_id not in {line.line_id for line in order.lines} and gone.order_key == key:
            _drop_line(gone, order, situation, policy, intake, now)
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


def _wanted(line: OrderLine, order: ChannelOrder) -> int:
    """Listing units of a line that are still to be sent, or were sent."""
    if order.status is OrderStatus.CANCELLED:
        return 0
    refunded = 0 if order.status is OrderStatus.SHIPPED else line.refunded
    return max(0, line.quantity - max(line.cancelled, 0) - refunded)


def _taken(line: OrderLine, order: ChannelOrder, facts: Capabilities) -> int:
    """Units the channel has taken off its own number for this line and not put back."""
    if line.decremented is not None:
        return line.decremented
    if order.status is OrderStatus.UNPAID and not facts.decrements_unpaid:
        return 0
    if order.status is OrderStatus.CANCELLED and facts.restocks_cancelled and not facts.sold_counter:
        return 0
    return line.quantity  # a sold counter counts the sale; whether a cancellation lowers it again is not settled


def _decide_line(
    line: OrderLine,
    order: ChannelOrder,
    situation: Situation,
    policy: IntakePolicy,
    intake: Intake,
    free: Free,
    now: datetime,
) -> None:
    known = situation.lines.get(line.line_id)
    listing = situation.listings.get(line.listing_id) if line.listing_id else None
    components = _components(line, listing, situation)
    wanted = 0 if intake.before_start else _wanted(line, order)
    taken = _taken(line, order, policy.capabilities)
    revision = known.revision + 1 if known else 1
    from_flight = 0
    if listing is not None and not intake.before_start:
        more = max(0, wanted - (known.wanted if known else 0))
        from_flight = _believe(listing, intake, order, taken - (known.taken if known else 0), more)
    linked = bool(components) or intake.before_start or wanted == 0
    intake.lines.append(KnownLine(line.line_id, intake.order_key, line.listing_id, wanted, taken, revision, linked))
    if not linked:
        intake.questions.append(_unlinked(line, order, policy.channel, now))
    need = Need(line.line_id, policy, intake, free, situation, order, now, revision)
    for component in components:
        if not intake.before_start:
            need.meet(component, wanted * component.units, from_flight * component.units)
        if order.status is OrderStatus.SHIPPED:
            need.ship(component.sku)


def _components(line: OrderLine, listing: Listing | None, situation: Situation) -> tuple[Component, ...]:
    if listing is not None and listing.is_linked:
        return listing.components
    if listing is None and line.sku and line.sku.strip() in situation.stocked:
        return (Component(situation.stocked[line.sku.strip()]),)
    return ()


def _believe(listing: Listing, intake: Intake, order: ChannelOrder, taken: int, more: int) -> int:
    """Move the belief on by what the channel took off; return how many in-flight listing units this line explains."""
    belief = intake.beliefs.get(listing.key, listing.belief)
    if belief.counted_from is not None and order.created_at <= belief.counted_from:
        return 0  # sold before we first saw the listing: its counter held the sale already
    explained = min(belief.in_flight, more)
    if taken or explained:
        moved = order_taken(belief, taken, order.modified_at)
        intake.beliefs[listing.key] = replace(moved, in_flight=belief.in_flight - explained)
    return explained


def _unlinked(line: OrderLine, order: ChannelOrder, channel: ChannelName, now: datetime) -> Question:
    what = line.sku or line.title or line.line_id
    link = f"syncd link {channel}:{line.listing_id} SKU" if line.listing_id else "syncd product add SKU"
    sentence = (
        f"order {order.number} on {channel} sold {what}, which is linked to no stock: nothing is reserved; type: {link}"
    )
    return Question(Topic.UNLINKED_ORDER_LINE, f"{channel}:{line.line_id}", sentence, now)


def _drop_line(
    gone: KnownLine,
    order: ChannelOrder,
    situation: Situation,
    policy: IntakePolicy,
    intake: Intake,
    now: datetime,
) -> None:
    """A line that was edited away: everything held for it is given back."""
    if gone.wanted == 0:
        return
    revision = gone.revision + 1
    intake.lines.append(replace(gone, wanted=0, taken=0, revision=revision, order_key=intake.order_key))
    need = Need(gone.line_id, policy, intake, Free(situation.balances), situation, order, now, revision)
    for line_id, sku in situation.demands:
        if line_id == gone.line_id:
            need.meet(Component(sku), 0, 0)
    listing = situation.listings.get(gone.listing_id) if gone.listing_id else None
    if listing is not None and policy.capabilities.restocks_cancelled and not policy.capabilities.sold_counter:
        _believe(listing, intake, order, -gone.taken, 0)

"""What a refund of a case comes to: the line's money, what sending cost where that is owed, and the limits on what
goes back without a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from syncd.channel.port import ChannelOrder, OrderLine
from syncd.identity import Money
from syncd.refund.refund import Refund

DAY = timedelta(hours=24)
"""The window of the day's limit."""

CUSTOMER_WINDOW = timedelta(days=30)
"""The window of one customer's limit."""


@dataclass(frozen=True, slots=True)
class Owed:
    """What a refund rests on, as the channel tells the order. `paid` are the line's units that were paid for and not
    cancelled; `lines` the same of every line of the order, `told` how many of each the channel says were refunded;
    `shipping` what was paid for sending; `gives_shipping`: it goes back although other things of the order are sent.
    """

    paid: int
    lines: Mapping[str, int]
    told: Mapping[str, int]
    shipping: Money | None
    gives_shipping: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What may go back without asking: per day and per customer, in one currency."""

    day: Decimal
    customer: Decimal

    def exceeded(self, amount: Money, today: Sequence[Refund], customer: Sequence[Refund]) -> str:
        """Which limit would be exceeded, as a sentence, or ''."""
        spent_today, spent_on_him = _spent(today, amount.currency), _spent(customer, amount.currency)
        if spent_today + amount.amount > self.day:
            return f"{spent_today:.2f} went back in 24 hours; with {amount} it is more than the {self.day} of a day"
        if spent_on_him + amount.amount > self.customer:
            return (
                f"this customer had {spent_on_him:.2f} back in 30 days; with {amount} it is more than {self.customer}"
            )
        return ""


def _spent(refunds: Sequence[Refund], currency: str) -> Decimal:
    return sum((one.amount.amount for one in refunds if one.amount.currency == currency), Decimal(0))


def owed_for(order: ChannelOrder, line: OrderLine, *, gives_shipping: bool) -> Owed:
    """What a refund of a line rests on."""
    return Owed(
        line.quantity - line.cancelled,
        {one.line_id: one.quantity - one.cancelled for one in order.lines},
        {one.line_id: one.refunded for one in order.lines},
        order.shipping,
        gives_shipping,
    )


def shipping_back(owed: Owed, wanted: Refund, others: Sequence[Refund]) -> Decimal:
    """What of the cost of sending goes back with this refund: once, and when nothing of the order is left to send or it
    is given. Nothing where money went back past us: what of it was for sending is not known, and a person may.
    """
    if owed.shipping is None or owed.shipping.currency != wanted.amount.currency:
        return Decimal(0)
    ours = {line_id: _units(others, line_id) for line_id in owed.lines}
    if any(owed.told.get(line_id, 0) > ours[line_id] for line_id in owed.lines):
        return Decimal(0)
    left = {line_id: units - ours[line_id] for line_id, units in owed.lines.items()}
    left[wanted.line_id] = left.get(wanted.line_id, 0) - wanted.quantity
    if any(units > 0 for units in left.values()) and not owed.gives_shipping:
        return Decimal(0)
    return max(Decimal(0), owed.shipping.amount - sum((one.shipping for one in others), Decimal(0)))


def _units(refunds: Sequence[Refund], line_id: str) -> int:
    return sum(one.quantity for one in refunds if one.line_id == line_id)


def leaves_nothing(order: ChannelOrder, line: OrderLine, quantity: int) -> bool:
    """Whether nothing of the order would be sent once so many units of the line are refunded."""
    left = sum(one.quantity - one.cancelled - one.refunded for one in order.lines)
    return left <= min(quantity, line.quantity - line.cancelled - line.refunded)

"""Money to give back for a line of an order: wanted once, carried out once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from syncd.channel.port import ChannelOrder, OrderStatus
from syncd.clock import doubled
from syncd.identity import ChannelName, Money

ATTEMPTS_MAX = 8
"""Tries (and looks whether an earlier try went through) before a refund becomes a person's."""

NO_SHIPPING = Decimal(0)

RETRY_FIRST_SECONDS = 5.0
RETRY_LONGEST_SECONDS = 3600.0


class RefundStatus(StrEnum):
    """How a refund stands."""

    WAITING = "waiting"
    SENDING = "sending"
    """Written before the channel is asked: from then on it is looked for before it is asked for again."""
    PENDING = "pending"
    """The channel has taken it and is not done."""
    DONE = "done"
    NEEDS_PERSON = "needs_person"


@dataclass(frozen=True, slots=True)
class Refund:
    """`quantity` is in listing units; `reference` is ours, and what the channel sees; `shipping` is the part of
    `amount` that was paid for sending."""

    reference: str
    channel: ChannelName
    order_key: str
    line_id: str
    quantity: int
    amount: Money
    status: RefundStatus
    asked_at: datetime
    attempts: int = 0
    next_attempt_at: datetime | None = None
    refund_id: str = ""
    message: str = ""
    done_at: datetime | None = None
    shipping: Decimal = NO_SHIPPING

    @property
    def for_line(self) -> Money:
        """What goes back for the line itself."""
        return Money(self.amount.amount - self.shipping, self.amount.currency)

    def with_shipping(self, shipping: Decimal) -> Refund:
        """The refund with what was paid for sending besides."""
        return replace(self, amount=self.amount + Money(shipping, self.amount.currency), shipping=shipping)

    def tried(self, now: datetime) -> Refund | None:
        """The refund after one more try that settled nothing, or None when that was the last."""
        attempts = self.attempts + 1
        if attempts >= ATTEMPTS_MAX:
            return None
        seconds = doubled(RETRY_FIRST_SECONDS, attempts, RETRY_LONGEST_SECONDS)
        return replace(self, attempts=attempts, next_attempt_at=now + timedelta(seconds=seconds))

    def asked_again(self) -> Refund:
        """The refund taken up again by a person: it may have gone through before, so it is looked for first."""
        return replace(self, status=RefundStatus.SENDING, attempts=0, next_attempt_at=None)


def unrefundable(refund: Refund, order: ChannelOrder) -> str | None:
    """Why the order, as it is now, leaves nothing of this refund to pay, or None: much may happen before it goes out.

    A refund that was sent before is not judged by this: what the order tells of may be that very refund.
    """
    if order.status is OrderStatus.UNPAID:
        return "the customer has not paid"
    if order.status is OrderStatus.CANCELLED:
        return "the order was cancelled meanwhile; look whether the customer has his money back already"
    if order.status is OrderStatus.SHIPPED:
        return "the order was sent meanwhile; look whether money is still owed"
    left = sum(x.quantity - x.cancelled - x.refunded for x in order.lines if x.line_id == refund.line_id)
    if left < refund.quantity:
        return (
            f"only {max(0, left)} of {refund.quantity} are left to refund on this line; the rest was refunded meanwhile"
        )
    return None

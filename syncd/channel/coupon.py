"""A coupon as it is asked of a channel and as the channel tells it: part of the port; plug-ins import it from there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from syncd.identity import Money

PERCENT_MAX = Decimal(100)


@dataclass(frozen=True, slots=True, repr=False)
class CouponRequest:
    """A coupon that can be used once. `value` is an amount off the order, or a part of it in percent, 100 at most.

    `code` is ours, unique whatever the case of its letters, and how a repeat is recognised. With `email` only that
    customer can use it. `categories` are the channel's own names (WooCommerce: slugs) of what it may be spent on; none
    means everything. `reason` is for the merchant's people. Personal data: its repr shows only the code.
    """

    code: str
    value: Money | Decimal
    reason: str
    email: str = ""
    categories: tuple[str, ...] = ()
    minimum: Money | None = None
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        if not self.code.strip():
            raise ValueError("a coupon needs a code")
        amount = self.value.amount if isinstance(self.value, Money) else self.value
        if not amount.is_finite() or amount <= 0:
            raise ValueError(f"a coupon must be worth something, not {self.value}")
        if not isinstance(self.value, Money) and self.value > PERCENT_MAX:
            raise ValueError(f"a coupon takes off {PERCENT_MAX} percent at most, not {self.value}")

    def __repr__(self) -> str:
        return f"CouponRequest({self.code})"


@dataclass(frozen=True, slots=True)
class CouponOutcome:
    """The channel's word on one coupon; `refusal` is a sentence, '' where the coupon is there. `used` counts orders."""

    coupon_id: str = ""
    refusal: str = ""
    used: int = 0

"""Goodwill: coupons that say sorry, or wish a happy birthday. Who gets one, what it is worth, how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from syncd.channel.port import CouponRequest
from syncd.clock import doubled
from syncd.identity import ChannelName, Money

DAY = timedelta(hours=24)
"""The window of the day's limit."""

CUSTOMER_WINDOW = timedelta(days=365)
"""The window of one customer's limit."""

ATTEMPTS_MAX = 6
"""Tries before a coupon becomes a person's; with the pauses below some five minutes."""

RETRY_FIRST_SECONDS = 10.0
RETRY_LONGEST_SECONDS = 120.0

CODE_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""What codes are made of: nothing that is read as something else."""

CODE_LENGTH = 10
"""Letters after the prefix: 49 bits of chance, so that nobody guesses one."""


class GoodwillConfig(BaseModel):
    """[goodwill]: coupons for customers whom we failed, and for their birthdays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: tuple[str, ...] = Field(
        default=(), description="channels that make coupons for their customers, e.g. a webshop; none: no coupons"
    )
    coupons: Literal["auto", "ask"] = Field(
        default="ask", description="make the coupon that goes with a refund by itself, or ask a person first"
    )
    percent: Decimal = Field(default=Decimal(10), gt=0, le=100, description="what a coupon takes off, in percent")
    amount: Decimal | None = Field(
        default=None, gt=0, description="what it takes off as an amount instead, in the order's currency"
    )
    days: int = Field(default=60, ge=1, le=3650, description="how many days it can be used")
    categories: tuple[str, ...] = Field(
        default=(), description="what it may be spent on, in the channel's own names (WooCommerce: slugs); empty: all"
    )
    minimum: Decimal | None = Field(default=None, gt=0, description="smallest order it can be used for")
    max_day: int = Field(default=20, ge=0, description="most coupons made without asking in any 24 hours")
    max_customer: int = Field(default=2, ge=0, description="most coupons one customer gets in a year without asking")
    code_prefix: str = Field(default="GRAZIE", pattern=r"^[A-Z0-9]{1,12}$", description="how codes begin")
    birthday: Literal["off", "auto", "ask"] = Field(
        default="off", description="a coupon on the birthday of customers who agreed to it"
    )
    birthday_percent: Decimal = Field(default=Decimal(10), gt=0, le=100, description="what that one takes off")
    birthday_days: int = Field(default=3, ge=1, le=365, description="how many days that one can be used")


class Occasion(StrEnum):
    """Why there is a coupon."""

    CASE = "case"
    BIRTHDAY = "birthday"


class CouponStatus(StrEnum):
    """How a coupon stands."""

    ASKED = "asked"
    """A person has to agree."""
    WAITING = "waiting"
    """To be made; the channel may have been asked already, which finds it then."""
    ISSUED = "issued"
    NEEDS_PERSON = "needs_person"
    """The channel refused it, or cannot."""
    DECLINED = "declined"


PENDING = (CouponStatus.WAITING,)


@dataclass(frozen=True, slots=True)
class Coupon:
    """Something off a later order of the buyer of `order_key`. Worth `percent`, or `amount` where that is given.

    `told_in` is the reference of the letter with its code, '' while the customer does not know it.
    """

    reference: str
    occasion: Occasion
    channel: ChannelName
    order_key: str
    line_id: str
    code: str
    percent: Decimal
    amount: Money | None
    categories: tuple[str, ...]
    minimum: Money | None
    expires_at: datetime
    asked_at: datetime
    status: CouponStatus = CouponStatus.WAITING
    attempts: int = 0
    next_attempt_at: datetime | None = None
    coupon_id: str = ""
    message: str = ""
    issued_at: datetime | None = None
    told_in: str = ""

    def request(self, email: str) -> CouponRequest:
        """What the channel is asked for."""
        reason = f"syncd {self.reference}"
        value = self.amount or self.percent
        return CouponRequest(self.code, value, reason, email, self.categories, self.minimum, self.expires_at)

    def tried(self, now: datetime) -> Coupon | None:
        """The coupon after one more try that settled nothing, or None when that was the last."""
        attempts = self.attempts + 1
        if attempts >= ATTEMPTS_MAX:
            return None
        pause = timedelta(seconds=doubled(RETRY_FIRST_SECONDS, attempts, RETRY_LONGEST_SECONDS))
        return replace(self, attempts=attempts, next_attempt_at=now + pause)

    @property
    def worth(self) -> str:
        """What it takes off, for staff."""
        return str(self.amount) if self.amount else f"{self.percent.normalize():f} %"


@dataclass(frozen=True, slots=True)
class For:
    """For whom a coupon is, and why: `reference` names it for good, so that there is never a second one."""

    reference: str
    channel: ChannelName
    order_key: str
    line_id: str
    currency: str


def apology(whom: For, code: str, config: GoodwillConfig, now: datetime) -> Coupon:
    """The coupon that goes with a refund."""
    return Coupon(
        whom.reference,
        Occasion.CASE,
        whom.channel,
        whom.order_key,
        whom.line_id,
        f"{config.code_prefix}-{code}",
        config.percent,
        Money(config.amount, whom.currency) if config.amount else None,
        config.categories,
        Money(config.minimum, whom.currency) if config.minimum else None,
        now + timedelta(days=config.days),
        now,
    )


def birthday_present(whom: For, code: str, config: GoodwillConfig, now: datetime) -> Coupon:
    """The coupon of a birthday: for everything, for a few days."""
    present = config.model_copy(
        update={"percent": config.birthday_percent, "amount": None, "days": config.birthday_days}
    )
    made = apology(whom, code, present.model_copy(update={"categories": (), "minimum": None}), now)
    return replace(made, occasion=Occasion.BIRTHDAY)


def hesitation(config: GoodwillConfig, occasion: Occasion, today: Sequence[Coupon], customer: Sequence[Coupon]) -> str:
    """Why a person has to agree before a coupon is made, as a sentence, or ''. Those declined count for nobody."""
    made_today, made_for_him = (
        sum(one.status is not CouponStatus.DECLINED for one in coupons) for coupons in (today, customer)
    )
    if (config.birthday if occasion is Occasion.BIRTHDAY else config.coupons) == "ask":
        return "coupons are set to ask"
    if made_today >= config.max_day:
        return f"{made_today} coupons were made in 24 hours, {config.max_day} are without asking"
    if made_for_him >= config.max_customer:
        return f"this customer had {made_for_him} within a year, {config.max_customer} are without asking"
    return ""


def code_of(chances: Sequence[int]) -> str:
    """A code from so many numbers, each below the number of letters."""
    return "".join(CODE_LETTERS[one] for one in chances)

"""Who gets a coupon without asking, what it is worth, and when trying ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from syncd.goodwill.goodwill import (
    ATTEMPTS_MAX,
    CODE_LETTERS,
    Coupon,
    CouponStatus,
    For,
    GoodwillConfig,
    Occasion,
    apology,
    birthday_present,
    code_of,
    hesitation,
)
from syncd.identity import ChannelName, Money

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
WHOM = For("c/coupon", ChannelName("shop"), "shop:1", "1", "EUR")
AUTO = GoodwillConfig(channels=("shop",), coupons="auto", birthday="auto", max_day=2, max_customer=1)
ONE = apology(WHOM, "ABC", AUTO, NOW)
NO = replace(ONE, status=CouponStatus.DECLINED)


@pytest.mark.parametrize(
    ("config", "occasion", "today", "customer", "said"),
    [
        (AUTO, Occasion.CASE, [], [], ""),
        (AUTO, Occasion.CASE, [ONE], [], ""),
        (AUTO, Occasion.CASE, [ONE, ONE], [], "2 coupons were made in 24 hours, 2 are without asking"),
        (AUTO, Occasion.CASE, [ONE, NO], [NO], ""),
        (AUTO, Occasion.CASE, [], [ONE], "this customer had 1 within a year, 1 are without asking"),
        (AUTO.model_copy(update={"coupons": "ask"}), Occasion.CASE, [], [], "coupons are set to ask"),
        (AUTO.model_copy(update={"coupons": "ask"}), Occasion.BIRTHDAY, [], [], ""),
        (AUTO.model_copy(update={"birthday": "ask"}), Occasion.BIRTHDAY, [], [], "coupons are set to ask"),
    ],
)
def test_who_gets_one_without_asking(
    config: GoodwillConfig, occasion: Occasion, today: list[Coupon], customer: list[Coupon], said: str
) -> None:
    """Limits of a day and a customer, and what the merchant set; what was declined counts for nobody."""
    assert hesitation(config, occasion, today, customer) == said


def test_what_it_is_worth() -> None:
    """A part in percent, or an amount, with what it may be spent on; the request says the same."""
    narrow = AUTO.model_copy(update={"amount": Decimal(5), "categories": ("grill",), "minimum": Decimal(20)})
    made = apology(WHOM, "ABC", narrow, NOW)
    assert (made.worth, ONE.worth, made.code) == ("5.00 EUR", "10 %", "GRAZIE-ABC")
    request = made.request("a@example.com")
    assert (request.value, request.minimum) == (Money(Decimal(5), "EUR"), Money(Decimal(20), "EUR"))
    assert (request.categories, request.email, request.expires_at) == (
        ("grill",),
        "a@example.com",
        NOW + timedelta(days=60),
    )
    assert "example" not in repr(request)


def test_a_birthdays_is_short_and_for_everything() -> None:
    """The amount and categories of apologies are not those of presents."""
    narrow = AUTO.model_copy(update={"amount": Decimal(5), "categories": ("grill",)})
    made = birthday_present(WHOM, "ABC", narrow, NOW)
    assert (made.occasion, made.amount, made.categories) == (Occasion.BIRTHDAY, None, ())
    assert made.expires_at == NOW + timedelta(days=3)


def test_trying_ends() -> None:
    """Pauses grow and trying has a last time."""
    coupon: Coupon | None = ONE
    pauses = []
    while coupon is not None:
        pauses += [coupon.next_attempt_at - NOW] if coupon.next_attempt_at else []
        coupon = coupon.tried(NOW)
    assert len(pauses) == ATTEMPTS_MAX - 1
    assert pauses == sorted(pauses)


def test_codes_cannot_be_misread() -> None:
    """No letter that is taken for a digit, whatever chance says."""
    assert set(code_of(range(len(CODE_LETTERS)))).isdisjoint("IO01")


@pytest.mark.parametrize(
    "wrong", [{"percent": 101}, {"percent": 0}, {"days": 0}, {"code_prefix": "no space"}, {"max_day": -1}]
)
def test_what_cannot_be_given(wrong: dict[str, object]) -> None:
    """Configuration that makes no sense is refused."""
    with pytest.raises(ValidationError):
        GoodwillConfig.model_validate(wrong)

"""Coupons through the connector: made once, usable once, only where they are meant for, and never other than asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from connectors.woocommerce.channel import WooCommerceChannel
from connectors.woocommerce.sandbox import Sandbox
from connectors.woocommerce.sandbox_faults import Fault
from connectors.woocommerce.sandbox_shop import Coupon
from syncd.channel.port import CouponOutcome, CouponRequest
from syncd.errors import ChannelUnavailable
from syncd.identity import Money
from syncd.testkit.fake_clock import START_AT
from tests.connectors.woocommerce.conftest import Caller

FIVE = Money(Decimal("5.00"), "EUR")
SORRY = CouponRequest(
    "SORRY-1001-AB", FIVE, "goodwill", email="Ann@example.test", expires_at=START_AT + timedelta(days=60)
)


def coupons(sandbox: Sandbox) -> list[Coupon]:
    """The shop's coupons."""
    return list(sandbox.shop.coupons.values())


async def order_with(call: Caller, code: str, product: int, email: str = "ann@example.test") -> tuple[int, str, str]:
    """Somebody orders with the coupon: status, code of the refusal, total."""
    body = {
        "line_items": [{"product_id": product, "quantity": 1}],
        "billing": {"email": email},
        "coupon_lines": [{"code": code}],
    }
    status, document, _ = await call("POST", "orders", body)
    return status, document.get("code", ""), document.get("total", "")


async def test_it_works_once_and_for_one_customer(channel: WooCommerceChannel, sandbox: Sandbox, call: Caller) -> None:
    """Another customer is refused, the right one has five off, and a second time it is used up."""
    mug = int(sandbox.add_product("MUG-B", quantity=9, price="12.00")[0])
    made = await channel.issue_coupon(SORRY)
    assert made.coupon_id
    assert not made.refusal
    refused = (400, "woocommerce_rest_invalid_coupon", "")
    assert await order_with(call, SORRY.code, mug, "bob@example.test") == refused
    assert await order_with(call, SORRY.code, mug) == (201, "", "7.00")
    assert await order_with(call, SORRY.code, mug) == refused
    assert await channel.issue_coupon(SORRY) == replace(made, used=1)


async def test_it_expires(channel: WooCommerceChannel, sandbox: Sandbox, call: Caller) -> None:
    """The end is the moment asked for, whatever the site's own time zone."""
    mug = int(sandbox.add_product("MUG-B", quantity=9, price="12.00")[0])
    await channel.issue_coupon(SORRY)
    assert coupons(sandbox)[0].expires == SORRY.expires_at
    sandbox.shop.clock.advance(60 * 86_400)  # type: ignore[attr-defined]
    assert (await order_with(call, SORRY.code, mug))[0] == 400


async def test_it_is_for_what_it_is_meant_for(channel: WooCommerceChannel, sandbox: Sandbox, call: Caller) -> None:
    """Bound to a category, a percentage comes only off what belongs to it, and other goods cannot be bought with it."""
    mug = int(sandbox.add_product("MUG-B", quantity=9, price="12.00")[0])
    glove = int(sandbox.add_product("GLOVE", quantity=9, price="20.00", category="grill-gloves")[0])
    made = await channel.issue_coupon(CouponRequest("TEN", Decimal(10), "goodwill", categories=("grill-gloves",)))
    assert not made.refusal
    assert (await order_with(call, "TEN", mug))[:2] == (400, "woocommerce_rest_invalid_coupon")
    assert await order_with(call, "TEN", glove) == (201, "", "18.00")


async def test_an_unknown_category_is_named(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """A coupon for a category that there is not would be one for everything."""
    outcome = await channel.issue_coupon(replace(SORRY, categories=("gluves",)))
    assert "'gluves'" in outcome.refusal
    assert not coupons(sandbox)


async def test_the_same_request_makes_no_second_one(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """Also when the answer was lost: the code is unique in the shop, whatever the case of its letters."""
    sandbox.faults.add(Fault("cut_after", method="POST", match="coupons"))
    with pytest.raises(ChannelUnavailable):
        await channel.issue_coupon(SORRY)
    found = await channel.issue_coupon(SORRY)
    assert [str(one.id) for one in coupons(sandbox)] == [found.coupon_id]
    assert await channel.issue_coupon(replace(SORRY, code=SORRY.code.lower())) == found


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"value": Money(Decimal("6.00"), "EUR")}, "amount"),
        ({"value": Decimal(5)}, "discount_type"),
        ({"email": "bob@example.test"}, "email_restrictions"),
        ({"email": ""}, "email_restrictions"),
        ({"expires_at": None}, "date_expires_gmt"),
        ({"minimum": FIVE}, "minimum_amount"),
        ({"categories": ("uncategorized",)}, "product_categories"),
    ],
)
async def test_another_coupon_of_the_code_is_not_ours(
    channel: WooCommerceChannel, changes: dict[str, object], field: str
) -> None:
    """A code that stands for something else is told, never handed to the customer."""
    await channel.issue_coupon(SORRY)
    outcome = await channel.issue_coupon(replace(SORRY, **changes))  # type: ignore[arg-type]
    assert outcome.refusal == f"the shop has another coupon of the code {SORRY.code}: its {field} differs"


async def test_one_that_comes_out_otherwise_is_deleted(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """A plug-in that alters what is saved must not leave a coupon worth something else."""
    real = sandbox.shop.on_change

    def altered(topic: str, number: int) -> None:
        if topic == "coupon.created":
            sandbox.shop.coupons[number].usage_limit = None
        real(topic, number)

    sandbox.shop.on_change = altered
    outcome = await channel.issue_coupon(SORRY)
    assert outcome == CouponOutcome(refusal="the shop made a coupon with another usage_limit; it was deleted again")
    assert not coupons(sandbox)


async def test_another_currency_is_refused(channel: WooCommerceChannel, sandbox: Sandbox) -> None:
    """The shop's coupons say no currency: five pounds would become five euros."""
    outcome = await channel.issue_coupon(replace(SORRY, value=Money(Decimal(5), "GBP")))
    assert "in EUR" in outcome.refusal
    assert sandbox.calls_received == 0


@pytest.mark.parametrize("value", [Decimal(0), Decimal(-5), Decimal(101), Decimal("NaN"), Money(Decimal(0), "EUR")])
def test_a_coupon_worth_nothing_or_more_than_all_is_no_request(value: Money | Decimal) -> None:
    """The shop would take 150 percent and make it nothing; nobody gets as far as asking it."""
    with pytest.raises(ValueError, match="a coupon"):
        CouponRequest("X", value, "goodwill")


def test_a_request_shows_no_address() -> None:
    """Its repr names the code only."""
    assert repr(SORRY) == "CouponRequest(SORRY-1001-AB)"

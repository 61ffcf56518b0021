"""Money and goodwill: what sending cost goes back once, limits ask a person, coupons are made once and told once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from syncd.attention.question import Topic
from syncd.channel.port import RefundLine, RefundRequest
from syncd.goodwill.goodwill import Coupon, CouponStatus, GoodwillConfig
from syncd.goodwill.store import answer_coupon, read_coupons
from syncd.identity import ChannelName, Money
from syncd.privacy.service import Eraser
from syncd.refund.refund import RefundStatus
from syncd.refund.store import made_by_hand
from syncd.shortage.case import CaseStatus
from syncd.shortage.choice import CUSTOMER, Wish
from syncd.shortage.resolution import OptionKind
from syncd.testkit.channel_rig import Fault
from tests.support.care import LAG_SECONDS, THINK_SECONDS, Care

MARKET = ChannelName("market")


def euros(amount: str) -> Money:
    """An amount of the market's."""
    return Money(Decimal(amount), "EUR")


@pytest.fixture
async def care(tmp_path: Path) -> AsyncIterator[Care]:
    """A market that charges 4.90 for sending an order."""
    async with Care(tmp_path) as made:
        made.shops["market"].shipping = euros("4.90")
        yield made


def ruled(care: Care, goodwill: GoodwillConfig | None = None, **rules: object) -> None:
    """The merchant says otherwise from now on."""
    care.config = care.config.model_copy(update=rules)
    care.goodwill = goodwill or care.goodwill
    care.start_again()


async def two_lines(care: Care, there: int) -> str:
    """An order of one X that is not there, and one KIT of which so many are; returns its id."""
    gloves = await care.empty_shelf(1)
    await care.stock("KIT", 1)
    kit = await care.offer("market", "KIT", 1)
    await care.settle()
    if not there:
        await care.stock("KIT", -1)
    order_id = care.shops["market"].place_order([(gloves, 1), (kit, 1)])
    assert order_id is not None
    await care.tend_for(LAG_SECONDS)
    return order_id


async def coupons(care: Care) -> list[Coupon]:
    """Every coupon."""
    async with care.db.read() as conn:
        return await read_coupons(conn, list(CouponStatus))


def back(care: Care) -> list[tuple[str, list[str]]]:
    """What the market gave back: in all, and for each line."""
    requests = [one.request for one in care.shops["market"].refunds]
    return [(str(one.amount), [str(line.amount) for line in one.lines]) for one in requests]


async def test_who_gets_nothing_pays_nothing_for_sending(care: Care) -> None:
    """The whole order is refunded: what sending cost goes back with it, and page and letters name the whole sum."""
    await care.oversold()
    (case,) = await care.cases()
    option = case.offers(OptionKind.REFUND)
    assert option is not None
    assert option.cost == euros("14.80")
    await care.tend_for(THINK_SECONDS)
    assert back(care) == [("14.80 EUR", ["9.90 EUR"])]
    assert ["14,80" in one.body for one in await care.written()] == [True, True]


async def test_sending_is_not_refunded_while_something_is_sent(care: Care) -> None:
    """One line is refunded, the other leaves: what sending cost was for that."""
    await two_lines(care, there=1)
    await care.tend_for(THINK_SECONDS)
    assert back(care) == [("9.90 EUR", ["9.90 EUR"])]


async def test_sending_is_refunded_once_by_whoever_comes_last(care: Care) -> None:
    """Both lines are short: two cases, and the second to be refunded takes what sending cost along."""
    await two_lines(care, there=0)
    await care.tend_for(THINK_SECONDS)
    await care.tend_for(LAG_SECONDS)
    assert sorted(back(care)) == [("14.80 EUR", ["9.90 EUR"]), ("9.90 EUR", ["9.90 EUR"])]
    assert [one.status for one in await care.cases()] == [CaseStatus.RESOLVED] * 2


async def test_what_went_back_past_us_is_not_guessed(care: Care) -> None:
    """The merchant refunded a line himself: whether with the cost of sending, nobody knows, so it does not go back."""
    order_id = await two_lines(care, there=0)
    money = euros("9.90")
    by_hand = RefundRequest(order_id, "by hand", "", (RefundLine(f"{order_id}-2", 1, money),), money)
    assert care.shops["market"].refund(by_hand)
    await care.tend_for(LAG_SECONDS)
    await care.tend_for(THINK_SECONDS)
    assert [amount for amount, _ in back(care)] == ["9.90 EUR", "9.90 EUR"]


async def test_what_is_there_leaves_with_free_shipping(care: Care) -> None:
    """One of two is there: it leaves, the other is paid back and the sending besides."""
    ruled(care, ship_now="shipping")
    await care.stock("X", 1)
    market = await care.offer("market", "X", 1)
    await care.settle()
    care.shops["market"].edit_quantity(market, 2)
    care.shops["market"].sell(market, 2)
    await care.tend_for(LAG_SECONDS)
    (case,) = await care.cases()
    assert await care.shortage.choose(case.case_id, OptionKind.PART_NOW, by="agent") is None
    await care.tend_for(1)
    assert back(care) == [("14.80 EUR", ["9.90 EUR"])]


async def test_a_gift_is_put_into_the_parcel_by_a_person(care: Care) -> None:
    """The option names it, a person is asked for it, and the question closes itself when the order has left."""
    ruled(care, ship_now="gift", gift="a bag of charcoal")
    order_id = await two_lines(care, there=1)
    (case,) = await care.cases()
    assert await care.shortage.choose(case.case_id, OptionKind.PART_NOW, by="agent") is None
    await care.tend_for(1)
    (asked,) = await care.questions()
    assert (asked.topic, "put a bag of charcoal into the parcel" in asked.sentence) == (Topic.PARCEL, True)
    assert "a bag of charcoal" in (await care.written())[-1].body
    care.shops["market"].ship_order(order_id)
    await care.tend_for(LAG_SECONDS)
    assert await care.questions() == []


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"refund_max_day": Decimal(20)}, "more than the 20 of a day"),
        ({"refund_max_customer": Decimal(20)}, "more than 20"),
    ],
)
async def test_past_a_limit_a_person_is_asked(care: Care, limit: dict[str, Decimal], said: str) -> None:
    """The first refund goes back by itself, the second of the day (or of the customer) waits for a word."""
    ruled(care, **limit)
    await care.oversold()
    await care.tend_for(THINK_SECONDS)
    care.shops["market"].edit_quantity(next(iter(care.shops["market"].listings)), 1)
    care.shops["market"].sell(next(iter(care.shops["market"].listings)), 1)
    await care.tend_for(LAG_SECONDS)
    await care.tend_for(THINK_SECONDS)
    first, second = await care.cases()
    assert (first.status, second.status, len(back(care))) == (CaseStatus.RESOLVED, CaseStatus.NEEDS_PERSON, 1)
    (asked,) = await care.questions()
    assert said in asked.sentence
    assert await care.shortage.choose(second.case_id, OptionKind.REFUND, by="agent") is None
    await care.tend_for(LAG_SECONDS)
    assert (len(back(care)), await care.questions()) == (2, [])


async def test_a_limit_stops_what_the_customer_chose_too(care: Care) -> None:
    """His choice is noted and kept; a person agrees to the money."""
    ruled(care, refund_max_day=Decimal(5))
    await care.oversold()
    (case,) = await care.cases()
    links = care.rules().links
    wish = Wish(case.case_id, OptionKind.REFUND, None, CUSTOMER, links.read(links.token(case)))
    await care.shortage.decide(wish)
    (case,) = await care.cases()
    assert (case.status, case.chosen, case.chosen_by) == (CaseStatus.NEEDS_PERSON, OptionKind.REFUND, CUSTOMER)


async def test_a_whole_order_is_asked_about_where_it_counts(care: Care) -> None:
    """eBay-like: sending nothing of an order counts against the seller; a part refund goes back by itself."""
    care.counting = frozenset({MARKET})
    care.start_again()
    await two_lines(care, there=1)
    await care.tend_for(THINK_SECONDS)
    assert back(care) == [("9.90 EUR", ["9.90 EUR"])]
    care.shops["market"].edit_quantity(next(iter(care.shops["market"].listings)), 1)
    care.shops["market"].sell(next(iter(care.shops["market"].listings)), 1)
    await care.tend_for(LAG_SECONDS)
    await care.tend_for(THINK_SECONDS)
    assert [one.status for one in await care.cases()] == [CaseStatus.RESOLVED, CaseStatus.NEEDS_PERSON]
    (asked,) = await care.questions()
    assert "which market counts against us" in asked.sentence


async def test_a_refund_by_hand_ends_the_case(care: Care) -> None:
    """The channel cannot: a person gives the money back and says how; the customer is told and the case ends."""
    await care.oversold()
    (case,) = await care.cases()
    care.shops["market"].fail_next(Fault.HTML_BODY, operation="refund")
    assert await care.shortage.choose(case.case_id, OptionKind.REFUND, by="agent") is None
    await care.tend_for(1)
    (refund,) = await care.wanted_refunds()
    assert refund.status is RefundStatus.NEEDS_PERSON
    done = (await care.writer.submit(made_by_hand(refund.reference, "by hand: transfer 17"))).value
    assert done is not None
    assert (await care.writer.submit(made_by_hand(refund.reference, "again"))).value is None
    await care.tend_for(1)
    (case,) = await care.cases()
    assert (case.resolution, await care.questions()) == ("refunded 14.80 EUR", [])
    assert [one.reference.rpartition("/")[2] for one in await care.written()] == ["shortage", "refunded"]


GIVING = GoodwillConfig(channels=("market",), coupons="auto")


async def test_the_coupon_is_in_the_letter_about_the_refund(care: Care) -> None:
    """Made once although the answer was lost, for this customer alone, and told in the same letter."""
    ruled(care, GIVING)
    care.shops["market"].fail_next(Fault.TIMEOUT_AFTER_APPLYING, operation="issue_coupon")
    order_id = await care.oversold()
    await care.tend_for(THINK_SECONDS)
    assert [one.status for one in await care.cases()] == [CaseStatus.ACTING]  # the letter waits for the coupon
    await care.tend_for(60)
    (coupon,) = await coupons(care)
    made = care.channels["market"].coupons  # type: ignore[attr-defined]
    assert list(made) == [coupon.code]
    assert made[coupon.code].email == care.shops["market"].orders[order_id].buyer.email
    told = [one for one in await care.written() if coupon.code in one.body]
    assert [one.reference for one in told] == [coupon.told_in]
    assert coupon.told_in.endswith("/refunded")


async def test_a_coupon_somebody_agrees_to_later_has_a_letter_of_its_own(care: Care) -> None:
    """The refund's letter does not wait for a person; the coupon is told once he agreed, and lasts from then on."""
    ruled(care, GIVING.model_copy(update={"coupons": "ask"}))
    await care.oversold()
    await care.tend_for(THINK_SECONDS)
    (coupon,) = await coupons(care)
    assert ([one.status for one in await care.cases()], coupon.status) == ([CaseStatus.RESOLVED], CouponStatus.ASKED)
    care.clock.advance(86_400)
    await care.writer.submit(answer_coupon(coupon.reference, agreed=True))
    for _ in range(2):
        await care.tend_for(1)
    (coupon,) = await coupons(care)
    assert (coupon.expires_at - care.clock.now()).days == 59
    letters = [one for one in await care.written() if coupon.code in one.body]
    assert [one.reference for one in letters] == [coupon.told_in]
    assert (coupon.told_in.endswith("/coupon"), await care.questions()) == (True, [])
    assert (await care.writer.submit(answer_coupon(coupon.reference, agreed=False))).value is None


@pytest.mark.parametrize("limit", ["max_day", "max_customer"])
async def test_past_a_limit_of_coupons_a_person_is_asked(care: Care, limit: str) -> None:
    """A customer (or a day) has had its coupons: the next one waits; declined, he never hears of it."""
    ruled(care, GIVING.model_copy(update={limit: 1}))
    await two_lines(care, there=0)
    await care.tend_for(THINK_SECONDS)
    await care.tend_for(1)
    first, second = sorted(await coupons(care), key=lambda one: one.status)
    assert (first.status, second.status) == (CouponStatus.ASKED, CouponStatus.ISSUED)
    await care.writer.submit(answer_coupon(first.reference, agreed=False))
    await care.tend_for(60)
    assert [one for one in await care.written() if first.code in one.body] == []
    assert await care.questions() == []


async def test_a_forgotten_buyer_gets_no_coupon(care: Care) -> None:
    """What waits for him goes with him; what he has stays, and names nobody."""
    ruled(care, GIVING.model_copy(update={"coupons": "ask"}))
    order_id = await care.oversold()
    await care.tend_for(THINK_SECONDS)
    await Eraser(care.writer).forget(MARKET, [care.shops["market"].orders[order_id].buyer.buyer_id])
    assert await coupons(care) == []
    await care.tend_for(LAG_SECONDS)
    await care.assert_sound()

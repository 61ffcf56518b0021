"""A broken promise is told before it is asked about, and its money is given back once, and only if it is still owed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from syncd.attention.question import Topic
from syncd.channel.port import OrderStatus, RefundLine, RefundRequest
from syncd.identity import Money
from syncd.refund.refund import RefundStatus
from syncd.shortage.case import CaseStatus
from syncd.shortage.resolution import OptionKind
from syncd.shortage.service import SETTLED, ShortageService, rules_of
from syncd.shortage.service_affair import Affairs
from syncd.testkit.channel_rig import Fault
from tests.support.care import CARING, LAG_SECONDS, THINK_SECONDS, Care
from tests.support.rooms import ONE


@pytest.fixture
async def care(tmp_path: Path) -> AsyncIterator[Care]:
    """A market, and everybody who looks after its customers."""
    async with Care(tmp_path) as made:
        yield made


def asked_of(care: Care) -> list[str]:
    """The refund calls the market has received, in order."""
    operations = (call.operation for call in care.shops["market"].calls)
    return [one for one in operations if one in ("refund", "find_refund")]


async def test_no_answer_is_money_back_once(care: Care) -> None:
    """The customer is told at once; at the deadline he is refunded, told so, and the line needs nothing more."""
    await care.oversold()
    (case,) = await care.cases()
    assert case.status is CaseStatus.ASKED
    assert [one.reference for one in care.shops["market"].messages] == [f"{case.case_id}/shortage"]
    await care.tend_for(THINK_SECONDS)
    await care.tend_for(LAG_SECONDS)
    (case,) = await care.cases()
    assert (case.status, case.resolution, care.refunded()) == (CaseStatus.RESOLVED, "refunded 9.90 EUR", 1)
    assert [one.reference for one in care.shops["market"].messages] == [
        f"{case.case_id}/shortage",
        f"{case.case_id}/refunded",
    ]
    await care.assert_sound()


@pytest.mark.parametrize("how", ["cancelled", "shipped"])
async def test_what_ends_on_the_channel_is_not_refunded(care: Care, how: str) -> None:
    """An order cancelled (and paid back) or sent past us ends its case: the deadline gives nobody money."""
    order_id = await care.oversold()
    shop = care.shops["market"]
    shop.cancel_order(order_id) if how == "cancelled" else shop.ship_order(order_id)
    await care.tend_for(LAG_SECONDS)
    await care.tend_for(THINK_SECONDS)
    (case,) = await care.cases()
    assert (case.status, case.resolution, care.refunded()) == (CaseStatus.RESOLVED, SETTLED, 0)


async def test_a_part_refunded_on_the_channel_is_not_refunded_again(care: Care) -> None:
    """Of two units short one was refunded by the merchant himself: the case shrinks to the other."""
    order_id = await care.oversold(2)
    price = Money(Decimal("9.90"), "EUR")
    by_merchant = RefundRequest(order_id, "by hand", "", (RefundLine(f"{order_id}-1", 1, price),), price)
    assert care.shops["market"].refund(by_merchant) is not None
    await care.tend_for(LAG_SECONDS)
    (case,) = await care.cases()
    assert (case.units, {option.units for option in case.options}) == (1, {1})
    await care.tend_for(THINK_SECONDS)
    assert [one.amount for one in await care.wanted_refunds()] == [price]


async def test_nobody_is_refunded_what_he_has_not_paid(care: Care) -> None:
    """An unpaid order's case waits: neither letter nor money until the customer has paid."""
    market = await care.empty_shelf(1)
    order_id = care.shops["market"].sell(market, 1, paid=False)
    await care.tend_for(LAG_SECONDS)
    await care.tend_for(THINK_SECONDS)
    assert ([case.status for case in await care.cases()], care.refunded()) == ([CaseStatus.OPEN], 0)
    assert await care.written() == []
    care.shops["market"].pay_order(order_id)
    await care.tend_for(LAG_SECONDS)
    assert [case.status for case in await care.cases()] == [CaseStatus.ASKED]


async def test_a_case_survives_the_merger_of_its_order(care: Care) -> None:
    """The customer asks for one combined payment: the case of the order that is no more goes on in the new one."""
    shop, gloves = care.shops["market"], await care.empty_shelf(1)
    await care.stock("KIT", 5)
    kit = await care.offer("market", "KIT", 5)
    await care.settle()
    first, second = (shop.orders[shop.sell(one, 1, paid=False)] for one in (kit, gloves))
    await care.tend_for(LAG_SECONDS)
    for gone in (first, second):
        del shop.orders[gone.order_id]
    paid = replace(first, order_id="both", lines=first.lines + second.lines, status=OrderStatus.PAID)
    shop._keep(replace(paid, total=first.total + second.total))
    await care.tend_for(LAG_SECONDS)
    await care.tend_for(THINK_SECONDS)
    assert [case.status for case in await care.cases()] == [CaseStatus.RESOLVED]
    assert [one.request.order_id for one in shop.refunds] == ["both"]


async def test_a_late_choice_does_not_start_the_refund_again(care: Care, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent decides in the moment the deadline has done so: he is told, and the money goes out once."""
    await care.oversold(2)
    (case,) = await care.cases()
    real = Affairs.quantity

    async def slowly(affairs: Affairs, affair: object) -> int:
        monkeypatch.setattr(Affairs, "quantity", real)
        await care.tend_for(THINK_SECONDS)
        return await real(affairs, affair)  # type: ignore[arg-type]

    monkeypatch.setattr(Affairs, "quantity", slowly)
    why_not = await care.shortage.choose(case.case_id, OptionKind.REFUND, by="agent")
    assert why_not is not None
    assert "moved on" in why_not
    await care.tend_for(LAG_SECONDS)
    assert asked_of(care) == ["refund"]


async def test_a_refund_tried_again_by_a_person_is_looked_for_first(care: Care) -> None:
    """Nobody knows whether the last try went through: choosing the refund again must not pay twice."""
    await care.oversold(2)
    shop = care.shops["market"]
    shop.fail_next(Fault.TIMEOUT_AFTER_APPLYING, operation="refund")
    shop.fail_next(Fault.HTML_BODY, operation="find_refund")
    for seconds in (THINK_SECONDS, 10, 10):  # the order list, which would show the refund, is not read meanwhile
        care.clock.advance(seconds)
        await care.tend()
    (case,) = await care.cases()
    assert (case.status, care.refunded()) == (CaseStatus.NEEDS_PERSON, 1)
    before = len(asked_of(care))
    assert await care.shortage.choose(case.case_id, OptionKind.REFUND, by="agent") is None
    for _ in range(3):
        care.clock.advance(10)
        await care.tend()
    assert asked_of(care)[before:] == ["find_refund"]
    assert [one.status for one in await care.wanted_refunds()] == [RefundStatus.DONE]
    assert [one for one in await care.questions() if one.topic is Topic.REFUND] == []


@pytest.mark.parametrize("how", ["cancelled", "shipped"])
async def test_a_refund_that_waited_is_judged_on_the_order_as_it_is(care: Care, how: str) -> None:
    """Between decision and payment the order was cancelled or sent: a person looks before money moves."""
    order_id = await care.oversold()
    (case,) = await care.cases()
    assert await care.shortage.choose(case.case_id, OptionKind.REFUND, by="agent") is None
    shop = care.shops["market"]
    shop.cancel_order(order_id) if how == "cancelled" else shop.ship_order(order_id)
    care.clock.advance(LAG_SECONDS)
    await care.step()
    await care.tend_for(1)
    assert (asked_of(care), [one.status for one in await care.wanted_refunds()]) == ([], [RefundStatus.NEEDS_PERSON])


async def test_a_case_of_a_channel_that_is_gone_stops_nobody(care: Care) -> None:
    """A channel taken out of the configuration leaves its open cases to be asked and decided all the same."""
    await care.oversold()
    policies = replace(care.policies, channels={})
    care.shortage = ShortageService(care.db, care.writer, policies=policies, rules=rules_of(CARING), clock=care.clock)
    await care.tend_for(THINK_SECONDS)
    assert [case.status for case in await care.cases()] == [CaseStatus.RESOLVED]


async def test_a_refund_that_failed_is_not_asked_again_for_what_is_not_owed_any_more(tmp_path: Path) -> None:
    """Two were short and their refund failed; the merchant paid one back by hand: asked again it would pay two."""
    async with Care(tmp_path, ONE) as care:
        await care.stock("X", 1)
        market, shop = await care.offer("market", "X", 1), care.shops["market"]
        await care.settle()
        shop.edit_quantity(market, 3)
        order_id = shop.sell(market, 3)
        await care.tend_for(LAG_SECONDS)
        (case,) = await care.cases()
        shop.fail_next(Fault.HTML_BODY, operation="refund")
        assert await care.shortage.choose(case.case_id, OptionKind.REFUND, by="agent") is None
        for _ in range(3):
            care.clock.advance(10)
            await care.tend()
        price = Money(Decimal("9.90"), "EUR")
        shop.refund(RefundRequest(order_id, "by hand", "", (RefundLine(f"{order_id}-1", 1, price),), price))
        await care.tend_for(LAG_SECONDS)
        assert [one.units for one in await care.cases()] == [1]
        assert await care.shortage.choose(case.case_id, OptionKind.REFUND, by="agent") is not None
        await care.tend_for(60)
        assert [str(one.request.amount) for one in shop.refunds] == ["9.90 EUR"]

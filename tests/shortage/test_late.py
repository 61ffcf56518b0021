"""Suppliers who slip: what another one or another shelf can mend nobody hears of; what will be late is told before the
promised day has passed, once, with the way out in the same letter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from syncd.identity import Money, Sku, SupplierName
from syncd.ledger.movement import OPENING, Movement, Reason, available
from syncd.ledger.store import post
from syncd.reservation.store import read_short
from syncd.shortage.case import Case, CaseStatus
from syncd.shortage.resolution import OptionKind, ShortageConfig
from syncd.supply.offer import Offer, SupplierPolicy
from syncd.supply.port import AnswerKind, PurchaseAnswer
from syncd.supply.purchase_order import PurchaseOrder, PurchaseStatus
from syncd.supply.service_answers import hear_answers
from syncd.supply.store import read_purchase_orders, save_offers
from tests.support.care import LAG_SECONDS, THINK_SECONDS, Care
from tests.support.rooms import MARKET, Setup

NORTH, SOUTH = SupplierName("north"), SupplierName("south")
DAY = 86_400.0
RULES = ShortageConfig(
    answer_within_seconds=THINK_SECONDS,
    refund="auto",
    refund_max=Decimal(10_000),
    send_within_days=3,
    shop_name="La Brace",
    agent_name="Chiara",
)


class Trade(Care):
    """A market whose X comes from a supplier in the north; one in the south has it too."""

    def __init__(self, folder: Path, rules: ShortageConfig = RULES, *, south_days: int | None = 2) -> None:
        super().__init__(folder, Setup({"market": MARKET}, supplier=SupplierPolicy(NORTH, 9e6)), rules)
        suppliers = dict(self.policies.suppliers) | {SOUTH: SupplierPolicy(SOUTH, 9e6, lead_days=south_days)}
        object.__setattr__(self.policies, "suppliers", suppliers)

    async def sold(self, units: int = 2) -> str:
        """So many X are sold that the north has; returns the order's id."""
        await self.supply("X", 5)
        listing = await self.offer("market", "X", 0)
        await self.settle()
        order_id = self.shops["market"].sell(listing, units)
        await self.tend_for(LAG_SECONDS)
        return order_id

    async def south_offers(self, units: int) -> None:
        """The south has so many X, at 6 euro each."""
        cost = Money(Decimal(6), "EUR")
        await self.writer.write(save_offers([Offer(SOUTH, "z-9", Sku("X"), units, self.clock.now(), cost=cost)]))

    async def bought(self) -> list[PurchaseOrder]:
        """Every purchase order."""
        async with self.db.read() as conn:
            return await read_purchase_orders(conn)

    async def says(self, kind: AnswerKind, *, number: int = 0, **told: object) -> None:
        """A supplier answers a purchase order."""
        order = (await self.bought())[number]
        answer = PurchaseAnswer(order.reference, kind, **told)  # type: ignore[arg-type]
        await hear_answers(self.writer, order, [answer], self.clock.now())
        await self.tend_for(1)

    async def case(self) -> Case:
        """The only case."""
        (case,) = await self.cases()
        return case

    def day(self, days: int) -> date:
        """So many days from now."""
        return (self.clock.now() + timedelta(days=days)).date()

    async def subjects(self) -> list[str]:
        """What every letter is about."""
        return [one.reference.removeprefix((await self.cases())[0].case_id) for one in await self.written()]


@pytest.fixture
async def trade(tmp_path: Path) -> AsyncIterator[Trade]:
    """Two X sold, bought in the north."""
    async with Trade(tmp_path) as made:
        await made.sold()
        yield made
        await made.assert_sound()


async def test_what_a_supplier_refuses_is_bought_elsewhere_in_silence(trade: Trade) -> None:
    """The south has it and keeps the promised day: no letter, one purchase order more, nothing short."""
    await trade.south_offers(2)
    await trade.says(AnswerKind.REFUSED)
    case = await trade.case()
    assert (case.status, case.cause) == (CaseStatus.RESOLVED, "north refused it")
    assert case.resolution == "bought from south; the promised day holds and nobody had to be told"
    refused, second = await trade.bought()
    assert (refused.status, second.supplier, second.status) == (PurchaseStatus.REFUSED, SOUTH, PurchaseStatus.DRAFT)
    assert [one.quantity for one in second.purchases] == [2]
    assert await trade.written() == []


async def test_a_part_he_will_not_send_opens_a_case_for_that_part(trade: Trade) -> None:
    """One of two: the case is about one, and its cause says who."""
    await trade.says(AnswerKind.ACCEPTED, quantity=1)
    case = await trade.case()
    assert (case.units, case.cause, case.status) == (1, "north refused it", CaseStatus.ASKED)
    assert [one.key for one in case.options] == ["refund"]


async def test_who_refused_is_not_asked_again(trade: Trade) -> None:
    """North's list still names five; a refusal is believed more than a list."""
    await trade.says(AnswerKind.REFUSED)
    assert len(await trade.bought()) == 1
    assert (await trade.case()).status is CaseStatus.ASKED


async def test_a_supplier_who_is_slower_than_the_promise_is_a_question(tmp_path: Path) -> None:
    """He stands for a day after the promised one: the customer may wait for it, and only then it is bought."""
    async with Trade(tmp_path, south_days=6) as trade:
        await trade.sold()
        await trade.south_offers(2)
        await trade.says(AnswerKind.REFUSED)
        case = await trade.case()
        wait = case.offers(OptionKind.WAIT)
        assert wait is not None
        assert (wait.until, wait.supplier, wait.cost) == (trade.day(6), SOUTH, Money(Decimal(12), "EUR"))
        assert len(await trade.bought()) == 1
        assert await trade.shortage.choose(case.case_id, OptionKind.WAIT, by="anna") is None
        waiting, order = await trade.case(), (await trade.bought())[1]
        assert (waiting.status, waiting.awaits, order.supplier) == (CaseStatus.WAITING, order.reference, SOUTH)
        await trade.says(AnswerKind.SHIPPED, number=1, tracking_number="T1")
        assert (await trade.case()).resolution == "the supplier has sent it"
        await trade.assert_sound()


async def test_who_waits_for_a_supplier_is_asked_again_when_he_refuses_too(tmp_path: Path) -> None:
    """The case of the wait ends, and a new one asks anew."""
    async with Trade(tmp_path, south_days=6) as trade:
        await trade.sold()
        await trade.south_offers(2)
        await trade.says(AnswerKind.REFUSED)
        await trade.shortage.choose((await trade.case()).case_id, OptionKind.WAIT, by="anna")
        await trade.says(AnswerKind.REFUSED, number=1)
        first, second = await trade.cases()
        assert (first.resolution, second.status, second.cause) == (
            "south refused it",
            CaseStatus.ASKED,
            "south refused it",
        )
        await trade.assert_sound()


async def test_a_wait_whose_supplier_has_just_sold_out_opens_the_choice_again(tmp_path: Path) -> None:
    """Nothing is bought, nothing breaks: he chooses from what there is."""
    async with Trade(tmp_path, south_days=6) as trade:
        await trade.sold()
        await trade.south_offers(2)
        await trade.says(AnswerKind.REFUSED)
        await trade.south_offers(1)
        case = await trade.case()
        assert await trade.shortage.choose(case.case_id, OptionKind.WAIT, by="anna") is not None
        again = await trade.case()
        assert (again.status, [one.key for one in again.options]) == (CaseStatus.ASKED, ["refund"])
        assert len(await trade.bought()) == 1


async def test_another_shelf_helps_while_the_promise_holds(tmp_path: Path) -> None:
    """The counter shop is two days away: in time on the first day, not on the second."""
    rules = RULES.model_copy(update={"stand_in": {"counter": 2}})
    for days, expected in ((0, CaseStatus.RESOLVED), (2, CaseStatus.ASKED)):
        (tmp_path / str(days)).mkdir()
        async with Trade(tmp_path / str(days), rules) as trade:
            await trade.sold()
            there = Movement("r1", Sku("X"), 2, OPENING, available("counter"), Reason.RECEIPT, trade.clock.now())
            await trade.writer.submit(post([there]))
            trade.clock.advance(days * DAY)
            await trade.says(AnswerKind.REFUSED)
            assert (await trade.case()).status is expected
            await trade.assert_sound()


async def test_a_delay_is_told_once_with_the_way_out(trade: Trade) -> None:
    """North names a day after the promise: one letter with that day and the refund; more rounds write no second."""
    await trade.says(AnswerKind.ACCEPTED)
    await trade.says(AnswerKind.DELAYED, expected_on=trade.day(9))
    case = await trade.case()
    assert (case.status, [one.key for one in case.options]) == (CaseStatus.ASKED, ["wait", "refund"])
    assert case.options[0].until == trade.day(9)
    for _ in range(5):
        await trade.tend_for(60)
        await trade.says(AnswerKind.DELAYED, expected_on=trade.day(9))
    (letter,) = await trade.written()
    assert letter.reference == f"{case.case_id}/late"
    assert "Your money back" in letter.body or "Il rimborso" in letter.body


async def test_a_delay_within_the_promise_is_nobodys_business(trade: Trade) -> None:
    """Three days were promised; two are kept."""
    await trade.says(AnswerKind.ACCEPTED)
    await trade.says(AnswerKind.DELAYED, expected_on=trade.day(2))
    assert (await trade.cases(), await trade.written()) == ([], [])


async def test_who_says_nothing_to_a_delay_waits(trade: Trade) -> None:
    """The default of a delay is that it comes: no money moves, and a second delay asks anew."""
    await trade.says(AnswerKind.ACCEPTED)
    await trade.says(AnswerKind.DELAYED, expected_on=trade.day(9))
    await trade.tend_for(THINK_SECONDS)
    case = await trade.case()
    assert (case.status, case.chosen_by, await trade.wanted_refunds()) == (CaseStatus.WAITING, "deadline", [])
    await trade.says(AnswerKind.DELAYED, expected_on=trade.day(20))
    case = await trade.case()
    assert (case.status, case.asked, case.options[0].until) == (CaseStatus.ASKED, 2, trade.day(20))
    assert await trade.subjects() == ["/late", "/delay/2"]


async def test_who_steps_out_is_refunded_and_the_supplier_is_called_off(trade: Trade) -> None:
    """His money goes back once; a person calls the purchase order off; what would come then is nobody's."""
    await trade.says(AnswerKind.ACCEPTED)
    await trade.says(AnswerKind.DELAYED, expected_on=trade.day(9))
    assert await trade.shortage.choose((await trade.case()).case_id, OptionKind.REFUND, by="anna") is None
    await trade.tend_for(60)
    case = await trade.case()
    assert (case.status, case.awaits, trade.refunded()) == (CaseStatus.RESOLVED, "", 1)
    (order,) = await trade.bought()
    sentences = [one.sentence for one in await trade.questions() if one.subject == order.reference]
    assert [("call it off with north" in one) for one in sentences] == [True]
    async with trade.db.read() as conn:
        assert await read_short(conn) == []


async def test_a_late_parcel_that_leaves_ends_the_question(trade: Trade) -> None:
    """It left while he thought: nothing can be refunded any more, and nothing is asked."""
    await trade.says(AnswerKind.ACCEPTED)
    await trade.says(AnswerKind.DELAYED, expected_on=trade.day(9))
    await trade.says(AnswerKind.SHIPPED, tracking_number="T1")
    case = await trade.case()
    assert (case.status, case.resolution) == (CaseStatus.RESOLVED, "the supplier has sent it")
    assert await trade.shortage.choose(case.case_id, OptionKind.REFUND, by="anna") is not None
    assert trade.refunded() == 0


async def test_silence_counts_only_from_a_supplier_who_tells_of_parcels(tmp_path: Path) -> None:
    """North never told of a parcel: nobody knows whether he is late. Once he did, his silence is a delay, told before
    the promised day has passed; with no day to wait for, doing nothing makes a person ask him."""
    async with Trade(tmp_path) as trade:
        await trade.sold(1)
        await trade.says(AnswerKind.ACCEPTED)
        await trade.tend_for(2.9 * DAY)
        assert await trade.cases() == []
        trade.shops["market"].sell(next(iter(trade.shops["market"].listings)), 1)
        await trade.tend_for(LAG_SECONDS)
        await trade.says(AnswerKind.ACCEPTED, number=1)
        await trade.says(AnswerKind.SHIPPED, number=1, tracking_number="T2")
        case = await trade.case()
        assert (case.cause, [one.key for one in case.options]) == ("north has not sent it", ["refund"])
        await trade.tend_for(THINK_SECONDS)
        assert (await trade.case()).status is CaseStatus.NEEDS_PERSON
        assert trade.refunded() == 0
        await trade.assert_sound()

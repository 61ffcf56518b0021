"""One supplier's worker buys what was promised, once, and says at once what he will not send."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.attention.question import Topic
from syncd.errors import (
    ChannelAuthFailed,
    ChannelProtocolError,
    ChannelRefused,
    ChannelUnavailable,
    RateLimited,
    RemoteError,
)
from syncd.reservation.store import save_demands
from syncd.supply.offer import SupplyConfig
from syncd.supply.port import OfferRow, PurchaseOutcome, PurchaseRequest
from syncd.supply.purchase_order import PurchaseStatus
from syncd.supply.store import release_purchases
from syncd.testkit.fake_clock import START_AT
from syncd.testkit.fake_supplier import FakeOrderingSupplier, FakeSupplier, ScriptedFault
from tests.support.desk import (
    BUY,
    CATALOGUE,
    DEMAND,
    DRAFT,
    NORD,
    Desk,
    desk_over,
    fault,
    opened_desk,
)
from tests.support.store import GLOVES


@pytest.fixture
async def desk(store_url: str) -> AsyncIterator[Desk]:
    """A supplier with a catalogue of twelve things, never read yet."""
    async with opened_desk(store_url) as opened:
        yield opened


async def test_an_order_he_accepts_is_done(desk: Desk) -> None:
    """The draft is sent once with our reference and lines, and nothing becomes short."""
    desk.supplier.set_offers([OfferRow(GLOVES, 5)])
    await desk.draft(DRAFT)
    assert await desk.run() == {"offers": 1, "ordered": 1}
    assert await desk.run(1) == {}
    ((request, _),) = desk.supplier.orders.values()
    assert request.reference == DRAFT.reference
    assert [(line.supplier_sku, line.quantity) for line in request.lines] == [(GLOVES, 3)]
    done = (await desk.orders())[DRAFT.reference]
    assert (done.status, done.supplier_reference, done.purchases[0].accepted) == (
        PurchaseStatus.ACCEPTED,
        "PO-1",
        3,
    )
    assert await desk.demand() == DEMAND


@pytest.mark.parametrize(
    ("has", "status"), [(2, PurchaseStatus.PARTIAL), (0, PurchaseStatus.REFUSED), (None, PurchaseStatus.REFUSED)]
)
async def test_what_he_refuses_is_short_at_once(desk: Desk, has: int | None, status: PurchaseStatus) -> None:
    """The broken promise is written with his answer: bought units become short, with the cause and the moment."""
    desk.supplier.set_offers([OfferRow("OTHER", 1)] if has is None else [OfferRow(GLOVES, has)])
    await desk.draft(DRAFT)
    await desk.run()
    assert (await desk.orders())[DRAFT.reference].status is status
    expected = DEMAND.refused(3 - (has or 0), "nord refused it", START_AT)
    assert expected.short > 0
    assert await desk.demand() == expected
    assert GLOVES in await desk.store.touched()


async def test_two_articles_of_one_line_are_both_ordered_and_both_refused(desk: Desk) -> None:
    """One SKU under two of his numbers: each is bought, and what he refuses of both is short together."""
    twins = (replace(BUY, supplier_sku="N-0", quantity=2), replace(BUY, supplier_sku="N-1", quantity=1))
    desk.supplier.set_offers([OfferRow("N-1", 0)])
    await desk.draft(replace(DRAFT, purchases=twins))
    await desk.run()
    ((request, _),) = desk.supplier.orders.values()
    assert [(line.supplier_sku, line.quantity) for line in request.lines] == [("N-0", 2), ("N-1", 1)]
    assert [one.accepted for one in (await desk.orders())[DRAFT.reference].purchases] == [0, 0]
    assert await desk.demand() == replace(DEMAND, purchased=0, short=3, cause="nord refused it", short_since=START_AT)


async def test_an_unreachable_supplier_is_tried_again_ever_later_then_by_hand(desk: Desk) -> None:
    """Each pause is twice the last; after the last try it is a person's task, and no machine sends it again."""
    config = SupplyConfig(order_attempts_max=3, order_retry_seconds=30)
    desk.service = desk_over(desk.store, desk.supplier, config=config)
    desk.supplier.set_offers([OfferRow(GLOVES, 5)])
    await desk.draft(DRAFT)
    for pause, attempts in ((0, 1), (29, 1), (1, 2), (59, 2)):
        if (pause, attempts) in ((0, 1), (1, 2)):
            desk.supplier.fail_next_order(fault(ChannelUnavailable))
        await desk.run(pause)
        assert (await desk.orders())[DRAFT.reference].attempts == attempts
    desk.supplier.fail_next_order(fault(ChannelProtocolError))
    await desk.run(1)
    done = (await desk.orders())[DRAFT.reference]
    assert (done.status, done.message.startswith("tried 3 times")) == (PurchaseStatus.BY_HAND, True)
    assert await desk.asked() == [(Topic.PURCHASE_ORDER, DRAFT.reference)]
    assert await desk.demand() == DEMAND
    await desk.run(100_000)
    assert desk.supplier.orders == {}


async def test_an_answer_lost_on_the_way_buys_once(desk: Desk) -> None:
    """He took the order but we never heard: the same reference is sent again and nothing is bought twice."""
    desk.supplier.set_offers([OfferRow(GLOVES, 5)])
    await desk.draft(DRAFT)
    desk.supplier.fail_next_order(ScriptedFault(ChannelUnavailable(NORD, "place_order", "cut"), taken=True))
    await desk.run()
    assert (await desk.orders())[DRAFT.reference].status is PurchaseStatus.DRAFT
    await desk.run(30)
    assert (await desk.orders())[DRAFT.reference].status is PurchaseStatus.ACCEPTED
    assert len(desk.supplier.orders) == 1
    assert desk.supplier.rows[GLOVES].quantity == 2


@pytest.mark.parametrize("error", [ChannelRefused, ChannelAuthFailed])
async def test_what_repeating_cannot_help_is_by_hand_at_once(desk: Desk, error: type[RemoteError]) -> None:
    """A refusal of the request itself, or of our credentials, is not tried again."""
    await desk.draft(DRAFT)
    desk.supplier.fail_next_order(fault(error))
    await desk.run()
    assert (await desk.orders())[DRAFT.reference].status is PurchaseStatus.BY_HAND
    assert await desk.asked() == [(Topic.PURCHASE_ORDER, DRAFT.reference)]


async def test_a_supplier_without_a_machine_is_ordered_from_by_hand(desk: Desk) -> None:
    """Who only offers cannot be ordered from: a person is told what to order."""
    supplier = FakeSupplier(NORD, clock=desk.store.clock)
    supplier.set_offers(CATALOGUE)
    desk.service = desk_over(desk.store, supplier)
    await desk.draft(DRAFT)
    await desk.run()
    assert (await desk.orders())[DRAFT.reference].status is PurchaseStatus.BY_HAND
    (question,) = await desk.questions()
    assert "cannot be ordered from by machine" in question.sentence


class OnePerMinute(FakeOrderingSupplier):
    """A supplier who takes one order a minute."""

    taken_at: float | None = None

    async def place_order(self, request: PurchaseRequest) -> PurchaseOutcome:
        """Sell, or say how long to wait."""
        wait = 0 if self.taken_at is None else self.taken_at + 60 - self._clock.monotonic()
        if wait > 0:
            raise RateLimited(NORD, "place_order", "one order a minute", wait)
        self.taken_at = self._clock.monotonic()
        return await super().place_order(request)


async def test_a_limit_is_no_try_of_any_order(desk: Desk) -> None:
    """A supplier who takes one order a minute gets them all in the end, and none becomes a person's task."""
    desk.supplier = OnePerMinute(NORD, clock=desk.store.clock)
    desk.supplier.set_offers([OfferRow(GLOVES, 100)])
    desk.service = desk_over(desk.store, desk.supplier)
    drafts = (replace(DRAFT, reference=f"ebay:{n}/nord/1") for n in range(10))
    await desk.draft(*drafts, demand=replace(DEMAND, need=30, purchased=30))
    for minute in range(10):
        assert (await desk.run(0 if minute == 0 else 30))["ordered"] == 1
        assert "ordered" not in await desk.run(30)
    orders = (await desk.orders()).values()
    assert {(one.status, one.attempts) for one in orders} == {(PurchaseStatus.ACCEPTED, 1)}
    assert await desk.questions() == []


async def test_one_order_that_fails_does_not_stop_the_others(desk: Desk) -> None:
    """The first order meets a fault of its own; the second is sent in the same run."""
    desk.supplier.set_offers([OfferRow(GLOVES, 100)])
    await desk.draft(DRAFT, replace(DRAFT, reference="later", created_at=START_AT + timedelta(seconds=1)))
    desk.supplier.fail_next_order(fault(ChannelRefused))
    assert await desk.run() == {"offers": 1, "ordered": 1}
    assert {r: one.status for r, one in (await desk.orders()).items()} == {
        DRAFT.reference: PurchaseStatus.BY_HAND,
        "later": PurchaseStatus.ACCEPTED,
    }


async def test_what_nobody_wants_any_more_is_not_ordered(desk: Desk) -> None:
    """The order was cancelled while the supplier could not be reached: nothing is bought."""
    await desk.draft(DRAFT)
    desk.supplier.fail_next_order(fault(ChannelUnavailable))
    await desk.run()
    cancelled = replace(DEMAND, need=0, purchased=0)
    await desk.store.writer.write(save_demands([cancelled]))
    await desk.run(3600)
    assert (desk.supplier.orders, await desk.asked()) == ({}, [])
    assert (await desk.orders())[DRAFT.reference].status is PurchaseStatus.WITHDRAWN
    assert await desk.demand() == cancelled


async def test_only_what_is_still_wanted_is_ordered(desk: Desk) -> None:
    """One of three was cancelled before the order went out: two are bought, and none of them becomes short."""
    desk.supplier.set_offers([OfferRow(GLOVES, 5)])
    fewer = replace(DEMAND, need=2, purchased=2)
    await desk.draft(DRAFT, demand=fewer)
    await desk.run()
    ((request, _),) = desk.supplier.orders.values()
    assert [line.quantity for line in request.lines] == [2]
    assert await desk.demand() == fewer


async def test_nothing_is_bought_before_the_customer_has_paid(desk: Desk) -> None:
    """What an unpaid order needs is kept back from other orders, and ordered only once it is released."""
    desk.supplier.set_offers([OfferRow(GLOVES, 5)])
    await desk.run()
    await desk.draft(replace(DRAFT, status=PurchaseStatus.UNPAID))
    await desk.run(1)
    assert (desk.supplier.orders, await desk.usable_units(GLOVES)) == ({}, 2)
    await desk.store.writer.write(release_purchases([DRAFT.order_key], None))
    await desk.run(1)
    assert len(desk.supplier.orders) == 1

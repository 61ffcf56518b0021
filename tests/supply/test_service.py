"""One supplier's worker: believes his feed with care, notices his silence, and buys what was promised."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from syncd import telemetry
from syncd.attention.question import Question, Topic
from syncd.attention.store import open_questions
from syncd.errors import (
    ChannelAuthFailed,
    ChannelProtocolError,
    ChannelRefused,
    ChannelUnavailable,
    RateLimited,
    RemoteError,
)
from syncd.identity import ChannelName, Sku, SupplierName
from syncd.ledger.store import clear_touched
from syncd.reservation.hold import Demand
from syncd.reservation.store import read_demands, save_demands
from syncd.supply.offer import Offer, SupplierPolicy, SupplyConfig, usable
from syncd.supply.port import FeedProblem, OfferRow, OfferSnapshot, PurchaseOutcome, PurchaseRequest, Supplier
from syncd.supply.purchase_order import Purchase, PurchaseOrder, PurchaseStatus
from syncd.supply.service import SupplierOptions, SupplyService
from syncd.supply.store import Feed, read_feed, read_offers, read_purchase_orders, save_feed, save_purchase_order
from syncd.testkit.fake_clock import START_AT
from syncd.testkit.fake_supplier import FakeOrderingSupplier, FakeSupplier, ScriptedFault
from tests.support.store import GLOVES, KIT, Store, opened_store

NORD, EBAY = SupplierName("nord"), ChannelName("ebay")
FETCH_SECONDS, STALE_SECONDS = 900.0, 3600.0
CATALOGUE = tuple(OfferRow(f"N-{n}", 5, f"Thing {n}") for n in range(12))
DEMAND = Demand(EBAY, "l1", GLOVES, "ebay:1", need=3, purchased=3)
BUY = Purchase(NORD, GLOVES, GLOVES, EBAY, "l1", 3)
DRAFT = PurchaseOrder("ebay:1/nord/1", NORD, "ebay:1", PurchaseStatus.DRAFT, START_AT, (BUY,))


@dataclass
class Desk:
    """A supplier, the worker that watches him, and the store it writes to."""

    store: Store
    supplier: FakeOrderingSupplier
    service: SupplyService

    async def run(self, after_seconds: float = 0) -> dict[str, int]:
        """One run, some time later."""
        self.store.clock.advance(after_seconds)
        return await self.service.run_once(self.store.clock.now())

    async def offers(self) -> dict[Sku, list[Offer]]:
        """His offers as written."""
        async with self.store.db.read() as conn:
            return await read_offers(conn, supplier=NORD)

    async def usable_units(self, sku: Sku) -> int:
        """What may be promised of one offer now."""
        (offer,) = (await self.offers())[sku]
        return usable(offer, SupplierPolicy(NORD, STALE_SECONDS), self.store.clock.now()).units

    async def feed(self) -> Feed:
        """How far his feed was read."""
        async with self.store.db.read() as conn:
            feed = await read_feed(conn, NORD)
        assert feed is not None
        return feed

    async def questions(self) -> list[Question]:
        """What waits for a person."""
        async with self.store.db.read() as conn:
            return await open_questions(conn)

    async def asked(self) -> list[tuple[Topic, str]]:
        """What waits for a person, in short."""
        return [(one.topic, one.subject) for one in await self.questions()]

    async def orders(self) -> dict[str, PurchaseOrder]:
        """Purchase orders by reference."""
        async with self.store.db.read() as conn:
            return {one.reference: one for one in await read_purchase_orders(conn)}

    async def demand(self) -> Demand:
        """The one demand."""
        async with self.store.db.read() as conn:
            (demand,) = await read_demands(conn, ["ebay:1"])
        return demand

    async def draft(self, *orders: PurchaseOrder, demand: Demand = DEMAND) -> None:
        """Decide to buy, as an intake does."""
        writes = [write for one in orders for write in save_purchase_order(one)]
        await self.store.writer.write(*writes, save_demands([demand]))

    async def look_away(self) -> None:
        """Take every mark away, as a planner does."""
        await self.store.writer.write(clear_touched(await self.store.touched()))


def desk_over(store: Store, supplier: Supplier, *, config: SupplyConfig | None = None) -> SupplyService:
    """The worker for a supplier."""
    options = SupplierOptions(SupplierPolicy(NORD, STALE_SECONDS), FETCH_SECONDS, {"HIS-GLOVES": GLOVES})
    return SupplyService(
        store.db, store.writer, supplier, options=options, config=config or SupplyConfig(), clock=store.clock
    )


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A supplier with a catalogue of twelve things, never read yet."""
    async with opened_store(tmp_path) as store:
        supplier = FakeOrderingSupplier(NORD, clock=store.clock)
        supplier.set_offers(CATALOGUE)
        yield Desk(store, supplier, desk_over(store, supplier))


def seen(event: telemetry.Event) -> int:
    """How often an event was logged so far."""
    return telemetry.counts()[event]


def fault(error: type[RemoteError], **more: float) -> ScriptedFault:
    """One call that goes wrong."""
    return ScriptedFault(error(NORD, "fetch", "went wrong", **more))  # type: ignore[arg-type]


async def test_a_feed_becomes_offers_of_our_skus(desk: Desk) -> None:
    """His numbers become our SKUs, linked or the same; the products are known and their SKUs marked."""
    desk.supplier.set_offers([OfferRow("HIS-GLOVES", 5, "Gloves"), OfferRow("TOOL-KIT", 2), OfferRow("\x07", 1)])
    assert await desk.run() == {"offers": 3}
    offers = await desk.offers()
    assert {sku: [(one.supplier_sku, one.quantity, one.as_of) for one in of] for sku, of in offers.items()} == {
        GLOVES: [("HIS-GLOVES", 5, START_AT)],
        KIT: [("TOOL-KIT", 2, START_AT)],
    }
    assert set(await desk.store.touched()) == {GLOVES, KIT}


async def test_a_feed_is_read_when_it_is_time(desk: Desk) -> None:
    """Between two readings nothing is fetched; then what changed is taken, and what he dropped is gone."""
    await desk.run()
    desk.supplier.set_offers([*CATALOGUE[:11], OfferRow("NEW", 1)])
    assert await desk.run(FETCH_SECONDS - 1) == {}
    assert await desk.run(1) == {"offers": 12}
    offers = await desk.offers()
    assert "NEW" in offers
    assert "N-11" not in offers
    assert "N-11" in await desk.store.touched()


async def test_an_unchanged_feed_only_makes_the_offers_younger(desk: Desk) -> None:
    """The same content again keeps every offer from going stale, and gives the planner nothing to do."""
    await desk.run()
    await desk.look_away()
    for _ in range(6):
        assert await desk.run(FETCH_SECONDS) == {}
    assert await desk.usable_units(Sku("N-0")) == 5
    assert (await desk.feed()).as_of == desk.store.clock.now()
    assert await desk.store.touched() == {}


async def test_an_unchanged_feed_does_not_know_what_we_ordered_since(desk: Desk) -> None:
    """A nightly file read again after our order still says what it said at night: our order stays taken off."""
    await desk.run()
    buy = replace(BUY, supplier_sku="N-0", sku=Sku("N-0"))
    await desk.draft(replace(DRAFT, purchases=(buy,), created_at=desk.store.clock.now()))
    await desk.run(1)
    assert (await desk.orders())[DRAFT.reference].status is PurchaseStatus.ACCEPTED
    desk.supplier.set_offers(CATALOGUE)  # his file has not been written anew
    await desk.run(FETCH_SECONDS)
    assert await desk.usable_units(Sku("N-0")) == 2
    desk.supplier.set_offers([OfferRow("N-0", 4), *CATALOGUE[1:]])
    await desk.run(FETCH_SECONDS)
    assert await desk.usable_units(Sku("N-0")) == 4


async def test_an_order_not_sent_yet_is_taken_off_whatever_he_says(desk: Desk) -> None:
    """A feed read after our decision to buy, but before he heard of it, does not free the units again."""
    await desk.draft(replace(DRAFT, purchases=(replace(BUY, supplier_sku="N-0", sku=Sku("N-0")),)))
    desk.supplier.fail_next_order(fault(ChannelUnavailable))
    await desk.run(60)
    assert (await desk.orders())[DRAFT.reference].status is PurchaseStatus.DRAFT
    assert await desk.usable_units(Sku("N-0")) == 2


class AheadOfTime(FakeSupplier):
    """A supplier whose clock is a day ahead of ours."""

    async def fetch_offers(self, version: str | None) -> OfferSnapshot:
        """His offers, as of tomorrow."""
        said = await super().fetch_offers(version)
        return replace(said, as_of=said.as_of + timedelta(days=1))


async def test_a_word_from_the_future_is_as_of_now(desk: Desk) -> None:
    """A supplier whose clock is ahead is not believed for longer, and our orders since are taken off."""
    supplier = AheadOfTime(NORD, clock=desk.store.clock)
    supplier.set_offers(CATALOGUE)
    desk.service = desk_over(desk.store, supplier)
    await desk.run()
    assert {one.as_of for of in (await desk.offers()).values() for one in of} == {START_AT}
    await desk.run(FETCH_SECONDS)
    assert (await desk.feed()).as_of == desk.store.clock.now()


async def test_a_silent_supplier_goes_stale_once_and_comes_back(desk: Desk) -> None:
    """When his word is too old his SKUs are marked and a person is told, once; his next word ends it."""
    await desk.run()
    await desk.look_away()
    down = seen(telemetry.Event.SUPPLIER_UNAVAILABLE)
    for _ in range(4):
        desk.supplier.fail_next_fetch(fault(ChannelUnavailable))
        assert await desk.run(FETCH_SECONDS) == {}
    desk.supplier.fail_next_fetch(fault(ChannelUnavailable))
    assert await desk.run(FETCH_SECONDS) == {"stale": 1}
    assert await desk.run(1) == {}
    assert seen(telemetry.Event.SUPPLIER_UNAVAILABLE) == down + 1
    assert await desk.asked() == [(Topic.FEED_STALE, NORD)]
    assert len(await desk.store.touched()) == len(CATALOGUE)
    assert await desk.usable_units(Sku("N-0")) == 0
    await desk.look_away()

    back = seen(telemetry.Event.SUPPLIER_RECOVERED)
    assert await desk.run(FETCH_SECONDS) == {}
    assert seen(telemetry.Event.SUPPLIER_RECOVERED) == back + 1
    assert await desk.usable_units(Sku("N-0")) == 5
    assert len(await desk.store.touched()) == len(CATALOGUE)
    assert await desk.asked() == []


async def test_offers_that_went_stale_while_we_slept_are_marked_when_confirmed(desk: Desk) -> None:
    """After a long stop the first reading marks his SKUs even if nothing changed: they were worth 0 meanwhile."""
    await desk.run()
    await desk.look_away()
    desk.store.clock.advance(2 * STALE_SECONDS)
    desk.service = desk_over(desk.store, desk.supplier)
    assert await desk.run() == {}
    assert len(await desk.store.touched()) == len(CATALOGUE)


@pytest.mark.parametrize("rows", [(), CATALOGUE[:3], tuple(replace(one, quantity=0) for one in CATALOGUE)])
async def test_a_feed_that_empties_the_catalogue_waits_for_a_person(desk: Desk, rows: Sequence[OfferRow]) -> None:
    """It changes no offer and is asked about once; released by a person it is taken, and the question is closed."""
    await desk.run()
    await desk.look_away()
    before = await desk.offers()
    desk.supplier.set_offers(rows)
    assert await desk.run(FETCH_SECONDS) == {"held": 1}
    assert await desk.run(FETCH_SECONDS) == {"held": 1}
    assert await desk.offers() == before
    assert await desk.store.touched() == {}
    (question,) = await desk.questions()
    assert question.topic is Topic.FEED_HELD
    assert "syncd supplier release nord" in question.sentence

    feed = await desk.feed()
    await desk.store.writer.write(save_feed(replace(feed, released_version=feed.held_version)))
    assert await desk.run(FETCH_SECONDS) == {"offers": len(rows)}
    assert sorted(await desk.offers()) == sorted(Sku(one.supplier_sku) for one in rows)
    assert await desk.questions() == []
    assert (await desk.feed()).held_version == ""


async def test_another_feed_than_the_one_released_is_held_again(desk: Desk) -> None:
    """Agreeing with one feed is not agreeing with the next."""
    await desk.run()
    desk.supplier.set_offers(CATALOGUE[:3])
    await desk.run(FETCH_SECONDS)
    feed = await desk.feed()
    await desk.store.writer.write(save_feed(replace(feed, released_version=feed.held_version)))
    desk.supplier.set_offers(CATALOGUE[:2])
    assert await desk.run(FETCH_SECONDS) == {"held": 1}
    assert len(await desk.offers()) == 12


async def test_a_held_feed_is_forgotten_when_the_old_one_comes_back(desk: Desk) -> None:
    """If he repairs his feed himself, nobody has to answer any more."""
    await desk.run()
    desk.supplier.set_offers([])
    await desk.run(FETCH_SECONDS)
    desk.supplier.set_offers(CATALOGUE)
    assert await desk.run(FETCH_SECONDS) == {}
    assert await desk.questions() == []
    assert (await desk.feed()).held_version == ""


async def test_a_held_feed_does_not_keep_the_old_offers_fresh(desk: Desk) -> None:
    """While a person thinks, the offers grow old as they would without any feed."""
    await desk.run()
    desk.supplier.set_offers([])
    for _ in range(4):
        await desk.run(FETCH_SECONDS)
    assert await desk.run(FETCH_SECONDS) == {"held": 1, "stale": 1}
    assert await desk.usable_units(Sku("N-0")) == 0


async def test_unreadable_rows_are_told_and_the_others_taken(desk: Desk) -> None:
    """A bad row is logged with its place, a flood of them up to a bound, and stops no good one."""
    desk.supplier.problems = tuple(FeedProblem(n, "stock", "'many' is not a number") for n in range(100))
    before = seen(telemetry.Event.FEED_REFUSED)
    assert await desk.run() == {"offers": 12}
    assert seen(telemetry.Event.FEED_REFUSED) == before + 20


async def test_a_supplier_who_limits_us_is_asked_again_exactly_then(desk: Desk) -> None:
    """RateLimited says how long to wait; that goes before the usual interval."""
    desk.supplier.fail_next_fetch(fault(RateLimited, retry_after_seconds=90))
    assert await desk.run() == {}
    assert await desk.run(89) == {}
    assert await desk.run(1) == {"offers": 12}


async def test_a_supplier_who_refuses_our_credentials_is_a_question(desk: Desk) -> None:
    """A person is asked to renew them; the next good reading closes the question."""
    desk.supplier.fail_next_fetch(fault(ChannelAuthFailed))
    await desk.run()
    assert await desk.asked() == [(Topic.SUPPLIER_PAUSED, NORD)]
    await desk.run(FETCH_SECONDS)
    assert await desk.asked() == []


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
    await desk.draft(*(replace(DRAFT, reference=f"ebay:{n}/nord/1") for n in range(10)))
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

"""One supplier's worker reads his feed with care and notices his silence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from syncd import telemetry
from syncd.attention.question import Topic
from syncd.errors import (
    ChannelAuthFailed,
    ChannelUnavailable,
    RateLimited,
)
from syncd.identity import Sku
from syncd.supply.port import FeedProblem, OfferRow, OfferSnapshot
from syncd.supply.purchase_order import PurchaseStatus
from syncd.supply.store import save_feed
from syncd.testkit.fake_clock import START_AT
from syncd.testkit.fake_supplier import FakeSupplier
from tests.support.desk import (
    BUY,
    CATALOGUE,
    DRAFT,
    FETCH_SECONDS,
    NORD,
    STALE_SECONDS,
    Desk,
    desk_over,
    fault,
    opened_desk,
)
from tests.support.store import GLOVES, KIT


@pytest.fixture
async def desk(store_url: str) -> AsyncIterator[Desk]:
    """A supplier with a catalogue of twelve things, never read yet."""
    async with opened_desk(store_url) as opened:
        yield opened


def seen(event: telemetry.Event) -> int:
    """How often an event was logged so far."""
    return telemetry.counts()[event]


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


async def test_a_supplier_who_limits_us_for_years_is_asked_again_tomorrow(desk: Desk) -> None:
    """A Retry-After beyond all reason is a server's mistake: it neither ends the worker nor the supplier."""
    desk.supplier.fail_next_fetch(fault(RateLimited, retry_after_seconds=1e12))
    assert await desk.run() == {}
    assert await desk.run(86_399) == {}
    assert await desk.run(1) == {"offers": 12}


async def test_a_supplier_who_refuses_our_credentials_is_a_question(desk: Desk) -> None:
    """A person is asked to renew them; the next good reading closes the question."""
    desk.supplier.fail_next_fetch(fault(ChannelAuthFailed))
    await desk.run()
    assert await desk.asked() == [(Topic.SUPPLIER_PAUSED, NORD)]
    await desk.run(FETCH_SECONDS)
    assert await desk.asked() == []

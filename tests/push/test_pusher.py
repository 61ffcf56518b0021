"""The pusher against a channel: what is sent, when, and what follows from every answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.attention.question import Topic
from syncd.channel.port import ListingStatus, PushOutcome, PushVerdict, QuantityUpdate
from syncd.errors import ChannelProtocolError, ChannelRefused
from syncd.identity import ChannelName, ListingId, ListingKey
from syncd.push.plan import PushConfig
from syncd.push.store import mark_pending, read_hold, release_channel, unpark
from syncd.testkit.channel_rig import Fault
from syncd.testkit.fake_channel import FakeChannel
from tests.support.rooms import MARKET, WEBSHOP, Rooms, Setup

ONE = Setup({"market": MARKET})


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A market alone."""
    async with Rooms(tmp_path, ONE) as made:
        yield made


async def listed(rooms: Rooms, units: int, sku: str = "X") -> ListingId:
    """So many units, listed on the market, at rest."""
    await rooms.stock(sku, units)
    listing_id = await rooms.offer("market", sku, units)
    await rooms.settle()
    return listing_id


def answering(rooms: Rooms, verdict: PushVerdict, code: str = "", *, times: int | None = None) -> None:
    """Let the market answer every push so, without applying it; `times` answers only, if given."""
    channel = rooms.channels["market"]
    real = channel.push_quantities
    left = [times]

    async def answer(updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        rooms.shops["market"].receive("push_quantities")
        if left[0] is not None:
            left[0] -= 1
            if left[0] == 0:
                channel.push_quantities = real  # type: ignore[method-assign]
        return [PushOutcome(one.listing_id, verdict, code, "the channel's words") for one in updates]

    channel.push_quantities = answer  # type: ignore[method-assign]


async def test_decrease_goes_out_at_once(rooms: Rooms) -> None:
    """One round after a counter sale the channel shows less, without any reading before."""
    market = await listed(rooms, 9)
    rooms.clock.advance(600)
    reads = rooms.reads("market")
    await rooms.stock("X", -2)
    await rooms.step()
    assert (rooms.shown("market", market), rooms.reads("market")) == (7, reads)


async def test_increase_is_read_first(rooms: Rooms) -> None:
    """A rise rests on a fresh reading: read, then sent."""
    market = await listed(rooms, 9)
    rooms.clock.advance(600)
    await rooms.stock("X", 3)
    assert (await rooms.step())["read"] == 1
    assert rooms.shown("market", market) == 9
    await rooms.settle()
    assert rooms.shown("market", market) == 12


async def test_increase_right_after_an_accepted_number_is_read_first(rooms: Rooms) -> None:
    """That the channel took a number a moment ago does not say what it sold since the last reading."""
    market = await listed(rooms, 19)
    rooms.clock.advance(600)
    await rooms.stock("X", -1)
    await rooms.settle()
    rooms.shops["market"].order_list_lag_seconds = 120
    rooms.shops["market"].sell(market, 1)
    await rooms.stock("X", 5)
    await rooms.settle()
    assert rooms.shown("market", market) == 22


async def test_a_disagreement_waits_for_the_watermark(tmp_path: Path) -> None:
    """What was lower than it had to be is raised only when the orders up to that reading are in."""
    async with Rooms(tmp_path, Setup({"market": replace(MARKET, order_lag_seconds=120)})) as rooms:
        market = await listed(rooms, 9)
        rooms.shops["market"].edit_quantity(market, 4)
        await rooms.look("market", market)
        await rooms.settle()
        rooms.clock.advance(100)
        await rooms.settle()
        assert rooms.shown("market", market) == 4
        rooms.clock.advance(40)
        await rooms.settle()
        assert rooms.shown("market", market) == 9


@pytest.mark.parametrize("counter", [True, False], ids=["counter", "no counter"])
async def test_no_echo_after_importing_its_own_sale(tmp_path: Path, counter: bool) -> None:
    """The channel lowered itself: after the import nothing is pushed to it, and nothing read."""
    async with Rooms(tmp_path, Setup({"market": MARKET if counter else WEBSHOP})) as rooms:
        market = await listed(rooms, 9)
        rooms.clock.advance(5)
        pushes, reads = rooms.pushes("market"), rooms.reads("market")
        rooms.shops["market"].sell(market, 2)
        rooms.clock.advance(1)
        await rooms.quiet(60)
        assert (rooms.pushes("market"), rooms.reads("market")) == (pushes, reads)
        await rooms.assert_true()


async def test_own_sale_and_another_change_count_once_each(rooms: Rooms) -> None:
    """A sale imported before and one scanned after: the numbers that follow are never believed twice as low."""
    market = await listed(rooms, 20)
    rooms.shops["market"].sell(market, 1)
    await rooms.settle()
    for left in (18, 17, 16):
        await rooms.stock("X", -1)
        await rooms.settle()
        assert rooms.shown("market", market) == left


async def test_targets_are_computed_when_they_are_sent(tmp_path: Path) -> None:
    """A movement posted while earlier batches are on their way changes what the later ones carry."""
    slow = replace(MARKET, batch_size=1, calls_in_flight=1)
    async with Rooms(tmp_path, Setup({"market": slow})) as rooms:
        listings = [await listed(rooms, 9, f"S{n}") for n in range(3)]
        for n in range(3):
            await rooms.stock(f"S{n}", -1 - n)
        await rooms.planner.run_once(rooms.clock.now())
        channel = rooms.channels["market"]
        sent: list[tuple[ListingId, int]] = []
        real = channel.push_quantities

        async def noting(updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
            if not sent:
                await rooms.stock("S0", -5)
            sent.extend((one.listing_id, one.quantity) for one in updates)
            return await real(updates)

        channel.push_quantities = noting  # type: ignore[method-assign]
        await rooms.pushers["market"].run_once(rooms.clock.now())
        assert dict(sent) == {listings[0]: 3, listings[1]: 7, listings[2]: 6}
        assert len(sent) == 3


async def test_a_mark_made_while_a_request_is_on_its_way_is_kept(rooms: Rooms) -> None:
    """Stock that moves while its listing's push is under way is pushed after it."""
    market = await listed(rooms, 9)
    channel = rooms.channels["market"]
    channel.answer_seconds = 5
    await rooms.stock("X", -1)
    await rooms.planner.run_once(rooms.clock.now())
    run = asyncio.create_task(rooms.pushers["market"].run_once(rooms.clock.now()))
    while not rooms.clock.sleepers:
        await asyncio.sleep(0)
    await rooms.stock("X", -3)
    await rooms.planner.run_once(rooms.clock.now())
    while not run.done():
        rooms.clock.wake_next()
        await asyncio.sleep(0)
    await run
    channel.answer_seconds = 0
    assert rooms.shown("market", market) == 8
    assert (await rooms.state("market", market)).pending
    await rooms.settle()
    assert rooms.shown("market", market) == 5


async def test_one_request_in_flight_per_listing(tmp_path: Path) -> None:
    """However the answers are delayed or lost, no listing is ever in two requests at once."""
    async with Rooms(tmp_path, Setup({"market": replace(MARKET, batch_size=1, calls_in_flight=3)})) as rooms:
        listings = [await listed(rooms, 5, f"S{n}") for n in range(4)]
        channel = rooms.channels["market"]
        under_way: list[ListingId] = []
        real = channel.push_quantities

        async def watching(updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
            ids = [one.listing_id for one in updates]
            assert not set(ids) & set(under_way)
            under_way.extend(ids)
            try:
                for _ in range(20):
                    await asyncio.sleep(0)
                return await real(updates)
            finally:
                for one in ids:
                    under_way.remove(one)

        channel.push_quantities = watching  # type: ignore[method-assign]
        rooms.shops["market"].fail_next(Fault.SERVER_ERROR, operation="read_quantities")
        for n in range(4):
            await rooms.stock(f"S{n}", -1)
        await rooms.step()
        assert not under_way
        await rooms.quiet(60)
        assert [rooms.shown("market", one) for one in listings] == [4, 4, 4, 4]


async def test_lost_read_back_is_made_up_for(rooms: Rooms) -> None:
    """A sale our number has overwritten is found even if the first reading back fails."""
    market = await listed(rooms, 5)
    rooms.shops["market"].order_list_lag_seconds = 100_000
    channel, shop = rooms.channels["market"], rooms.shops["market"]
    real = channel.push_quantities

    async def with_a_sale_before(updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        channel.push_quantities = real  # type: ignore[method-assign]
        shop.sell(market, 1)
        return await real(updates)

    channel.push_quantities = with_a_sale_before  # type: ignore[method-assign]
    shop.fail_next(Fault.SERVER_ERROR, operation="read_quantities")
    await rooms.stock("X", -1)
    await rooms.step()
    assert rooms.shown("market", market) == 4
    await rooms.quiet(60)
    assert rooms.shown("market", market) == 3


async def test_rejected_is_parked_and_asked_about(rooms: Rooms) -> None:
    """A number the channel refuses is not sent again; a person is told why and what to type, and can let it go on."""
    market = await listed(rooms, 9)
    answering(rooms, PushVerdict.REJECTED, "21916286", times=1)
    await rooms.stock("X", -1)
    await rooms.quiet(60)
    (question,) = await rooms.questions()
    assert (question.topic, question.subject) == (Topic.PARKED_LISTING, f"market:{market}")
    assert "21916286: the channel's words" in question.sentence
    assert f"syncd unpark market:{market}" in question.sentence
    assert rooms.shown("market", market) == 9
    await rooms.writer.write(unpark(ListingKey(ChannelName("market"), market)))
    await rooms.settle()
    assert (rooms.shown("market", market), await rooms.questions()) == (8, [])


async def test_one_rejected_item_does_not_stop_its_batch(rooms: Rooms) -> None:
    """In one call one item is refused and the others are taken: each ends for itself."""
    listings = [await listed(rooms, 9, f"S{n}") for n in range(3)]
    channel = rooms.channels["market"]
    real = channel.push_quantities

    async def picky(updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        taken = await real([one for one in updates if one.listing_id != listings[1]])
        return [*taken, PushOutcome(listings[1], PushVerdict.REJECTED, "no", "not this one")]

    channel.push_quantities = picky  # type: ignore[method-assign]
    for n in range(3):
        await rooms.stock(f"S{n}", -1)
    await rooms.settle()
    assert [rooms.shown("market", one) for one in listings] == [8, 9, 8]
    assert [q.subject for q in await rooms.questions()] == [f"market:{listings[1]}"]


@pytest.mark.parametrize("proof", ["fine", "lost"])
async def test_refused_item_is_parked_even_if_the_read_back_fails(rooms: Rooms, proof: str) -> None:
    """A reading that fails after a half-taken batch does not make the refusals in it forgotten."""
    listings = [await listed(rooms, 4, f"S{n}") for n in range(2)]
    channel = rooms.channels["market"]
    real = channel.push_quantities

    async def picky(updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        taken = await real([one for one in updates if one.listing_id != listings[1]])
        return [*taken, PushOutcome(listings[1], PushVerdict.REJECTED, "no", "not this one")]

    channel.push_quantities = picky  # type: ignore[method-assign]
    if proof == "lost":
        rooms.shops["market"].fail_next(Fault.SERVER_ERROR, operation="read_quantities")
    for n in range(2):
        await rooms.stock(f"S{n}", -1)
    await rooms.step()
    assert [q.subject for q in await rooms.questions()] == [f"market:{listings[1]}"]


async def test_a_call_refused_as_a_whole_is_asked_one_by_one(rooms: Rooms) -> None:
    """One item may spoil a call for all: the others go out alone and only the guilty one is parked."""
    listings = [await listed(rooms, 9, f"S{n}") for n in range(3)]
    channel = rooms.channels["market"]
    real = channel.push_quantities

    async def spoilt(updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        if any(one.listing_id == listings[2] for one in updates):
            raise ChannelRefused("market", "push_quantities", "bad container", "21916254")
        return await real(updates)

    channel.push_quantities = spoilt  # type: ignore[method-assign]
    for n in range(3):
        await rooms.stock(f"S{n}", -1)
    await rooms.settle()
    assert [rooms.shown("market", one) for one in listings] == [8, 8, 9]
    assert [q.subject for q in await rooms.questions()] == [f"market:{listings[2]}"]


async def test_not_found_ends_the_listing(rooms: Rooms) -> None:
    """A listing the channel does not know any more is ended, without a question."""
    market = await listed(rooms, 9)
    rooms.shops["market"].end_listing(market)
    await rooms.stock("X", -1)
    await rooms.settle()
    assert (await rooms.listing("market", market)).status is ListingStatus.ENDED
    assert not (await rooms.state("market", market)).pending
    assert await rooms.questions() == []


async def test_ended_listing_found_by_a_reading(rooms: Rooms) -> None:
    """A reading that shows the listing ended ends it before anything is sent to it."""
    market = await listed(rooms, 9)
    rooms.clock.advance(600)
    rooms.shops["market"].end_listing(market)
    pushes = rooms.pushes("market")
    await rooms.stock("X", 3)
    await rooms.settle()
    assert (await rooms.listing("market", market)).status is ListingStatus.ENDED
    assert rooms.pushes("market") == pushes


async def test_listing_without_a_number_is_parked(rooms: Rooms) -> None:
    """A channel that keeps no stock number for a listing cannot be kept true: a person is told."""
    market = await listed(rooms, 9)
    rooms.clock.advance(600)
    rooms.shops["market"].listings[market].stored = None  # type: ignore[assignment]
    await rooms.stock("X", 3)
    await rooms.settle()
    (question,) = await rooms.questions()
    assert (question.topic, question.subject) == (Topic.PARKED_LISTING, f"market:{market}")


async def test_deferred_is_tried_later_and_later_then_parked(tmp_path: Path) -> None:
    """A push put off by the channel is retried after growing pauses, a bounded number of times."""
    config = PushConfig(retry_first_seconds=2, retry_longest_seconds=60, attempts_max=4)
    async with Rooms(tmp_path, replace(ONE, push=config)) as rooms:
        market = await listed(rooms, 9)
        answering(rooms, PushVerdict.DEFERRED, "revision_limit")
        await rooms.stock("X", -1)
        waits: list[float] = []
        for _ in range(4):
            before = rooms.pushes("market")
            await rooms.settle()
            assert rooms.pushes("market") == before + 1
            state = await rooms.state("market", market)
            if state.not_before is not None and not state.parked:
                waits.append(round((state.not_before - rooms.clock.now()).total_seconds()))
                rooms.clock.advance(waits[-1] + 1)
        assert waits == [2, 4, 8]
        assert "given up after 4 tries" in (await rooms.state("market", market)).parked
        assert [q.topic for q in await rooms.questions()] == [Topic.PARKED_LISTING]
        before = rooms.pushes("market")
        await rooms.quiet(200)
        assert rooms.pushes("market") == before


async def test_unsaid_outcome_is_read(rooms: Rooms) -> None:
    """An item the channel's answer leaves out may have been applied: it is read before anything else."""
    market = await listed(rooms, 9)
    channel = rooms.channels["market"]
    real = channel.push_quantities

    async def silent(updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
        channel.push_quantities = real  # type: ignore[method-assign]
        await real(updates)
        return []

    channel.push_quantities = silent  # type: ignore[method-assign]
    await rooms.stock("X", -1)
    await rooms.quiet(60)
    assert (rooms.shown("market", market), rooms.pushes("market")) == (8, 1)


async def test_refused_credentials_hold_the_channel(rooms: Rooms) -> None:
    """With credentials that are refused nothing more is pushed until a person says so; then everything goes out."""
    market = await listed(rooms, 9)
    good, bad = rooms.channels["market"], FakeChannel(rooms.shops["market"], name="market", api_key="wrong")
    rooms.lines["market"].channel = bad
    await rooms.stock("X", -1)
    await rooms.planner.run_once(rooms.clock.now())
    await rooms.pushers["market"].run_once(rooms.clock.now())
    (question,) = await rooms.questions()
    assert (question.topic, question.subject) == (Topic.CHANNEL_PAUSED, "market")
    calls = rooms.pushes("market")
    rooms.clock.advance(3600)
    assert await rooms.pushers["market"].run_once(rooms.clock.now()) == {}
    assert rooms.pushes("market") == calls
    rooms.lines["market"].channel = good
    await rooms.writer.write(release_channel(ChannelName("market"), rooms.clock.now()))
    await rooms.settle()
    assert rooms.shown("market", market) == 8


async def test_rate_limit_is_respected_and_nothing_is_lost(rooms: Rooms) -> None:
    """After "slow down" no call is made for as long as was said; then the number goes out, with no mark against it."""
    market = await listed(rooms, 9)
    rooms.shops["market"].fail_next(Fault.RATE_LIMITED_WITH_DELAY, operation="push_quantities")
    await rooms.stock("X", -1)
    await rooms.settle()
    calls = len(rooms.shops["market"].calls)
    for _ in range(16):
        rooms.clock.advance(1)
        await rooms.step()
    assert len(rooms.shops["market"].calls) == calls
    rooms.clock.advance(2)
    await rooms.settle()
    assert (rooms.shown("market", market), (await rooms.state("market", market)).attempts) == (8, 0)


async def test_crossing_to_zero_goes_out_when_the_calm_budget_is_used_up(tmp_path: Path) -> None:
    """With the day's last fifth of calls left, rises wait to be read, but what sells out is still taken off."""
    async with Rooms(tmp_path, Setup({"market": replace(MARKET, calls_per_day=1000)})) as rooms:
        rising, falling = await listed(rooms, 9, "S0"), await listed(rooms, 9, "S1")
        rooms.clock.advance(600)
        rooms.lines["market"].budget.spent_today = 800
        await rooms.stock("S0", 5)
        await rooms.stock("S1", -9)
        await rooms.planner.run_once(rooms.clock.now())
        await rooms.pushers["market"].run_once(rooms.clock.now())
        assert (rooms.shown("market", rising), rooms.shown("market", falling)) == (9, 0)


@pytest.mark.parametrize("fault", [Fault.HTML_BODY, Fault.EMPTY_BODY, Fault.SERVER_ERROR, Fault.CONNECTION_CUT])
async def test_every_fault_of_a_push_ends_true(rooms: Rooms, fault: Fault) -> None:
    """Whatever comes instead of an answer, the listing is true in the end and nobody needs to look."""
    market = await listed(rooms, 9)
    rooms.shops["market"].fail_next(fault, operation="push_quantities")
    await rooms.stock("X", -1)
    await rooms.quiet(60)
    assert (rooms.shown("market", market), await rooms.questions()) == (8, [])
    await rooms.assert_true()


async def test_confused_reading_does_not_stop_the_sends(rooms: Rooms) -> None:
    """A channel that answers readings with nonsense still gets its decreases."""
    rising, falling = await listed(rooms, 9, "S0"), await listed(rooms, 9, "S1")
    rooms.clock.advance(600)

    async def nonsense(_ids: Sequence[ListingId]) -> list[object]:
        raise ChannelProtocolError("market", "read_quantities", "not JSON")

    rooms.channels["market"].read_quantities = nonsense  # type: ignore[method-assign,assignment]
    await rooms.stock("S0", 5)
    await rooms.stock("S1", -2)
    await rooms.settle_for(3)
    assert (rooms.shown("market", rising), rooms.shown("market", falling)) == (9, 7)


class TestBrake:
    """One run may not change too much at once."""

    CONFIG = PushConfig(brake_listings_min=3, brake_share=0.5)

    async def emptied(self, rooms: Rooms, emptied: int, listed_count: int) -> list[ListingId]:
        """So many listings of which so many are sold out by one bad import."""
        listings = [await listed(rooms, 9, f"S{n}") for n in range(listed_count)]
        for n in range(emptied):
            await rooms.stock(f"S{n}", -9)
        return listings

    async def test_holds_and_asks_then_lets_go(self, tmp_path: Path) -> None:
        """Four of six listings falling to 0 hold the channel; after the release they go out."""
        async with Rooms(tmp_path, replace(ONE, push=self.CONFIG)) as rooms:
            listings = await self.emptied(rooms, 4, 6)
            done = await rooms.settle()
            assert done["braked"] == 1
            assert [rooms.shown("market", one) for one in listings] == [9] * 6
            (question,) = await rooms.questions()
            assert (question.topic, question.subject) == (Topic.BRAKE, "market")
            assert "show 0 on 4 of 6 listings" in question.sentence
            assert await rooms.settle() == {}
            until = rooms.clock.now() + timedelta(hours=1)
            await rooms.writer.write(release_channel(ChannelName("market"), until))
            await rooms.settle()
            assert [rooms.shown("market", one) for one in listings] == [0, 0, 0, 0, 9, 9]

    async def test_holds_again_after_the_release_is_over(self, tmp_path: Path) -> None:
        """A release is for a time, not for ever."""
        async with Rooms(tmp_path, replace(ONE, push=self.CONFIG)) as rooms:
            await self.emptied(rooms, 4, 6)
            await rooms.settle()
            await rooms.writer.write(release_channel(ChannelName("market"), rooms.clock.now()))
            assert (await rooms.settle())["braked"] == 1
            async with rooms.db.read() as conn:
                hold = await read_hold(conn, ChannelName("market"))
            assert hold is not None
            assert hold.reason

    async def test_lets_everyday_work_pass(self, tmp_path: Path) -> None:
        """Half of the listings is not yet too much."""
        async with Rooms(tmp_path, replace(ONE, push=self.CONFIG)) as rooms:
            listings = await self.emptied(rooms, 3, 6)
            await rooms.settle()
            assert [rooms.shown("market", one) for one in listings] == [0, 0, 0, 9, 9, 9]

    async def test_minds_what_waits_behind_the_run(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A run takes a bounded number of listings; a change spread over many runs is held all the same."""
        monkeypatch.setattr("syncd.push.service.PENDING_LISTINGS_MAX", 3)
        async with Rooms(tmp_path, replace(ONE, push=self.CONFIG)) as rooms:
            listings = await self.emptied(rooms, 5, 6)
            await rooms.settle()
            assert [rooms.shown("market", one) for one in listings] == [9] * 6


async def test_plan_shows_and_sends_nothing(rooms: Rooms) -> None:
    """What would be pushed can be looked at without anything being sent or written."""
    market = await listed(rooms, 9)
    await rooms.stock("X", -2)
    await rooms.planner.run_once(rooms.clock.now())
    state = await rooms.state("market", market)
    (decision,) = await rooms.pushers["market"].plan(rooms.clock.now(), [state])
    assert (decision.intent.quantity, decision.derivation.target, decision.intent.why) == (7, 7, "lower")
    assert (rooms.shown("market", market), await rooms.state("market", market)) == (9, state)


async def test_planner_keeps_a_mark_made_while_it_planned(rooms: Rooms) -> None:
    """A SKU touched again between the planner's reading and its writing is planned again."""
    market = await listed(rooms, 9)
    key = ListingKey(ChannelName("market"), market)
    await rooms.stock("X", -2)
    real = rooms.writer.write

    async def meanwhile(*writes):  # type: ignore[no-untyped-def]
        rooms.writer.write = real  # type: ignore[method-assign]
        await rooms.stock("X", -3)
        await real(*writes)

    rooms.writer.write = meanwhile  # type: ignore[method-assign]
    await rooms.planner.run_once(rooms.clock.now())
    assert (await rooms.planner.run_once(rooms.clock.now()))["skus"] == 1
    assert (await rooms.state("market", market)).target == 4
    await rooms.settle()
    assert rooms.shown("market", key.listing_id) == 4


async def test_needless_mark_costs_no_call(rooms: Rooms) -> None:
    """A listing marked although it shows its target is settled without a call."""
    market = await listed(rooms, 9)
    calls = rooms.pushes("market"), rooms.reads("market")
    await rooms.writer.write(mark_pending({ListingKey(ChannelName("market"), market): 9}, rooms.clock.now()))
    assert (await rooms.settle())["settled"] == 1
    assert (rooms.pushes("market"), rooms.reads("market")) == calls

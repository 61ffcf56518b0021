"""Every answer a channel can give to a push, and what follows from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.attention.question import Topic
from syncd.channel.port import ListingStatus, PushOutcome, PushVerdict, QuantityUpdate
from syncd.errors import ChannelProtocolError, ChannelRefused
from syncd.identity import ChannelName, ListingId, ListingKey
from syncd.push.plan import PushConfig
from syncd.push.store import release_channel, unpark
from syncd.testkit.channel_rig import Fault
from syncd.testkit.fake_channel import FakeChannel
from tests.support.rooms import MARKET, ONE, Rooms, Setup


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A market alone."""
    async with Rooms(tmp_path, ONE) as made:
        yield made


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


async def test_rejected_is_parked_and_asked_about(rooms: Rooms) -> None:
    """A number the channel refuses is not sent again; a person is told why and what to type, and can let it go on."""
    market = await rooms.at_rest(9)
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
    listings = [await rooms.at_rest(9, f"S{n}") for n in range(3)]
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
    listings = [await rooms.at_rest(4, f"S{n}") for n in range(2)]
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
    listings = [await rooms.at_rest(9, f"S{n}") for n in range(3)]
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
    market = await rooms.at_rest(9)
    rooms.shops["market"].end_listing(market)
    await rooms.stock("X", -1)
    await rooms.settle()
    assert (await rooms.listing("market", market)).status is ListingStatus.ENDED
    assert not (await rooms.state("market", market)).pending
    assert await rooms.questions() == []


async def test_ended_listing_found_by_a_reading(rooms: Rooms) -> None:
    """A reading that shows the listing ended ends it before anything is sent to it."""
    market = await rooms.at_rest(9)
    rooms.clock.advance(600)
    rooms.shops["market"].end_listing(market)
    pushes = rooms.pushes("market")
    await rooms.stock("X", 3)
    await rooms.settle()
    assert (await rooms.listing("market", market)).status is ListingStatus.ENDED
    assert rooms.pushes("market") == pushes


async def test_listing_without_a_number_is_parked(rooms: Rooms) -> None:
    """A channel that keeps no stock number for a listing cannot be kept true: a person is told."""
    market = await rooms.at_rest(9)
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
        market = await rooms.at_rest(9)
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
    market = await rooms.at_rest(9)
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
    market = await rooms.at_rest(9)
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
    market = await rooms.at_rest(9)
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
        rising, falling = await rooms.at_rest(9, "S0"), await rooms.at_rest(9, "S1")
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
    market = await rooms.at_rest(9)
    rooms.shops["market"].fail_next(fault, operation="push_quantities")
    await rooms.stock("X", -1)
    await rooms.quiet(60)
    assert (rooms.shown("market", market), await rooms.questions()) == (8, [])
    await rooms.assert_true()


async def test_confused_reading_does_not_stop_the_sends(rooms: Rooms) -> None:
    """A channel that answers readings with nonsense still gets its decreases."""
    rising, falling = await rooms.at_rest(9, "S0"), await rooms.at_rest(9, "S1")
    rooms.clock.advance(600)

    async def nonsense(_ids: Sequence[ListingId]) -> list[object]:
        raise ChannelProtocolError("market", "read_quantities", "not JSON")

    rooms.channels["market"].read_quantities = nonsense  # type: ignore[method-assign,assignment]
    await rooms.stock("S0", 5)
    await rooms.stock("S1", -2)
    await rooms.settle_for(3)
    assert (rooms.shown("market", rising), rooms.shown("market", falling)) == (9, 7)

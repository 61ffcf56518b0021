"""What cannot be sent or read now is left alone until it can: no worker runs hot, and no listing stops another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.attention.question import Topic
from syncd.channel.port import ListingObservation
from syncd.errors import ChannelProtocolError
from syncd.identity import ListingId
from tests.support.care import THINK_SECONDS, Care
from tests.support.rooms import MARKET, Rooms, Setup

THRIFTY = Setup({"market": replace(MARKET, calls_per_day=5000)})
"""A market that may be called so often a day."""


@pytest.fixture
async def care(tmp_path: Path) -> AsyncIterator[Care]:
    """A market with a budget, and everybody who works on it."""
    async with Care(tmp_path, THRIFTY) as made:
        yield made


def spend(care: Rooms) -> None:
    """Use up the market's calls of the day."""
    care.lines["market"].budget.spent_today = 5000


def unreadable(care: Rooms, *listing_ids: ListingId) -> None:
    """Let every reading that holds one of these listings (or any, if none is named) fail as a whole."""
    channel = care.channels["market"]
    real = channel.read_quantities

    async def read(asked: Sequence[ListingId]) -> list[ListingObservation]:
        found = await real(asked)
        if not listing_ids or set(asked) & set(listing_ids):
            raise ChannelProtocolError("market", "read_quantities", "a page came instead of an answer")
        return found

    channel.read_quantities = read  # type: ignore[method-assign]


async def test_a_spent_budget_does_not_make_the_pusher_run_hot(care: Care) -> None:
    """Nothing can be sent before midnight: a run writes nothing, and so does not wake itself."""
    market = await care.at_rest(9)
    spend(care)
    await care.stock("X", -1)
    await care.planner.run_once(care.clock.now())
    woken = care.writer.listen()
    assert await care.pushers["market"].run_once(care.clock.now()) == {}
    assert not woken.is_set()
    care.clock.advance(86_400)
    await care.settle()
    assert care.shown("market", market) == 8


async def test_a_spent_budget_does_not_make_refunds_and_letters_run_hot(care: Care) -> None:
    """Money and letters wait for the next day without a write in between."""
    await care.oversold()
    spend(care)
    care.clock.advance(THINK_SECONDS)
    await care.shortage.run_once(care.clock.now())
    woken = care.writer.listen()
    assert await care.refunds.run_once(care.clock.now()) == {}
    assert not woken.is_set()


async def test_a_spent_budget_does_not_make_letters_run_hot(care: Care) -> None:
    """As above, for the letter that tells of the shortage."""
    market = await care.empty_shelf(1)
    care.shops["market"].sell(market, 1)
    care.clock.advance(300)
    await care.step()
    await care.shortage.run_once(care.clock.now())
    await care.shortage.run_once(care.clock.now())
    spend(care)
    woken = care.writer.listen()
    assert len(await care.written()) == 1
    assert await care.letters.run_once(care.clock.now()) == {}
    assert not woken.is_set()


async def test_one_unreadable_listing_starves_no_other(care: Care) -> None:
    """A listing whose reading fails is tried a bounded number of times, then parked; the others rise meanwhile."""
    listings = [await care.at_rest(n + 1, f"S{n}") for n in range(6)]
    unreadable(care, listings[0])
    care.clock.advance(3600)
    for n in range(6):
        await care.stock(f"S{n}", 10)
    await care.settle()
    assert [care.shown("market", one) for one in listings] == [1, 12, 13, 14, 15, 16]
    for _ in range(20):
        care.clock.advance(900)
        await care.settle()
    assert [one.subject for one in await care.questions() if one.topic is Topic.PARKED_LISTING] == [
        f"market:{listings[0]}"
    ]


async def test_a_channel_that_cannot_be_read_is_asked_ever_more_rarely(care: Care) -> None:
    """A market that answers nonsense for an hour costs a few calls, parks nothing, and is followed once it answers."""
    listings = [await care.at_rest(n + 1, f"S{n}") for n in range(6)]
    real = care.channels["market"].read_quantities
    unreadable(care)
    care.clock.advance(3600)
    for n in range(6):
        await care.stock(f"S{n}", 10)
    before = care.reads("market")
    for _ in range(3600):
        care.clock.advance(1)
        await care.planner.run_once(care.clock.now())
        await care.pushers["market"].run_once(care.clock.now())
    assert care.reads("market") - before < 100
    care.channels["market"].read_quantities = real  # type: ignore[method-assign]
    care.clock.advance(900)
    await care.settle()
    assert [care.shown("market", one) for one in listings] == [11, 12, 13, 14, 15, 16]


async def test_a_decrease_does_not_wait_for_readings(care: Care) -> None:
    """While nothing can be read, a number still goes down at once."""
    rising, falling = await care.at_rest(3, "UP"), await care.at_rest(30, "DOWN")
    unreadable(care)
    care.clock.advance(3600)
    await care.stock("UP", 5)
    for _ in range(5):
        await care.step()
    await care.stock("DOWN", -10)
    await care.step()
    assert (care.shown("market", rising), care.shown("market", falling)) == (3, 20)

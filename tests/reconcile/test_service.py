"""A sweep believes what it can prove, marks what has become due, and does not hammer a channel that fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from syncd.errors import ChannelProtocolError
from syncd.listing.store import mark_ended
from syncd.push.store import mark_everything
from syncd.reconcile.plan import DriftPolicy, ReconcileConfig, SweepOptions
from syncd.reconcile.service import SweepService
from syncd.testkit.channel_rig import Fault
from tests.support.rooms import MAIN, ONE, Rooms

INTERVAL_SECONDS = 3600.0


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A market alone."""
    async with Rooms(tmp_path, ONE) as made:
        yield made


def sweeper(rooms: Rooms, drift: DriftPolicy = DriftPolicy.ENFORCE) -> SweepService:
    """The market's sweep."""
    options = SweepOptions(INTERVAL_SECONDS, INTERVAL_SECONDS, (MAIN,), drift)
    line = rooms.lines["market"]
    return SweepService(rooms.db, rooms.writer, line, options=options, config=ReconcileConfig(), clock=rooms.clock)


async def test_a_listing_that_comes_back_is_made_true(rooms: Rooms) -> None:
    """While it was gone its stock sold out: when a sweep finds it again it is set to 0, not left as it was."""
    market = await rooms.at_rest(3)
    listing = await rooms.listing("market", market)
    await rooms.writer.write(mark_ended(listing.key))
    await rooms.stock("X", -3)
    await rooms.quiet(60)
    assert rooms.shown("market", market) == 3
    await sweeper(rooms).run_once(rooms.clock.now())
    await rooms.quiet(60)
    assert rooms.shown("market", market) == 0


async def test_a_number_of_ours_that_arrived_unknown_is_not_found_stock(rooms: Rooms) -> None:
    """A raise was applied and its answer lost: a sweep that reads it adopts nothing, or units would count twice."""
    market = await rooms.at_rest(3)
    rooms.shops["market"].fail_next(Fault.TIMEOUT_AFTER_APPLYING, operation="push_quantities")
    await rooms.stock("X", 4)
    rooms.clock.advance(60)
    for _ in range(2):
        await rooms.step()
    assert (rooms.shown("market", market), (await rooms.state("market", market)).uncertain) == (7, True)
    rooms.clock.advance(60)
    await sweeper(rooms, DriftPolicy.ADOPT).run_once(rooms.clock.now())
    assert await rooms.held() == {"available": 7}


async def test_an_edit_of_the_seller_is_adopted(rooms: Rooms) -> None:
    """With nothing of ours on its way a higher number is the merchant's own count."""
    market = await rooms.at_rest(3)
    rooms.shops["market"].edit_quantity(market, 5)
    await sweeper(rooms, DriftPolicy.ADOPT).run_once(rooms.clock.now())
    assert await rooms.held() == {"available": 5}


async def test_a_sweep_that_fails_begins_again_ever_later(rooms: Rooms) -> None:
    """A list that cannot be read costs a few calls an hour, not one a second."""
    await rooms.at_rest(3)
    sweep, asked = sweeper(rooms), 0

    async def unreadable(_cursor: object) -> object:
        nonlocal asked
        asked += 1
        raise ChannelProtocolError("market", "fetch_listings", "a page came instead of an answer")

    rooms.channels["market"].fetch_listings = unreadable  # type: ignore[assignment,method-assign]
    for _ in range(3600):
        rooms.clock.advance(1)
        await sweep.run_once(rooms.clock.now())
    assert 5 < asked < 15


async def test_a_start_looks_at_everything_again(rooms: Rooms) -> None:
    """A policy that changed while syncd was not running reaches listings whose stock nobody has touched."""
    market = await rooms.at_rest(3)
    rooms.shops["market"].edit_quantity(market, 9)
    await rooms.look("market", market)
    (sku,) = (await rooms.listing("market", market)).skus
    await rooms.settle()
    config = rooms.policies.availability.model_copy(update={"safety_stock": 2})
    rooms.policies = type(rooms.policies)(rooms.policies.channels, {}, config)
    await rooms.writer.stop()
    rooms.start()
    await rooms.settle()
    assert (sku, rooms.shown("market", market)) == ("X", 3)
    await rooms.writer.write(mark_everything())
    await rooms.settle()
    assert rooms.shown("market", market) == 1

"""What a read-back proves: erased sales are counted with their race, an old reading is repeated and not believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.channel.port import ListingObservation, PushOutcome, QuantityUpdate
from syncd.identity import ListingId
from syncd.journal.entry import Step
from syncd.journal.store import read_steps
from syncd.push.plan import PushConfig, PushState
from syncd.push.proof import STALE_READS_MAX, Judged, Proof, Race, judge
from syncd.push.store import RaceCount, read_races
from syncd.telemetry import Event, counts
from syncd.testkit.channel_rig import Fault
from tests.support.rooms import MARKET, ONE, Rooms, Setup
from tests.support.situations import at, listing, seen

SENT = PushState(listing().key, sent=5, sent_at=at(10), acknowledged_at=at(11), replaced=8, counted=3)
LOST = replace(SENT, acknowledged_at=at(2))


@pytest.mark.parametrize(
    ("state", "reading", "judged"),
    [
        (SENT, seen(5, 3), Judged(Proof.TRUE)),
        (SENT, seen(4, 4), Judged(Proof.TRUE)),
        (SENT, seen(5, 4), Judged(Proof.ERASED, 1, Race.R2)),
        (SENT, seen(5, 6), Judged(Proof.ERASED, 3, Race.R2)),
        (SENT, seen(4, 6), Judged(Proof.ERASED, 2, Race.R2)),
        (SENT, seen(2, 3), Judged(Proof.EDITED)),
        (SENT, seen(8, 3), Judged(Proof.STALE)),
        (replace(SENT, stale=STALE_READS_MAX), seen(8, 3), Judged(Proof.EDITED)),
        (replace(SENT, sent=8), seen(8, 3), Judged(Proof.TRUE)),
        (LOST, seen(8, 3), None),
        (LOST, seen(5, 3), Judged(Proof.TRUE)),
        (LOST, seen(5, 4), Judged(Proof.ERASED, 1, Race.R4)),
        (SENT, seen(5), None),
        (replace(SENT, counted=None), seen(5, 3), None),
        (replace(SENT, sent=None), seen(5, 3), None),
    ],
)
def test_what_a_reading_proves(state: PushState, reading: ListingObservation, judged: Judged | None) -> None:
    """Three fewer sent on a counter of three: by what is shown and counted afterwards."""
    assert judge(state, reading) == judged


async def test_an_erased_sale_is_counted_for_good(tmp_path: Path) -> None:
    """A sale that our number overwrote is an event with its race, a count that stays, and a step in the journal."""
    async with Rooms(tmp_path, ONE) as rooms:
        market = await rooms.at_rest(5)
        channel, shop = rooms.channels["market"], rooms.shops["market"]
        real, before = channel.push_quantities, counts()[Event.PUSH_CORRECTED]

        async def with_sales_before(updates: Sequence[QuantityUpdate]) -> list[PushOutcome]:
            channel.push_quantities = real  # type: ignore[method-assign]
            shop.sell(market, 2)
            return await real(updates)

        channel.push_quantities = with_sales_before  # type: ignore[method-assign]
        await rooms.stock("X", -1)
        await rooms.settle()
        assert rooms.shown("market", market) == 2
        assert counts()[Event.PUSH_CORRECTED] == before + 1
        async with rooms.db.read() as conn:
            [race] = await read_races(conn)
            key = (await rooms.listing("market", market)).key
            steps = await read_steps(conn, key, None)
        assert isinstance(race, RaceCount)
        assert (race.race, race.cases, race.units) == ("R2", 1, 2)
        assert "erased: 2 sold were overwritten (R2)" in [one.detail for one in steps if one.step is Step.READ_BACK]


class Forgetful:
    """Readings of a channel that go on telling what one listing showed before, so many times."""

    def __init__(self, rooms: Rooms, listing_id: ListingId, times: int) -> None:
        self._channel = rooms.channels["market"]
        self._real = self._channel.read_quantities
        self._listing_id, self._times = listing_id, times
        self._old: ListingObservation | None = None
        self._clock = rooms.clock
        self._channel.read_quantities = self.read  # type: ignore[method-assign]

    async def remember(self) -> None:
        """From now on readings tell this."""
        [self._old] = await self._real([self._listing_id])

    async def read(self, ids: Sequence[ListingId]) -> list[ListingObservation]:
        """What was before, or, once that is over, what is."""
        if self._old is None or not self._times:
            return await self._real(ids)
        self._times -= 1
        return [replace(self._old, asked_at=self._clock.now())]


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_an_old_reading_is_repeated_and_not_believed(tmp_path: Path, times: int) -> None:
    """A read-back that still shows the number we replaced neither counts as an erased sale nor is pushed against."""
    async with Rooms(tmp_path, ONE) as rooms:
        market = await rooms.at_rest(5)
        pushes, corrected = rooms.pushes("market"), counts()[Event.PUSH_CORRECTED]
        forgetful = Forgetful(rooms, market, times)
        await forgetful.remember()
        await rooms.stock("X", -2)
        await rooms.settle()
        state = await rooms.state("market", market)
        assert (state.stale, state.pending, state.uncertain) == (1, True, True)
        await rooms.quiet(120)
        state = await rooms.state("market", market)
        assert (rooms.shown("market", market), rooms.pushes("market")) == (3, pushes + 1)
        assert (state.read_back, state.uncertain, state.stale, state.pending) == (3, False, 0, False)
        assert counts()[Event.PUSH_CORRECTED] == corrected


async def test_a_channel_that_never_shows_our_number_is_given_up(tmp_path: Path) -> None:
    """Accepted again and again and never shown: tries are bounded, then a person is asked."""
    setup = Setup({"market": MARKET}, push=PushConfig(attempts_max=3))
    async with Rooms(tmp_path, setup) as rooms:
        market = await rooms.at_rest(5)
        forgetful = Forgetful(rooms, market, 10_000)
        await forgetful.remember()
        await rooms.stock("X", -2)
        await rooms.quiet(1200)
        state = await rooms.state("market", market)
        assert "still shows" in state.parked
        assert rooms.pushes("market") < 12


async def test_a_lost_request_that_runs_on_is_waited_out(tmp_path: Path) -> None:
    """No newer number is sent while an earlier request without an answer may still be applied, as WooCommerce does."""

    slow = replace(MARKET, write_outlasts_seconds=25)
    async with Rooms(tmp_path, Setup({"market": slow})) as rooms:
        market = await rooms.at_rest(9)
        pushes = rooms.pushes("market")
        rooms.shops["market"].fail_next(Fault.TIMEOUT_BEFORE_APPLYING, operation="push_quantities")
        await rooms.stock("X", -2)
        await rooms.settle()
        await rooms.stock("X", -3)
        rooms.clock.advance(15)
        await rooms.settle()
        assert (rooms.pushes("market"), rooms.shown("market", market)) == (pushes + 1, 9)
        rooms.clock.advance(15)
        await rooms.settle()
        assert (rooms.pushes("market"), rooms.shown("market", market)) == (pushes + 2, 4)

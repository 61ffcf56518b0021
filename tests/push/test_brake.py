"""The brake: one run may not change too much at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.attention.question import Topic
from syncd.identity import ChannelName, ListingId
from syncd.push import service
from syncd.push.plan import PushConfig
from syncd.push.store import read_hold, release_channel
from tests.support.rooms import MARKET, ONE, Rooms, Setup


class TestBrake:
    """One run may not change too much at once."""

    CONFIG = PushConfig(brake_listings_min=3, brake_share=0.5)

    async def emptied(self, rooms: Rooms, emptied: int, listed_count: int) -> list[ListingId]:
        """So many listings of which so many are sold out by one bad import."""
        listings = [await rooms.at_rest(9, f"S{n}") for n in range(listed_count)]
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

    async def test_minds_what_waits_behind_the_first_calls(self, tmp_path: Path) -> None:
        """A run looks at a few listings before it sends; a change spread over many is held all the same."""
        narrow = {"market": replace(MARKET, batch_size=1, calls_in_flight=1)}
        async with Rooms(tmp_path, Setup(narrow, push=self.CONFIG)) as rooms:
            listings = await self.emptied(rooms, 5, 6)
            await rooms.settle()
            assert [rooms.shown("market", one) for one in listings] == [9] * 6

    async def test_a_brake_that_is_set_high_makes_no_run_look_further(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A run minds what its calls need, and goes on with what waits behind: one run sends all of a long backlog."""
        monkeypatch.setattr(service, "LOOKED_AT_MAX", 25)
        never = PushConfig(brake_listings_min=1_000_000)
        narrow = {"market": replace(MARKET, batch_size=1, calls_in_flight=1)}
        async with Rooms(tmp_path, Setup(narrow, push=never)) as rooms:
            listings = [await rooms.at_rest(9, f"S{n}") for n in range(60)]
            for n in range(60):
                await rooms.stock(f"S{n}", -1)
            await rooms.planner.run_once(rooms.clock.now())
            done = await rooms.pushers["market"].run_once(rooms.clock.now())
            assert done["acknowledged"] == 60
            assert {rooms.shown("market", one) for one in listings} == {8}

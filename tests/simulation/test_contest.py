"""One season, several contestants: the same customers, the real rooms, and tools without a protocol."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.availability.ats import AvailabilityConfig
from syncd.testkit.simulation.contest import Terms, plainly, rooms_keep
from syncd.testkit.simulation.house import House, Story
from syncd.testkit.simulation.loop import START_AT, simulate
from syncd.testkit.simulation.shop import MARKET
from syncd.testkit.simulation.trade import Tally
from syncd.testkit.simulation.wishes import Delivery, Market, Offer, Season, Wish, drawn

BUSY = Market(360, 240, 12, (20.0, 300.0), (1.0, 10.0))
"""Sells out again and again, so that a short season shows what a long one would."""

ONE = [Offer("here", "market", {"X": 1}), Offer("there", "shop", {"X": 1})]

AT_ONCE = Terms(push_seconds=(0.1, 0.1))


def season(wishes: list[Wish], deliveries: list[Delivery], opening: int, offers: list[Offer] = ONE) -> Season:
    """An hour of one SKU."""
    return Season(offers, {"X": opening}, wishes, deliveries, 3600.0)


def polled(one: Season, *, every: float = 60.0) -> Tally:
    """What a plain push comes to that looks for orders every so often."""
    return plainly(one, AT_ONCE, poll_seconds=every, pushes=True)


def test_a_season_is_the_same_on_the_same_seed_whether_channels_call_or_not() -> None:
    """Customers are drawn beforehand: what a contestant does changes nothing about them."""
    called, uncalled = drawn(BUSY, 2, 7), drawn(BUSY, 2, 7).uncalled()
    assert [replace(one, told_seconds=None) for one in called.wishes] == uncalled.wishes
    assert 600 < len(called.wishes) < 850
    assert [one.units for one in called.deliveries] == [12] * 40
    assert drawn(BUSY, 2, 8).wishes != called.wishes


def test_what_is_sold_twice_is_oversold_and_refused_units_leave_the_next_delivery_alone() -> None:
    """The second customer of a last unit is refunded; what is delivered then is free to the last unit."""
    wishes = [Wish(1, "here", 1), Wish(2, "there", 1), Wish(1000, "here", 1), Wish(1200, "there", 1)]
    told = polled(season(wishes, [Delivery(500, "X", 1)], 1))
    assert (told.sold, told.oversold, told.unmet, told.lost) == (3, 1, 1, 0)


def test_an_order_heard_after_a_delivery_is_sent_from_it() -> None:
    """It was oversold when it was made all the same, and what came is not free twice."""
    wishes = [Wish(1, "here", 1), Wish(2, "there", 1), Wish(200, "here", 1)]
    told = polled(season(wishes, [Delivery(10, "X", 1)], 1))
    assert (told.sold, told.oversold, told.unmet) == (2, 1, 1)


def test_a_listing_that_shows_nothing_while_units_lie_free_is_dark() -> None:
    """A round every 15 minutes shows a delivery late: dark so long, and who comes meanwhile is lost."""
    told = plainly(season([Wish(100, "here", 1)], [Delivery(60, "X", 5)], 0), AT_ONCE, poll_seconds=900.0, pushes=False)
    assert (told.sold, told.lost, told.unmet) == (0, 1, 0)
    assert 840 <= told.dark_seconds / 2 <= 840 + 62  # from 60 to 900, and the round's own time
    assert told.listing_seconds == pytest.approx(7200)


def test_units_of_a_bundle_are_oversold_where_its_scarcest_part_is() -> None:
    """Two to a pack: three packs of five units are one too many."""
    offers = [Offer("packs", "market", {"X": 2}), Offer("singly", "shop", {"X": 1})]
    wishes = [Wish(1, "packs", 1), Wish(2, "singly", 5)]
    assert polled(season(wishes, [], 5, offers)).oversold == 2


def test_the_rooms_sell_what_there_is_where_a_plain_push_sells_more() -> None:
    """Same customers, same channels: the plain push is late, the rooms hold back and hear of counters."""
    one = drawn(BUSY, 0.5, 3)
    rooms, plain = rooms_keep(one, Terms(seed=3)), polled(one.uncalled())
    assert plain.oversold > 10
    assert rooms.oversold <= 2
    assert rooms.sold > 0.9 * (plain.sold - plain.oversold)
    unprotected = rooms_keep(one, Terms(seed=3), rooms={"availability": AvailabilityConfig(oversell_chance=0)})
    assert unprotected.oversold > rooms.oversold


def test_rooms_that_sleep_through_quiet_hours_find_the_world_as_it_is() -> None:
    """Nothing happens for a day: it is leapt over, and what sells then is accounted for as ever."""
    wishes = [Wish(10, "here", 1, 30, 5), Wish(86_000, "there", 1, 30, 5), Wish(86_300, "here", 1, 30, 5)]
    told = rooms_keep(replace(season(wishes, [], 2), seconds=90_000.0), Terms())
    assert (told.sold, told.oversold, told.unmet) == (2, 0, 1)


def test_what_leaves_the_shelf_past_all_channels_is_no_more_than_lies_there() -> None:
    """Five are wanted over the counter, three are there: nothing is left, and the listings say so."""
    gone = [Delivery(10, "X", -5)]
    for told in (
        polled(season([Wish(600, "here", 1)], gone, 3)),
        rooms_keep(season([Wish(600, "here", 1)], gone, 3), AT_ONCE),
    ):
        assert (told.sold, told.oversold, told.unmet) == (0, 0, 1)


def test_a_story_begins_when_it_is_told_to() -> None:
    """So that a past can be made for a store that is looked at now."""

    async def work() -> None:
        async with House(Story({"market": MARKET}, start_at=START_AT + timedelta(days=9))) as house:
            assert house.clock.now() == START_AT + timedelta(days=9, seconds=1)

    simulate(work)

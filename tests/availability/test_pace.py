"""How fast a SKU sells and how late we hear of it: measured from the log, apart from what posts to it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from syncd.availability.ats import AvailabilityConfig, ChannelPolicy, Policies
from syncd.availability.pace import COUNTER, Figures, Heard, decided_otherwise, perhaps_scarce
from syncd.availability.service import PaceService
from syncd.availability.store import read_delays, read_supplies, read_velocities, velocity
from syncd.availability.velocity import RUSH, Delay, Velocity, Way, measured
from syncd.identity import ChannelName, Sku
from syncd.ledger.movement import CUSTOMER, Account, Movement, Reason, available, in_flight, reserved
from syncd.ledger.store import read_touched
from tests.support.rooms import TWO, Rooms
from tests.support.situations import T0, X, Y, at

DAY = timedelta(days=1)


def test_one_sale_is_no_rush_and_many_are() -> None:
    """A single sale counts at the pace of weeks; sixty in an hour count at the pace of that hour."""
    one = Velocity(0.0, 0.0, T0).more(1, T0)
    assert 0.05 < one.per_day < 0.2
    rush = Velocity(0.0, 0.0, T0)
    for minute in range(60):
        rush = rush.more(1, T0 + timedelta(minutes=minute))
    assert 500 < rush.at(T0 + timedelta(hours=1)).per_day < 1500
    assert rush.at(T0 + timedelta(days=30)).per_day < 1


def test_a_sale_told_late_counts_for_less() -> None:
    """What is told in the wrong order comes to the same figure."""
    early, late = T0, T0 + RUSH
    in_order = Velocity(0.0, 0.0, early).more(1, early).more(1, late)
    reordered = Velocity(0.0, 0.0, late).more(1, late).more(1, early)
    assert in_order.rush == pytest.approx(reordered.rush) == pytest.approx(1.5)


def test_a_delay_settles_on_what_is_usual() -> None:
    """The first measurement is believed with doubt; the same one again and again leaves no doubt; no outage counts."""
    assert measured(None, 10.0) == Delay(10.0, 5.0)
    known: Delay | None = None
    for _ in range(60):
        known = measured(known, 10.0)
    assert known is not None
    assert known.mean_seconds + known.spread_seconds == pytest.approx(10.0, abs=0.1)
    assert measured(None, 90_000.0).mean_seconds == 3600.0
    assert measured(None, -5.0).mean_seconds == 0.0


@pytest.mark.parametrize(
    ("source", "destination", "reason", "reference", "counts"),
    [
        (available("main"), reserved("main"), Reason.SALE, "ebay:o1", "ebay"),
        (available("main"), in_flight("main"), Reason.SALE, "ebay:1001", "ebay"),
        (in_flight("main"), reserved("main"), Reason.SALE, "ebay:o1", None),
        (available("main"), CUSTOMER, Reason.SALE, "receipt 7", COUNTER),
        (reserved("main"), CUSTOMER, Reason.SHIPMENT, "ebay:o1", None),
        (available("main"), Account("outside", "loss"), Reason.SHRINKAGE, "", None),
    ],
)
def test_what_counts_as_a_sale(
    source: Account, destination: Account, reason: Reason, reference: str, counts: str | None
) -> None:
    """Free units that were sold, once: not their order's import after the flight, nor their shipment."""
    heard = Heard(Movement("k", X, 1, source, destination, reason, T0, reference), T0)
    assert (heard.channel if heard.is_sale else None) == counts


@pytest.mark.parametrize(
    ("destination", "actor", "reference", "seconds"),
    [
        (reserved("main"), "intake", "ebay:o1", 20.0),
        (in_flight("main"), "hint", "ebay:1001", 20.0),
        (in_flight("main"), "observation", "ebay:1001", None),
        (CUSTOMER, "scanner", "receipt 7", None),
    ],
)
def test_how_late_a_sale_was_heard_of(destination: Account, actor: str, reference: str, seconds: float | None) -> None:
    """An order and a call say when it was sold; a counter that was read does not: it would pass for no delay."""
    moved = Movement("k", X, 1, available("main"), destination, Reason.SALE, T0, reference, actor)
    assert Heard(moved, T0 + timedelta(seconds=20)).delay_seconds == seconds


MARKET, SHOP = ChannelName("market"), ChannelName("shop")


def _policies(**config: float) -> Policies:
    channels = {name: ChannelPolicy(name, ("main",)) for name in (MARKET, SHOP)}
    return Policies(channels, {}, AvailabilityConfig.model_validate(config))


def _figures(rush: float, seconds: float = 60.0, sku: Sku = X) -> Figures:
    delays = {(name, way): Delay(seconds, 0.0) for name in (MARKET, SHOP) for way in Way}
    return Figures({(sku, MARKET): Velocity(rush, rush, T0)}, delays)


@pytest.mark.parametrize(
    ("before", "after", "otherwise"),
    [
        (_figures(60), _figures(60), False),
        (_figures(60), _figures(60).cooled(T0 + DAY), True),
        (_figures(60), _figures(60, seconds=1), True),
        (_figures(60, seconds=60), _figures(60, seconds=61), False),
        (_figures(0.1), _figures(0.1).cooled(T0 + DAY), False),
        (Figures({}, {}), _figures(60), True),
    ],
)
def test_last_units_are_decided_by_what_was_measured(before: Figures, after: Figures, otherwise: bool) -> None:
    """A rush, its end and slower news decide otherwise; a sale now and then and a second more do not."""
    policies = _policies()
    assert decided_otherwise(before, after, {X: [MARKET, SHOP]}, policies) == ({X} if otherwise else set())
    if otherwise:
        assert X in perhaps_scarce(before, policies) | perhaps_scarce(after, policies)


def test_what_one_channel_alone_offers_is_never_scarce() -> None:
    """Whatever its pace."""
    assert decided_otherwise(Figures({}, {}), _figures(60), {X: [MARKET]}, _policies()) == set()


PAIRS = [(sku, name) for sku in (X, Y) for name in (MARKET, SHOP, COUNTER)]
SOLD = st.floats(0, 500)


@given(
    sold=st.dictionaries(st.sampled_from(PAIRS), st.tuples(SOLD, SOLD), max_size=6),
    seconds=st.floats(0, 4000),
    hours=st.floats(0, 48),
    units=st.integers(0, 2),
)
def test_no_sku_is_passed_over(
    sold: dict[tuple[Sku, ChannelName], tuple[float, float]], seconds: float, hours: float, units: int
) -> None:
    """Whatever is decided otherwise is found by the rough look too, so that only those few have to be judged."""
    delays = {(name, way): Delay(seconds, 0.0) for name in (MARKET, SHOP) for way in Way}
    before = Figures({key: Velocity(*figures, T0) for key, figures in sold.items()}, delays)
    after, policies = before.cooled(T0 + timedelta(hours=hours)), _policies(scarce_units=units)
    changed = decided_otherwise(before, after, {X: [MARKET, SHOP], Y: [MARKET, SHOP]}, policies)
    assert changed <= perhaps_scarce(before, policies) | perhaps_scarce(after, policies)


def test_a_delay_moves_in_steps() -> None:
    """Never less than was measured, never half as long again."""
    for seconds in (0.0, 0.4, 1.0, 1.1, 2.0, 59.0, 3600.0):
        assert max(1.0, seconds) <= Delay(seconds, 0.0).seconds < max(1.0, seconds) * 1.42


async def test_a_rush_marks_its_sku_and_so_does_its_end(tmp_path: Path) -> None:
    """Counting a rush in keeps the last units together, which the planner is told; as it cools they are free again."""
    async with Rooms(tmp_path, TWO) as rooms:
        market, _ = await rooms.both(40)
        pace = PaceService(rooms.db, rooms.writer, rooms.policies)
        await pace.run_once(rooms.clock.now())
        for _ in range(12):
            rooms.shops["market"].sell(market, 2)
        rooms.clock.advance(20)
        await rooms.settle()
        assert await _marked(rooms) == set()
        await pace.run_once(rooms.clock.now())
        assert await _marked(rooms) == {X}
        await rooms.settle()
        rooms.clock.advance(40 * 86_400)
        assert await pace.run_once(rooms.clock.now()) == {"judged_otherwise": 1}
        assert await _marked(rooms) == {X}
        await rooms.settle()
        rooms.clock.advance(3600)
        assert await pace.run_once(rooms.clock.now()) == {}


async def _marked(rooms: Rooms) -> set[Sku]:
    async with rooms.db.read() as conn:
        return set(await read_touched(conn, 10))


async def test_sales_are_counted_once_from_the_log(tmp_path: Path) -> None:
    """Order imports are counted by channel, with how late they came; a second look counts nothing again."""
    async with Rooms(tmp_path, TWO) as rooms:
        market, shop = await rooms.both(9)
        pace = PaceService(rooms.db, rooms.writer, rooms.policies)
        await pace.run_once(rooms.clock.now())
        rooms.shops["market"].sell(market, 2)
        rooms.shops["shop"].sell(shop, 1)
        rooms.clock.advance(20)
        await rooms.settle()
        assert (await pace.run_once(rooms.clock.now()))["sales"] == 2
        assert await pace.run_once(rooms.clock.now()) == {}
        async with rooms.db.read() as conn:
            known = await read_velocities(conn, [Sku("X")])
            delays = await read_delays(conn)
            supply = (await read_supplies(conn, [X], {}, rooms.clock.now()))[X]
        assert {name: round(one.steady, 2) for (_, name), one in known.items()} == {"market": 2.0, "shop": 1.0}
        assert delays[ChannelName("shop"), Way.HEARD].mean_seconds == pytest.approx(20, abs=2)
        assert set(supply.outlets) == {"market", "shop"}
        assert supply.sold_per_day == pytest.approx(sum(one.per_day for one in known.values()))


async def test_two_processes_count_a_sale_once(tmp_path: Path) -> None:
    """Whoever comes second to the same movements finds them counted and writes nothing."""
    async with Rooms(tmp_path, TWO) as rooms:
        market, _ = await rooms.both(9)
        services = [PaceService(rooms.db, rooms.writer, rooms.policies) for _ in range(2)]
        for one in services:
            await one.run_once(rooms.clock.now())
        rooms.shops["market"].sell(market, 3)
        await rooms.settle()
        for one in services:
            await one.run_once(rooms.clock.now())
        async with rooms.db.read() as conn:
            steady = (await conn.execute(select(func.sum(velocity.c.steady)))).scalar_one()
        assert round(steady, 2) == 3.0


def test_moments_are_of_the_log() -> None:
    """A sale recorded after it happened tells how late news was."""
    heard = Heard(Movement("k", X, 1, available("main"), reserved("main"), Reason.SALE, at(5), "ebay:o1"), at(65))
    assert (heard.recorded_at - heard.movement.happened_at).total_seconds() == 60

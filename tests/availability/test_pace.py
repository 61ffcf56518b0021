"""How fast a SKU sells and how late we hear of it: measured from the log, apart from what posts to it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from syncd.availability.pace import COUNTER, Heard, slowed
from syncd.availability.scarcity import ScarcityPolicy
from syncd.availability.service import PaceService
from syncd.availability.store import Way, read_delays, read_supplies, read_velocities, velocity
from syncd.availability.velocity import RUSH, Delay, Velocity, measured
from syncd.identity import ChannelName, Sku
from syncd.ledger.movement import CUSTOMER, Account, Movement, Reason, available, in_flight, reserved
from tests.support.rooms import TWO, Rooms
from tests.support.situations import T0, X, Y, at

DAY = timedelta(days=1)


def test_one_sale_is_no_rush_and_many_are() -> None:
    """A single sale counts at the pace of weeks; sixty in an hour count at the pace of that hour."""
    one = Velocity(0.0, 0.0, T0).more(1, T0)
    assert 0.05 < one.per_day(T0) < 0.2
    rush = Velocity(0.0, 0.0, T0)
    for minute in range(60):
        rush = rush.more(1, T0 + timedelta(minutes=minute))
    assert 500 < rush.per_day(T0 + timedelta(hours=1)) < 1500
    assert rush.per_day(T0 + timedelta(days=30)) < 1


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
    assert known.seconds == pytest.approx(10.0, abs=0.1)
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


def test_what_sells_no_more_is_looked_at_again() -> None:
    """A rush that is over frees units that were kept together; what never sold fast changes nothing."""
    policy = ScarcityPolicy(chance=0.01, units_max=5)
    velocities = {(X, ChannelName("ebay")): Velocity(60.0, 60.0, T0), (Y, ChannelName("ebay")): Velocity(0.0, 0.1, T0)}
    assert slowed(velocities, T0, T0 + DAY, policy, 60.0) == {X}


async def test_sales_are_counted_once_from_the_log(tmp_path: Path) -> None:
    """Order imports are counted by channel, with how late they came; a second look counts nothing again."""
    async with Rooms(tmp_path, TWO) as rooms:
        market, shop = await rooms.both(9)
        pace = PaceService(rooms.db, rooms.writer, rooms.policies.availability)
        await pace.run_once(rooms.clock.now())
        rooms.shops["market"].sell(market, 2)
        rooms.shops["shop"].sell(shop, 1)
        rooms.clock.advance(20)
        await rooms.settle()
        assert await pace.run_once(rooms.clock.now()) == {"sales": 2}
        assert await pace.run_once(rooms.clock.now()) == {}
        async with rooms.db.read() as conn:
            known = await read_velocities(conn, [Sku("X")])
            delays = await read_delays(conn)
            supply = (await read_supplies(conn, [X], {}, rooms.clock.now()))[X]
        assert {name: round(one.steady, 2) for (_, name), one in known.items()} == {"market": 2.0, "shop": 1.0}
        assert delays[ChannelName("shop"), Way.HEARD].mean_seconds == pytest.approx(20, abs=2)
        assert set(supply.outlets) == {"market", "shop"}
        assert supply.sold_per_day == pytest.approx(sum(one.per_day(rooms.clock.now()) for one in known.values()))


async def test_two_processes_count_a_sale_once(tmp_path: Path) -> None:
    """Whoever comes second to the same movements finds them counted and writes nothing."""
    async with Rooms(tmp_path, TWO) as rooms:
        market, _ = await rooms.both(9)
        services = [PaceService(rooms.db, rooms.writer, rooms.policies.availability) for _ in range(2)]
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

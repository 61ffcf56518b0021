"""eBay's own meter feeds the budget, over HTTP: others' calls count, its day turns when it says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from syncd.channel.service_budget import METER_EVERY, BudgetService
from syncd.channel.throttle import Urgency
from syncd.identity import ChannelName
from tests.support.http_rooms import EBAY, HttpRooms, http_rooms


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[HttpRooms]:
    """eBay and a webshop."""
    async with http_rooms(tmp_path) as opened:
        yield opened


def service(rooms: HttpRooms) -> BudgetService:
    """As a process starts it."""
    return BudgetService(rooms.db, rooms.writer, {ChannelName(name): one for name, one in rooms.lines.items()})


async def test_what_other_programs_spend_is_known(rooms: HttpRooms) -> None:
    """Another program of the merchant's uses the day up: our routine calls stop before eBay refuses them."""
    account, line = rooms.market.account, rooms.lines[EBAY]
    account.calls_today[account.day()] = 4200
    await service(rooms).run_once(rooms.clock.now())
    now = rooms.clock.now()
    assert (line.budget.free_today(now, Urgency.ROUTINE) or 0) <= 0
    assert (line.budget.free_today(now, Urgency.FIRST) or 0) > 700
    assert line.refusal("fetch_orders", now) is not None
    assert line.refusal("push_quantities", now, Urgency.FIRST) is None


async def test_the_meter_is_read_every_ten_minutes_and_costs_no_trading_call(rooms: HttpRooms) -> None:
    """Neither at every run nor never; asking is not counted by what it asks about."""
    account, made = rooms.market.account, service(rooms)
    before = account.calls_today[account.day()]
    for _ in range(3):
        await made.run_once(rooms.clock.now())
    rooms.clock.advance(METER_EVERY.total_seconds())
    await made.run_once(rooms.clock.now())
    read = [call for call in account.calls if call["call"] == "GET /developer/analytics/v1_beta/rate_limit/"]
    assert len(read) == 2
    assert account.calls_today[account.day()] == before


async def test_the_day_turns_at_ebays_hour(rooms: HttpRooms) -> None:
    """Spent to the last call at night: all are back at 07:00 UTC, which is when the stand-in's meter resets."""
    account, line, made = rooms.market.account, rooms.lines[EBAY], service(rooms)
    account.calls_today[account.day()] = 5000
    await made.run_once(rooms.clock.now())
    now = rooms.clock.now()
    assert line.budget.free_today(now, Urgency.FIRST) == 0
    seconds = line.budget.wait_seconds(now, Urgency.FIRST)
    rooms.clock.advance(seconds)
    assert rooms.clock.now().hour == 7
    assert line.budget.free_today(rooms.clock.now(), Urgency.FIRST) == 5000


async def test_without_the_meter_our_own_count_goes_on(rooms: HttpRooms) -> None:
    """A meter that does not answer stops nothing, and is said once."""
    rooms.market.fail("html_503", call="GET /developer/analytics/v1_beta/rate_limit/")
    await service(rooms).run_once(rooms.clock.now())
    line = rooms.lines[EBAY]
    assert line.budget.metered_left is None
    assert line.down_since is None
    assert "rate" in line.last_fault.lower()

"""What the day has cost in calls is remembered by the store, not by the process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.channel.service_budget import BudgetService
from syncd.channel.throttle import Urgency
from syncd.identity import ChannelName
from tests.support.rooms import MARKET, Rooms, Setup


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A market that may be asked a hundred times a day."""
    async with Rooms(tmp_path, Setup({"market": replace(MARKET, calls_per_day=100)})) as made:
        yield made


def service(rooms: Rooms) -> BudgetService:
    """The budgets of the rooms as they are now."""
    return BudgetService(rooms.db, rooms.writer, {ChannelName(name): one for name, one in rooms.lines.items()})


async def test_a_restarted_process_goes_on_where_the_day_was(rooms: Rooms) -> None:
    """Calls made before the restart are still spent after it; the next day all of them are back."""
    line = rooms.lines["market"]
    for _ in range(30):
        await line.call("check", line.channel.check)
    spent = line.budget.spent_today
    await service(rooms).run_once(rooms.clock.now())
    await rooms.writer.stop()
    rooms.start()
    assert rooms.lines["market"].budget.spent_today == 0
    await service(rooms).begin(rooms.clock.now())
    assert spent <= rooms.lines["market"].budget.spent_today <= spent + 50
    rooms.clock.advance(86_400)
    await service(rooms).begin(rooms.clock.now())
    assert rooms.lines["market"].budget.free_today(rooms.clock.now(), Urgency.FIRST) == 100

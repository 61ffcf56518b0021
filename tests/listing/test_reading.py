"""Reading listings costs what the channel counts it as."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from syncd.channel.registry import load_connector
from syncd.testkit.fake_shop import FakeShop
from tests.support.rooms import MARKET, Rooms, Setup


@pytest.mark.parametrize(("singly", "calls"), [(True, 3), (False, 1)])
async def test_reading_three_listings(tmp_path: Path, singly: bool, calls: int) -> None:
    """One call where the channel reads several at once, one for each where it does not."""
    facts = replace(MARKET, calls_per_day=1000, reads_singly=singly)
    async with Rooms(tmp_path, Setup({"market": facts})) as rooms:
        shop: FakeShop = rooms.shops["market"]
        ids = [shop.add_listing(f"S{n}", 1) for n in range(3)]
        spent = rooms.lines["market"].budget.spent_today
        readings = await rooms.observers["market"].read("read_quantities", ids)
        assert len(readings.seen) == 3
        assert rooms.lines["market"].budget.spent_today - spent == calls


def test_ebay_reads_each_item_alone() -> None:
    """Its day has 5,000 calls, and GetItem takes one for each."""
    capabilities = load_connector("ebay").capabilities
    assert capabilities is not None
    assert capabilities.reads_singly

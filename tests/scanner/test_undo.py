"""Taking a scan back: the other way round, by whoever made it, for a minute, and only what broke no promise."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd.reservation.hold import HoldStatus
from syncd.scanner.scan import ScanResult
from syncd.scanner.service_undo import UndoDesk
from syncd.scanner.undo import Undo
from tests.support.doors import House, open_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Ten gloves at main."""
    async with open_house(tmp_path, gloves=10) as opened:
        yield opened


async def undo(house: House, of: str, *, actor: str = "scanner", seconds: float = 0) -> ScanResult:
    """Take a scan back, so many seconds from now."""
    desk = UndoDesk(house.db, house.writer)
    return await desk.take_back(Undo(of, house.clock.now() + timedelta(seconds=seconds), actor))


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("receipt", {"quantity": 3}),
        ("counter_sale", {"quantity": 2}),
        ("count", {"quantity": 7}),
        ("count", {"quantity": 12}),
        ("adjust", {"quantity": -1, "reason": "shrinkage"}),
        ("damaged", {}),
        ("transfer", {"quantity": 4, "to_location": "shop-2"}),
    ],
)
async def test_everything_is_as_it_was(house: House, kind: str, more: dict[str, Any]) -> None:
    """The stock of both places; and a second wish to take it back changes nothing."""
    before = await house.level(), await house.level("shop-2")
    assert (await house.scan(kind, scan_id="s", **more)).verdict == "posted"
    assert (await undo(house, "s")).verdict == "posted"
    assert (await house.level(), await house.level("shop-2")) == before
    assert (await undo(house, "s")).verdict == "duplicate"
    assert (await house.level(), await house.level("shop-2")) == before


async def test_a_pick_taken_back_is_promised_again(house: House) -> None:
    """The units are reserved for the same order, and can be picked once more."""
    order_id = await house.sell_on_channel(2)
    picked = await house.scan("pick", scan_id="p", quantity=2, order=order_id)
    assert picked.verdict == "posted"
    assert (await undo(house, "p")).verdict == "posted"
    assert ((await house.level()).reserved, (await house.level()).available) == (2, 8)
    (promise,) = await house.reservations(f"shop:{order_id}")
    assert (promise.open, promise.status) == (2, HoldStatus.HELD)
    assert (await house.scan("pick", scan_id="again", quantity=2, order=order_id)).verdict == "posted"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"seconds": 61}, "within a minute"),
        ({"actor": "somebody else"}, "only who made a scan"),
    ],
)
async def test_too_late_or_not_his_own(house: House, change: dict[str, Any], sentence: str) -> None:
    """Refused in a sentence; nothing moves."""
    await house.scan("counter_sale", scan_id="s")
    refused = await undo(house, "s", **change)
    assert refused.verdict == "refused"
    assert sentence in refused.sentence
    assert (await house.level()).available == 9


async def test_what_broke_a_promise_is_not_taken_back(house: House) -> None:
    """Its customer is being asked already."""
    await house.sell_on_channel(10)
    await house.scan("counter_sale", scan_id="s", quantity=1)
    refused = await undo(house, "s")
    assert (refused.verdict, (await house.level()).reserved) == ("refused", 9)


async def test_what_was_sold_on_meanwhile_cannot_go_back(house: House) -> None:
    """A receipt of three, of which none is left: the books would go below zero."""
    await house.scan("counter_sale", quantity=10)
    await house.scan("receipt", scan_id="s", quantity=3)
    await house.scan("counter_sale", quantity=2)
    assert (await undo(house, "s")).verdict == "refused"
    assert (await house.level()).available == 1


async def test_a_scan_that_never_was(house: House) -> None:
    """Nothing to take back."""
    assert (await undo(house, "none")).verdict == "refused"

"""How a story of a race is told twice: once as the rooms are built, once with one defence taken away."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from syncd.identity import ListingId
from syncd.testkit.simulation.house import House, Story
from syncd.testkit.simulation.loop import simulate
from syncd.testkit.simulation.shop import MARKET, WEBSHOP
from syncd.testkit.simulation.truth import standing, untruths

LATE_MARKET = replace(MARKET, order_lag_seconds=120)
"""A market whose order list is two minutes late, as eBay's; its counter is not."""

LATE_SHOP = replace(WEBSHOP, order_lag_seconds=60)
"""A webshop behind a cache: an order may be a minute late in its list."""

LATE = Story({"market": LATE_MARKET, "shop": WEBSHOP})
LATE_BOTH = Story({"market": LATE_MARKET, "shop": LATE_SHOP})

DEFENDED = pytest.mark.parametrize("defended", [True, False], ids=["holds", "is_red_without_its_defence"])
"""Both halves of a scenario."""

Tale = Callable[[House], Awaitable[list[str]]]
"""Plays one story; returns what is wrong with its end."""


def play(tale: Tale, story: Story | None = None) -> list[str]:
    """Everything that is wrong at the end of a story."""

    async def work() -> list[str]:
        async with House(story) as house:
            return await tale(house)

    return simulate(work)


def put_in_place(
    monkeypatch: pytest.MonkeyPatch, original: Callable[..., object], other: Callable[..., object]
) -> None:
    """Wherever a room uses a function of another file, let it use `other`; where it is defined it stays as it is."""
    places = 0
    for name, module in list(sys.modules.items()):
        if name.startswith("syncd.") and name != original.__module__:
            for attribute, value in list(vars(module).items()):
                if value is original:
                    monkeypatch.setattr(module, attribute, other)
                    places += 1
    assert places, f"{original.__name__} is used nowhere"


def judge(wrong: list[str], defended: bool, expected: str) -> None:
    """With its defence the story ends right; without it, it ends wrong in the way that was foretold."""
    if defended:
        assert wrong == []
    else:
        assert any(expected in sentence for sentence in wrong), wrong


async def ended(house: House, seconds: float = 400) -> list[str]:
    """Let everything come to rest, then look for what is wrong, oversold units included."""
    await (house.pass_time(seconds) if house.is_running else house.quiet(seconds))
    return await untruths(house) + await oversold(house)


async def oversold(house: House) -> list[str]:
    """Units promised that nothing covers."""
    now = await standing(house)
    skus = {demand.sku for demand in now.demands}
    return [f"{now.short(sku)} × {sku} oversold" for sku in sorted(skus) if now.short(sku)]


def buy_out(house: House, channel: str, listing_id: ListingId) -> int:
    """Customers take everything the channel offers, one by one; returns how many units that were."""
    units = 0
    while house.shops[channel].offered(listing_id):
        house.shops[channel].sell(listing_id, 1)
        units += 1
    return units

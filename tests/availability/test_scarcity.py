"""How many last units one channel shows alone: from the pace of sales and the delay of news, or as configured."""

from __future__ import annotations

from math import exp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.availability.allocation import Share
from syncd.availability.ats import AvailabilityConfig, ChannelPolicy, SkuSupply, derive
from syncd.availability.scarcity import Outlet, Scarcity, ScarcityPolicy, scarcity, shown_here, units_needed
from syncd.identity import ChannelName
from syncd.listing.listing import Component
from tests.support.situations import CHANNEL, PLACE, T0, X, listing

EBAY, SHOP = ChannelName("ebay"), ChannelName("shop")
THREE = Scarcity(3, EBAY, "policy")
SLOW = {EBAY: Outlet(10.0, 60.0, 5.0), SHOP: Outlet(30.0, 10.0, 20.0)}


@pytest.mark.parametrize(
    ("total", "channel", "shown"),
    [(4, EBAY, 4), (4, SHOP, 4), (3, EBAY, 3), (3, SHOP, 0), (0, SHOP, 0), (-1, SHOP, -1)],
)
def test_last_units_are_shown_at_home_only(total: int, channel: ChannelName, shown: int) -> None:
    """When at most three are left only the home channel shows them."""
    assert shown_here(total, channel, THREE) == shown


def test_nothing_is_scarce_without_a_rule() -> None:
    """Without scarcity everything is shown everywhere."""
    assert shown_here(1, SHOP, None) == 1


@pytest.mark.parametrize(
    ("policy", "outlets", "found"),
    [
        (ScarcityPolicy(3, "ebay"), SLOW, (3, EBAY)),
        (ScarcityPolicy(3, "ebay"), {}, (3, EBAY)),
        (ScarcityPolicy(3), SLOW, (3, SHOP)),
        (ScarcityPolicy(3, "fair"), SLOW, (3, SHOP)),
        (ScarcityPolicy(0, "ebay"), SLOW, None),
        (ScarcityPolicy(3), {}, None),
        (ScarcityPolicy(3, "shop"), {EBAY: SLOW[EBAY]}, None),
    ],
)
def test_who_is_home(policy: ScarcityPolicy, outlets: dict[ChannelName, Outlet], found: object) -> None:
    """The configured channel where it offers the SKU, else the one that sells most of it; alone there is no rule."""
    scarce = scarcity(policy, outlets, {}, 40.0)
    assert (scarce and (scarce.units, scarce.home)) == found


def test_priority_decides_between_equals() -> None:
    """Where two channels sell as much, the one of higher priority is home."""
    outlets = {EBAY: Outlet(), SHOP: Outlet()}
    found = scarcity(ScarcityPolicy(1), outlets, {SHOP: Share(priority=1)}, 0.0)
    assert found is not None
    assert found.home == SHOP


@pytest.mark.parametrize(
    ("expected", "units"), [(0.0, 0), (0.01, 0), (0.02, 1), (0.1, 1), (0.2, 2), (1.0, 4), (50.0, 5)]
)
def test_units_from_the_sales_to_expect(expected: float, units: int) -> None:
    """The fewest units that are hardly ever outsold while news travels, up to the bound."""
    assert units_needed(expected, 0.01, 5) == units


@settings(deadline=None)
@given(st.floats(0, 20), st.floats(0.0001, 0.5))
def test_the_bound_is_kept(expected: float, chance: float) -> None:
    """Selling more than k while news travels is less likely than the bound, and with k − 1 it would not be."""

    def above(units: int) -> float:
        term, total = exp(-expected), 0.0
        for n in range(units + 1):
            total += term
            term *= expected / (n + 1)
        return 1 - total

    units = units_needed(expected, chance, 200)
    assert above(units) <= chance + 1e-9
    assert units == 0 or above(units - 1) > chance - 1e-9


def test_k_grows_with_pace_and_delay() -> None:
    """Forty a day over 80 s keep one unit together, a rush of four thousand keeps the most allowed."""
    policy = ScarcityPolicy(0, "ebay", 0.01, 5, 60.0)
    slow, rush = scarcity(policy, SLOW, {}, 40.0), scarcity(policy, SLOW, {}, 4000.0)
    assert slow == Scarcity(1, EBAY, "sells 40.0 a day, a change takes 80 s")
    assert rush is not None
    assert rush.units == 5
    assert scarcity(policy, SLOW, {}, 4.0) is None


def test_an_unmeasured_delay_is_taken_to_be_long() -> None:
    """Before anything was measured the configured delay counts, each way."""
    outlets = {EBAY: Outlet(20.0), SHOP: Outlet(20.0)}
    assert scarcity(ScarcityPolicy(0, "ebay", 0.01, 5, 60.0), outlets, {}, 40.0) is not None
    assert scarcity(ScarcityPolicy(0, "ebay", 0.01, 5, 1.0), outlets, {}, 40.0) is None


def test_the_receipt_says_pace_and_delay() -> None:
    """Who asks why it shows 0 reads how fast it sells and how long a change takes."""
    supply = SkuSupply({PLACE: 1}, T0, outlets=SLOW, sold_per_day=40.0)
    policy = ChannelPolicy(SHOP, (PLACE,))
    config = AvailabilityConfig(home_channel="ebay")
    derivation = derive(listing(Component(X)), {X: supply}, policy, config)
    term = derivation.terms[-1]
    assert (derivation.target, term.name) == (0, "scarce: the last 1 are shown on ebay only")
    assert term.source == "X, sells 40.0 a day, a change takes 80 s"
    home = derive(listing(Component(X)), {X: supply}, ChannelPolicy(CHANNEL, (PLACE,)), config)
    assert home.target == 1

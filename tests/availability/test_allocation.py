"""Sharing out: percentages that never promise a unit twice, and who gets the last ones."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.availability.allocation import Share, portion
from syncd.availability.ats import AvailabilityConfig, ChannelPolicy, SkuPolicy, SkuSupply, derive
from syncd.config.sections import ChannelOptions
from syncd.identity import ChannelName
from syncd.listing.listing import Component
from tests.support.situations import CHANNEL, PLACE, T0, X, listing

A, B, C = (ChannelName(name) for name in ("a", "b", "c"))


@pytest.mark.parametrize(
    ("shares", "units", "shown"),
    [
        ({A: Share(50, 1), B: Share(50)}, 1, (1, 0)),
        ({A: Share(50), B: Share(50, 1)}, 1, (0, 1)),
        ({A: Share(50, 1), B: Share(50)}, 10, (5, 5)),
        ({A: Share(70), B: Share(30)}, 1000, (700, 300)),
        ({A: Share(80, 1), B: Share(60)}, 10, (8, 2)),
        ({A: Share(80), B: Share(60, 1)}, 10, (4, 6)),
        ({A: Share(30), B: Share()}, 10, (3, 10)),
        ({A: Share(), B: Share()}, 10, (10, 10)),
        ({A: Share(100, 1), B: Share(50)}, 3, (3, 0)),
        ({A: Share(50), B: Share(50)}, -2, (-2, -2)),
    ],
)
def test_shares(shares: dict[ChannelName, Share], units: int, shown: tuple[int, int]) -> None:
    """Each has its percentage; priority decides about halves and where more is asked for than there is."""
    assert (portion(units, A, shares), portion(units, B, shares)) == shown


SHARES = st.fixed_dictionaries(
    {name: st.builds(Share, st.none() | st.integers(1, 100), st.integers(-2, 2)) for name in (A, B, C)}
)


@settings(deadline=None)
@given(shares=SHARES, units=st.integers(0, 500))
def test_shares_never_promise_a_unit_twice(shares: dict[ChannelName, Share], units: int) -> None:
    """What the channels with a share show together is there; one unit more takes none from anybody."""
    sharing = [name for name, one in shares.items() if one.percent is not None]
    shown = {name: portion(units, name, shares) for name in shares}
    assert sum(shown[name] for name in sharing) <= units
    for name, share in shares.items():
        assert 0 <= shown[name] <= portion(units + 1, name, shares)
        if share.percent is not None:
            assert shown[name] <= -(-units * share.percent // 100)
    if sum(shares[name].percent or 0 for name in sharing) >= 100:
        assert sum(shown[name] for name in sharing) == units


def test_a_share_is_of_what_is_dedicated_to_nobody() -> None:
    """Dedicated units are the channel's own beside its share, and the receipt has a line for what it may not show."""
    shares = {CHANNEL: Share(50), ChannelName("shop"): Share(50, priority=1)}
    config = AvailabilityConfig(sku={"X": SkuPolicy(dedicated={CHANNEL: 4})})
    policy = ChannelPolicy(CHANNEL, (PLACE,), shares=shares)
    derivation = derive(listing(Component(X)), {X: SkuSupply({PLACE: 11}, T0)}, policy, config)
    assert derivation.target == 4 + 3
    assert [(term.name, term.value) for term in derivation.terms] == [("available", 11), ("share of 50 %", -4)]


def test_what_the_channel_holds_itself_is_not_shared() -> None:
    """Units it subtracts for its own unpaid orders are added after the share: it takes them off again by itself."""
    policy = ChannelPolicy(CHANNEL, (PLACE,), shares={CHANNEL: Share(50)})
    supply = SkuSupply({PLACE: 4}, T0, held_on_channel={listing().key: 1})
    assert derive(listing(Component(X)), {X: supply}, policy, AvailabilityConfig()).target == 3


@pytest.mark.parametrize("share", ["0", "1.01", "0.333", "-0.5"])
def test_a_share_is_a_hundredth_or_more(share: str) -> None:
    """Shares count in steps of 0.01, above 0 and up to 1."""
    with pytest.raises(ValueError, match="share"):
        ChannelOptions(connector="x", share=Decimal(share))

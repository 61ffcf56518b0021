"""Stock dedicated to a channel: only it may advertise these units, and nobody sells what another was given."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.availability.ats import AvailabilityConfig, ChannelPolicy, SkuPolicy, SkuSupply, derive
from syncd.availability.derivation import Derivation
from syncd.identity import ChannelName
from syncd.listing.listing import Component
from tests.support.situations import CHANNEL, PLACE, T0, X, listing, offer

SHOP = ChannelName("shop")


def derived(dedicated: dict[str, int], policy: ChannelPolicy, stock: dict[str, int], offered: int = 0) -> Derivation:
    """The derivation for a listing of one X on a channel."""
    config = AvailabilityConfig(sku={"X": SkuPolicy(dedicated=dedicated)})
    supply = SkuSupply(stock, T0, [offer(offered)] if offered else [])
    return derive(listing(Component(X)), {X: supply}, policy, config)


def names(derivation: Derivation) -> list[tuple[str, int]]:
    """The receipt in short."""
    return [(term.name, term.value) for term in derivation.terms]


def test_only_its_own_channel_shows_what_is_dedicated() -> None:
    """Of five free units three belong to the shop: it shows five, every other channel two, and the receipt says why."""
    elsewhere = derived({"shop": 3}, ChannelPolicy(CHANNEL, (PLACE,)), {PLACE: 5})
    assert (elsewhere.target, names(elsewhere)) == (2, [("available", 5), ("dedicated to shop", -3)])
    own = derived({"shop": 3}, ChannelPolicy(SHOP, (PLACE,)), {PLACE: 5})
    assert (own.target, names(own)) == (5, [("available", 5)])


def test_no_more_is_dedicated_than_there_is() -> None:
    """With two left all of them are the shop's; a supplier's units are nobody's own."""
    policy = ChannelPolicy(CHANNEL, (PLACE,))
    assert derived({"shop": 3}, policy, {PLACE: 2}).target == 0
    with_offer = derived({"shop": 3}, policy, {PLACE: 2}, offered=4)
    assert (with_offer.target, names(with_offer)[1]) == (4, ("dedicated to shop", -2))


@pytest.mark.parametrize(
    ("shop_places", "stock", "shown"),
    [
        ((PLACE,), {PLACE: 5}, 2),
        (("barn",), {PLACE: 5, "barn": 1}, 5),
        ((PLACE, "barn"), {PLACE: 5, "barn": 2}, 4),
        ((PLACE, "barn"), {PLACE: 5, "barn": 9}, 5),
    ],
)
def test_places_of_its_own_cover_a_share_first(shop_places: tuple[str, ...], stock: dict[str, int], shown: int) -> None:
    """What the shop alone sells from is its already; only the rest of its share is kept back where both sell from."""
    policy = ChannelPolicy(CHANNEL, (PLACE,), others={SHOP: shop_places})
    assert derived({"shop": 3}, policy, stock).target == shown


AMOUNT = st.integers(0, 8)


@settings(deadline=None)
@given(stock=AMOUNT, shares=st.dictionaries(st.sampled_from(["ebay", "shop", "fair"]), AMOUNT))
def test_whoever_sells_leaves_the_others_their_share(stock: int, shares: dict[str, int]) -> None:
    """After one channel has sold all it shows, what is left is at least the others' shares, or all there was."""
    for name in ("ebay", "shop", "fair"):
        shown = derived(shares, ChannelPolicy(ChannelName(name), (PLACE,)), {PLACE: stock}).target
        assert shown is not None
        others = sum(units for other, units in shares.items() if other != name)
        assert stock - shown == min(stock, others)

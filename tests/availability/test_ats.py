"""What a listing should show: every term, its order, and what must hold whatever the numbers are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.availability.ats import AvailabilityConfig, ChannelPolicy, SkuPolicy, SkuSupply, derive
from syncd.availability.derivation import Derivation
from syncd.identity import ChannelName, ListingId, ListingKey, Sku, SupplierName
from syncd.listing.listing import Component
from syncd.supply.offer import Offer, SupplierPolicy, usable
from tests.support.situations import CHANNEL, PLACE, T0, X, Y, listing, offer

HERE = ChannelPolicy(CHANNEL, (PLACE,))
PLAIN = AvailabilityConfig()
SHOP = ChannelName("shop")


def supply(available: int = 0, offered: int = 0, held: int = 0, place: str = PLACE) -> SkuSupply:
    """What there is of one SKU."""
    offers = [offer(offered)] if offered else []
    return SkuSupply({place: available}, T0, offers, {listing().key: held} if held else {})


def target(
    *components: Component,
    policy: ChannelPolicy = HERE,
    config: AvailabilityConfig = PLAIN,
    **supplies: SkuSupply,
) -> Derivation:
    """The derivation for a listing of these components."""
    return derive(listing(*components), {Sku(sku): one for sku, one in supplies.items()}, policy, config)


def names(derivation: Derivation) -> list[tuple[str, int]]:
    """The receipt in short."""
    return [(term.name, term.value) for term in derivation.terms]


def test_available_stock() -> None:
    """Without anything else a listing shows what is free."""
    derivation = target(Component(X), X=supply(7))
    assert (derivation.target, names(derivation)) == (7, [("available", 7)])
    assert (derivation.terms[0].source, derivation.terms[0].as_of) == ("X at main, ledger", T0)


def test_only_locations_that_serve_the_channel() -> None:
    """Stock kept from a channel does not count there; every location that does has its own line."""
    policy = ChannelPolicy(CHANNEL, ("main", "barn"))
    stock = SkuSupply({"main": 2, "barn": 3, "show room": 9}, T0)
    derivation = target(Component(X), policy=policy, X=stock)
    assert (derivation.target, names(derivation)) == (5, [("available", 2), ("available", 3)])


def test_offers_count_where_the_channel_uses_them() -> None:
    """A supplier's offer adds to stock, unless the channel sells from the shelf only."""
    assert target(Component(X), X=supply(1, offered=4)).target == 5
    shelf_only = ChannelPolicy(CHANNEL, (PLACE,), uses_offers=False)
    assert target(Component(X), policy=shelf_only, X=supply(1, offered=4)).target == 1


@pytest.mark.parametrize(("age", "units"), [(59, 8), (60, 8), (61, 0)])
def test_stale_offer_is_worth_nothing(age: float, units: int) -> None:
    """Offer × confidence while it is believed, 0 once it is stale, and the receipt says so."""
    said = Offer(SupplierName("acme"), "a", X, 10, T0)
    policy = SupplierPolicy(SupplierName("acme"), 60, Decimal("0.8"))
    worth = usable(said, policy, T0 + timedelta(seconds=age))
    derivation = derive(listing(Component(X)), {X: SkuSupply({}, T0, [worth])}, HERE, PLAIN)
    assert derivation.target == units
    assert ("stale" in derivation.terms[-1].source) == (units == 0)


def test_units_the_channel_holds_itself_are_added_back() -> None:
    """A channel that subtracts its unpaid orders from what it offers must not have them subtracted twice."""
    derivation = target(Component(X), X=supply(3, held=2))
    assert derivation.target == 5
    assert ("held by the channel itself", 2) in names(derivation)


def test_units_held_through_another_listing_are_not_added_back() -> None:
    """The channel subtracts an unpaid order from the listing it was made through, and from no other."""
    other = ListingKey(CHANNEL, ListingId("1002"))
    stock = SkuSupply({PLACE: 3}, T0, [], {other: 2})
    assert target(Component(X), X=stock).target == 3


def test_units_sold_that_no_shelf_held_are_not_offered_again() -> None:
    """What a channel's counter sold out of a supplier's offer is gone everywhere, and the receipt says so."""
    derivation = target(Component(X), X=SkuSupply({PLACE: 0}, T0, [offer(5)], sold_unheld=2))
    assert derivation.target == 3
    assert ("sold, order not in yet", -2) in names(derivation)


def test_safety_stock_of_all_and_of_one() -> None:
    """Base units are kept back from every channel, a single SKU's rule going first."""
    assert target(Component(X), config=AvailabilityConfig(safety_stock=2), X=supply(5)).target == 3
    own = AvailabilityConfig(safety_stock=2, sku={"X": SkuPolicy(safety_stock=0)})
    assert target(Component(X), config=own, X=supply(5)).target == 5


def test_never_negative() -> None:
    """More kept back than there is shows 0, not less."""
    assert target(Component(X), config=AvailabilityConfig(safety_stock=9), X=supply(5)).target == 0


@pytest.mark.parametrize(("stock", "packs"), [(0, 0), (2, 0), (3, 1), (8, 2), (9, 3)])
def test_packs_are_whole(stock: int, packs: int) -> None:
    """A pack of three is offered as often as three units are free."""
    assert target(Component(X, 3), X=supply(stock)).target == packs


def test_bundle_is_decided_by_its_scarcest_component() -> None:
    """A bundle can be sold as often as the component there is least of, in its own units."""
    derivation = target(Component(X), Component(Y, 2), X=supply(9), Y=supply(5))
    assert derivation.target == 2
    assert ("scarcest component", 2) in names(derivation)


@pytest.mark.parametrize(
    ("cap", "most", "shown"), [(None, None, 8), (5, None, 5), (None, 3, 3), (5, 3, 3), (20, 30, 8)]
)
def test_caps(cap: int | None, most: int | None, shown: int) -> None:
    """Neither the merchant's cap nor the channel's own limit is ever exceeded."""
    policy = ChannelPolicy(CHANNEL, (PLACE,), cap=cap, quantity_max=most)
    assert target(Component(X), policy=policy, X=supply(8)).target == shown


def test_scarcity_is_on_the_receipt() -> None:
    """An agent can see that units are kept for another channel."""
    config = AvailabilityConfig(scarce_units=3, home_channel="ebay")
    policy = ChannelPolicy(SHOP, (PLACE,))
    derivation = target(Component(X), policy=policy, config=config, X=supply(2))
    assert (derivation.target, names(derivation)[-1]) == (0, ("scarce: the last 3 are shown on ebay only", -2))


def test_unlinked_listing_has_no_target() -> None:
    """Of a listing that sells we know not what nothing may be said."""
    derivation = derive(listing(), {}, HERE, PLAIN)
    assert (derivation.target, derivation.why_not) == (None, "not linked to any SKU: nothing is pushed")


AMOUNTS = st.integers(0, 50)


@dataclass(frozen=True)
class Circumstances:
    """Everything a target depends on besides the free units."""

    offered: int
    held: int
    config: AvailabilityConfig
    units: int
    cap: int | None

    def shown(self, available: int) -> int:
        """The target with so many free units."""
        policy = ChannelPolicy(CHANNEL, (PLACE,), cap=self.cap)
        there = supply(available, self.offered, self.held)
        made = target(Component(X, self.units), policy=policy, config=self.config, X=there).target
        assert made is not None
        return made


CONFIGS = st.builds(
    AvailabilityConfig, safety_stock=AMOUNTS, scarce_units=AMOUNTS, home_channel=st.sampled_from(["ebay", "shop"])
)
CIRCUMSTANCES = st.builds(Circumstances, AMOUNTS, AMOUNTS, CONFIGS, st.integers(1, 5), st.none() | AMOUNTS)


@given(here=CIRCUMSTANCES, stock=AMOUNTS, more=AMOUNTS)
def test_target_properties(here: Circumstances, stock: int, more: int) -> None:
    """The target is never negative, never above what its terms allow, and never falls because stock rises."""
    most = max(0, stock + here.offered + here.held - here.config.safety_stock) // here.units
    assert 0 <= here.shown(stock) <= most
    assert here.cap is None or here.shown(stock) <= here.cap
    assert here.shown(stock) <= here.shown(stock + more)

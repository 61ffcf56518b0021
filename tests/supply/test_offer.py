"""What a supplier's word is worth, when it is not believed, and from whom to buy first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.identity import Money, SupplierName
from syncd.supply.offer import Offer, SupplierPolicy, UsableOffer, best_first, guard, usable
from syncd.testkit.fake_clock import START_AT
from tests.support.store import GLOVES

HOUR = 3600.0
NORD = SupplierName("nord")
POLICY = SupplierPolicy(NORD, 4 * HOUR)
OFFER = Offer(NORD, "N-1", GLOVES, 10, START_AT)


@pytest.mark.parametrize(
    ("offer", "policy", "age_hours", "units", "why"),
    [
        (OFFER, POLICY, 0, 10, "offers 10"),
        (OFFER, POLICY, 4, 10, "offers 10"),
        (OFFER, POLICY, 4.001, 0, "stale: 4 h old, believed for 4 h"),
        (OFFER, POLICY, 50, 0, "stale: 2 d old, believed for 4 h"),
        (replace(OFFER, confirmed_at=START_AT + timedelta(hours=49)), POLICY, 50, 10, "offers 10"),
        (OFFER, replace(POLICY, confidence=Decimal("0.55")), 0, 5, "offers 10, 55% believed"),
        (OFFER, replace(POLICY, confidence=Decimal(0)), 0, 0, "offers 10, 0% believed"),
        (replace(OFFER, ordered_since=3), POLICY, 0, 7, "offers 10, 3 already ordered"),
        (
            replace(OFFER, ordered_since=3),
            replace(POLICY, confidence=Decimal("0.5")),
            0,
            2,
            "offers 10, 50% believed, 3 already ordered",
        ),
        (replace(OFFER, ordered_since=30), POLICY, 0, 0, "offers 10, 30 already ordered"),
        (replace(OFFER, quantity=0), POLICY, 0, 0, "offers 0"),
        (replace(OFFER, quantity=-4), POLICY, 0, 0, "offers -4"),
    ],
)
def test_an_offer_is_worth_what_may_be_promised_of_it(
    offer: Offer, policy: SupplierPolicy, age_hours: float, units: int, why: str
) -> None:
    """Offer × confidence, less our orders since; nothing when stale; and the sentence says why."""
    assert usable(offer, policy, START_AT + timedelta(hours=age_hours)) == UsableOffer(offer, units, why)


@given(st.integers(0, 1000), st.integers(0, 1000), st.decimals(0, 1, places=3), st.integers(0, 6))
def test_never_more_is_promised_than_offered_less_ordered(
    quantity: int, ordered: int, confidence: Decimal, hours: int
) -> None:
    """Whatever the trust, what may be promised lies between 0 and what is left of the offer."""
    offer = replace(OFFER, quantity=quantity, ordered_since=ordered)
    units = usable(offer, replace(POLICY, confidence=confidence), START_AT + timedelta(hours=hours)).units
    assert 0 <= units <= max(0, quantity - ordered)
    assert hours <= 4 or units == 0


def catalogue(count: int, quantity: int = 5) -> dict[str, int]:
    """So many offers."""
    return {f"N-{n}": quantity for n in range(count)}


@pytest.mark.parametrize(
    ("before", "after", "held", "vanished"),
    [
        ({}, {}, None, 0),
        ({}, catalogue(20), None, 0),
        (catalogue(3), {}, "the feed has no rows; the one before had 3", 3),
        (catalogue(9), catalogue(1), None, 8),
        (catalogue(9), catalogue(9, 0), None, 0),
        (catalogue(10), catalogue(6), None, 4),
        (catalogue(10), catalogue(5), "5 of 10 offers vanished from the feed", 5),
        (catalogue(10), catalogue(4), "6 of 10 offers vanished from the feed", 6),
        (catalogue(12), {**catalogue(12), **catalogue(2, 0)}, None, 0),
        (
            catalogue(12),
            {**catalogue(12), **catalogue(3, 0)},
            "3 of 12 offers fell to 0 and 0 rose from it",
            0,
        ),
        (catalogue(12, 0), {**catalogue(12, 0), **catalogue(2)}, None, 0),
        (
            catalogue(12, 0),
            {**catalogue(12, 0), **catalogue(3)},
            "0 of 12 offers fell to 0 and 3 rose from it",
            0,
        ),
        (catalogue(12, 0), catalogue(12, 0), None, 0),
        (catalogue(10), catalogue(40), None, 0),
    ],
)
def test_a_feed_that_empties_the_catalogue_is_held(
    before: dict[str, int], after: dict[str, int], held: str | None, vanished: int
) -> None:
    """An empty, shrunk or zeroed feed is for a person to judge; growth and small changes are not."""
    verdict = guard(before, after, shrink_share_max=0.5, flip_share_max=0.25)
    assert (verdict.held, len(verdict.vanished)) == (held, vanished)


@given(
    st.dictionaries(st.sampled_from("abcdefghijklmnop"), st.integers(0, 3)),
    st.dictionaries(st.sampled_from("abcdefghijklmnop"), st.integers(0, 3)),
)
def test_what_vanished_is_exactly_what_is_no_longer_offered(before: dict[str, int], after: dict[str, int]) -> None:
    """Vanished offers are named whether the feed is held or not; nothing is held that lost none and woke none."""
    verdict = guard(before, after, shrink_share_max=0.5, flip_share_max=0.25)
    assert set(verdict.vanished) == set(before) - set(after)
    if all(one in after and (after[one] > 0) == (quantity > 0) for one, quantity in before.items()):
        assert verdict.held is None or not after


def offered(supplier: str, units: int, cost: str | None = None, currency: str = "EUR") -> UsableOffer:
    """A usable offer of one supplier."""
    money = None if cost is None else Money(Decimal(cost), currency)
    return UsableOffer(replace(OFFER, supplier=SupplierName(supplier), cost=money), units, "")


@pytest.mark.parametrize(
    ("offers", "order"),
    [
        ([offered("dear", 9, "9.90"), offered("cheap", 1, "9.80")], ["cheap", "dear"]),
        ([offered("small", 1, "5"), offered("full", 9, "5.00")], ["full", "small"]),
        ([offered("unknown", 99), offered("known", 1, "500")], ["known", "unknown"]),
        ([offered("small", 1), offered("full", 9)], ["full", "small"]),
        ([offered("euros", 1, "9"), offered("yen", 9, "900", "JPY")], ["yen", "euros"]),
        ([offered("b", 1, "0.30000000000000001"), offered("a", 1, "0.3")], ["a", "b"]),
        ([offered("b", 1), offered("a", 1)], ["a", "b"]),
    ],
)
def test_the_cheapest_comes_first_where_prices_compare(offers: list[UsableOffer], order: list[str]) -> None:
    """Prices decide only in one currency, exactly; else the fullest offer; a tie goes by name."""
    assert [one.offer.supplier for one in best_first(offers)] == order
    assert best_first(offers[::-1]) == best_first(offers)

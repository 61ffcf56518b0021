"""Buying what is missing: from whom, how much, and what the supplier's answer makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.identity import ChannelName, SupplierName
from syncd.supply.offer import Offer, UsableOffer
from syncd.supply.port import PurchaseOutcome, PurchaseVerdict
from syncd.supply.purchase_order import Purchase, PurchaseOrder, PurchaseStatus, source
from syncd.testkit.fake_clock import START_AT
from tests.support.store import GLOVES

EBAY, NORD = ChannelName("ebay"), SupplierName("nord")
ACCEPTED, PARTIAL, REFUSED = PurchaseVerdict.ACCEPTED, PurchaseVerdict.PARTIAL, PurchaseVerdict.REFUSED
LATER = START_AT + timedelta(minutes=5)


@given(st.integers(0, 30), st.lists(st.integers(0, 9), max_size=5))
def test_missing_units_are_bought_as_far_as_offers_go(units: int, offered: list[int]) -> None:
    """Bought and short make the missing units; no offer gives more than it has, none is asked for nothing."""
    offers = [
        UsableOffer(Offer(SupplierName(f"s{n}"), f"N-{n}", GLOVES, has, START_AT), has, "")
        for n, has in enumerate(offered)
    ]
    found = source(units, GLOVES, offers, channel=EBAY, line_id="l1")
    assert sum(one.quantity for one in found.purchases) + found.short == units
    assert found.short == max(0, units - sum(offered))
    has = {f"N-{n}": quantity for n, quantity in enumerate(offered)}
    assert all(1 <= one.quantity <= has[one.supplier_sku] for one in found.purchases)
    assert len({one.supplier_sku for one in found.purchases}) == len(found.purchases)
    assert all(
        (one.sku, one.channel, one.line_id, one.accepted) == (GLOVES, EBAY, "l1", None) for one in found.purchases
    )


A = Purchase(NORD, "N-1", GLOVES, EBAY, "l1", 3)
B = Purchase(NORD, "N-2", GLOVES, EBAY, "l1", 2)
DRAFT = PurchaseOrder("ebay:1/nord/1", NORD, "ebay:1", PurchaseStatus.DRAFT, START_AT, (A, B))


def test_two_articles_for_one_line_are_known_apart() -> None:
    """A supplier who lists one SKU under two numbers gets two lines with identities of their own."""
    assert A.purchase_id != B.purchase_id


@pytest.mark.parametrize(
    ("verdict", "told", "accepted", "status"),
    [
        (ACCEPTED, {A: 3, B: 2}, (3, 2), PurchaseStatus.ACCEPTED),
        (ACCEPTED, {}, (3, 2), PurchaseStatus.ACCEPTED),
        (ACCEPTED, {A: 1}, (1, 2), PurchaseStatus.PARTIAL),
        (PARTIAL, {A: 1, B: 2}, (1, 2), PurchaseStatus.PARTIAL),
        (PARTIAL, {B: 2}, (0, 2), PurchaseStatus.PARTIAL),
        (PARTIAL, {}, (0, 0), PurchaseStatus.REFUSED),
        (PARTIAL, {A: 3, B: 2}, (3, 2), PurchaseStatus.ACCEPTED),
        (PARTIAL, {A: 99, B: -1}, (3, 0), PurchaseStatus.PARTIAL),
        (REFUSED, {}, (0, 0), PurchaseStatus.REFUSED),
        (REFUSED, {A: 3, B: 2}, (0, 0), PurchaseStatus.REFUSED),
    ],
)
def test_an_answer_is_taken_line_by_line(
    verdict: PurchaseVerdict, told: dict[Purchase, int], accepted: tuple[int, int], status: PurchaseStatus
) -> None:
    """What is not said to be accepted is not; nobody accepts more than was asked; the status follows from the lines."""
    said = tuple((one.purchase_id, quantity) for one, quantity in told.items())
    done = DRAFT.answered(PurchaseOutcome(verdict, "PO-7", said, "thank you"), LATER)
    assert tuple(one.accepted for one in done.purchases) == accepted
    assert tuple(one.refused for one in done.purchases) == (3 - accepted[0], 2 - accepted[1])
    assert (done.status, done.supplier_reference, done.message) == (status, "PO-7", "thank you")
    assert (done.attempts, done.answered_at, done.created_at) == (1, LATER, START_AT)


def test_nothing_is_refused_before_the_answer() -> None:
    """A purchase not answered yet is neither accepted nor refused."""
    assert (A.accepted, A.refused) == (None, 0)
    assert replace(A, accepted=0).refused == 3

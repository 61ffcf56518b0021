"""Observations become movements: units the channel's counter tells of fly, unconfirmed ones land."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.channel.port import ListingObservation
from syncd.identity import Sku
from syncd.ledger.balance import Balances
from syncd.ledger.movement import OPENING, Movement, Reason, available, in_flight
from syncd.listing.belief import Belief
from syncd.listing.listing import Component, Listing
from syncd.listing.observation import Finding, Manner, find
from tests.support.situations import PLACE, X, Y, at, listing, seen

BASIS = Belief(shown=5, shown_at=at(0), shown_sold=10, read_at=at(0), sold=10, counted_from=at(0), imported=10)


def shelf(places: dict[str, int] | None = None, **units: int) -> Balances:
    """Available units by SKU at `main`, or of X by place."""
    stock = Balances()
    for place, count in (places or {}).items():
        stock.apply([Movement(f"o{place}", X, count, OPENING, available(place), Reason.RECEIPT, at(0))])
    for sku, count in units.items():
        stock.apply([Movement(f"o{sku}", Sku(sku), count, OPENING, available(PLACE), Reason.RECEIPT, at(0))])
    return stock


def judge(
    one: Listing,
    observation: ListingObservation,
    stock: Balances | None,
    *,
    trusted: bool = True,
    places: tuple[str, ...] = (PLACE,),
) -> Finding:
    """Judge an observation made at 5 s on a channel without lag."""
    return find(one, observation, Manner(at(5), trusted, 0, places), stock)


def moved(finding: Finding) -> list[tuple[str, int, str, str]]:
    """The movements in short."""
    return [(m.sku, m.quantity, str(m.source), str(m.destination)) for m in finding.movements]


GLOVES = listing(Component(X), belief=BASIS)


def test_counted_sale_flies() -> None:
    """A sale the counter tells of leaves available at once, so that every other channel falls."""
    finding = judge(GLOVES, seen(4, 11, asked=5), shelf(X=5))
    assert moved(finding) == [("X", 1, "main/available", "main/in-flight")]
    assert (finding.belief.in_flight, finding.drift, finding.held_short) == (1, 0, 0)


@pytest.mark.parametrize(("trusted", "actor", "when"), [(True, "observation", 5), (False, "hint", 2)])
def test_a_call_tells_when_it_was_sold_and_a_reading_does_not(trusted: bool, actor: str, when: int) -> None:
    """Both came at 5 s; the call was sent at 2 s, the reading asked for then."""
    told = replace(BASIS, read_at=at(1))
    manner = Manner(at(5), trusted, 0, (PLACE,), said_at=at(2))
    (flown,) = find(listing(Component(X), belief=told), seen(4, 11, asked=2), manner, shelf(X=5)).movements
    assert (flown.actor, flown.happened_at) == (actor, at(when))


def test_same_observation_again_flies_nothing() -> None:
    """What is in flight already is not booked twice."""
    after = judge(GLOVES, seen(4, 11, asked=5), shelf(X=5)).belief
    assert judge(replace(GLOVES, belief=after), seen(4, 11, asked=6), shelf(X=4)).movements == ()


def test_hint_flies_and_denied_hint_lands() -> None:
    """An unproven hint may only hold units; when the channel itself denies it they are free again."""
    stock = shelf(X=5)
    hint = judge(GLOVES, seen(4, 11, asked=3), stock, trusted=False)
    assert moved(hint) == [("X", 1, "main/available", "main/in-flight")]
    stock.apply(hint.movements)
    denied = judge(replace(GLOVES, belief=hint.belief), seen(5, 10, asked=5), stock)
    assert moved(denied) == [("X", 1, "main/in-flight", "main/available")]
    assert denied.belief.in_flight == 0


def test_two_bookings_at_one_moment_have_two_keys() -> None:
    """A hint and the reading after it may carry the same time; their movements must not collide."""
    stock = shelf(X=5)
    hint = judge(GLOVES, seen(4, 11, asked=5), stock, trusted=False)
    stock.apply(hint.movements)
    reading = judge(replace(GLOVES, belief=hint.belief), seen(3, 12, asked=5), stock)
    assert hint.movements[0].key != reading.movements[0].key


def test_pack_flies_its_units() -> None:
    """A pack of three sold holds three base units."""
    finding = judge(listing(Component(X, 3), belief=BASIS), seen(4, 11, asked=5), shelf(X=9))
    assert moved(finding) == [("X", 3, "main/available", "main/in-flight")]


def test_bundle_flies_every_component() -> None:
    """A bundle sold holds units of everything inside it."""
    finding = judge(listing(Component(X), Component(Y, 2), belief=BASIS), seen(4, 11, asked=5), shelf(X=5, Y=5))
    assert moved(finding) == [
        ("X", 1, "main/available", "main/in-flight"),
        ("Y", 2, "main/available", "main/in-flight"),
    ]


def test_several_locations_are_taken_in_order() -> None:
    """Units fly from the channel's locations one after the other."""
    stock = shelf({"main": 1, "barn": 4})
    finding = judge(GLOVES, seen(3, 12, asked=5), stock, places=("main", "barn"))
    assert moved(finding) == [
        ("X", 1, "main/available", "main/in-flight"),
        ("X", 1, "barn/available", "barn/in-flight"),
    ]


@pytest.mark.parametrize(("stock", "flown", "short"), [(0, 0, 2), (1, 1, 1), (2, 2, 0)])
def test_more_sold_than_any_shelf_holds(stock: int, flown: int, short: int) -> None:
    """What no stock is left to hold for is said, not booked below zero."""
    finding = judge(GLOVES, seen(3, 12, asked=5), shelf(X=stock))
    assert (sum(m.quantity for m in finding.movements), finding.held_short) == (flown, short)


def test_bundle_flies_only_as_a_whole() -> None:
    """A bundle of which one component is missing holds nothing of the other either."""
    finding = judge(listing(Component(X), Component(Y), belief=BASIS), seen(4, 11, asked=5), shelf(X=5))
    assert (finding.movements, finding.held_short) == ((), 1)


def test_without_locked_stock_only_the_belief_moves() -> None:
    """An observation taken without balances posts nothing; the next reading catches up."""
    finding = judge(GLOVES, seen(4, 11, asked=5), None)
    assert (finding.movements, finding.belief.unexplained, finding.belief.in_flight) == ((), 1, 0)
    caught_up = judge(replace(GLOVES, belief=finding.belief), seen(4, 11, asked=6), shelf(X=5))
    assert len(caught_up.movements) == 1


def test_edit_on_the_channel_moves_nothing() -> None:
    """A shown number is evidence, never a posting (R5)."""
    finding = judge(GLOVES, seen(2, 10, asked=5), shelf(X=5))
    assert (finding.movements, finding.drift) == ((), -3)


def test_landing_never_takes_more_than_is_in_flight() -> None:
    """Giving back is bounded by what the ledger holds in flight."""
    belief = replace(BASIS, in_flight=3)
    stock = Balances()
    stock.apply([Movement("f", X, 1, OPENING, in_flight(PLACE), Reason.SALE, at(0))])
    finding = judge(listing(Component(X), belief=belief), seen(5, 10, asked=5), stock)
    assert (sum(m.quantity for m in finding.movements), finding.belief.in_flight) == (1, 2)


def test_adopted_edit_becomes_stock_upwards_only() -> None:
    """With drift policy "adopt" a higher number is found stock; a lower one never is, it may be a sale."""
    manner = Manner(at(5), trusted=True, lag_seconds=0, locations=(PLACE,), adopts_drift=True)
    up = find(GLOVES, seen(7, 10, asked=5), manner, shelf(X=5))
    assert moved(up) == [("X", 2, "outside/loss", "main/available")]
    assert find(GLOVES, seen(3, 10, asked=5), manner, shelf(X=5)).movements == ()


@pytest.mark.parametrize(
    ("observation", "news"), [((5, 10), False), ((4, 11), True), ((6, 10), True)], ids=["quiet", "sale", "edit"]
)
def test_only_news_marks(observation: tuple[int, int], news: bool) -> None:
    """A reading that says what was known changes nothing but its time."""
    finding = judge(GLOVES, seen(*observation, asked=5), shelf(X=5))
    assert finding.changes(BASIS) is news

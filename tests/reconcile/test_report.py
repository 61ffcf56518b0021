"""The report before going live: what is linked, what would change, what asks for a person; by table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from syncd.availability.allocation import Share
from syncd.availability.ats import AvailabilityConfig, ChannelPolicy, SkuSupply
from syncd.channel.port import ListingStatus
from syncd.identity import ListingId, Sku
from syncd.listing.belief import Belief
from syncd.listing.listing import Component, Listing
from syncd.push.plan import PushConfig, PushState
from syncd.reconcile.report import ChannelReport, Situation, channel_report, offered_nowhere, twins
from tests.support.situations import CHANNEL, PLACE, T0, X, Y, listing

HERE = ChannelPolicy(CHANNEL, (PLACE,))


def showing(number: int, shown: int | None, *components: Component, **told: object) -> Listing:
    """A listing that shows so many."""
    belief = Belief(shown=shown, shown_at=T0)
    return replace(listing(*components, belief=belief, listing_id=ListingId(str(number))), **told)  # type: ignore[arg-type]


def made(
    listings: Sequence[Listing],
    stock: dict[Sku, int],
    policy: ChannelPolicy = HERE,
    config: AvailabilityConfig | None = None,
    states: Sequence[PushState] = (),
) -> ChannelReport:
    """The report on a channel in observe mode."""
    here = Situation(CHANNEL, "observe", "", listings, {state.key: state for state in states})
    supplies = {sku: SkuSupply({PLACE: units}, T0) for sku, units in stock.items()}
    return channel_report(here, supplies, policy, config or AvailabilityConfig(), PushConfig(brake_listings_min=2))


def test_what_would_change() -> None:
    """Each listing counts once: as it should be, higher, lower, at 0, not read, ended, unlinked or unmanaged."""
    stock = {Sku(name): units for name, units in (("A", 5), ("B", 9), ("C", 2), ("D", 0), ("E", 4))}
    listings = [
        showing(1, 5, Component(Sku("A"))),
        showing(2, 3, Component(Sku("B"))),
        showing(3, 6, Component(Sku("C"))),
        showing(4, 1, Component(Sku("D"))),
        showing(5, None, Component(Sku("E"))),
        showing(6, 7, Component(Sku("A")), status=ListingStatus.ENDED),
        showing(7, 7),
        showing(8, None, Component(Sku("E")), belief=Belief(read_at=T0)),
    ]
    report = made(listings, stock)
    assert (report.linked, report.in_sync, report.unread, report.ended, len(report.unlinked)) == (6, 1, 1, 1, 1)
    assert [one.key.listing_id for one in report.unmanaged] == ["8"]
    assert [one.listing.key.listing_id for one in report.raised] == ["2"]
    assert [one.listing.key.listing_id for one in report.lowered] == ["3"]
    assert [one.listing.key.listing_id for one in report.zeroed] == ["4"]
    assert [(one.listing.key.listing_id, one.shown, one.there) for one in report.oversold] == [("4", 1, 0), ("3", 6, 2)]
    assert report.asks


def test_what_policy_keeps_back_is_not_oversold() -> None:
    """A listing above its cap, its share or the safety stock would fall, and customers still get what they buy."""
    policy = replace(HERE, cap=3, shares={CHANNEL: Share(50)})
    report = made([showing(1, 8, Component(X))], {X: 8}, policy, AvailabilityConfig(safety_stock=1))
    assert (len(report.lowered), report.oversold, report.asks) == (1, (), False)


def test_the_same_offered_twice() -> None:
    """Two listings of one unit each are twins; a pack, another channel's and what is intended are not."""
    one, two = showing(1, 5, Component(X)), showing(2, 5, Component(X))
    pack, bundle = showing(3, 1, Component(X, 6)), showing(4, 1, Component(X), Component(Y))
    [twin] = twins([one, two, pack, bundle], [])
    assert (twin.sells, [key.listing_id for key in twin.keys]) == ("X", ["1", "2"])
    assert twins([one, two], ["X"]) == ()


def test_stock_that_is_offered_nowhere() -> None:
    """A SKU with stock and no active listing is named; one without stock, or offered elsewhere, is not."""
    ended = showing(1, 5, Component(X), status=ListingStatus.ENDED)
    here = made([ended, showing(2, 4, Component(Y))], {X: 3, Y: 4, Sku("Z"): 0})
    elsewhere = made([showing(3, 3, Component(X))], {X: 3, Y: 4})
    assert here.not_offered == (X,)
    assert elsewhere.not_offered == (Y,)
    assert offered_nowhere([here]) == (X,)
    assert offered_nowhere([here, elsewhere]) == ()


def test_what_waits_for_a_person() -> None:
    """Parked and drifted listings, a run that would be held, and a channel nothing is known of ask."""
    parked = showing(1, 5, Component(X))
    state = PushState(parked.key, parked="no such listing")
    assert made([parked], {X: 5}, states=[state]).parked == ((parked, "no such listing"),)
    drifted = replace(parked, belief=replace(parked.belief, drift=-2))
    assert made([drifted], {X: 5}).drifted == (drifted,)
    rising = [showing(n, 1, Component(Sku(f"S{n}"))) for n in range(3)]
    braked = made(rising, {Sku(f"S{n}"): 9 for n in range(3)})
    assert "raise 3 of 3 listings" in braked.braked
    assert all(one.asks for one in (made([parked], {X: 5}, states=[state]), braked, made([], {X: 5})))
    assert not made([parked], {X: 5}).asks

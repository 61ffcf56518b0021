"""Numbers set by the call that fits the listing: groups of variations, the Inventory API, ending what cannot show 0."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from connectors.ebay.channel import EbayChannel
from connectors.ebay.pushing import ItemLocks
from connectors.ebay.sandbox import EXAMPLE_AUTH_TOKEN, EbaySandbox
from syncd.channel.port import ListingStatus, PushVerdict, QuantityUpdate
from syncd.errors import ChannelRefused
from syncd.identity import ListingId

Connect = Callable[..., EbayChannel]


def calls(sandbox: EbaySandbox) -> list[str]:
    """What was called, in order."""
    return [call["call"] for call in sandbox.account.calls]


def with_variations(sandbox: EbaySandbox, count: int, **facts: object) -> list[ListingId]:
    """A listing with so many variations, each with 1 available and a price of its own."""
    variations = [{"sku": f"V-{number}", "quantity": 1, "price": f"{10 + number}.50"} for number in range(count)]
    item_id = sandbox.add_listing(title="Guanti", variations=variations, **facts)["item_id"]
    return [ListingId(f"{item_id}/V-{number}") for number in range(count)]


async def test_many_variations_of_one_listing_are_one_revision(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """Twelve variations: a read of the prices and one revision, and every price is what it was."""
    listings = with_variations(sandbox, 12)
    outcomes = await channel.push_quantities([QuantityUpdate(one, 3) for one in listings])
    assert {one.verdict for one in outcomes} == {PushVerdict.ACCEPTED}
    assert calls(sandbox) == ["GetItem", "ReviseFixedPriceItem"]
    (item,) = sandbox.account.items.values()
    assert [(str(offer.price), offer.available) for offer in item.offers.values()] == [
        (f"{10 + number}.50", 3) for number in range(12)
    ]
    assert sum(item.revisions.values()) == 1


async def test_only_those_asked_for_change(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """Variations that are not in the push keep their numbers."""
    listings = with_variations(sandbox, 9)
    await channel.push_quantities([QuantityUpdate(one, 3) for one in listings[:6]])
    (item,) = sandbox.account.items.values()
    assert [offer.available for offer in item.offers.values()] == [3] * 6 + [1] * 3


async def test_a_fault_of_the_listing_does_not_stop_its_stock(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """ReviseFixedPriceItem looks the pictures over (21919137, as recorded): refused as a whole, in the two calls that a
    group costs, however large it is; four at a time the numbers are taken.
    """
    listings = with_variations(sandbox, 60, fault_code="21919137")
    updates = [QuantityUpdate(one, 0) for one in listings]
    with pytest.raises(ChannelRefused, match="21919137"):
        await channel.push_quantities(updates)
    assert calls(sandbox) == ["GetItem", "ReviseFixedPriceItem"]
    outcomes = await channel.push_quantities(updates[:4])
    assert {one.verdict for one in outcomes} == {PushVerdict.ACCEPTED}


async def test_a_variation_that_is_gone_is_told_alone(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """One SKU is no longer there: nothing is set together; four at a time the others are, and it is refused by name."""
    listings = with_variations(sandbox, 6)
    stranger = ListingId(listings[0].replace("V-0", "V-GONE"))
    updates = [QuantityUpdate(one, 2) for one in [*listings[1:], stranger]]
    with pytest.raises(ChannelRefused, match="does not have all the variations"):
        await channel.push_quantities(updates)
    assert calls(sandbox) == ["GetItem"]
    parts = [await channel.push_quantities(updates[start : start + 4]) for start in (0, 4)]
    by_id = {one.listing_id: one.verdict for part in parts for one in part}
    assert by_id.pop(stranger) in (PushVerdict.REJECTED, PushVerdict.UNKNOWN)
    (item,) = sandbox.account.items.values()
    assert [offer.available for offer in item.offers.values()] == [1] + [2] * 5


@pytest.mark.parametrize(
    ("quantity", "verdict"), [(0, PushVerdict.ACCEPTED), (3, PushVerdict.NOT_FOUND)], ids=["at 0", "above 0"]
)
async def test_an_ended_group_is_told_at_once(
    sandbox: EbaySandbox, channel: EbayChannel, quantity: int, verdict: PushVerdict
) -> None:
    """What has ended has ended for each of them, by whichever call: sixteen more calls would say the same."""
    listings = with_variations(sandbox, 60)
    sandbox.edit_listing(listings[0].partition("/")[0], ended=True)
    outcomes = await channel.push_quantities([QuantityUpdate(one, quantity) for one in listings])
    assert [(one.listing_id, one.verdict) for one in outcomes] == [(one, verdict) for one in listings]
    assert calls(sandbox) == ["GetItem", "ReviseFixedPriceItem"]


async def test_a_group_of_the_inventory_api_is_set_by_rest(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """Refused by Trading once for all of them (21919474), each is set by REST."""
    listings = with_variations(sandbox, 9, rest_managed=True)
    outcomes = await channel.push_quantities([QuantityUpdate(one, 7) for one in listings])
    assert {one.verdict for one in outcomes} == {PushVerdict.ACCEPTED}
    assert "ReviseInventoryStatus" not in calls(sandbox)
    (item,) = sandbox.account.items.values()
    assert item.available == 63


async def test_more_than_four_of_several_listings_are_refused(channel: EbayChannel) -> None:
    """A group is of one item."""
    updates = [QuantityUpdate(ListingId(str(110_000_000_000 + number)), 1) for number in range(5)]
    with pytest.raises(ValueError, match="at most 4"):
        await channel.push_quantities(updates)


async def test_a_listing_of_the_inventory_api_is_set_by_rest(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """21919474 once, then the offer is known: the next push asks Trading no more."""
    single = ListingId(sandbox.add_listing(sku="GLOVE-X", quantity=4, rest_managed=True)["item_id"])
    plain = ListingId(sandbox.add_listing(sku="TONGS", quantity=4)["item_id"])
    sandbox.switch(partial_mode="shape_2")
    outcomes = await channel.push_quantities([QuantityUpdate(single, 1), QuantityUpdate(plain, 2)])
    assert [one.verdict for one in outcomes] == [PushVerdict.ACCEPTED, PushVerdict.ACCEPTED]
    assert [sandbox.account.items[one].available for one in (single, plain)] == [1, 2]
    seen = len(calls(sandbox))
    (again,) = await channel.push_quantities([QuantityUpdate(single, 0)])
    assert again.verdict is PushVerdict.ACCEPTED
    assert calls(sandbox)[seen:] == ["POST /sell/inventory/v1/bulk_update_price_quantity"]
    assert sandbox.account.items[single].available == 0


async def test_a_variation_of_the_inventory_api_is_found_by_its_sku(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """The variation's own SKU names its offer; its sisters stay as they are."""
    listings = with_variations(sandbox, 3, rest_managed=True)
    (outcome,) = await channel.push_quantities([QuantityUpdate(listings[1], 9)])
    assert outcome.verdict is PushVerdict.ACCEPTED
    (item,) = sandbox.account.items.values()
    assert [offer.available for offer in item.offers.values()] == [1, 9, 1]


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ("rest:25025", PushVerdict.UNKNOWN),
        ("rest:25001", PushVerdict.UNKNOWN),
        ("html_503", PushVerdict.UNKNOWN),
        ("hang_after", PushVerdict.UNKNOWN),
        ("http_429", PushVerdict.DEFERRED),
        ("rest:25026", PushVerdict.DEFERRED),
        ("rest:25713", PushVerdict.NOT_FOUND),
        ("rest:25004", PushVerdict.REJECTED),
    ],
)
async def test_a_failure_of_rest_is_that_listings_alone(
    sandbox: EbaySandbox, channel: EbayChannel, fault: str, verdict: PushVerdict
) -> None:
    """What Trading had taken of the same push stays taken."""
    single = ListingId(sandbox.add_listing(sku="GLOVE-X", quantity=4, rest_managed=True)["item_id"])
    plain = ListingId(sandbox.add_listing(sku="TONGS", quantity=4)["item_id"])
    sandbox.switch(partial_mode="shape_2")
    sandbox.fail(fault, call="POST /sell/inventory/v1/bulk_update_price_quantity")
    outcomes = await channel.push_quantities([QuantityUpdate(single, 1), QuantityUpdate(plain, 2)])
    assert [one.verdict for one in outcomes] == [verdict, PushVerdict.ACCEPTED]


async def test_without_an_oauth_token_the_listing_says_what_is_needed(
    sandbox: EbaySandbox, open_channel: Connect
) -> None:
    """Auth'n'Auth reaches no REST: the listing is put off with the reason, and given up after its tries."""
    listing = ListingId(sandbox.add_listing(sku="GLOVE-X", quantity=4, rest_managed=True)["item_id"])
    channel = open_channel(iaf_token=None, auth_token=EXAMPLE_AUTH_TOKEN)
    (outcome,) = await channel.push_quantities([QuantityUpdate(listing, 1)])
    assert outcome.verdict is PushVerdict.DEFERRED
    assert "OAuth user token" in outcome.message


async def test_a_listing_that_cannot_show_0_is_ended(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """Out-of-stock control is off (515): rather ended than sold once more; a second push of 0 is satisfied."""
    listing = ListingId(sandbox.add_listing(sku="GLOVE-X", quantity=1)["item_id"])
    sandbox.switch(out_of_stock_control=False)
    for _ in range(2):
        (outcome,) = await channel.push_quantities([QuantityUpdate(listing, 0)])
        assert outcome.verdict is PushVerdict.ACCEPTED
    assert calls(sandbox) == ["ReviseInventoryStatus", "EndFixedPriceItem", "ReviseInventoryStatus"]
    (seen,) = await channel.read_quantities([listing])
    assert seen.status is ListingStatus.ENDED


async def test_an_end_without_an_answer_is_not_believed(sandbox: EbaySandbox, channel: EbayChannel) -> None:
    """The listing may or may not have ended: it is read before either is believed."""
    listing = ListingId(sandbox.add_listing(sku="GLOVE-X", quantity=1)["item_id"])
    sandbox.switch(out_of_stock_control=False)
    sandbox.fail("cut_after", call="EndFixedPriceItem")
    (outcome,) = await channel.push_quantities([QuantityUpdate(listing, 0)])
    assert outcome.verdict is PushVerdict.UNKNOWN


async def test_one_item_is_never_revised_by_two_calls_at_once() -> None:
    """Who comes second waits; other items do not; nothing is kept when all are done."""
    locks, inside, most = ItemLocks(), set[str](), 0

    async def revise(*items: str) -> None:
        nonlocal most
        async with locks.hold(items):
            assert not inside & set(items)
            inside.update(items)
            most = max(most, len(inside))
            for _ in range(3):
                await asyncio.sleep(0)
            inside.difference_update(items)

    await asyncio.gather(revise("a", "b"), revise("b", "a"), revise("b"), revise("c"), revise("a", "c"))
    assert most > 2
    assert not locks._locks

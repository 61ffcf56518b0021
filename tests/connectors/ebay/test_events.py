"""GetSellerEvents: what changed, in windows that eBay takes, as old as it may be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.ebay.channel import EbayChannel
from connectors.ebay.mapping_events import EventCursor, event_window
from connectors.ebay.mapping_xml import Unreadable
from connectors.ebay.sandbox import EbaySandbox
from syncd.channel.port import ListingObservation, ListingStatus
from syncd.errors import ChannelRefused, ChannelUnavailable
from syncd.testkit.fake_clock import FakeClock

LAG = timedelta(seconds=120)


async def told(channel: EbayChannel, cursor: str) -> tuple[dict[str, ListingObservation], str]:
    """All that is told from here on, the last word of each listing, and where to go on."""
    found: dict[str, ListingObservation] = {}
    for _ in range(100):
        page = await channel.fetch_changes(cursor)
        found |= {str(one.listing_id): one for one in page.seen}
        cursor = page.cursor
        if not page.has_more:
            return found, cursor
    raise AssertionError("it never ends")


async def begun(channel: EbayChannel, clock: FakeClock) -> str:
    """Where changes are told from, long after all that was listed."""
    await clock.tick(3600)
    return (await channel.fetch_changes(None)).cursor


async def test_what_was_sold_revised_or_ended_is_told(
    sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock
) -> None:
    """With Quantity and QuantitySold turned into what can be bought; what did not change is not told."""
    ids = [sandbox.add_listing(sku=f"A-{number}", quantity=8, sold=5)["item_id"] for number in range(4)]
    cursor = await begun(channel, clock)
    sandbox.sell([{"item_id": ids[0], "quantity": 2}])
    sandbox.edit_listing(ids[1], quantity=4)
    sandbox.edit_listing(ids[2], ended=True)
    await clock.tick(121)
    seen, cursor = await told(channel, cursor)
    assert {key: (one.available, one.sold, one.status) for key, one in seen.items()} == {
        ids[0]: (6, 7, ListingStatus.ACTIVE),
        ids[1]: (4, 5, ListingStatus.ACTIVE),
        ids[2]: (8, 5, ListingStatus.ENDED),
    }
    assert {one.asked_at for one in seen.values()} == {clock.now() - LAG}
    for _ in range(2):  # once more by the overlap, then no more
        await clock.tick(600)
        seen, cursor = await told(channel, cursor)
    assert seen == {}


async def test_what_ebay_tells_late_is_not_passed_by(
    sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock
) -> None:
    """A change of the last two minutes is missing from a list (KB 55): the window stays behind it."""
    item = sandbox.add_listing(sku="A", quantity=8)["item_id"]
    cursor = await begun(channel, clock)
    sandbox.sell([{"item_id": item, "quantity": 2}])
    seen: dict[str, ListingObservation] = {}
    for _ in range(8):
        found, cursor = await told(channel, cursor)
        seen |= found
        await clock.tick(30)
    assert seen[item].sold == 2


async def test_a_quantity_that_is_left_out(sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock) -> None:
    """eBay tells a Quantity only above 1: one sold of one is 0 left; of one that never sold nothing is claimed."""
    last = sandbox.add_listing(sku="LAST", quantity=1)["item_id"]
    never = sandbox.add_listing(sku="NEVER", quantity=5)["item_id"]
    mixed = sandbox.add_listing(variations=[{"sku": "S", "quantity": 1}, {"sku": "M", "quantity": 9}])["item_id"]
    cursor = await begun(channel, clock)
    sandbox.sell([{"item_id": last, "quantity": 1}])
    sandbox.edit_listing(never, quantity=0)
    sandbox.sell([{"item_id": mixed, "sku": "M", "quantity": 2}])
    await clock.tick(121)
    seen, _ = await told(channel, cursor)
    assert {key: (one.available, one.sold) for key, one in seen.items()} == {last: (0, 1), f"{mixed}/M": (7, 2)}


async def test_too_much_at_once_is_asked_for_in_parts(
    sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock
) -> None:
    """21917062: the window is halved until it fits, and grows again; every change is told, each call asks once."""
    ids = [sandbox.add_listing(sku=f"A-{number}", quantity=9)["item_id"] for number in range(12)]
    cursor = await begun(channel, clock)
    for item in ids:
        await clock.tick(400)
        sandbox.sell([{"item_id": item, "quantity": 1}])
    await clock.tick(121)
    sandbox.switch(events_max=3)
    seen, cursor = await told(channel, cursor)
    assert sorted(seen) == sorted(ids)
    made = [call for call in sandbox.account.calls if call["call"] == "GetSellerEvents"]
    assert any(call["codes"] == ["21917062"] for call in made)
    sandbox.switch(events_max=3_000)
    sandbox.sell([{"item_id": ids[0], "quantity": 1}])
    await clock.tick(121)
    assert (await told(channel, cursor))[0][ids[0]].sold == 2


async def test_what_can_never_fit_ends(sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock) -> None:
    """More than eBay tells in a minute: gone past, a sweep reads it."""
    ids = [sandbox.add_listing(sku=f"A-{number}", quantity=9)["item_id"] for number in range(3)]
    cursor = await begun(channel, clock)
    for item in ids:
        sandbox.sell([{"item_id": item, "quantity": 1}])
    await clock.tick(121)
    sandbox.switch(events_max=0)
    seen, _ = await told(channel, cursor)
    assert seen == {}


def test_a_window_is_never_longer_than_ebay_takes(clock: FakeClock) -> None:
    """After a week away: the last 48 hours, however far back the cursor lies; and nothing newer than the lag."""
    now = clock.now()
    window = event_window(EventCursor(now - timedelta(days=7)), now=now, lag=LAG)
    assert window is not None
    assert (window.start, window.end) == (now - LAG - timedelta(hours=48), now - LAG)
    assert window.is_last
    near = event_window(EventCursor(now - timedelta(hours=47, minutes=59)), now=now, lag=LAG)
    assert near is not None
    assert near.end - near.start <= timedelta(hours=48)
    assert event_window(EventCursor(now - LAG), now=now, lag=LAG) is None


@pytest.mark.parametrize("cursor", ["", "x", "[]", '{"seen_until": 7}', '{"seen_until":"2026-01-01T00:00:00.000Z"}'])
def test_a_cursor_that_is_none(cursor: str) -> None:
    """Not ours."""
    with pytest.raises(Unreadable):
        EventCursor.decode(cursor)


@pytest.mark.parametrize(("fault", "raises"), [("code:10012", ChannelRefused), ("html_200", ChannelUnavailable)])
async def test_a_refusal_is_a_fault(
    sandbox: EbaySandbox, channel: EbayChannel, clock: FakeClock, fault: str, raises: Any
) -> None:
    """Not an empty list, which would pass changes by."""
    cursor = await begun(channel, clock)
    await clock.tick(60)
    sandbox.fail(fault, call="GetSellerEvents")
    with pytest.raises(raises):
        await channel.fetch_changes(cursor)

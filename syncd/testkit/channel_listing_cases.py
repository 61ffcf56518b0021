"""The kit's cases about finding listings on the channel."""
# ruff: noqa: S101  # the cases are made of assertions

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from syncd.channel.port import ListingPage, ListingStatus
from syncd.testkit.channel_reading import all_listings, listing_pages
from syncd.testkit.channel_rig import ChannelRig

UNICODE_SKU = "Grüße/手套 №1 50%"
"""A SKU that tries encodings, URL quoting and signatures."""


def timeless(page: ListingPage) -> ListingPage:
    """The page without the moment it was asked for."""
    moment = datetime.min.replace(tzinfo=UTC)
    listings = (replace(one, observation=replace(one.observation, asked_at=moment)) for one in page.listings)
    return replace(page, listings=tuple(listings))


class ListingCases:
    """fetch_listings."""

    async def test_no_listings_are_one_empty_page(self, rig: ChannelRig) -> None:
        """A channel without listings answers with one page that is empty and the last."""
        page = await rig.channel.fetch_listings(None)
        assert (page.listings, page.cursor, page.problems) == ((), None, ())

    async def test_one_listing_comes_whole(self, rig: ChannelRig) -> None:
        """SKU, title, price, number and status of a listing arrive as the channel has them."""
        asked_after = rig.clock.now()
        listing_id = await rig.add_listing("GLOVE-X", 7, title="Barbecue gloves")
        listings = await all_listings(rig.channel)
        assert list(listings) == [listing_id], "fetch_listings and add_listing disagree about the listing's id"
        listing = listings[listing_id]
        assert (listing.sku, listing.title) == ("GLOVE-X", "Barbecue gloves")
        assert listing.price is not None, "the listing has a price"
        assert listing.price.amount > 0
        seen = listing.observation
        assert (seen.listing_id, seen.available, seen.status) == (listing_id, 7, ListingStatus.ACTIVE)
        assert seen.asked_at.utcoffset() == timedelta(0), "asked_at is aware, in UTC"
        assert asked_after <= seen.asked_at <= rig.clock.now(), "asked_at is the clock's time before the request"

    async def test_many_pages_bring_every_listing_once(self, rig: ChannelRig) -> None:
        """Two full pages and one more listing arrive, none twice, none left out."""
        count = 2 * rig.listings_per_page + 1
        added = [await rig.add_listing(f"SKU-{number}", number) for number in range(count)]
        pages = await listing_pages(rig.channel)
        told = [one for page in pages for one in page]
        assert sorted(one.listing_id for one in told) == sorted(added)
        assert {one.sku: one.observation.available for one in told} == {f"SKU-{n}": n for n in range(count)}
        assert len(pages) >= 3, "the rig's listings_per_page is larger than the channel's pages really are"
        assert all(len(page) <= rig.listings_per_page for page in pages), "the rig's listings_per_page is too small"

    async def test_a_full_page_without_a_next_ends(self, rig: ChannelRig) -> None:
        """Exactly one page of listings is read without going round in circles."""
        added = [await rig.add_listing(f"SKU-{number}", 1) for number in range(rig.listings_per_page)]
        assert sorted(await all_listings(rig.channel)) == sorted(added)

    async def test_the_same_listing_page_twice_is_equal(self, rig: ChannelRig) -> None:
        """The same cursor gives the same page while nothing changes, the first as the second one."""
        for number in range(rig.listings_per_page + 1):
            await rig.add_listing(f"SKU-{number}", 3)
        first = await rig.channel.fetch_listings(None)
        assert timeless(await rig.channel.fetch_listings(None)) == timeless(first)
        assert first.cursor is not None, "there is a second page"
        second = await rig.channel.fetch_listings(first.cursor)
        assert timeless(await rig.channel.fetch_listings(first.cursor)) == timeless(second)

    async def test_a_listing_without_sku_arrives(self, rig: ChannelRig) -> None:
        """A listing the seller gave no SKU comes with None, and its neighbour with its own."""
        bare = await rig.add_listing(None, 2, title="No number")
        numbered = await rig.add_listing("GLOVE-X", 3)
        listings = await all_listings(rig.channel)
        assert (listings[bare].sku, listings[numbered].sku) == (None, "GLOVE-X")

    async def test_a_sku_beyond_ascii_survives(self, rig: ChannelRig) -> None:
        """Umlauts, ideographs, slashes and per cent signs in a SKU arrive unchanged."""
        listing_id = await rig.add_listing(UNICODE_SKU, 2, title="Große Handschuhe – 手套")
        listing = (await all_listings(rig.channel))[listing_id]
        assert (listing.sku, listing.title) == (UNICODE_SKU, "Große Handschuhe – 手套")

    async def test_an_ended_listing_is_not_active(self, rig: ChannelRig) -> None:
        """A listing that was taken down is left out or told as ended; the others stay."""
        gone = await rig.add_listing("GLOVE-X", 2)
        kept = await rig.add_listing("GLOVE-Y", 2)
        await rig.end_listing(gone)
        listings = await all_listings(rig.channel)
        active = {one for one, told in listings.items() if told.observation.status is ListingStatus.ACTIVE}
        assert active == {kept}

    async def test_a_listing_with_nothing_left_is_told(self, rig: ChannelRig) -> None:
        """A listing sold down to zero still shows up with 0 where zero keeps it alive."""
        listing_id = await rig.add_listing("GLOVE-X", 1)
        await rig.sell(listing_id, 1)
        listings = await all_listings(rig.channel)
        if rig.channel.capabilities.zero_keeps_listing or listing_id in listings:
            assert listings[listing_id].observation.available == 0

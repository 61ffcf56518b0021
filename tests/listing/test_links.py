"""What listings hold is written a whole page at once."""

from __future__ import annotations

from syncd.attention.question import Topic
from syncd.attention.store import close
from syncd.identity import ChannelName, ListingId, ListingKey, Sku
from syncd.ledger.store import in_runs
from syncd.listing.listing import Component
from syncd.listing.store import link_all
from syncd.testkit.fake_clock import START_AT

KEYS = [ListingKey(ChannelName("ebay"), ListingId(str(number))) for number in range(100)]


def test_a_page_of_links_is_one_run_for_each_table() -> None:
    """However many listings it has, and whatever is closed between them."""
    writes = [close(Topic.UNLINKED_LISTING, str(key), START_AT) for key in KEYS]
    writes += link_all({key: [Component(Sku(f"SKU-{key.listing_id}"))] for key in KEYS})
    runs = list(in_runs(writes))
    assert [len(rows) for _, rows in runs] == [100, 100, 100]

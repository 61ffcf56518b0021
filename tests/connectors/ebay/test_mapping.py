"""Listings: ids, the one conversion of quantities, and pages that move under the reader."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ebay import mapping
from connectors.ebay.mapping_xml import Unreadable, parse_document, read_reply
from syncd.channel.port import ListingStatus
from syncd.identity import ListingId, Money

ASKED_AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

SINGLE = """<Item><ItemID>110142400319</ItemID><ListingType>FixedPriceItem</ListingType><Quantity>{quantity}</Quantity>
<SellingStatus><CurrentPrice currencyID="EUR">9.9</CurrentPrice>{sold}<ListingStatus>{status}</ListingStatus>
</SellingStatus><Title>Guanti da barbecue</Title><SKU> GLOVE-X </SKU></Item>"""

VARIED = """<Item><ItemID>110142400320</ItemID><ListingType>FixedPriceItem</ListingType><Quantity>20</Quantity>
<SellingStatus><QuantitySold>3</QuantitySold><ListingStatus>Active</ListingStatus></SellingStatus><Title>Guanti</Title>
<Variations>
<Variation><SKU>GLOVE-M</SKU><StartPrice currencyID="EUR">9.90</StartPrice><Quantity>10</Quantity>
<SellingStatus><QuantitySold>1</QuantitySold></SellingStatus></Variation>
<Variation><SKU>GLOVE/L</SKU><StartPrice currencyID="EUR">10.90</StartPrice><Quantity>10</Quantity>
<SellingStatus><QuantitySold>2</QuantitySold></SellingStatus></Variation>
<Variation><Quantity>0</Quantity><SellingStatus><QuantitySold>0</QuantitySold></SellingStatus></Variation>
</Variations></Item>"""


def single(quantity: int = 6, sold: int | None = 4, status: str = "Active") -> str:
    """An item without variations."""
    counter = "" if sold is None else f"<QuantitySold>{sold}</QuantitySold>"
    return SINGLE.format(quantity=quantity, sold=counter, status=status)


def page(*items: str, entries: int | None = None, has_more: bool = False) -> bytes:
    """A GetSellerList reply."""
    count = len(items) if entries is None else entries
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<GetSellerListResponse xmlns="urn:ebay:apis:eBLBaseComponents"><Timestamp>2026-03-02T08:00:00.123Z</Timestamp>
<Ack>Success</Ack><Version>1423</Version><Build>E1423</Build>
<PaginationResult><TotalNumberOfPages>1</TotalNumberOfPages><TotalNumberOfEntries>{count}</TotalNumberOfEntries>
</PaginationResult><HasMoreItems>{str(has_more).lower()}</HasMoreItems><ItemArray>{"".join(items)}</ItemArray>
</GetSellerListResponse>""".encode()


def read(body: bytes, cursor: mapping.ListingCursor | None = None) -> mapping.ListingPage:
    """The page as the port sees it."""
    cursor = cursor or mapping.ListingCursor(ASKED_AT)
    return mapping.listing_page(read_reply(body, "GetSellerList"), cursor, ASKED_AT)


@pytest.mark.parametrize(
    ("listing", "parts"),
    [
        ("110142400319", ("110142400319", None)),
        ("110142400320/GLOVE-M", ("110142400320", "GLOVE-M")),
        ("110142400320/GLOVE/L", ("110142400320", "GLOVE/L")),
    ],
)
def test_a_listing_id_splits_into_item_and_variation(listing: str, parts: tuple[str, str | None]) -> None:
    """A listing id names the item, and the variation by its SKU even when that holds a slash."""
    assert mapping.split_listing_id(ListingId(listing)) == parts
    assert mapping.listing_id(*parts) == listing


@given(available=st.integers(0, 99_999), sold=st.integers(0, 99_999))
def test_what_can_be_bought_is_quantity_less_sold(available: int, sold: int) -> None:
    """eBay tells available + sold as Quantity; we read back what it took as available (KB 1525)."""
    (seen,) = mapping.observations(parse_document(single(available + sold, sold).encode()), ASKED_AT)
    assert (seen.available, seen.sold) == (available, sold)


def test_a_single_listing_is_read_whole() -> None:
    """SKU (stripped), title, price, numbers and status of a listing without variations."""
    (listing,) = read(page(single())).listings
    assert (listing.sku, listing.title) == ("GLOVE-X", "Guanti da barbecue")
    assert listing.price == Money(Decimal("9.9"), "EUR")
    seen = listing.observation
    assert (seen.available, seen.sold, seen.status) == (2, 4, ListingStatus.ACTIVE)
    assert seen.asked_at == ASKED_AT


def test_each_variation_is_a_listing_and_one_without_sku_a_problem() -> None:
    """Variations are told one by one with their own counters; one that cannot be named is reported, not dropped."""
    found = read(page(VARIED))
    told = {one.listing_id: (one.sku, one.observation.available, one.observation.sold) for one in found.listings}
    assert told == {
        "110142400320/GLOVE-M": ("GLOVE-M", 9, 1),
        "110142400320/GLOVE/L": ("GLOVE/L", 8, 2),
    }
    assert found.problems == ("listing 110142400320 has a variation without a SKU, so its quantity cannot be set",)


def test_a_missing_sold_counter_is_a_problem_of_that_listing_alone() -> None:
    """Without QuantitySold the listing is not guessed at, and its neighbour is still read."""
    found = read(page(single(sold=None), VARIED))
    assert len(found.listings) == 2
    assert found.problems[0] == ("listing 110142400319 cannot be read: Item.SellingStatus.QuantitySold is missing")


def test_an_auction_is_reported_and_not_listed() -> None:
    """Only fixed-price listings have a quantity that can be pushed."""
    found = read(page(single().replace("FixedPriceItem", "Chinese")))
    assert found.listings == ()
    assert "type Chinese" in found.problems[0]


def test_a_completed_listing_is_ended() -> None:
    """ListingStatus other than Active means nobody can buy."""
    (seen,) = mapping.observations(parse_document(single(status="Completed").encode()), ASKED_AT)
    assert seen.status is ListingStatus.ENDED


@pytest.mark.parametrize(
    ("at", "before", "now", "has_more", "following"),
    [
        (1, 0, 5, True, 2),
        (1, 0, 5, False, None),
        (3, 5, 5, True, 4),
        (3, 5, 5, False, None),
        (3, 5, 4, True, 2),
        (3, 5, 4, False, 2),
        (3, 5, 6, True, 4),
    ],
)
def test_the_next_page_steps_back_when_entries_left(
    at: int, before: int, now: int, has_more: bool, following: int | None
) -> None:
    """Entries that left the window moved others to the page before, which is read again."""
    assert mapping.next_page(page=at, entries_before=before, entries=now, has_more=has_more) == following


def test_a_page_cursor_keeps_its_window() -> None:
    """The second page is asked for in the very window of the first, and a foreign cursor is refused."""
    cursor = read(page(single(), entries=3, has_more=True)).cursor
    assert cursor is not None
    assert mapping.ListingCursor.decode(cursor) == mapping.ListingCursor(ASKED_AT, 2, 3)
    with pytest.raises(Unreadable, match="not one of this connector"):
        mapping.ListingCursor.decode("7")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<a><b></a>", "malformed at line 1"),
        (b"\xff\xfe\x00", "malformed|cannot be read"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "entity declaration"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "malformed|encoding"),
    ],
)
def test_bad_xml_is_one_sentence(body: bytes, reason: str) -> None:
    """Whatever is wrong with a document is said in one sentence that holds nothing of it."""
    with pytest.raises(Unreadable, match=reason):
        parse_document(body)

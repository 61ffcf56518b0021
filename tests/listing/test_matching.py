"""Linking a listing to stock by the SKU on the channel, and saying why not."""

from __future__ import annotations

import pytest

from syncd.channel.port import ChannelListing
from syncd.identity import ListingKey, Sku
from syncd.listing.listing import Component
from syncd.listing.matching import link
from tests.support.situations import CHANNEL, L1, X, seen

KEY = ListingKey(CHANNEL, L1)


def found(sku: str | None) -> ChannelListing:
    """A listing with this SKU written on it."""
    return ChannelListing(L1, sku, "Gloves", None, seen(1))


@pytest.mark.parametrize("written", ["X", "  X "])
def test_exact_sku_links(written: str) -> None:
    """The seller's own SKU links, surrounding space aside."""
    assert link(KEY, found(written), {X}).components == (Component(X),)


@pytest.mark.parametrize(
    ("written", "said"),
    [(None, "carries no SKU"), ("  ", "carries no SKU"), ("x", "no stock or offer"), ("A\x00B", "unprintable")],
)
def test_anything_else_is_a_question(written: str | None, said: str) -> None:
    """No SKU, an unknown one, another case or an unreadable one is never guessed at; the sentence says what to type."""
    made = link(KEY, found(written), {X})
    assert made.components == ()
    assert said in made.why_not
    assert f"syncd link {KEY} SKU" in made.why_not


def test_a_listing_holds_at_least_one_unit() -> None:
    """A pack of nothing cannot be listed."""
    with pytest.raises(ValueError, match="at least 1"):
        Component(Sku("X"), 0)

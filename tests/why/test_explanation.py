"""Why a listing shows what it shows, in words: by table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from syncd.availability.derivation import Derivation
from syncd.channel.port import ListingStatus
from syncd.identity import ChannelName, ListingId, ListingKey, Sku
from syncd.listing.belief import Belief
from syncd.listing.listing import Component, Listing
from syncd.push.plan import PushState
from syncd.why.explanation import Explanation
from syncd.why.standing import Standing, standing

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
KEY = ListingKey(ChannelName("shop"), ListingId("7"))
SHOWS_TWO = Listing(
    KEY, "Gloves", "GLOVE-X", ListingStatus.ACTIVE, None, (Component(Sku("GLOVE-X")),), Belief(shown=2, shown_at=NOW)
)
PENDING = PushState(KEY, target=1)
SETTLED = replace(PENDING, pending=False)
APART = Explanation(SHOWS_TWO, Derivation((), 1), PENDING, "live", "", None, NOW)


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({}, "must be showing 2; it should show 1; the difference is about to be sent"),
        ({"derivation": Derivation((), 2)}, "must be showing 2; it should show 2; nothing has to be sent"),
        (
            {"derivation": Derivation((), None, "not linked to any SKU: nothing is pushed")},
            "it should show nothing of ours (not linked to any SKU: nothing is pushed); nothing has to be sent",
        ),
        ({"mode": "observe"}, "the channel is on observe: nothing is sent"),
        ({"mode": ""}, "the channel is not configured"),
        ({"held": "too much at once"}, "the channel is held: too much at once"),
        ({"push": replace(PENDING, parked="21919188: no")}, "it is parked: 21919188: no"),
        (
            {"push": replace(PENDING, attempts=2, not_before=NOW + timedelta(seconds=8))},
            "tried 2 times, next at 2026-03-02T08:00:08+00:00",
        ),
        ({"push": replace(PENDING, attempts=2, not_before=NOW)}, "the difference is about to be sent"),
        ({"listing": replace(SHOWS_TWO, belief=Belief())}, "has never been read; it should show 1; the difference is"),
        (
            {"listing": replace(SHOWS_TWO, status=ListingStatus.ENDED)},
            "it should show 1; nothing is sent to a listing that has ended",
        ),
    ],
)
def test_one_sentence_says_it(changes: dict[str, object], ending: str) -> None:
    """What it shows, what it should show, and why these differ if they do."""
    sentence = replace(APART, **changes).sentence  # type: ignore[arg-type]
    assert sentence.startswith("shop:7 ")
    assert ending in sentence


@pytest.mark.parametrize(
    ("listing", "push", "word"),
    [
        (SHOWS_TWO, replace(SETTLED, target=2), Standing.IN_SYNC),
        (SHOWS_TWO, SETTLED, Standing.PENDING),
        (SHOWS_TWO, replace(PENDING, target=2), Standing.PENDING),
        (SHOWS_TWO, None, Standing.PENDING),
        (SHOWS_TWO, replace(PENDING, parked="no"), Standing.PARKED),
        (replace(SHOWS_TWO, components=()), None, Standing.UNLINKED),
        (replace(SHOWS_TWO, status=ListingStatus.ENDED), PENDING, Standing.ENDED),
    ],
)
def test_a_listing_stands_in_one_word(listing: Listing, push: PushState | None, word: Standing) -> None:
    """The word that matters most wins."""
    assert standing(listing, push) is word

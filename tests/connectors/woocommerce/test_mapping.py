"""Products, variations and batch answers, shaped as WooCommerce 9.9 sends them, and what they are read as."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.woocommerce.mapping import (
    ListingTarget,
    batch_item,
    gmt_time,
    listing,
    observation,
    push_outcome,
    variation_listings,
    whole_number,
)
from syncd.channel.port import ListingStatus, PushVerdict, QuantityUpdate
from syncd.identity import ListingId, Money

ASKED_AT = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)


def product(**changes: Any) -> dict[str, Any]:
    """A simple product with managed stock, without the fields nobody reads."""
    return {
        "id": 31,
        "name": "Barbecue gloves &amp; apron",
        "date_modified_gmt": "2026-05-04T08:00:00",
        "type": "simple",
        "status": "publish",
        "sku": "GLOVE-X",
        "price": "19.90",
        "manage_stock": True,
        "stock_quantity": 4,
        "parent_id": 0,
        "stock_status": "instock",
        **changes,
    }


def variation(number: int, **changes: Any) -> dict[str, Any]:
    """A variation with a stock of its own."""
    return product(id=number, type="variation", name="M", sku=f"TS-{number}", parent_id=31, **changes)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("10", ListingTarget(10)),
        ("14/15", ListingTarget(14, 15)),
        ("", None),
        ("0", None),
        ("14/", None),
        ("14/0", None),
        ("/15", None),
        ("14/15/16", None),
        ("-3", None),
        ("٣", None),
        ("1" * 30, None),
        ("GLOVE-X", None),
    ],
)
def test_a_listing_id_is_a_product_or_a_variation_of_one(text: str, target: ListingTarget | None) -> None:
    """Ids come apart and together again; anything else is none of ours."""
    assert ListingTarget.parse(text) == target
    if target is not None:
        assert target.listing_id == text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3),
        (-490, -490),
        ("7", 7),
        (" -2 ", -2),
        (4.7, 4),
        (-0.5, -1),
        (Decimal("2.9"), 2),
        (None, None),
        (True, None),
        ("abc", None),
        ("4.7", None),
        (float("nan"), None),
        (float("inf"), None),
        (Decimal("nan"), None),
        (Decimal("1e999999999"), None),
        (10**25, None),
        (-(10**25), None),
        ("9" * 5000, None),
        ([], None),
    ],
)
def test_stock_numbers_are_whole_or_none(value: object, number: int | None) -> None:
    """Plug-ins send numbers as text or with fractions; a fraction is rounded down, nonsense is no number."""
    assert whole_number(value) == number


@pytest.mark.parametrize(
    ("changes", "available", "status"),
    [
        ({}, 4, ListingStatus.ACTIVE),
        ({"stock_quantity": 0}, 0, ListingStatus.ACTIVE),
        ({"stock_quantity": -490}, -490, ListingStatus.ACTIVE),
        ({"manage_stock": False, "stock_quantity": None}, None, ListingStatus.ACTIVE),
        ({"manage_stock": "parent", "stock_quantity": 7}, 7, ListingStatus.ACTIVE),
        ({"stock_quantity": 2.5}, 2, ListingStatus.ACTIVE),
        ({"status": "draft"}, 4, ListingStatus.ENDED),
        ({"status": "private"}, 4, ListingStatus.ENDED),
    ],
)
def test_an_observation_tells_the_number_kept(
    changes: dict[str, Any], available: int | None, status: ListingStatus
) -> None:
    """Managed stock is told as it stands, an oversell's negative number too; unmanaged stock is no number."""
    seen = observation(ListingTarget(31), product(**changes), ASKED_AT)
    assert (seen.available, seen.sold, seen.status, seen.asked_at) == (available, None, status, ASKED_AT)


@pytest.mark.parametrize(
    ("price", "money"),
    [("19.90", Money(Decimal("19.90"), "EUR")), ("", None), (None, None), ("free", None)],
)
def test_a_listing_carries_title_sku_and_price(price: object, money: Money | None) -> None:
    """Entities in titles are resolved; a product without a price is listed without one."""
    found = listing(ListingTarget(31), product(price=price), title="A &amp; B", currency="EUR", asked_at=ASKED_AT)
    assert (found.listing_id, found.sku, found.title, found.price) == ("31", "GLOVE-X", "A & B", money)


def test_a_blank_sku_is_none() -> None:
    """Products without an SKU have an empty one in WooCommerce."""
    found = listing(ListingTarget(31), product(sku=" "), title="A", currency="EUR", asked_at=ASKED_AT)
    assert found.sku is None


def test_variations_with_their_own_stock_are_the_listings() -> None:
    """A variable product whose variations keep their own stock is no listing itself."""
    parent = product(type="variable", name="Shirt", manage_stock=False, stock_quantity=None)
    found = variation_listings(parent, [variation(32), variation(33)], currency="EUR", asked_at=ASKED_AT)
    assert [(one.listing_id, one.sku, one.title) for one in found] == [
        ("31/32", "TS-32", "Shirt – M"),
        ("31/33", "TS-33", "Shirt – M"),
    ]


def test_variations_that_share_a_stock_are_one_listing() -> None:
    """Where the parent keeps the stock the parent is listed once; a variation with its own stands beside it."""
    parent = product(type="variable", name="Cap", stock_quantity=7)
    kin = [variation(32, manage_stock="parent"), variation(33, manage_stock="parent"), variation(34)]
    found = variation_listings(parent, kin, currency="EUR", asked_at=ASKED_AT)
    assert [(one.listing_id, one.observation.available) for one in found] == [("31", 7), ("31/34", 4)]


def test_a_product_without_a_readable_id_is_named_as_such() -> None:
    """A malformed variation is a sentence, not a crash of another kind."""
    with pytest.raises(ValueError, match="not a number"):
        variation_listings(product(), [variation(32) | {"id": None}], currency="EUR", asked_at=ASKED_AT)


def test_a_batch_item_sends_a_whole_number_and_turns_management_on() -> None:
    """Variations go by their own id; the number is an int, as a batch would read text as 0."""
    assert batch_item(ListingTarget(10), 3) == {"id": 10, "manage_stock": True, "stock_quantity": 3}
    assert batch_item(ListingTarget(14, 15), 0)["id"] == 15


UPDATE = QuantityUpdate(ListingId("31"), 4)
UNKNOWN_ID = {"code": "woocommerce_rest_product_invalid_id", "message": "Invalid ID.", "data": {"status": 400}}
WRONG_PARENT = {"code": "woocommerce_rest_product_variation_invalid_id", "message": "Invalid ID.", "data": {}}
DUPLICATE = {"code": "product_invalid_sku", "message": "Invalid or duplicated SKU.", "data": {"status": 400}}


@pytest.mark.parametrize(
    ("item", "verdict", "code"),
    [
        (product(), PushVerdict.ACCEPTED, ""),
        (product(stock_quantity=4.0), PushVerdict.ACCEPTED, ""),
        (product(manage_stock=False, stock_quantity=None), PushVerdict.REJECTED, "stock_not_managed"),
        (product(manage_stock="parent", stock_quantity=4), PushVerdict.REJECTED, "stock_managed_by_parent"),
        (product(stock_quantity=9), PushVerdict.REJECTED, "other_number"),
        (product(stock_quantity=None), PushVerdict.REJECTED, "other_number"),
        (product(stock_quantity=3), PushVerdict.UNKNOWN, "other_number"),
        ({"id": 31, "error": UNKNOWN_ID}, PushVerdict.NOT_FOUND, "woocommerce_rest_product_invalid_id"),
        ({"id": 31, "error": WRONG_PARENT}, PushVerdict.NOT_FOUND, "woocommerce_rest_product_variation_invalid_id"),
        ({"id": 31, "error": DUPLICATE}, PushVerdict.REJECTED, "product_invalid_sku"),
        (None, PushVerdict.UNKNOWN, ""),
    ],
)
def test_the_echo_decides_what_became_of_a_push(item: object, verdict: PushVerdict, code: str) -> None:
    """A batch answers 200 to everything: only the echoed number proves that it was taken."""
    outcome = push_outcome(UPDATE, item)
    assert (outcome.listing_id, outcome.verdict, outcome.code) == ("31", verdict, code)
    assert outcome.message or verdict is PushVerdict.ACCEPTED


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-04T08:00:00", datetime(2026, 5, 4, 8, tzinfo=UTC)),
        ("2026-05-04T10:00:00+02:00", datetime(2026, 5, 4, 8, tzinfo=UTC)),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
        (None, None),
    ],
)
def test_gmt_fields_are_utc(text: object, moment: datetime | None) -> None:
    """Fields ending in _gmt say no zone and mean UTC."""
    assert gmt_time(text) == moment

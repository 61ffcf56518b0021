"""Orders shaped as WooCommerce 9.9 sends them, and what they are read as."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.woocommerce.mapping import ListingTarget
from connectors.woocommerce.mapping_order import order_of, order_status, refunded_quantities, variations_of
from syncd.channel.port import ChannelOrder, OrderStatus

MARIO = {
    "first_name": "Mario",
    "last_name": "Rossi",
    "company": "",
    "address_1": "Via Roma 1",
    "address_2": "",
    "city": "Milano",
    "state": "MI",
    "postcode": "20121",
    "country": "IT",
    "email": "Mario.Rossi@example.com",
    "phone": "+39 02 5550100",
}
NOBODY = dict.fromkeys(MARIO, "")


def line(number: int = 5, **changes: Any) -> dict[str, Any]:
    """A line of two gloves that the shop has taken off its stock."""
    reduced = {"id": 70, "key": "_reduced_stock", "value": "2", "display_key": "_reduced_stock", "display_value": "2"}
    return {
        "id": number,
        "name": "Barbecue gloves",
        "product_id": 31,
        "variation_id": 0,
        "quantity": 2,
        "subtotal": "39.80",
        "total": "39.80",
        "total_tax": "0.00",
        "taxes": [],
        "meta_data": [reduced],
        "sku": "GLOVE-X",
        "price": 19.9,
        "parent_name": None,
        **changes,
    }


def order(**changes: Any) -> dict[str, Any]:
    """A paid order of a guest."""
    return {
        "id": 412,
        "status": "processing",
        "currency": "EUR",
        "date_created": "2026-05-04T10:00:00",
        "date_modified": "2026-05-04T10:00:05",
        "total": "39.80",
        "customer_id": 0,
        "billing": MARIO,
        "shipping": {name: value for name, value in MARIO.items() if name != "email"},
        "payment_method": "testpay",
        "number": "2026-412",
        "meta_data": [],
        "line_items": [line()],
        "refunds": [],
        "date_created_gmt": "2026-05-04T08:00:00",
        "date_modified_gmt": "2026-05-04T08:00:05",
        "date_completed_gmt": None,
        "date_paid_gmt": "2026-05-04T08:00:03",
        **changes,
    }


def read(raw: dict[str, Any], refunds: list[dict[str, Any]] | None = None) -> ChannelOrder:
    """The order, with no variation managed by its parent."""
    return order_of(raw, refunds=refunds or [], parent_managed=frozenset())


def test_an_order_comes_whole() -> None:
    """Number, times in UTC, buyer, address, line and total."""
    got = read(order())
    assert (got.order_id, got.number, got.status) == ("412", "2026-412", OrderStatus.PAID)
    assert (got.created_at.isoformat(), got.modified_at.second) == ("2026-05-04T08:00:00+00:00", 5)
    (glove,) = got.lines
    assert (glove.line_id, glove.listing_id, glove.sku, glove.quantity) == ("5", "31", "GLOVE-X", 2)
    assert (glove.unit_price.amount, glove.decremented, glove.refunded) == (Decimal("19.90"), 2, 0)
    assert (got.buyer.name, got.buyer.email) == ("Mario Rossi", "Mario.Rossi@example.com")
    assert got.ship_to is not None
    assert (got.ship_to.street, got.ship_to.city, got.ship_to.region) == ("Via Roma 1", "Milano", "MI")
    assert got.total.amount == Decimal("39.80")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"status": "pending"}, OrderStatus.UNPAID),
        ({"status": "on-hold"}, OrderStatus.UNPAID),
        ({"status": "processing", "date_paid_gmt": None}, OrderStatus.PAID),
        ({"status": "completed"}, OrderStatus.SHIPPED),
        ({"status": "cancelled"}, OrderStatus.CANCELLED),
        ({"status": "failed"}, OrderStatus.CANCELLED),
        ({"status": "trash"}, OrderStatus.CANCELLED),
        ({"status": "refunded"}, OrderStatus.CANCELLED),
        ({"status": "refunded", "date_completed_gmt": "2026-05-05T08:00:00"}, OrderStatus.SHIPPED),
        ({"status": "awaiting-parcel"}, OrderStatus.PAID),
        ({"status": "quote", "line_items": [line(meta_data=[])], "date_paid_gmt": None}, OrderStatus.UNPAID),
    ],
)
def test_the_status_says_what_stock_depends_on(changes: dict[str, Any], status: OrderStatus) -> None:
    """Cash on delivery is paid without a date of payment; a plug-in's own status goes by payment and stock."""
    assert order_status(order(**changes)) is status


@pytest.mark.parametrize("status", ["failed", "refunded", "trash"])
def test_what_the_shop_did_not_put_back_stays_taken(status: str) -> None:
    """Failed, refunded and binned orders keep their units off the shop's stock, and the line says so."""
    assert read(order(status=status)).lines[0].decremented == 2


def test_a_line_without_the_mark_was_not_taken() -> None:
    """No _reduced_stock means that the shop's number was not lowered, or has been raised again."""
    assert read(order(line_items=[line(meta_data=[])])).lines[0].decremented == 0


@pytest.mark.parametrize(
    ("changes", "listing_id"),
    [
        ({}, "31"),
        ({"product_id": 14, "variation_id": 15}, "14/15"),
        ({"product_id": 17, "variation_id": 18}, "17"),
        ({"product_id": 0, "sku": None, "name": ""}, None),
    ],
)
def test_a_line_names_the_listing_whose_stock_it_draws_on(changes: dict[str, Any], listing_id: str | None) -> None:
    """A variation managed by its parent is the parent's listing; an unknown product keeps its line."""
    raw = order(line_items=[line(**changes)])
    got = order_of(raw, refunds=[], parent_managed={ListingTarget(17, 18)})
    assert got.lines[0].listing_id == listing_id


@pytest.mark.parametrize(
    ("total", "tax", "quantity", "price"),
    [
        ("39.80", "0.00", 2, "19.90"),
        ("16.39", "3.61", 2, "10.00"),
        ("10.00", "0.00", 3, "3.3333"),
        ("0.00", "0.00", 1, "0.00"),
        ("0.00", "0.00", 0, "0.00"),
    ],
)
def test_the_unit_price_is_what_the_customer_paid(total: str, tax: str, quantity: int, price: str) -> None:
    """Tax included, discounts taken off; thirds keep enough digits to give the cent back."""
    raw = order(line_items=[line(total=total, total_tax=tax, quantity=quantity)])
    assert read(raw).lines[0].unit_price.amount == Decimal(price)


def refund(line_id: str, quantity: int) -> dict[str, Any]:
    """A refund of some units: its lines are negative."""
    meta = [{"id": 9, "key": "_refunded_item_id", "value": line_id}]
    return {"id": 500, "amount": "19.90", "line_items": [{"id": 80, "quantity": quantity, "meta_data": meta}]}


def test_refunded_units_are_counted_over_all_refunds() -> None:
    """The order's own lines keep the quantity ordered; what was refunded is in the refunds."""
    refunds = [refund("5", -1), refund("5", -1), refund("6", -1), {"id": 501, "line_items": []}]
    assert refunded_quantities(refunds) == {"5": 2, "6": 1}
    assert read(order(), refunds).lines[0].refunded == 2


def test_more_refunded_than_ordered_is_all_of_it() -> None:
    """The shop lets anybody refund five of two."""
    assert read(order(), [refund("5", -5)]).lines[0].refunded == 2


@pytest.mark.parametrize(
    ("changes", "buyer_id"),
    [
        ({"customer_id": 77}, "77"),
        ({"billing": NOBODY}, "order-412"),
    ],
)
def test_a_buyer_has_an_id(changes: dict[str, Any], buyer_id: str) -> None:
    """A customer's number; without one and without an address the order itself."""
    assert read(order(**changes)).buyer.buyer_id == buyer_id


def test_a_guest_is_known_by_his_address_but_not_by_its_letters() -> None:
    """The same guest has the same id whatever the case of his address, and the id does not show it."""
    first = read(order()).buyer.buyer_id
    second = read(order(billing=MARIO | {"email": "mario.rossi@EXAMPLE.com"})).buyer.buyer_id
    assert first == second
    assert "mario" not in first.lower()


def test_the_billing_address_serves_where_none_is_for_shipping() -> None:
    """Orders without a shipping address go to the billing address; without either there is none."""
    billed = read(order(shipping=NOBODY))
    assert billed.ship_to is not None
    assert billed.ship_to.city == "Milano"
    assert read(order(shipping=NOBODY, billing=NOBODY)).ship_to is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"id": None}, "'id'"),
        ({"currency": "euro"}, "currency"),
        ({"date_modified_gmt": None}, "date_modified_gmt"),
        ({"line_items": [line(quantity="many")]}, "quantity"),
        ({"line_items": [line(total="n/a")]}, "total"),
        ({"total": "n/a"}, "amount"),
    ],
)
def test_an_unreadable_order_is_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    """What is wrong is said without naming the customer."""
    with pytest.raises(ValueError, match=sentence) as told:
        read(order(**changes))
    assert "Rossi" not in str(told.value)


def test_variations_are_gathered_for_one_question() -> None:
    """Which variations the lines of several orders name, each once."""
    raws = [order(line_items=[line(), line(product_id=14, variation_id=15)])] * 2
    assert variations_of(raws) == {ListingTarget(14, 15)}

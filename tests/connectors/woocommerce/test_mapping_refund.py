"""Refund bodies and refund rows shaped as WooCommerce 9.9 has them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.woocommerce.mapping_refund import (
    gateway_refunds,
    matching_refund,
    problem_with,
    refund_body,
    refund_outcome,
)
from syncd.channel.port import RefundLine, RefundRequest, RefundVerdict
from syncd.identity import Money

TAXES = [{"id": 3, "total": "3.61", "subtotal": "3.61"}]
ORDER: dict[str, Any] = {
    "id": 412,
    "currency": "EUR",
    "payment_method": "testpay",
    "line_items": [
        {"id": 5, "quantity": 2, "total": "16.39", "total_tax": "3.61", "taxes": TAXES},
        {"id": 6, "quantity": 1, "total": "9.90", "total_tax": "0.00", "taxes": []},
    ],
}
PLAIN_ROW: dict[str, Any] = {"id": 500, "reason": "", "refunded_payment": False, "meta_data": [], "line_items": []}


def euro(text: str) -> Money:
    """So many euros."""
    return Money(Decimal(text), "EUR")


def request(*lines: tuple[str, int, str], amount: str = "9.90", reference: str = "R-7") -> RefundRequest:
    """A refund of these lines (line, quantity, amount)."""
    parts = tuple(RefundLine(line_id, quantity, euro(sum_)) for line_id, quantity, sum_ in lines)
    return RefundRequest("412", reference, "Out of stock", parts, euro(amount))


def row(**changes: Any) -> dict[str, Any]:
    """A refund row carrying the reference R-7 in its reason."""
    return PLAIN_ROW | {"reason": "Out of stock (ref R-7)"} | changes


def test_the_body_never_restocks_and_carries_the_reference_twice() -> None:
    """The amount is text, the booleans are real ones, the reference is in the reason and the meta data."""
    body = refund_body(request(("6", 1, "9.90")), ORDER, by_gateway=True)
    assert body == {
        "amount": "9.90",
        "reason": "Out of stock (ref R-7)",
        "api_refund": True,
        "api_restock": False,
        "meta_data": [{"key": "_syncd_refund", "value": "R-7"}],
        "line_items": [{"id": 6, "quantity": 1, "refund_total": 9.9}],
    }


def test_tax_is_booked_apart_from_the_net_amount() -> None:
    """Net and tax add up to the cent to what the customer gets back."""
    body = refund_body(request(("5", 1, "10.00"), amount="10.00"), ORDER, by_gateway=False)
    assert body["api_refund"] is False
    assert body["line_items"] == [
        {"id": 5, "quantity": 1, "refund_total": 8.19, "refund_tax": [{"id": 3, "refund_total": 1.81}]}
    ]


def test_thirds_are_rounded_to_the_cent() -> None:
    """Amounts reach the shop with two decimals whatever they were computed from."""
    assert refund_body(request(amount="9.9999"), ORDER, by_gateway=True)["amount"] == "10.00"


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (request(("6", 1, "9.90")), None),
        (request(), None),
        (request(("7", 1, "9.90")), "no line 7"),
        (request(("6", 2, "9.90")), "1 left"),
        (request(("5", 2, "20.00")), "1 left"),
        (request(amount="0.00"), "nothing to refund"),
    ],
)
def test_what_the_shop_would_not_check_is_checked_here(asked: RefundRequest, problem: str | None) -> None:
    """The shop drops unknown lines silently and refunds five of two."""
    meta = [{"key": "_refunded_item_id", "value": "5"}]
    earlier = [PLAIN_ROW | {"line_items": [{"id": 90, "quantity": -1, "meta_data": meta}]}]
    found = problem_with(asked, ORDER, earlier)
    assert (found is None) if problem is None else (problem in str(found))


@pytest.mark.parametrize("changes", [{"total": "n/a"}, {"taxes": [{"id": 3, "total": "NaN"}]}])
def test_an_order_that_cannot_be_read_is_a_problem(changes: dict[str, Any]) -> None:
    """A plug-in's nonsense in the amounts stops the refund with a sentence."""
    odd = ORDER | {"line_items": [ORDER["line_items"][0] | changes]}
    assert "line 5" in str(problem_with(request(("5", 1, "10.00")), odd, []))


def test_another_currency_is_a_problem() -> None:
    """The shop knows only the order's currency."""
    dollars = RefundRequest("412", "R-7", "Out of stock", (), Money(Decimal(5), "USD"))
    assert "EUR" in str(problem_with(dollars, ORDER, []))


def test_a_refund_is_known_by_its_whole_reference() -> None:
    """R-7 is not R-77; the meta data tells as well as the reason."""
    other = row(reason="Out of stock (ref R-77)")
    by_meta = PLAIN_ROW | {"meta_data": [{"id": 1, "key": "_syncd_refund", "value": "R-7"}]}
    assert matching_refund([other, PLAIN_ROW], request()) is None
    assert matching_refund([other, row()], request()) == row()
    assert matching_refund([other, by_meta], request()) == by_meta


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"refunded_payment": True}, RefundVerdict.DONE),
        ({}, RefundVerdict.PENDING),
        ({"meta_data": [{"id": 1, "key": "_syncd_refund", "value": "R-7"}]}, RefundVerdict.NEEDS_PERSON),
    ],
)
def test_a_row_says_where_the_money_is(changes: dict[str, Any], verdict: RefundVerdict) -> None:
    """Meta data comes after the gateway's answer: without it and without payment the refund is under way."""
    assert refund_outcome(row(**changes)).verdict is verdict


@pytest.mark.parametrize(
    ("method", "can"), [("testpay", True), ("bacs", False), ("cod", False), ("gone", False), ("", False)]
)
def test_only_a_gateway_that_says_so_pays_back(method: str, can: bool) -> None:
    """bacs and cod support products and nothing else."""
    gateways = [
        {"id": "bacs", "enabled": True, "method_supports": ["products"]},
        {"id": "cod", "enabled": True, "method_supports": ["products"]},
        {"id": "testpay", "enabled": True, "method_supports": ["products", "refunds"]},
    ]
    assert gateway_refunds(gateways, method) is can


def test_what_goes_beyond_the_lines_is_booked_on_the_shipping() -> None:
    """Net and tax of the shipping stand apart as well; more than was paid for it stays unbooked."""
    taxes = [{"id": 3, "total": "0.88", "subtotal": "0.88"}]
    shipped = ORDER | {"shipping_lines": [{"id": 9, "total": "4.02", "total_tax": "0.88", "taxes": taxes}]}
    body = refund_body(request(("6", 1, "9.90"), amount="14.80"), shipped, by_gateway=True)
    assert body["amount"] == "14.80"
    assert body["line_items"] == [
        {"id": 6, "quantity": 1, "refund_total": 9.9},
        {"id": 9, "quantity": 0, "refund_total": 4.02, "refund_tax": [{"id": 3, "refund_total": 0.88}]},
    ]
    more = refund_body(request(("6", 1, "9.90"), amount="20.00"), shipped, by_gateway=True)
    assert more["line_items"] == body["line_items"]

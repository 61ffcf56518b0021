"""Which invoices are offered, and when: a table of groups, rules and what is known already."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from syncd.channel.port import OrderStatus
from syncd.identity import ChannelName, Money
from syncd.invoice.invoice import ATTEMPTS_MAX, Invoice, InvoiceConfig, InvoiceStatus, Offers, plan, reference
from syncd.orders.combine import OpenOrder, groups

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
AUTO = InvoiceConfig(
    combine="auto",
    shipping_service="IT_Posta",
    shipping_first=Decimal("6.90"),
    shipping_further=Decimal("1.50"),
    shipping_max=Decimal(9),
    gather_seconds=600,
)


def order(key: str, *, buyer: str = "anna", hours_ago: float = 1, units: int = 1, **told: object) -> OpenOrder:
    """An unpaid order."""
    goods = Money(Decimal("9.90") * units, "EUR")
    made = OpenOrder(
        key,
        ChannelName("ebay"),
        OrderStatus.UNPAID,
        NOW - timedelta(hours=hours_ago),
        buyer,
        "home",
        goods,
        units,
        (key,),
    )
    return replace(made, **told)  # type: ignore[arg-type]


def offers(*orders: OpenOrder, known: tuple[Invoice, ...] = (), config: InvoiceConfig = AUTO) -> Offers:
    """What is planned now."""
    return plan(orders, known, config, NOW)


def one_offer(config: InvoiceConfig = AUTO) -> Invoice:
    """The invoice over orders a and b."""
    (made,) = offers(order("a"), order("b"), config=config).made
    return made


def test_unpaid_orders_of_one_buyer_are_offered_as_one() -> None:
    """Goods of both, shipping once, by the rule: first, further, at most."""
    made = one_offer()
    assert (made.line_ids, made.order_keys, made.status) == (("a", "b"), ("a", "b"), InvoiceStatus.WAITING)
    assert (str(made.shipping), str(made.total)) == ("8.40 EUR", "28.20 EUR")
    (big,) = offers(order("a", units=3), order("b")).made
    assert str(big.shipping) == "9.00 EUR"


def test_asking_is_the_default() -> None:
    """Nothing is sent by itself unless somebody said so, nor offered without a way of sending it."""
    assert one_offer(InvoiceConfig(shipping_service="IT_Posta")).status is InvoiceStatus.ASKED
    assert offers(order("a"), order("b"), config=InvoiceConfig()).made == ()


@pytest.mark.parametrize(
    "second",
    [
        order("b", buyer="bruno"),
        order("b", address_key="office"),
        order("b", status=OrderStatus.PAID),
        order("b", hours_ago=0.1),
        order("b", hours_ago=24 * 8),
        order("b", goods=Money(Decimal(9), "USD")),
        order("b", channel=ChannelName("other")),
        order("b", line_ids=tuple(f"b{n}" for n in range(40))),
    ],
    ids=["buyer", "address", "paid", "too fresh", "too old", "currency", "channel", "too many lines"],
)
def test_what_is_not_offered_together(second: OpenOrder) -> None:
    """Another buyer, address, currency or channel, a paid order, one just made or long ago: no invoice over both."""
    assert offers(order("a"), second).made == ()


def test_an_offer_is_made_once() -> None:
    """Asked, waiting, sent or declined: the same orders are not offered again; void they may be."""
    made = one_offer()
    for status in InvoiceStatus:
        again = offers(order("a"), order("b"), known=(replace(made, status=status),)).made
        assert bool(again) is (status is InvoiceStatus.VOID)


@pytest.mark.parametrize("status", [InvoiceStatus.ASKED, InvoiceStatus.WAITING])
def test_a_buyer_who_moves_on_makes_it_void(status: InvoiceStatus) -> None:
    """He pays one, or buys a third: the offer over two is withdrawn before it is sent; over three it is a new one."""
    known = replace(one_offer(), status=status)
    assert offers(order("a"), order("b", status=OrderStatus.PAID), known=(known,)).void == (known,)
    third = offers(order("a"), order("b"), order("c"), known=(known,))
    assert (third.void, [one.line_ids for one in third.made]) == ((known,), [("a", "b", "c")])
    assert offers(order("a"), order("b"), known=(known,), config=InvoiceConfig(combine="off")).void == (known,)


def test_lines_that_were_invoiced_are_not_invoiced_with_others() -> None:
    """Two were sent as one invoice; a third bought later does not bring the buyer a second one."""
    sent = replace(one_offer(), status=InvoiceStatus.SENT)
    merged = order("a", line_ids=("a", "b"))
    assert offers(merged, order("c"), known=(sent,)).made == ()


def test_only_so_many_a_day_go_by_themselves() -> None:
    """Beyond the limit a person is asked."""
    config = AUTO.model_copy(update={"per_day_max": 1})
    made = offers(*(order(f"{buyer}{n}", buyer=buyer) for buyer in ("x", "y") for n in (1, 2)), config=config).made
    assert [one.status for one in made] == [InvoiceStatus.WAITING, InvoiceStatus.ASKED]
    old = replace(one_offer(), status=InvoiceStatus.SENT, created_at=NOW - timedelta(hours=23))
    (next_one,) = offers(order("x1", buyer="x"), order("x2", buyer="x"), known=(old,), config=config).made
    assert next_one.status is InvoiceStatus.ASKED


def test_tries_have_an_end() -> None:
    """Each pause is twice the last; then it is a person's task."""
    tried: Invoice | None = one_offer()
    pauses = []
    while tried is not None:
        tried = tried.tried(NOW)
        pauses += [(tried.next_attempt_at - NOW).total_seconds()] if tried and tried.next_attempt_at else []
    assert pauses == [60.0 * 2**n for n in range(ATTEMPTS_MAX - 1)]


def test_the_lines_name_an_invoice_whatever_the_orders_are_called() -> None:
    """Before and after a merger it is the same invoice."""
    before = groups([order("a"), order("b")])[0]
    renamed = groups([order("24-1", line_ids=("a",)), order("24-2", line_ids=("b",))])[0]
    assert reference(before) == reference(renamed)

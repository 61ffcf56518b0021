"""orders copied, own and invoice, supplier orders and what settles them: a person's answers, as typed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask
from syncd.identity import Money, Sku, SupplierName
from syncd.invoice.invoice import Invoice, InvoiceStatus
from syncd.invoice.store import save_invoice
from syncd.orders.order import KnownLine
from syncd.orders.store import save_lines, save_order
from syncd.reservation.hold import Demand
from syncd.reservation.store import save_demands
from syncd.supply.purchase_order import Purchase, PurchaseOrder, PurchaseStatus
from syncd.supply.store import save_purchase_order
from tests.support.cli import EBAY, MOMENT, Session, Shop, an_order

FIRST, SECOND = "ebay:1", "ebay:2"
GLOVE, TOOLMAKER = Sku("GLOVE-X"), SupplierName("toolmaker")


def euros(amount: str) -> Money:
    """An amount in EUR."""
    return Money(Decimal(amount), "EUR")


@pytest.fixture
def ordered(shop: Shop) -> Shop:
    """Two open orders of one buyer."""

    async def work(session: Session) -> None:
        for number in ("1", "2"):
            order, line = an_order(number, "GLOVE-X", 1), f"L-{number}"
            known = KnownLine(line, f"ebay:{number}", None, 1, 1, 1, linked=True)
            saved = save_order(EBAY, order, f"ebay:{number}", before_start=False, now=MOMENT)
            await session.writer.write(saved, *save_lines(EBAY, order, [known]))

    shop.within(work)
    return shop


def test_orders_say_what_they_are_sent_with(ordered: Shop) -> None:
    """In the list, in one order, and as data; nobody's name is in it."""
    assert {one["order"]: one["together"] for one in ordered.told("orders")} == {FIRST: [SECOND], SECOND: [FIRST]}
    assert f"send it together with: {SECOND}" in ordered.done("orders", "show", FIRST)
    assert "Rossi" not in ordered.done("orders")


def test_a_copy_is_told_and_taken_back(ordered: Shop) -> None:
    """Said to be a copy it is no sister of another order any more; said to be one of its own it is again."""
    question = ask(Question(Topic.COPIED_ORDER, SECOND, "a copy?", MOMENT))
    ordered.within(lambda session: session.writer.write(question))
    assert ordered.told("orders", "copied", SECOND) == {"order": SECOND, "copy": True}
    assert ordered.told("questions") == []
    assert "it takes no stock" in ordered.done("orders", "show", SECOND)
    assert [one["together"] for one in ordered.told("orders")] == [[], []]
    assert ordered.told("orders", "own", SECOND) == {"order": SECOND, "copy": False}
    assert "takes no stock" not in ordered.done("orders", "show", SECOND)
    assert "did you mean ebay:1" in ordered.refused("orders", "copied", "ebay:11")


@pytest.mark.parametrize(("words", "status"), [((), "waiting"), (("--no",), "declined")])
def test_an_invoice_is_agreed_to_or_declined(ordered: Shop, words: tuple[str, ...], status: str) -> None:
    """Named by any of its orders; answered once."""
    made = Invoice(
        "ebay:abc", EBAY, ("L-1", "L-2"), (FIRST, SECOND), euros("6.90"), euros("26.70"), InvoiceStatus.ASKED, MOMENT
    )
    question = ask(Question(Topic.INVOICE, made.reference, "one invoice?", MOMENT))
    ordered.within(lambda session: session.writer.write(save_invoice(made), question))
    told = ordered.told("orders", "invoice", SECOND, *words)
    assert told == {"invoice": "ebay:abc", "orders": [FIRST, SECOND], "status": status}
    assert ordered.told("questions") == []
    assert "nothing is asked about an invoice over ebay:2" in ordered.refused("orders", "invoice", SECOND)


@pytest.fixture
def bought(ordered: Shop) -> Shop:
    """Three gloves for the first order, to be ordered from the toolmaker by hand."""
    buy = Purchase(TOOLMAKER, "T-1", GLOVE, EBAY, "L-1", 3)
    made = PurchaseOrder(f"{FIRST}/toolmaker/1", TOOLMAKER, FIRST, PurchaseStatus.BY_HAND, MOMENT, (buy,))
    older = replace(made, reference="settled", status=PurchaseStatus.REFUSED, created_at=MOMENT - timedelta(days=1))
    demand = Demand(EBAY, "L-1", GLOVE, FIRST, need=3, purchased=3)
    question = ask(Question(Topic.PURCHASE_ORDER, made.reference, "order by hand", MOMENT))
    writes = (*save_purchase_order(made), *save_purchase_order(older), save_demands([demand]), question)
    ordered.within(lambda session: session.writer.write(*writes))
    return ordered


def test_what_is_still_coming(bought: Shop) -> None:
    """Settled ones are shown when asked for."""
    assert [one["reference"] for one in bought.told("supplier", "orders")] == [f"{FIRST}/toolmaker/1"]
    every = [one["reference"] for one in bought.told("supplier", "orders", "--all")]
    assert every == ["settled", f"{FIRST}/toolmaker/1"]
    assert "3 × GLOVE-X" in bought.done("supplier", "orders")


def test_confirmed_by_hand(bought: Shop) -> None:
    """All but one: the one is short, the question closes; then the two come and are reserved."""
    reference = f"{FIRST}/toolmaker/1"
    assert "give SKU=N" in bought.refused("supplier", "confirm", reference, "--lacking", "GLOVE-X")
    told = bought.told("supplier", "confirm", reference, "--lacking", "GLOVE-X=1")
    assert (told["status"], told["lines"][0]["accepted"]) == ("partial", 2)
    assert bought.told("questions") == []
    assert "only one ordered by hand" in bought.refused("supplier", "confirm", reference)
    assert "there is no location attic" in bought.refused("supplier", "receive", reference, "--at", "attic")
    assert "lies on the shelf: received" in bought.done("supplier", "receive", reference)
    [need] = bought.told("orders", "show", FIRST)["lines"][0]["needs"]
    assert (need["reserved"], need["purchased"], need["short"]) == (2, 0, 1)
    assert "nothing is left to say about it" in bought.refused("supplier", "receive", reference)


def test_refused_and_called_off(bought: Shop) -> None:
    """Refused it is short; a reference nobody knows is answered with the nearest."""
    reference = f"{FIRST}/toolmaker/1"
    assert "holds only what is wanted: by_hand" in bought.done("supplier", "calloff", reference)
    assert bought.told("supplier", "refuse", reference)["status"] == "refused"
    [need] = bought.told("orders", "show", FIRST)["lines"][0]["needs"]
    assert (need["purchased"], need["short"]) == (0, 3)
    assert "did you mean ebay:1/toolmaker/1" in bought.refused("supplier", "refuse", "ebay:1/toolmaker/2")


def test_sent_again_by_machine(bought: Shop) -> None:
    """One that may not have arrived goes out again, once; its question closes."""
    reference = f"{FIRST}/toolmaker/1"
    assert "goes out again: draft, 3 × GLOVE-X" in bought.done("supplier", "resend", reference)
    assert bought.told("questions") == []
    assert "only one that is by_hand can be sent again" in bought.refused("supplier", "resend", reference)

"""What a supplier says after he got an order: in any order, said once or ten times, it comes to the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.identity import ChannelName, SupplierName
from syncd.supply.answer import hear
from syncd.supply.parcel import Parcel, ParcelStatus, listing_units
from syncd.supply.port import AnswerKind, PurchaseAnswer
from syncd.supply.purchase_order import Purchase, PurchaseOrder, PurchaseStatus
from syncd.testkit.fake_clock import START_AT
from tests.support.store import GLOVES, KIT

EBAY, NORD = ChannelName("ebay"), SupplierName("nord")
A = Purchase(NORD, "N-1", GLOVES, EBAY, "l1", 3)
B = Purchase(NORD, "N-2", KIT, EBAY, "l2", 2)
SENT = PurchaseOrder("po-1", NORD, "ebay:1", PurchaseStatus.SENT, START_AT, (A, B))


def said(kind: str, sku: str = "", quantity: int | None = None, **more: object) -> PurchaseAnswer:
    """One answer."""
    return PurchaseAnswer("po-1", AnswerKind(kind), sku, quantity, **more)  # type: ignore[arg-type]


def test_old_words_about_what_is_done_ask_nobody() -> None:
    """A table is read again whole whenever it changes: what has come, or was sent since, is not asked about again."""
    received = replace(SENT, status=PurchaseStatus.RECEIVED)
    page = [said("accepted"), said("delayed", expected_on=date(2026, 3, 9)), said("shipped", tracking_number="T1")]
    assert hear(received, page, (), START_AT).remarks == ()
    assert hear(received, [said("refused")], (), START_AT).remarks != ()
    once = hear(SENT, page, (), START_AT)
    assert (len(once.remarks), once.order.status) == (1, PurchaseStatus.SHIPPED)
    assert hear(once.order, page, once.parcels, START_AT).remarks == ()


@pytest.mark.parametrize(
    ("answers", "accepted", "shipped", "status"),
    [
        ([said("accepted")], (3, 2), 0, "accepted"),
        ([said("accepted", "N-1")], (3, None), 0, "sent"),
        ([said("accepted", "N-1", 2), said("refused", "N-2")], (2, 0), 0, "partial"),
        ([said("refused")], (0, 0), 0, "refused"),
        ([said("accepted"), said("refused", "N-1", 1)], (2, 2), 0, "partial"),
        ([said("shipped")], (3, 2), 5, "shipped"),
        ([said("accepted"), said("shipped", "N-1")], (3, 2), 3, "accepted"),
        ([said("shipped", "N-1", 1, tracking_number="T1"), said("refused", "N-1")], (1, None), 1, "sent"),
        ([said("shipped", "N-1", 1, tracking_number="T1"), said("shipped", "N-1", 2, tracking_number="T2")],
         (3, None), 3, "sent"),
        ([said("accepted", "N-1", 2), said("refused", "N-2"), said("shipped")], (2, 0), 2, "shipped"),
        ([said("delayed", expected_on=date(2026, 3, 9))], (None, None), 0, "sent"),
    ],
)  # fmt: skip
def test_each_answer_has_its_meaning(
    answers: list[PurchaseAnswer], accepted: tuple[int | None, ...], shipped: int, status: str
) -> None:
    """Lines are agreed to, refused and sent one by one, and the order stands as they do together."""
    heard = hear(SENT, answers, (), START_AT)
    assert tuple(one.accepted for one in heard.order.purchases) == accepted
    assert sum(one.quantity for one in heard.parcels) == shipped
    assert heard.order.status.value == status


KINDS = st.sampled_from(["accepted", "refused", "shipped", "delayed"])
ANSWERS = st.lists(
    st.builds(
        said,
        KINDS,
        st.sampled_from(["", "N-1", "N-2", "N-9"]),
        st.none() | st.integers(0, 4),
        tracking_number=st.sampled_from(["", "", "T1", "T2"]),
        told_in=st.sampled_from(["", "a"]),
    ),
    max_size=6,
)


@given(ANSWERS)
def test_nothing_is_sent_that_was_not_agreed_to(answers: list[PurchaseAnswer]) -> None:
    """Never more goes out than was ordered, never is less agreed to than went out, whatever he says."""
    heard = hear(SENT, answers, (), START_AT)
    for one in heard.order.purchases:
        out = sum(p.quantity for p in heard.parcels if p.supplier_sku == one.supplier_sku)
        assert out <= one.quantity
        assert one.accepted is None or out <= one.accepted <= one.quantity


@given(ANSWERS)
def test_the_same_page_heard_again_sends_nothing_more(answers: list[PurchaseAnswer]) -> None:
    """A page that comes again makes no parcel that was not there, and takes none back."""
    first = hear(SENT, answers, (), START_AT)
    again = hear(first.order, answers, first.parcels, START_AT)
    shipped = {one.supplier_sku: 0 for one in SENT.purchases}
    for parcel in first.parcels:
        shipped[parcel.supplier_sku] += parcel.quantity
    known = {one.parcel_id for one in first.parcels}
    fresh = [one for one in again.parcels if one.parcel_id not in known]
    for parcel in fresh:
        shipped[parcel.supplier_sku] += parcel.quantity
    assert all(shipped[one.supplier_sku] <= one.quantity for one in SENT.purchases)
    if all(one.kind is not AnswerKind.ACCEPTED for one in answers):
        assert not fresh


def test_a_number_that_comes_later_is_told_again() -> None:
    """A parcel told of without a number gets it, and waits to be told to the channel; then it stays."""
    first = hear(SENT, [said("shipped")], (), START_AT)
    told = [replace(one, status=ParcelStatus.TOLD) for one in first.parcels]
    numbered = said("shipped", tracking_number="1Z9", carrier="BRT")
    second = hear(first.order, [said("shipped"), numbered], told, START_AT)
    assert {(one.tracking_number, one.carrier, one.status) for one in second.parcels} == {
        ("1Z9", "BRT", ParcelStatus.WAITING)
    }
    third = hear(second.order, [said("shipped"), numbered], second.parcels, START_AT)
    assert (third.parcels, third.remarks) == ((), ())


def test_two_parcels_of_a_line_without_numbers_are_two() -> None:
    """In one table, or a day apart: told apart by what is in them, once each; numbers find theirs."""
    one, two = said("shipped", "N-1", 1, told_in="a"), said("shipped", "N-1", 2, told_in="a")
    first = hear(SENT, [one, two], (), START_AT)
    assert ([parcel.quantity for parcel in first.parcels], first.remarks) == ([1, 2], ())
    assert [parcel.ordinal for parcel in first.parcels] == ["", "#2"]
    again = hear(first.order, [one, two], first.parcels, START_AT)
    assert (again.parcels, again.remarks) == ((), ())
    later = hear(first.order, [replace(two, told_in="b", tracking_number="1Z9")], first.parcels, START_AT)
    assert [(parcel.quantity, parcel.tracking_number) for parcel in later.parcels] == [(2, "1Z9")]
    apart = hear(hear(SENT, [one], (), START_AT).order, [replace(two, told_in="b")], first.parcels[:1], START_AT)
    assert [parcel.parcel_id for parcel in apart.parcels] == [first.parcels[1].parcel_id]


def test_two_parcels_of_one_size_are_two_in_one_table_and_one_in_two() -> None:
    """A day's list that names a parcel twice sent two; the next day's list tells of yesterday's again."""
    single = said("shipped", "N-1", 1, told_in="monday")
    first = hear(SENT, [single, single], (), START_AT)
    assert [parcel.quantity for parcel in first.parcels] == [1, 1]
    second = hear(SENT, [single, replace(single, told_in="tuesday")], (), START_AT)
    assert [parcel.quantity for parcel in second.parcels] == [1]


def test_the_rest_goes_in_a_parcel_of_its_own() -> None:
    """One, and then what was left; neither has a number."""
    first = hear(SENT, [said("shipped", "N-1", 1)], (), START_AT)
    rest = hear(first.order, [said("shipped", told_in="b")], first.parcels, START_AT)
    assert [(parcel.supplier_sku, parcel.quantity) for parcel in rest.parcels] == [("N-1", 2), ("N-2", 2)]
    assert rest.order.status is PurchaseStatus.SHIPPED


def test_what_he_refuses_after_agreeing_to_a_part_is_the_rest() -> None:
    """Two customers' lines of one article: 3 of 5 agreed to and 2 refused come to 3, in either order, heard twice."""
    twin = replace(A, line_id="l2", quantity=2)
    order = replace(SENT, purchases=(A, twin))
    page = [said("accepted", "N-1", 3), said("refused", "N-1", 2)]
    for answers in (page, page[::-1], [*page, *page]):
        heard = hear(order, answers, (), START_AT)
        assert [one.accepted for one in heard.order.purchases] == [3, 0]
        assert heard.order.status is PurchaseStatus.PARTIAL


def test_what_he_agreed_to_before_he_refused_it_asks_nobody() -> None:
    """His table lists both, and is read again whole whenever it changes."""
    page = [said("accepted"), said("delayed", expected_on=date(2026, 3, 9)), said("refused")]
    first = hear(SENT, page, (), START_AT)
    assert first.order.status is PurchaseStatus.REFUSED
    assert hear(first.order, page, (), START_AT).remarks == ()
    assert hear(first.order, page[::-1], (), START_AT).remarks != ()


@pytest.mark.parametrize(
    ("status", "answer", "remark"),
    [
        ("withdrawn", said("shipped"), "which is withdrawn: settle it with him"),
        ("received", said("refused"), "which is received"),
        ("sent", said("accepted", "N-9"), "N-9, which is not in po-1"),
        ("sent", said("shipped", "N-1", 4), "more of po-1 than was left"),
        ("sent", said("delayed", expected_on=date(2026, 3, 9)), "until 2026-03-09: tell the customer"),
    ],
)
def test_what_a_person_has_to_know_is_said(status: str, answer: PurchaseAnswer, remark: str) -> None:
    """What does not fit, and what is late, is one sentence for a person."""
    (sentence,) = hear(replace(SENT, status=PurchaseStatus(status)), [answer], (), START_AT).remarks
    assert remark in sentence


def test_a_delay_is_said_once() -> None:
    """The same promised day asks nobody again; another one does."""
    late = said("delayed", expected_on=date(2026, 3, 9))
    first = hear(SENT, [late], (), START_AT)
    assert hear(first.order, [late], (), START_AT).remarks == ()
    assert len(hear(first.order, [said("delayed", expected_on=date(2026, 3, 19))], (), START_AT).remarks) == 1


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 10))
def test_a_buyer_is_told_of_what_he_ordered(shipped: int, need: int, ordered: int) -> None:
    """Packs and bundles: at least one, never more than ordered, all of them when everything was sent."""
    told = listing_units(shipped, need=need, ordered=ordered)
    assert 1 <= told <= ordered
    assert shipped < need or told == ordered


def test_a_parcel_is_tried_ever_more_rarely_and_then_no_more() -> None:
    """Pauses double; after the last try it is a person's."""
    parcel: Parcel | None = hear(SENT, [said("shipped")], (), START_AT).parcels[0]
    pauses = []
    while parcel is not None:
        tried = parcel.tried(START_AT)
        if tried is not None:
            assert tried.next_attempt_at is not None
            pauses.append((tried.next_attempt_at - START_AT).total_seconds())
        parcel = tried
    assert pauses == [30, 60, 120, 240, 480, 960, 1920]

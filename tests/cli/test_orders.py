"""orders, cases and questions: what customers bought, what they are short of, and what waits for a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask
from syncd.goodwill.goodwill import CouponStatus, For, GoodwillConfig, apology
from syncd.goodwill.store import save_coupon
from syncd.identity import Money, Sku
from syncd.ledger.movement import available, reserved
from syncd.ledger.store import Command, Movement, Plan, Reason
from syncd.orders.order import KnownLine
from syncd.orders.store import save_lines, save_order
from syncd.refund.refund import Refund, RefundStatus
from syncd.refund.store import save_refund
from syncd.reservation.hold import Demand, HoldStatus, Reservation
from syncd.reservation.store import save_demands, save_reservations
from syncd.shortage.case import Case, CaseStatus, case_id
from syncd.shortage.resolution import Option, OptionKind
from syncd.shortage.store import read_cases, save_case
from syncd.shortage.store_timeline import append
from syncd.shortage.timeline import Entry, EntryKind
from tests.support.cli import EBAY, MOMENT, Session, Shop, an_order

KEY, LINE = "ebay:12-345", "L-12-345"
CASE = case_id(EBAY, LINE, Sku("GLOVE-X"), 1)


@pytest.fixture
def ordered(shop: Shop) -> Shop:
    """Two gloves ordered where there is one: one is reserved, one is short, a case asks what to do."""
    shop.stocked("GLOVE-X", 1)
    order, sku, price = an_order("12-345", "GLOVE-X", 2), Sku("GLOVE-X"), Money.parse("19.90", "EUR")
    demand = Demand(EBAY, LINE, sku, KEY, need=2, short=1, cause="the order came when no stock was left")
    held = Reservation(
        f"{EBAY}:{LINE}/{sku}@main", EBAY, LINE, KEY, sku, "main", 1, 0, 0, HoldStatus.HELD, held_at=MOMENT
    )
    moved = Movement("r1", sku, 1, available("main"), reserved("main"), Reason.SALE, MOMENT, KEY)
    options = (
        Option(OptionKind.REFUND, 1, price, title="Gloves"),
        Option(OptionKind.PART_NOW, 1, price, title="Gloves"),
    )
    case = Case(CASE, EBAY, KEY, LINE, sku, 1, demand.cause, CaseStatus.ASKED, MOMENT, options)

    async def work(session: Session) -> None:
        now = session.clock.now()
        due = replace(case, deadline_at=now + timedelta(hours=5))
        writes = (
            save_order(EBAY, order, KEY, before_start=False, now=now),
            *save_lines(EBAY, order, [KnownLine(LINE, KEY, None, 2, 0, 1, linked=True)]),
            save_demands([demand]),
            save_reservations([held]),
            save_case(due),
        )
        await session.submit(Command(lambda _view: Plan(None, (moved,), writes), skus=frozenset({sku})))

    shop.within(work)
    return shop


def test_nothing_yet(shop: Shop) -> None:
    """Before the first order all three lists are empty, in words and as data."""
    assert "No order is known yet" in shop.done("orders")
    assert "No promise exceeds the stock" in shop.done("cases")
    assert "Nothing waits for a person" in shop.done("questions")
    assert shop.told("orders") == shop.told("cases") == shop.told("questions") == []


@pytest.mark.both_stores
def test_orders_say_which_are_short(ordered: Shop) -> None:
    """The answer counts what is short; each order is one row."""
    said = ordered.done("orders")
    assert said.startswith("1 order, newest first; 1 short of something.")
    assert "2 × GLOVE-X" in said
    assert ordered.told("orders", "--channel", "shop") == []
    assert "there is no channel" in ordered.refused("orders", "--channel", "amazon")


@pytest.mark.both_stores
def test_an_order_line_by_line(ordered: Shop) -> None:
    """Wanted, reserved, bought and short stand apart, with the cause."""
    told = ordered.told("orders", "show", KEY)
    [need] = told["lines"][0]["needs"]
    assert (need["need"], need["reserved"], need["purchased"], need["short"]) == (2, 1, 0, 1)
    said = ordered.done("orders", "show", KEY)
    assert said.splitlines()[0].endswith("1 unit short.")
    assert "short because: the order came when no stock was left" in said
    assert "there is no order ebay:12-344; did you mean ebay:12-345?" in ordered.refused(
        "orders", "show", "ebay:12-344"
    )


def test_an_unlinked_line_is_named(shop: Shop) -> None:
    """A line nobody has said the SKU of is shown as unlinked, and takes nothing off the shelf."""
    order = an_order("7", "UNKNOWN", 1)

    async def work(session: Session) -> None:
        known = KnownLine("L-7", "ebay:7", None, 1, 0, 1, linked=False)
        question = Question(Topic.UNLINKED_ORDER_LINE, "ebay:L-7", "which SKU is it?", MOMENT)
        saved = save_order(EBAY, order, "ebay:7", before_start=False, now=MOMENT)
        await session.writer.write(saved, *save_lines(EBAY, order, [known]), ask(question))

    shop.within(work)
    assert "unlinked" in shop.done("orders", "show", "ebay:7")
    assert shop.told("orders", "show", "ebay:7")["lines"][0]["needs"] == []


def test_no_buyer_is_shown(ordered: Shop) -> None:
    """Neither words nor data tell who ordered."""
    for words in (("orders",), ("orders", "show", KEY), ("cases", "show", CASE)):
        for said in (ordered.done(*words), ordered.done(*words, "--json")):
            assert "Rossi" not in said
            assert "example.com" not in said


@pytest.mark.both_stores
def test_cases_show_the_deadline(ordered: Shop) -> None:
    """The list says how long is left; one case says what can be chosen and how."""
    said = ordered.done("cases")
    assert said.startswith("1 case: 1 asked.")
    assert "in 4 h" in said
    shown = ordered.done("cases", "show", CASE)
    assert "refund" in shown
    assert "19.90 EUR" in shown
    assert f"syncd cases choose {CASE}" in " ".join(shown.split())
    assert ordered.told("cases", "show", CASE)["options"][0]["cost"] == {"amount": "19.90", "currency": "EUR"}
    assert "there is no case" in ordered.refused("cases", "show", "ebay:1/X/1")


@pytest.mark.both_stores
def test_choose_starts_what_was_chosen(ordered: Shop) -> None:
    """A refund is under way, chosen by whoever typed it; it cannot be chosen twice."""
    told = ordered.told("cases", "choose", CASE, "refund")
    assert (told["status"], told["chosen"]) == ("acting", "refund")
    assert told["chosen_by"].startswith("cli")
    assert "nothing is left to choose" in ordered.refused("cases", "choose", CASE, "refund")


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        ((CASE, "substitute"), 1, "does not offer substitute"),
        ((CASE, "gift"), 2, "gift"),
        (("ebay:1/X/1", "refund"), 1, "there is no case"),
    ],
)
def test_choose_what_is_not_offered(ordered: Shop, words: tuple[str, str], code: int, complaint: str) -> None:
    """What the case does not offer is refused and the case stays as it is."""
    assert complaint in ordered.refused("cases", "choose", *words, code=code)
    assert ordered.told("cases", "show", CASE)["status"] == "asked"


def test_resolved_cases_are_shown_with_all(ordered: Shop) -> None:
    """A resolved case leaves the list and stays to be looked at."""

    async def work(session: Session) -> None:
        case = Case(CASE, EBAY, KEY, LINE, Sku("GLOVE-X"), 1, "", CaseStatus.RESOLVED, MOMENT, resolution="refunded")
        await session.writer.write(save_case(case))

    ordered.within(work)
    assert ordered.told("cases") == []
    assert [case["case"] for case in ordered.told("cases", "--all")] == [CASE]


@pytest.mark.both_stores
def test_questions_are_oldest_first(shop: Shop) -> None:
    """Each question comes with its age and what to type."""
    asked = [
        ask(Question(Topic.COUNT, "TONGS", "count the tongs", MOMENT + timedelta(days=1))),
        ask(Question(Topic.DRIFT, "ebay:1", "put it back with: syncd enforce ebay:1", MOMENT)),
    ]
    shop.within(lambda session: session.writer.write(*asked))
    assert [one["subject"] for one in shop.told("questions")] == ["ebay:1", "TONGS"]
    said = shop.done("questions")
    assert said.startswith("2 questions for a person.")
    assert "syncd enforce ebay:1" in said


@pytest.mark.both_stores
def test_a_case_is_given_to_somebody_with_its_notes(ordered: Shop) -> None:
    """Notes, contacts and owners stand in the timeline of the case, told with who wrote them."""
    ordered.done("cases", "note", CASE, "he  would rather\nhave it whole")
    ordered.done("cases", "note", CASE, "phoned for news", "--contact")
    assert ordered.done("cases", "assign", CASE, "Anna").startswith(f"{CASE} is Anna's.")
    ordered.done("cases", "assign", CASE, "Marco", "--note", "I am away")
    told = ordered.told("cases", "show", CASE)
    assert told["owner"] == "Marco"
    assert [(one["kind"], one["words"]) for one in told["timeline"]] == [
        ("note", "he would rather have it whole"),
        ("contact", "phoned for news"),
        ("owner", "to Anna"),
        ("owner", "from Anna to Marco: I am away"),
    ]
    assert all(one["by"].startswith("cli") for one in told["timeline"])
    assert "phoned for news" in ordered.done("cases", "show", CASE)
    assert [one["case"] for one in ordered.told("cases", "--owner", "Marco")] == [CASE]
    assert ordered.told("cases", "--owner", "Anna") == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("note", CASE, " "), "a note has 1 to 2000 characters"),
        (("note", "ebay:1/X/1", "x"), "there is no case"),
        (("assign", CASE, "n" * 61), "a name has 1 to 60 characters"),
        (("assign", "ebay:1/X/1", "Anna"), "there is no case"),
    ],
)
def test_what_cannot_be_noted(ordered: Shop, words: tuple[str, ...], complaint: str) -> None:
    """Each refusal is one sentence."""
    assert complaint in ordered.refused("cases", *words)


@pytest.mark.both_stores
def test_money_and_coupons_that_wait_for_a_person(ordered: Shop) -> None:
    """What syncd could not do itself is listed with why; the person's word settles it, once."""
    assert "0 refunds under way" in ordered.done("refunds")
    price = Money.parse("24.80", "EUR")
    refund = Refund(f"{CASE}/refund", EBAY, KEY, LINE, 1, price, RefundStatus.NEEDS_PERSON, MOMENT, message="cannot")
    coupon = apology(For(f"{CASE}/coupon", EBAY, KEY, LINE, "EUR"), "ABC", GoodwillConfig(), MOMENT)

    async def work(session: Session) -> None:
        asked = replace(coupon, status=CouponStatus.ASKED, message="coupons are set to ask")
        await session.writer.write(save_refund(refund), save_coupon(asked))

    ordered.within(work)
    assert "1 refund under way, 1 for you to make." in ordered.done("refunds")
    assert [one["worth"] for one in ordered.told("coupons")] == ["10 %"]
    assert "coupons are set to ask" in " ".join(ordered.done("coupons").split())
    told = ordered.told("refunds", "made", refund.reference, "transfer 17")
    assert (told["status"], told["message"]) == ("done", "by hand: transfer 17")
    assert "it is not yours to make" in ordered.refused("refunds", "made", refund.reference, "again")
    assert ordered.told("coupons", "agree", coupon.reference)["status"] == "waiting"
    assert "nothing is asked about it" in ordered.refused("coupons", "decline", coupon.reference)
    assert "there is no coupon" in ordered.refused("coupons", "agree", "x")
    assert "there is no refund" in ordered.refused("refunds", "made", "x", "how")
    assert [one["status"] for one in ordered.told("refunds", "--all")] == ["done"]


@pytest.mark.both_stores
def test_figures_of_cases(ordered: Shop) -> None:
    """Week by week, in words and as data."""

    async def work(session: Session) -> None:
        now = session.clock.now()
        async with session.db.read() as conn:
            (case,) = await read_cases(conn)
        closed = replace(case, status=CaseStatus.RESOLVED, resolved_at=now)
        fresh = Case("ebay:L/Y/1", EBAY, KEY, LINE, Sku("Y"), 1, "a pick found nothing", CaseStatus.ASKED, now)
        note = Entry(now, EntryKind.CONTACT, "anna", "phoned")
        await session.writer.write(save_case(closed), save_case(fresh), append(fresh.case_id, note))

    ordered.within(work)
    week = ordered.told("cases", "figures", "--weeks", "2")[-1]
    assert (week["cases"], week["contacts"], week["causes"]) == (1, 1, {"a pick found nothing": 1})
    said = ordered.done("cases", "figures")
    assert said.startswith("1 case in 8 weeks; 0 of 0 customers told in time; 1 contact needed.")
    assert "1 × a pick found nothing" in said


@pytest.mark.both_stores
def test_birthdays_are_kept_of_those_who_agreed(ordered: Shop) -> None:
    """Day and month alone, only with his word, and gone when he takes it back; nobody's day is shown."""
    assert "only who agreed" in ordered.refused("birthdays", "add", KEY, "--date", "1980-02-29")
    assert "give either" in ordered.refused("birthdays", "add", KEY, "--agreed")
    wrong = ordered.refused("birthdays", "add", KEY, "--codice-fiscale", "RSSMRA80A01H501X", "--agreed")
    assert "RSSMRA80A01H501X" not in wrong
    ordered.done("birthdays", "add", KEY, "--codice-fiscale", "RSSMRA80A01H501U", "--agreed")
    assert ordered.told("birthdays")["agreed"] == 1
    assert "nothing is sent" in ordered.done("birthdays")
    ordered.done("birthdays", "remove", KEY)
    assert ordered.told("birthdays")["agreed"] == 0
    assert "there is no order" in ordered.refused("birthdays", "remove", "ebay:1")

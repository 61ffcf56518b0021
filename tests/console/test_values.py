"""What the console decides without reading: the chart, what else to offer, the order of work, where to look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.attention.question import Question, Topic
from syncd.http.console.answer import INSTEAD_MAX, alike
from syncd.http.console.cases import by_deadline
from syncd.http.console.chart import BOTTOM, DAYS_MAX, HEIGHT, LEFT, RIGHT, STEPS_MAX, TOP, WIDTH, Moment, chart
from syncd.http.console.frame import ago
from syncd.http.console.questions import settled_at
from syncd.identity import ChannelName, Sku
from syncd.product.product import Product
from syncd.shortage.case import Case, CaseStatus
from syncd.wording.wording import Voice

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def test_nothing_is_drawn_of_nothing() -> None:
    """A SKU without movements has no chart."""
    assert chart([], NOW) is None


def test_the_line_steps_and_ends_now() -> None:
    """From 4 down to 1 half-way: level, a step down, level to the right edge; the end carries its value."""
    drawn = chart([Moment(NOW - timedelta(days=2), 4, "receipt 4"), Moment(NOW - timedelta(days=1), 1, "sale 3")], NOW)
    assert drawn is not None
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    assert drawn.path == f"M{LEFT:.1f} {TOP:.1f}H{middle:.1f}V{drawn.last.y}H{WIDTH - RIGHT:.1f}"
    assert (drawn.last.label, drawn.last.x) == ("1", WIDTH - RIGHT)
    assert [mark.label for mark in drawn.levels] == ["0", "1", "2", "3", "4"]
    assert drawn.levels[0].y == HEIGHT - BOTTOM
    assert [mark.title for mark in drawn.days] == ["2026-03-09", "2026-03-10"]


@given(
    st.lists(st.tuples(st.integers(0, 86_400 * 400), st.integers(0, 2_000_000)), min_size=1, max_size=30),
)
def test_any_history_fits_the_picture(told: list[tuple[int, int]]) -> None:
    """Whatever happened, everything stands inside, the scale begins at 0 and the labels stay few."""
    moments = [Moment(NOW - timedelta(seconds=ago_), quantity) for ago_, quantity in sorted(told, reverse=True)]
    drawn = chart(moments, NOW)
    assert drawn is not None
    assert all(TOP <= mark.y <= HEIGHT - BOTTOM for mark in (*drawn.levels, drawn.last))
    assert all(LEFT <= mark.x <= WIDTH - RIGHT for mark in (*drawn.days, drawn.last))
    assert drawn.levels[0].label == "0"
    assert len(drawn.levels) <= STEPS_MAX + 1
    assert len(drawn.days) <= DAYS_MAX + 1


GLOVE = Product(Sku("GLOVE-X"), "Barbecue glove X leather", "gloves", brand="X")


def test_its_kind_comes_first_and_only_what_is_there() -> None:
    """The likest of its category, then others that sound alike; never itself, nor what is out of stock."""
    others = [
        GLOVE,
        Product(Sku("GLOVE-Y"), "Barbecue glove Y leather", "gloves"),
        Product(Sku("MITT"), "Oven mitt", "gloves"),
        Product(Sku("GONE"), "Barbecue glove Z leather", "gloves"),
        Product(Sku("COVER"), "Barbecue cover leather", "covers"),
        Product(Sku("SPOON"), "Wood", "spoons"),
    ]
    stock = {one.sku: 2 for one in others} | {Sku("GONE"): 0}
    assert [one.sku for one in alike(GLOVE, others, stock)] == ["GLOVE-Y", "MITT", "COVER"]


def test_what_else_is_a_short_list() -> None:
    """An agent reads it aloud."""
    others = [Product(Sku(f"G{number}"), "Barbecue glove X leather", "gloves") for number in range(20)]
    assert len(alike(GLOVE, others, {one.sku: 1 for one in others})) == INSTEAD_MAX


def case(number: int, status: CaseStatus, deadline: datetime | None) -> Case:
    """A case of that number."""
    shop = ChannelName("shop")
    return Case(f"c{number}", shop, "o", "l", Sku("X"), 1, "", status, NOW, deadline_at=deadline)


def test_who_needs_a_person_comes_first_then_the_deadline() -> None:
    """The work list: decisions, then what runs out next."""
    late, soon = NOW + timedelta(hours=9), NOW + timedelta(hours=1)
    found = by_deadline(
        [case(1, CaseStatus.ASKED, late), case(2, CaseStatus.ASKED, soon), case(3, CaseStatus.NEEDS_PERSON, late)]
    )
    assert [one.case_id for one in found] == ["c3", "c2", "c1"]


@pytest.mark.parametrize(
    ("topic", "subject", "to"),
    [
        (Topic.REFUND, "shop:7/GLOVE X/1", "/console/cases/shop:7/GLOVE%20X/1"),
        (Topic.PARKED_LISTING, "ebay:110", "/console/listing/ebay:110"),
        (Topic.COPIED_ORDER, "shop:12", "/console/orders/shop:12"),
        (Topic.BRAKE, "ebay", "/console/channels"),
        (Topic.FEED_HELD, "acme", "/console/suppliers"),
        (Topic.COUNT, "X", ""),
    ],
)
def test_a_question_leads_where_it_is_settled(topic: Topic, subject: str, to: str) -> None:
    """Where there is such a page."""
    assert settled_at(Question(topic, subject, "", NOW)) == to


@pytest.mark.parametrize(
    ("language", "past", "future", "never"),
    [("en", "3 hours ago", "in 2 days", "never"), ("it", "3 ore fa", "tra 2 giorni", "mai")],
)
def test_ages_are_told_in_the_readers_language(language: str, past: str, future: str, never: str) -> None:
    """Both ways."""
    voice = Voice(language)
    told = [ago(at, now=NOW, voice=voice) for at in (NOW - timedelta(hours=3), NOW + timedelta(days=2), None)]
    assert told == [past, future, never]

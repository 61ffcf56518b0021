"""Which orders belong together, which are copies, and which cannot be taken in: pure decisions, as tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.attention.question import Topic
from syncd.channel.port import COPY_PERHAPS, Address, ChannelOrder, OrderStatus
from syncd.identity import ChannelName
from syncd.ledger.movement import State
from syncd.orders.combine import OpenOrder, address_key, together
from syncd.orders.copy import BY_HAND, OWN, Lookalike, doubt, mark_of
from syncd.orders.situation import ReturnPolicy
from syncd.orders.unread.unread import PAUSE_FIRST_SECONDS, PAUSE_LONGEST_SECONDS, UnreadOrder, problem_with
from syncd.testkit.shop_record import BUYER, SHIP_TO
from tests.support.situations import CHANNEL, PLAIN, T0, Book, X, at, euros, line, order

PAID, SHIPPED, UNPAID, CANCELLED = OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.UNPAID, OrderStatus.CANCELLED


def opened(key: str, **told: object) -> OpenOrder:
    """A paid order of Anna's."""
    made = OpenOrder(key, CHANNEL, PAID, T0, "anna", "home", euros("9.90"), 1, (key,))
    return replace(made, **told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("second", "belongs"),
    [
        (opened("b"), True),
        (opened("b", status=UNPAID), True),
        (opened("b", created_at=T0 + timedelta(days=6)), True),
        (opened("b", created_at=T0 + timedelta(days=8)), False),
        (opened("b", status=SHIPPED), False),
        (opened("b", status=CANCELLED), False),
        (opened("b", buyer_id="bruno"), False),
        (opened("b", address_key="office"), False),
        (opened("b", channel=ChannelName("shop")), False),
    ],
)
def test_what_is_sent_together(second: OpenOrder, belongs: bool) -> None:
    """One buyer, one channel, one address, still to be sent, and made about the same time."""
    expected = {"a": ("b",), "b": ("a",)} if belongs else {}
    assert together([opened("a"), second]) == expected


def test_buyers_without_a_name_never_belong_together() -> None:
    """An order whose buyer the channel does not tell is nobody's sister."""
    assert together([opened("a", buyer_id=""), opened("b", buyer_id="")]) == {}


def test_an_address_is_known_again_and_tells_nothing() -> None:
    """Case and blanks do not matter, another house does; the digest holds no word of it."""
    home = Address("Anna Verdi", "Via Roma 1", "Roma", "00100", "RM", "IT")
    assert address_key(home) == address_key(replace(home, name="ANNA  verdi", phone="1"))
    assert address_key(home) != address_key(replace(home, street="Via Roma 2"))
    assert "roma" not in address_key(home)
    assert address_key(None) == ""


def alike(key: str = "shop:9", *, mark: str = COPY_PERHAPS, hours: float = 1, things: object = None) -> Lookalike:
    """An order of the webshop to the same address."""
    same = (("X", 1),) if things is None else things
    return Lookalike(key, ChannelName("shop"), T0 + timedelta(hours=hours), mark, same)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mark", "other", "asked"),
    [
        ("", alike(), "shop:9"),
        (COPY_PERHAPS, alike(mark=""), "ebay:o1"),
        ("", alike(mark=""), None),
        (COPY_PERHAPS, alike(mark=COPY_PERHAPS), None),
        ("", alike(mark=OWN), None),
        ("", alike(mark="meta x"), None),
        ("", alike(hours=49), None),
        ("", alike(things=(("X", 2),)), None),
    ],
)
def test_only_what_a_program_wrote_is_doubted(mark: str, other: Lookalike, asked: str | None) -> None:
    """Two people of one house may buy the same in two places: only an order no person made is asked about."""
    question = doubt(order(line(sku="X"), created=0), "ebay:o1", mark, [other], T0)
    assert (question.subject if question else None) == asked


@pytest.mark.parametrize(
    ("told", "known", "counts"),
    [
        ("", "", ""),
        ("meta x", "", "meta x"),
        ("meta x", OWN, OWN),
        (COPY_PERHAPS, BY_HAND, BY_HAND),
        ("", "meta x", "meta x"),
        ("created_via y", "meta x", "created_via y"),
    ],
)
def test_a_person_has_the_last_word(told: str, known: str, counts: str) -> None:
    """What a person said counts, then what the channel says now, then what it said before."""
    assert mark_of(told, known) == counts


def test_an_order_found_out_as_a_copy_gives_everything_back_once() -> None:
    """Held as an order of its own until the mark was configured: its units are free again, and stay so."""
    book = Book({X: 5}, facts=PLAIN)
    book.take(order(line(quantity=2, decremented=2)))
    assert book.held() == {"available": 3, "reserved": 2}
    for modified in (30, 40):
        book.take(replace(order(line(quantity=2, decremented=2), modified=modified), copy_of="meta x"))
        assert book.held() == {"available": 5}
    book.take(replace(order(line(quantity=2, decremented=2), status=SHIPPED, modified=50), copy_of="meta x"))
    assert (book.held(), book.sent()) == ({"available": 5}, 0)
    book.assert_sound()


@pytest.mark.parametrize(
    ("returns", "held"),
    [
        (ReturnPolicy.ASK, {"available": 2}),
        (ReturnPolicy.AVAILABLE, {"available": 3}),
        (ReturnPolicy.UNAVAILABLE, {"available": 2, "unavailable": 1}),
    ],
)
def test_what_comes_back_goes_where_the_merchant_says(returns: ReturnPolicy, held: dict[str, int]) -> None:
    """Refunded and put back by the channel after it was sent: asked about, for sale, or set aside; once."""
    book = Book({X: 5}, facts=PLAIN)
    book.policy = replace(book.policy, returns=returns)
    book.take(order(line(quantity=3, decremented=3)))
    book.take(order(line(quantity=3, decremented=3), status=SHIPPED, modified=30))
    for modified in (40, 50):
        book.take(order(line(quantity=3, decremented=2, refunded=1), status=SHIPPED, modified=modified))
        assert book.held() == held
    asked = [q.topic for q in book.take(order(line(quantity=3, decremented=1), status=SHIPPED, modified=60)).questions]
    assert asked == ([Topic.RETURN] if returns is ReturnPolicy.ASK else [])
    book.assert_sound()


def test_what_is_refunded_and_not_put_back_is_set_aside_once() -> None:
    """Two refunds, a repeat, an edit: as many lie aside as the channel kept off its number, no more."""
    book = Book({X: 9}, facts=PLAIN)
    book.take(order(line(quantity=5, decremented=5)))
    for refunded, aside in ((1, 1), (1, 1), (3, 3)):
        book.take(order(line(quantity=5, decremented=5, refunded=refunded), modified=30 + refunded))
        assert book.held().get(State.UNAVAILABLE, 0) == aside
    book.take(order(line(quantity=4, decremented=4, refunded=3), modified=50))
    assert book.held() == {"available": 5, "reserved": 1, "unavailable": 3}
    book.assert_sound()


def test_unpaid_before_the_start_and_paid_after_it() -> None:
    """Where the channel lowers its number at the payment the sale is ours; where it did so at the sale it is not."""
    for at_sale, held in ((False, {"available": 4, "reserved": 1}), (True, {"available": 5})):
        facts = replace(PLAIN, decrements_unpaid=at_sale, unpaid_expires_seconds=None)
        book = Book({X: 5}, facts=facts)
        book.take(order(line(decremented=int(at_sale)), status=UNPAID, created=-50, modified=5))
        book.take(order(line(decremented=1), created=-50, modified=30))
        assert book.held() == held


def test_first_seen_when_it_was_paid_after_the_start() -> None:
    """The pending order was never seen: the channel's own time of taking the units decides."""
    for sold, held in ((at(5), {"available": 4, "reserved": 1}), (at(-5), {"available": 5})):
        book = Book({X: 5}, facts=PLAIN)
        book.take(replace(order(line(decremented=1), created=-50, modified=30), sold_at=sold))
        assert book.held() == held


def broken(**told: object) -> ChannelOrder:
    """An order with something about it that cannot be."""
    return replace(order(line()), **told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "one",
    [
        broken(lines=(line(quantity=-1),)),
        broken(lines=(line(quantity=10**9),)),
        broken(lines=(line(refunded=-1),)),
        broken(lines=(line("a"), line("a"))),
        broken(lines=tuple(line(f"l{n}") for n in range(1001))),
        broken(buyer=replace(BUYER, name="An\0na")),
        broken(ship_to=replace(SHIP_TO, street="\ud800")),
        broken(number="1" * 30_000),
    ],
)
def test_what_cannot_be_true_is_not_taken_in(one: ChannelOrder) -> None:
    """Numbers that would empty every shelf, text no store keeps: said in one sentence that names nobody."""
    assert problem_with(one)
    assert BUYER.name not in problem_with(one)
    assert problem_with(order(line(), line("l2", quantity=0))) == ""


def test_it_is_tried_ever_less_often() -> None:
    """Pauses double up to a day, for ever."""
    one, pauses = UnreadOrder(CHANNEL, "o1", "", 0, T0), []
    for _ in range(30):
        one = one.failed("unreadable", T0)
        pauses.append((one.next_at - T0).total_seconds())
    assert pauses[:3] == [PAUSE_FIRST_SECONDS * factor for factor in (1, 2, 4)]
    assert pauses[-1] == PAUSE_LONGEST_SECONDS

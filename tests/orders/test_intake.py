"""What an imported order means for stock, version after version."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.attention.question import Topic
from syncd.channel.port import OrderStatus
from syncd.ledger.movement import SUPPLIER, Movement, Reason, available
from syncd.listing.listing import Component
from syncd.reservation.hold import HoldStatus
from tests.support.situations import COUNTING, L2, PLAIN, Book, X, Y, at, line, listing, order

UNPAID, PAID, SHIPPED, CANCELLED = OrderStatus.UNPAID, OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.CANCELLED


def test_new_order_reserves() -> None:
    """A paid order moves its units from available to reserved."""
    book = Book({X: 5})
    assert book.take(order(line(quantity=2))).news == "accepted"
    assert book.held() == {"available": 3, "reserved": 2}
    assert (book.demand().need, book.demand().short) == (2, 0)
    book.assert_sound()


def test_the_same_order_again_changes_nothing() -> None:
    """Webhook and poll may both bring it: nothing moves, nothing is new (R14)."""
    book = Book({X: 5})
    book.take(order(line(quantity=2)))
    before = (dict(book.lines), dict(book.demands), dict(book.reservations), dict(book.listings))
    again = book.take(order(line(quantity=2)))
    assert (again.movements, again.news) == ([], "")
    assert (book.lines, book.demands, book.reservations, book.listings) == before


@pytest.mark.parametrize("facts", [COUNTING, PLAIN], ids=["counting", "plain"])
def test_unpaid_then_paid_then_cancelled(facts: object) -> None:
    """Unpaid reserves too, paying changes no stock, cancelling gives it back once."""
    book = Book({X: 5}, facts=replace(facts, unpaid_expires_seconds=3600))  # type: ignore[type-var]
    book.take(order(line(quantity=2), status=UNPAID))
    (reservation,) = book.reservations.values()
    assert reservation.expires_at == at(3610)
    book.take(order(line(quantity=2), modified=30))
    (reservation,) = book.reservations.values()
    assert (reservation.expires_at, reservation.channel_holds, reservation.open) == (None, False, 2)
    cancelled = book.take(order(line(quantity=2, cancelled=2), status=CANCELLED, modified=40))
    assert (cancelled.news, book.held()) == ("cancelled", {"available": 5})
    assert book.take(order(line(quantity=2, cancelled=2), status=CANCELLED, modified=40)).movements == []
    book.assert_sound()


def test_unpaid_order_the_channel_holds_itself() -> None:
    """Where the channel subtracts unpaid orders on its own, the promise says so until the order is paid."""
    book = Book({X: 5}, facts=PLAIN)
    book.take(order(line(decremented=0), status=UNPAID))
    assert [r.channel_holds for r in book.reservations.values()] == [True]
    book.take(order(line(decremented=1), modified=30))
    assert [r.channel_holds for r in book.reservations.values()] == [False]


def test_lapsed_unpaid_order_needs_nothing() -> None:
    """Told again after the channel has given it up, an unpaid order takes no stock; paid after all, it does."""
    book = Book({X: 1}, facts=replace(PLAIN, unpaid_expires_seconds=60))
    book.take(order(line(), status=UNPAID), now=20)
    assert book.take(order(line(), status=UNPAID), now=80).movements != []
    assert book.held() == {"available": 1}
    assert book.take(order(line(), status=UNPAID), now=90).movements == []
    book.take(order(line(), modified=95), now=100)
    assert book.held() == {"reserved": 1}
    book.assert_sound()


def test_partial_refund_before_shipping_frees_units() -> None:
    """A unit refunded before it was sent is free again."""
    book = Book({X: 5})
    book.take(order(line(quantity=3)))
    book.take(order(line(quantity=3, refunded=1), modified=30))
    assert book.held() == {"available": 3, "reserved": 2}
    book.assert_sound()


def test_refunded_unit_is_not_sent_with_the_rest() -> None:
    """Once shipped, only what was still wanted has left the house; a later refund gives nothing back."""
    book = Book({X: 5})
    book.take(order(line(quantity=3)))
    book.take(order(line(quantity=3, refunded=1), modified=30))
    book.take(order(line(quantity=3, refunded=1), status=SHIPPED, modified=40))
    assert (book.held(), book.sent()) == ({"available": 3}, 2)
    book.take(order(line(quantity=3, refunded=3), status=SHIPPED, modified=50))
    assert (book.held(), book.sent()) == ({"available": 3}, 2)
    book.assert_sound()


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (2, 2)])
def test_edited_quantity_posts_the_difference(before: int, after: int) -> None:
    """An edit moves exactly the difference (R18)."""
    book = Book({X: 5})
    book.take(order(line(quantity=before)))
    moved = book.take(order(line(quantity=after), modified=30)).movements
    assert sum(m.quantity for m in moved) == abs(after - before)
    assert book.held() == {"available": 5 - after, "reserved": after}
    book.assert_sound()


def test_dropped_line_is_given_back() -> None:
    """A line edited away frees everything held for it, also when nothing else in the order sells its SKU."""
    book = Book({X: 1, Y: 1}, listings=[listing(Component(X)), listing(Component(Y), listing_id=L2)])
    book.take(order(line(), line("l2", listing_id=L2)))
    book.take(order(line(), modified=30))
    assert (book.held(X), book.held(Y)) == ({"reserved": 1}, {"available": 1})
    assert book.take(order(line(), modified=40)).movements == []
    book.assert_sound()


def test_dropped_line_serves_its_replacement() -> None:
    """The last unit freed by one line of an edit covers the other line of the same edit."""
    book = Book({X: 1})
    book.take(order(line("l1")))
    book.take(order(line("l2"), modified=30))
    assert (book.held(), book.demand("l2").short) == ({"reserved": 1}, 0)
    book.take(order(line("l1"), line("l2", quantity=0), modified=40))
    assert (book.held(), book.demand("l1").short) == ({"reserved": 1}, 0)
    book.assert_sound()


def test_shipped_units_leave_the_house_once() -> None:
    """Shipping moves reserved to the customer; telling it again moves nothing."""
    book = Book({X: 5})
    book.take(order(line(quantity=2)))
    assert book.take(order(line(quantity=2), status=SHIPPED, modified=30)).news == "shipped"
    assert (book.held(), book.sent()) == ({"available": 3}, 2)
    assert [r.status for r in book.reservations.values()] == [HoldStatus.FULFILLED]
    assert book.take(order(line(quantity=2), status=SHIPPED, modified=30)).movements == []
    book.assert_sound()


def test_order_first_seen_shipped() -> None:
    """An order that was sent before we saw it takes its units out of the house at once."""
    book = Book({X: 5})
    book.take(order(line(quantity=2), status=SHIPPED))
    assert (book.held(), book.sent()) == ({"available": 3}, 2)
    book.assert_sound()


def test_shipped_though_short_asks_for_a_count_not_for_the_customer() -> None:
    """Goods the books do not hold were sent all the same: no case may refund them; the shelf is to be counted."""
    book = Book({X: 1})
    book.take(order(line(quantity=2)))
    assert book.demand().short == 1
    intake = book.take(order(line(quantity=2), status=SHIPPED, modified=30))
    assert (book.demand().short, book.demand().need, book.sent()) == (0, 1, 1)
    assert [q.topic for q in intake.questions] == [Topic.COUNT]
    assert book.take(order(line(quantity=2), status=SHIPPED, modified=30)).questions == []
    book.assert_sound()


def test_shipped_though_short_takes_what_came_meanwhile() -> None:
    """Stock that arrived after the shortage is what was sent."""
    book = Book({X: 0, Y: 0})
    book.take(order(line()))
    book.put(*_receipt(2))
    book.take(order(line(), status=SHIPPED, modified=30))
    assert (book.held(), book.sent()) == ({"available": 1}, 1)
    book.assert_sound()


def _receipt(units: int) -> list[Movement]:

    return [Movement("receipt", X, units, SUPPLIER, available("main"), Reason.RECEIPT, at(25))]


def test_cancelled_after_shipping_leaves_what_left() -> None:
    """What is with the customer comes back by a scan, not by a cancellation."""
    book = Book({X: 5})
    book.take(order(line(), status=SHIPPED))
    book.take(order(line(cancelled=1), status=CANCELLED, modified=30))
    assert (book.held(), book.sent(), book.demand().need) == ({"available": 4}, 1, 1)
    book.assert_sound()


def test_order_from_before_the_start_moves_nothing() -> None:
    """Orders older than syncd's watch are kept and touch no stock, whatever becomes of them."""
    book = Book({X: 5})
    for status in (UNPAID, PAID, SHIPPED, CANCELLED):
        intake = book.take(order(line(), status=status, created=-10, modified=30))
        assert (intake.movements, intake.demands, intake.before_start) == ([], [], True)
    assert book.held() == {"available": 5}


@pytest.mark.parametrize(("created", "ours"), [(9, False), (10, True), (11, True)])
def test_whole_seconds_do_not_put_an_order_before_the_start(created: float, ours: bool) -> None:
    """A channel that tells time in whole seconds must not lose the sales of the second in which syncd started."""
    book = Book({X: 5})
    book.policy = replace(book.policy, since=at(10.6))
    assert book.take(order(line(), created=created)).before_start is not ours

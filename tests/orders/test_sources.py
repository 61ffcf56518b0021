"""Where an order's units come from: links, units in flight, suppliers, locations; and orders that merge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.attention.question import Topic
from syncd.channel.port import OrderLine, OrderStatus
from syncd.ledger.movement import OPENING, Movement, Reason, available, in_flight
from syncd.listing.belief import Belief
from syncd.listing.listing import Component
from tests.support.situations import COUNTING, L1, L2, PLAIN, Book, X, Y, at, line, listing, offer, order

UNPAID, PAID, SHIPPED, CANCELLED = OrderStatus.UNPAID, OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.CANCELLED
FLYING = Belief(
    shown=4, shown_at=at(5), shown_sold=11, read_at=at(5), sold=11, counted_from=at(0), imported=10, in_flight=1
)


def in_flight_book(stock: int, flying: int = 1) -> Book:
    """A book with units in flight for sales the counter told of."""
    belief = replace(FLYING, sold=10 + flying, shown_sold=10 + flying, in_flight=flying)
    book = Book({X: stock + flying}, listings=[listing(Component(X), belief=belief)], facts=COUNTING)

    book.put(Movement("fly", X, flying, available("main"), in_flight("main"), Reason.SALE, at(5)))
    return book


def test_order_from_before_the_start_explains_the_counter() -> None:
    """Sold after the listing was first read and before syncd answers for orders: nothing stays in flight for it."""
    book = in_flight_book(4)
    book.policy = replace(book.policy, since=at(15))
    book.take(order(line(), created=10))
    assert (book.held(), book.listings[L1].belief.in_flight) == ({"available": 5}, 0)


def test_unlinked_line_keeps_the_order_and_asks() -> None:
    """A line that names nothing we stock raises a question; the other lines are served."""
    book = Book({X: 5}, listings=[listing(Component(X)), listing(listing_id=L2)])
    intake = book.take(order(line(), line("l2", listing_id=L2)))
    assert book.held() == {"available": 4, "reserved": 1}
    assert [(q.topic, q.subject) for q in intake.questions] == [(Topic.UNLINKED_ORDER_LINE, "ebay:l2")]
    assert "syncd link ebay:1002 SKU" in intake.questions[0].sentence
    assert [one.linked for one in sorted(intake.lines, key=lambda x: x.line_id)] == [True, False]


def test_line_linked_later_is_reserved() -> None:
    """As soon as the listing is linked the kept order takes its units."""
    book = Book({X: 5}, listings=[listing(listing_id=L2)])
    told = order(line("l2", quantity=2, listing_id=L2))
    book.take(told)
    book.listings[L2] = listing(Component(X), listing_id=L2)
    intake = book.take(told)
    assert (book.held(), intake.questions) == ({"available": 3, "reserved": 2}, [])
    assert intake.lines[0].linked
    book.assert_sound()


@pytest.mark.parametrize("known_listing", [True, False])
def test_line_is_linked_by_the_sku_it_names(known_listing: bool) -> None:
    """Without a linked listing the very SKU the order names is taken, whether the listing is known or not."""
    book = Book({X: 5}, listings=[listing(listing_id=L2)])
    book.stocked = {"X": X}
    told = order(line("l2", listing_id=L2 if known_listing else None, sku=" X "))
    assert book.take(told).questions == []
    assert book.held() == {"available": 4, "reserved": 1}


def test_relinked_listing_moves_the_promise() -> None:
    """A wrong link put right frees what was held of the wrong SKU."""
    book = Book({X: 1, Y: 1})
    book.take(order(line()))
    book.listings[L1] = listing(Component(Y))
    book.take(order(line(), modified=30))
    assert (book.held(X), book.held(Y)) == ({"available": 1}, {"reserved": 1})
    book.assert_sound()


def test_units_in_flight_are_used_first() -> None:
    """The order of a sale the counter told of takes the units already held for it: nothing is decremented twice."""
    book = in_flight_book(4)
    intake = book.take(order(line()))
    assert [(str(m.source), str(m.destination)) for m in intake.movements] == [("main/in-flight", "main/reserved")]
    assert book.held() == {"available": 4, "reserved": 1}
    assert (book.listings[L1].belief.unexplained, book.listings[L1].belief.in_flight) == (0, 0)
    book.assert_sound()


def test_other_sales_in_flight_are_left_alone() -> None:
    """An order takes only the units its own sale put in flight."""
    book = in_flight_book(4, flying=3)
    book.take(order(line()))
    assert book.held() == {"available": 4, "reserved": 1, "in-flight": 2}
    book.assert_sound()


def test_order_the_counter_does_not_count_leaves_the_flight_alone() -> None:
    """An unpaid order its channel has not counted must not use up units in flight for another sale."""
    book = in_flight_book(4)
    book.policy = replace(book.policy, capabilities=replace(COUNTING, decrements_unpaid=False))
    book.take(order(line(), status=UNPAID))
    assert book.held() == {"available": 3, "reserved": 1, "in-flight": 1}
    book.assert_sound()


def test_sale_cancelled_before_it_was_seen_lands() -> None:
    """A sale the counter told of, cancelled before its order was first imported, holds nothing any longer (R9)."""
    book = in_flight_book(4)
    book.take(order(line(cancelled=1), status=CANCELLED))
    assert book.held() == {"available": 5}
    assert book.listings[L1].belief.in_flight == 0
    book.assert_sound()


def test_cancellation_does_not_put_a_counted_sale_in_flight_again() -> None:
    """Where the counter keeps a cancelled sale, the import keeps explaining it."""
    book = in_flight_book(4)
    book.take(order(line(decremented=1)))
    book.take(order(line(decremented=0, cancelled=1), status=CANCELLED, modified=30))
    assert (book.held(), book.listings[L1].belief.unexplained) == ({"available": 5}, 0)


def test_supplier_covers_what_the_shelf_does_not() -> None:
    """Missing units are bought; only what nobody offers is short."""
    book = Book({X: 1}, offers=[offer(2)])
    intake = book.take(order(line(quantity=4)))
    assert [(p.supplier, p.quantity) for p in intake.purchases] == [("acme", 2)]
    assert (book.demand().purchased, book.demand().short, book.demand().short_since) == (2, 1, at(20))
    assert book.demand().cause == "the order came when no stock was left"
    book.assert_sound()


def test_two_lines_do_not_buy_the_same_offer_twice() -> None:
    """Two lines of one SKU share shelf and offer; together they take no more than there is."""
    book = Book({X: 1}, offers=[offer(1)])
    intake = book.take(order(line("l1", 2), line("l2", 2)))
    assert sum(p.quantity for p in intake.purchases) == 1
    assert sum(d.short for d in book.demands.values()) == 2
    assert book.held() == {"reserved": 1}
    book.assert_sound()


def test_giving_back_ends_the_short_first_then_stock_then_purchases() -> None:
    """What was never covered goes first, bought units last: a supplier may know of them."""
    book = Book({X: 1}, offers=[offer(1)])
    book.take(order(line(quantity=3)))
    book.take(order(line(quantity=2), modified=30))
    assert (book.demand().short, book.demand().purchased, book.held()) == (0, 1, {"reserved": 1})
    intake = book.take(order(line(quantity=3, cancelled=3), status=CANCELLED, modified=40))
    assert intake.unbought == {("l1", X): 1}
    assert (book.demand().purchased, book.held()) == (0, {"available": 1})
    book.assert_sound()


def test_refunded_case_is_not_short_again() -> None:
    """What a case has refunded stays settled, even where the channel's order never shows the refund."""
    book = Book({X: 1})
    book.take(order(line(quantity=2)))
    demand = book.demand()
    book.demands[("l1", X)] = replace(demand, short=0, need=1, forgone=1)
    book.take(order(line(quantity=2), status=SHIPPED, modified=30))
    assert (book.demand().short, book.demand().need, book.sent()) == (0, 1, 1)
    book.assert_sound()


def test_refunded_case_that_the_channel_shows_is_counted_once() -> None:
    """A refund that the order shows as well takes no second unit."""
    book = Book({X: 1})
    book.take(order(line(quantity=2)))
    book.demands[("l1", X)] = replace(book.demand(), short=0, need=1, forgone=1)
    book.take(order(line(quantity=2, refunded=1), modified=30))
    assert (book.demand().need, book.held()) == (1, {"reserved": 1})
    book.assert_sound()


def test_order_renamed_once_paid() -> None:
    """eBay gives an unpaid order another id when it is paid: its lines keep it one order."""
    book = Book({X: 5})
    book.take(order(line(), status=UNPAID, order_id="temporary"))
    intake = book.take(order(line(), order_id="final", modified=30))
    assert (intake.order_key, len(book.orders), intake.movements) == ("ebay:temporary", 1, [])
    book.assert_sound()


def test_split_orders_are_merged_with_their_promises() -> None:
    """Lines first shown as separate orders become one, and what is held for them follows: nothing is held twice."""
    book = Book({X: 5})
    book.take(order(line("l1"), order_id="a"))
    book.take(order(line("l2"), order_id="b", created=11))
    assert book.take(order(line("l1"), line("l2"), order_id="c", modified=30)).movements == []
    assert {r.order_key for r in book.reservations.values()} == {"ebay:a"}
    book.take(order(line("l1"), line("l2"), order_id="c", status=SHIPPED, modified=40))
    assert (book.held(), book.sent(), len(book.orders)) == ({"available": 3}, 2, 1)
    book.assert_sound()


def test_a_part_told_late_drops_no_other_line() -> None:
    """A fragment that comes after the merged order says nothing about the lines it does not hold."""
    book = Book({X: 5})
    book.take(order(line("l1"), line("l2"), order_id="c"))
    book.take(order(line("l2"), order_id="b"))
    assert book.held() == {"available": 3, "reserved": 2}
    book.assert_sound()


def test_pack_and_bundle_reserve_base_units() -> None:
    """A pack of three takes three, a bundle every component."""
    book = Book(
        {X: 9, Y: 9}, listings=[listing(Component(X, 3)), listing(Component(X), Component(Y, 2), listing_id=L2)]
    )
    book.take(order(line("l1", 2), line("l2", 1, L2)))
    assert (book.held(X), book.held(Y)) == ({"available": 2, "reserved": 7}, {"available": 7, "reserved": 2})
    book.assert_sound()


def test_bundle_short_of_one_component() -> None:
    """The missing component alone is short."""
    book = Book({X: 1}, listings=[listing(Component(X), Component(Y))])
    book.take(order(line()))
    assert (book.demand(sku=X).short, book.demand(sku=Y).short) == (0, 1)
    book.assert_sound()


def test_several_locations_serve_in_order() -> None:
    """Units come from the channel's locations one after the other, each with its own reservation."""

    book = Book({X: 1}, locations=("main", "barn"))
    book.put(Movement("barn", X, 5, OPENING, available("barn"), Reason.RECEIPT, at(0)))
    book.take(order(line(quantity=3)))
    assert {r.location: r.open for r in book.reservations.values()} == {"main": 1, "barn": 2}
    book.assert_sound()


def test_belief_without_counter_follows_what_the_channel_took() -> None:
    """Each line says what its channel took off or put back; the belief moves by the difference."""
    seen = Belief(shown=5, shown_at=at(0), read_at=at(0), counted_from=at(0))
    book = Book({X: 5}, listings=[listing(Component(X), belief=seen)], facts=PLAIN)

    def expected(told: OrderLine, status: OrderStatus, modified: float) -> int | None:
        book.take(order(told, status=status, modified=modified))
        return book.listings[L1].belief.expected

    assert expected(line(quantity=2, decremented=0), UNPAID, 10) == 5
    assert expected(line(quantity=2, decremented=2), PAID, 20) == 3
    assert expected(line(quantity=2, decremented=0, cancelled=2), CANCELLED, 30) == 5


def test_unknown_quantities_are_taken_by_the_channels_rules() -> None:
    """Where a line does not say what was taken off, the capabilities decide."""
    seen = Belief(shown=5, shown_at=at(0), read_at=at(0), counted_from=at(0))
    for facts, unpaid in ((PLAIN, 5), (replace(PLAIN, decrements_unpaid=True), 4)):
        book = Book({X: 5}, listings=[listing(Component(X), belief=seen)], facts=facts)
        book.take(order(line(), status=UNPAID))
        assert book.listings[L1].belief.expected == unpaid
        book.take(order(line(cancelled=1), status=CANCELLED, modified=30))
        assert book.listings[L1].belief.expected == 5

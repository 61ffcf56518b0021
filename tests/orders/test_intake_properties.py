"""Whatever versions of orders come, in whatever order: needs stay covered and the ledger stays sound."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.channel.port import ChannelOrder, OrderStatus
from syncd.listing.listing import Component
from tests.support.situations import COUNTING, L1, L2, PLAIN, Book, X, Y, line, listing, offer, order

STATUSES = st.sampled_from(list(OrderStatus))
LINES = st.lists(
    st.builds(
        lambda name, quantity, cancelled, refunded, listing_id: line(
            name, quantity, listing_id, cancelled=min(cancelled, quantity), refunded=min(refunded, quantity)
        ),
        st.sampled_from(["l1", "l2", "l3"]),
        st.integers(0, 4),
        st.integers(0, 2),
        st.integers(0, 2),
        st.sampled_from([L1, L2]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one.line_id,
)


@st.composite
def versions(draw: st.DrawFn) -> list[ChannelOrder]:
    """Up to eight versions of one order, edited at will."""
    told = []
    for number in range(draw(st.integers(1, 8))):
        status = draw(STATUSES)
        lines = [replace(one, line_id=f"{one.line_id}@{one.listing_id}") for one in draw(LINES)]
        if status is OrderStatus.CANCELLED:
            lines = [replace(one, cancelled=one.quantity) for one in lines]
        told.append(order(*lines, status=status, modified=10 + number))
    return told


@settings(max_examples=150, deadline=None)
@given(told=versions(), stock=st.integers(0, 6), offered=st.integers(0, 3), counting=st.booleans())
def test_any_history_keeps_the_books_sound(told: list[ChannelOrder], stock: int, offered: int, counting: bool) -> None:
    """After every version needs are covered, nothing is below zero, and the same version again is nothing."""
    book = Book(
        {X: stock, Y: stock},
        listings=[listing(Component(X)), listing(Component(X, 2), Component(Y), listing_id=L2)],
        facts=replace(COUNTING if counting else PLAIN, unpaid_expires_seconds=16),
        offers=[offer(offered)] if offered else [],
    )
    for one in told:
        book.take(one)
        book.assert_sound()
        demands, reservations = dict(book.demands), dict(book.reservations)
        again = book.take(one)
        assert (again.movements, again.purchases) == ([], [])
        assert (book.demands, book.reservations) == (demands, reservations)


@settings(max_examples=60, deadline=None)
@given(quantities=st.lists(st.integers(1, 4), min_size=1, max_size=8), stock=st.integers(0, 10))
def test_promises_never_exceed_the_shelf(quantities: list[int], stock: int) -> None:
    """Many orders for one SKU: reserved and short come to what was ordered, reserved to no more than there is."""
    book = Book({X: stock})
    for number, quantity in enumerate(quantities):
        book.take(order(line(f"l{number}", quantity), order_id=f"o{number}"))
        book.assert_sound()
    reserved = book.held().get("reserved", 0)
    assert reserved == min(stock, sum(quantities))
    assert reserved + sum(d.short for d in book.demands.values()) == sum(quantities)


@settings(max_examples=60, deadline=None)
@given(told=versions())
def test_cancelling_gives_everything_back(told: list[ChannelOrder]) -> None:
    """However an order was edited: as long as nothing was sent, cancelling it restores the shelf to the unit."""
    book = Book({X: 9, Y: 9}, listings=[listing(Component(X)), listing(Component(X, 2), Component(Y), listing_id=L2)])
    unsent = [one for one in told if one.status is not OrderStatus.SHIPPED]
    for one in unsent:
        book.take(one)
    if unsent:
        gone = replace(unsent[-1], status=OrderStatus.CANCELLED)
        book.take(replace(gone, lines=tuple(replace(one, cancelled=one.quantity) for one in gone.lines)))
        assert (book.held(X), book.held(Y)) == ({"available": 9}, {"available": 9})


@st.composite
def revisions(draw: st.DrawFn) -> list[ChannelOrder]:
    """An order from its first version to its last, each with its own time, changed at will but sent only at the end."""
    ending = draw(STATUSES)
    told = []
    count = draw(st.integers(1, 6))
    for number in range(count):
        last = number == count - 1
        status = (
            ending if last else draw(st.sampled_from([OrderStatus.UNPAID, OrderStatus.PAID, OrderStatus.CANCELLED]))
        )
        lines = [replace(one, line_id=f"{one.line_id}@{one.listing_id}") for one in draw(LINES)]
        if ending is OrderStatus.SHIPPED:
            lines = [replace(one, refunded=0) for one in lines]  # when it was refunded, only who was there knows
        if status is OrderStatus.CANCELLED:
            lines = [replace(one, cancelled=one.quantity) for one in lines]
        told.append(order(*lines, status=status, modified=10 + number, order_id=f"id{draw(st.integers(0, 1))}"))
    if len({one.order_id for one in told}) > 1:  # renamed once, as eBay does; such an order loses no lines
        told = [replace(one, order_id="paid" if at else "unpaid", lines=told[-1].lines) for at, one in enumerate(told)]
    return told


def stocked_book(counting: bool) -> Book:
    """A shelf that is never empty."""
    listings = [listing(Component(X)), listing(Component(X, 2), Component(Y), listing_id=L2)]
    facts = replace(COUNTING if counting else PLAIN, unpaid_expires_seconds=None)
    return Book({X: 40, Y: 40}, listings=listings, facts=facts)


@settings(max_examples=200, deadline=None)
@given(told=revisions(), data=st.data(), counting=st.booleans())
def test_any_way_to_the_last_version_ends_the_same(
    told: list[ChannelOrder], data: st.DataObject, counting: bool
) -> None:
    """Late, doubled or out of order: the shelf ends as if only the last version had ever come, promises ended once."""
    arriving = data.draw(st.permutations([*told, *data.draw(st.lists(st.sampled_from(told), max_size=3))]))
    book, once = stocked_book(counting), stocked_book(counting)
    for one in arriving:
        book.hear(one)
        book.assert_sound()
    once.take(told[-1])
    for sku in (X, Y):
        assert (book.held(sku), book.sent(sku)) == (once.held(sku), once.sent(sku))
    for reservation in book.reservations.values():
        into = sum(m.quantity for m in book.movements if m.destination.state == "reserved" and m.sku == reservation.sku)
        out = sum(m.quantity for m in book.movements if m.source.state == "reserved" and m.sku == reservation.sku)
        assert into - out == sum(r.open for r in book.reservations.values() if r.sku == reservation.sku)
        ended = told[-1].status in (OrderStatus.SHIPPED, OrderStatus.CANCELLED)
        assert (reservation.open == 0) or not ended
        assert (reservation.status == "held") == bool(reservation.open)

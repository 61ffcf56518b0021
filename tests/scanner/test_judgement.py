"""What a scan does to stock, decided on balances and promises alone: by table, and by properties that always hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.identity import ChannelName, Sku
from syncd.ledger.balance import Balances
from syncd.ledger.movement import Account, Reason, State
from syncd.reservation.hold import Demand, HoldStatus, Reservation
from syncd.scanner.judgement import COUNTED_CAUSE, SOLD_CAUSE, Judgement, Shelf, judge
from syncd.scanner.scan import Scan, ScanKind, ScanVerdict

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
GLOVE = Sku("GLOVE-X")
SHOP = ChannelName("shop")


def promise(line_id: str, units: int, *, age: int, location: str = "main") -> Reservation:
    """Units held for a line, so many minutes ago."""
    held_at = NOW - timedelta(minutes=age)
    identity = f"shop:{line_id}/{GLOVE}@{location}"
    return Reservation(
        identity, SHOP, line_id, f"shop:{line_id}", GLOVE, location, units, 0, 0, HoldStatus.HELD, held_at
    )


def shelf(
    available: int, *promises: Reservation, in_flight: int = 0, unavailable: int = 0, moved_since: int = 0
) -> Shelf:
    """A shelf at main that holds exactly what its promises need, and the rest as told."""
    accounts = {
        Account("main", State.AVAILABLE): available,
        Account("main", State.RESERVED): sum(one.open for one in promises if one.location == "main"),
        Account("main", State.IN_FLIGHT): in_flight,
        Account("main", State.UNAVAILABLE): unavailable,
    }
    demands = {(SHOP, one.line_id): Demand(SHOP, one.line_id, GLOVE, one.order_key, one.quantity) for one in promises}
    return Shelf(GLOVE, Balances({GLOVE: accounts}), promises, demands, NOW, moved_since)


def scan(kind: ScanKind, quantity: int = 1, *, reason: Reason | None = None, to_location: str | None = None) -> Scan:
    """A scan at main, now."""
    return Scan("s1", kind, GLOVE, quantity, "main", NOW, "anna", reason, to_location)


def moved(judgement: Judgement) -> list[tuple[str, int, str, str, str]]:
    """The movements as one reads them."""
    return [(m.key, m.quantity, str(m.source), str(m.destination), m.reason.value) for m in judgement.movements]


@pytest.mark.parametrize(
    ("done", "movement"),
    [
        (scan(ScanKind.COUNTER_SALE, 2), (2, "main/available", "outside/customer", "sale")),
        (scan(ScanKind.RECEIPT, 3), (3, "outside/supplier", "main/available", "receipt")),
        (scan(ScanKind.RETURN), (1, "outside/customer", "main/available", "return")),
        (scan(ScanKind.DAMAGED, reason=Reason.DAMAGED), (1, "main/available", "main/unavailable", "damaged")),
        (scan(ScanKind.ADJUST, 2, reason=Reason.OTHER), (2, "outside/loss", "main/available", "other")),
        (scan(ScanKind.ADJUST, -2, reason=Reason.SHRINKAGE), (2, "main/available", "outside/loss", "shrinkage")),
        (scan(ScanKind.TRANSFER, 5, to_location="shop-2"), (5, "main/available", "shop-2/available", "transfer")),
        (scan(ScanKind.COUNT, 8), (3, "outside/loss", "main/available", "cycle_count")),
        (scan(ScanKind.COUNT, 4), (1, "main/available", "outside/loss", "cycle_count")),
    ],
)
def test_every_kind_moves_what_it_says(done: Scan, movement: tuple[int, str, str, str]) -> None:
    """Of a shelf with five free gloves, each kind is one movement between the right accounts."""
    judgement = judge(done, shelf(5))
    assert judgement.result.verdict is ScanVerdict.POSTED
    assert moved(judgement) == [("scan:s1", *movement)]
    assert not judgement.broken


@pytest.mark.parametrize(
    "done",
    [
        scan(ScanKind.DAMAGED, 6, reason=Reason.DAMAGED),
        scan(ScanKind.ADJUST, -6, reason=Reason.SHRINKAGE),
        scan(ScanKind.TRANSFER, 6, to_location="shop-2"),
    ],
)
def test_nothing_takes_more_than_is_free(done: Scan) -> None:
    """Promised gloves are not damaged, lost or carried away without a count; the sentence says what to do."""
    judgement = judge(done, shelf(5, promise("a", 4, age=1)))
    assert judgement.result.verdict is ScanVerdict.REFUSED
    assert judgement.movements == []
    assert judgement.result.sentence == (
        "main holds 5 × GLOVE-X free, 6 are wanted; count the shelf if more are there, or take less"
    )


def test_a_counter_sale_breaks_the_newest_promise() -> None:
    """What the customer carries out is gone: the latest buyer is told, the earliest stays served."""
    judgement = judge(scan(ScanKind.COUNTER_SALE, 3), shelf(1, promise("early", 2, age=9), promise("late", 2, age=1)))
    assert moved(judgement) == [
        ("scan:s1", 1, "main/available", "outside/customer", "sale"),
        ("scan:s1#2", 2, "main/reserved", "outside/customer", "sale"),
    ]
    assert [(one.line_id, one.open, one.status) for one in judgement.reservations] == [("late", 0, HoldStatus.RELEASED)]
    [demand] = judgement.demands
    assert (demand.line_id, demand.short, demand.cause, demand.short_since) == ("late", 2, SOLD_CAUSE, NOW)
    assert judgement.movements[1].reference == "shop:late"
    assert judgement.result.broken == 2
    assert "orders were promised 2 of what is missing" in judgement.result.sentence


def test_a_counter_sale_never_takes_what_lies_elsewhere() -> None:
    """A promise at another location is not in the customer's hand."""
    judgement = judge(scan(ScanKind.COUNTER_SALE), shelf(0, promise("a", 3, age=1, location="shop-2")))
    assert judgement.result.verdict is ScanVerdict.REFUSED


def test_a_counter_sale_the_books_do_not_know_of_asks_for_a_count() -> None:
    """Units in flight belong to a sale whose order is on its way; with nothing else left, count the shelf."""
    judgement = judge(scan(ScanKind.COUNTER_SALE), shelf(0, in_flight=2))
    assert judgement.movements == []
    assert judgement.result.sentence == (
        "the books hold 0 × GLOVE-X at main that can be sold, 1 are wanted: "
        "count the shelf first, then scan the sale again"
    )


def test_a_count_adds_what_moved_since() -> None:
    """Counted 5 at ten, two were picked at half past: the books hold 3 and nothing is wrong."""
    judgement = judge(scan(ScanKind.COUNT, 5), shelf(3, moved_since=-2))
    assert judgement.movements == []
    assert judgement.result.count is not None
    assert (judgement.result.count.expected, judgement.result.count.difference) == (5, 0)
    assert judgement.result.sentence == "counted 5 × GLOVE-X at main, expected 5: no difference"


def test_a_count_below_what_was_promised_breaks_promises() -> None:
    """Free gloves go first, then the newest promise; the order line is short of it from this moment."""
    judgement = judge(scan(ScanKind.COUNT, 1), shelf(1, promise("early", 1, age=9), promise("late", 1, age=1)))
    assert moved(judgement) == [
        ("scan:s1", 1, "main/available", "outside/loss", "cycle_count"),
        ("scan:s1#2", 1, "main/reserved", "outside/loss", "cycle_count"),
    ]
    assert [(one.line_id, one.short, one.cause) for one in judgement.demands] == [("late", 1, COUNTED_CAUSE)]


def test_a_count_that_misses_units_in_flight_asks_a_person() -> None:
    """What a channel has sold and no order explains yet is not written off by a machine: nothing is written."""
    judgement = judge(scan(ScanKind.COUNT, 0), shelf(1, promise("a", 1, age=1), in_flight=2))
    assert judgement.result.verdict is ScanVerdict.REFUSED
    assert judgement.movements == []
    assert judgement.question is not None
    assert judgement.question.subject == "GLOVE-X@main"
    assert "2 of the missing are in flight (2) or damaged (0)" in judgement.question.sentence


def test_the_first_cause_of_a_shortage_stays() -> None:
    """A line that was short already keeps its cause and the moment its shortage began."""
    held = promise("a", 2, age=5)
    before = Demand(SHOP, "a", GLOVE, "shop:a", 3, short=1, cause="no stock", short_since=NOW - timedelta(hours=1))
    full = shelf(0, held)
    known = Shelf(GLOVE, full.balances, full.reservations, {(SHOP, "a"): before}, NOW)
    [demand] = judge(scan(ScanKind.COUNTER_SALE, 2), known).demands
    assert (demand.short, demand.cause, demand.short_since) == (3, "no stock", before.short_since)


promised = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 100)), max_size=4)


@settings(deadline=None)
@given(
    kind=st.sampled_from([ScanKind.COUNTER_SALE, ScanKind.COUNT]),
    quantity=st.integers(1, 30),
    available=st.integers(0, 10),
    in_flight=st.integers(0, 5),
    unavailable=st.integers(0, 5),
    promises=promised,
)
def test_books_and_promises_stay_true(
    kind: ScanKind, quantity: int, available: int, in_flight: int, unavailable: int, promises: list[tuple[int, int]]
) -> None:
    """Whatever is sold or counted: no account falls below zero, and every broken unit is short on its order line."""
    held = [promise(f"line{n}", units, age=age) for n, (units, age) in enumerate(promises)]
    before = shelf(available, *held, in_flight=in_flight, unavailable=unavailable)
    judgement = judge(scan(kind, quantity), before)
    assert before.balances.shortfall(judgement.movements) is None
    level = judgement.result.levels[0]
    if judgement.result.verdict is ScanVerdict.POSTED:
        on_hand = available + sum(units for units, _ in promises) + in_flight + unavailable
        assert level.on_hand == (quantity if kind is ScanKind.COUNT else on_hand - quantity)
        assert sum(one.short for one in judgement.demands) == judgement.result.broken
        still_open = {one.reservation_id: one.open for one in held} | {
            one.reservation_id: one.open for one in judgement.reservations
        }
        assert sum(still_open.values()) == level.reserved
        assert judgement.result.broken == 0 or level.available == 0
    else:
        assert judgement.movements == []

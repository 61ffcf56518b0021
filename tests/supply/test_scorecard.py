"""A supplier's record: figures from what happened, belief that moves in steps and marks what it changes, a report."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from syncd.availability.ats import derive
from syncd.availability.store import read_supplies
from syncd.identity import ChannelName, Sku, SupplierName
from syncd.supply.offer import SupplierPolicy
from syncd.supply.plot import Panel, small_multiples
from syncd.supply.purchase_order import Purchase, PurchaseOrder, PurchaseStatus
from syncd.supply.report import Month, as_csv, headline, html
from syncd.supply.scorecard import DEALS_MIN, LEAST, Deal, Score, Trust, by_month, months_before, score, trust
from syncd.supply.service_scorecard import ScorecardService
from syncd.supply.store import read_offers, save_purchase_order
from syncd.supply.store_scorecard import read_record
from syncd.wording.wording import Voice
from tests.support.rooms import MARKET, Rooms, Setup

NORTH = SupplierName("north")
MADE = datetime(2026, 11, 2, 9, tzinfo=UTC)
TODAY = date(2026, 12, 1)


def deal(
    ordered: int = 4, accepted: int | None = 4, sent: int = 4, *, days: float = 1, expected_on: date | None = None
) -> Deal:
    """One that was answered after two hours and sent after so many days."""
    answered = None if accepted is None else MADE + timedelta(hours=2)
    sent_at = MADE + timedelta(days=days) if sent else None
    return Deal("r", MADE, ordered, accepted, answered, sent, sent_at, expected_on)


@pytest.mark.parametrize(
    ("deals", "accuracy", "fill", "lead_kept", "late"),
    [
        ([deal()], 1.0, 1.0, 1.0, 0),
        ([deal(), deal(4, 2, 2)], 0.75, 0.75, 1.0, 0),
        ([deal(), deal(4, 0, 0)], 0.5, 0.5, 1.0, 0),
        ([deal(), deal(days=3)], 1.0, 1.0, 0.5, 1),
        ([deal(), deal(days=1, expected_on=date(2026, 11, 9))], 1.0, 1.0, 0.5, 1),
        ([deal(), deal(4, 4, 2)], 1.0, 0.75, 0.5, 1),
        ([deal(), deal(4, 4, 0)], 1.0, 0.5, 0.5, 1),
        ([deal(4, 4, 0)], 1.0, None, None, 0),
        ([deal(4, None, 0)], None, None, None, 0),
        ([], None, None, None, 0),
    ],
    ids=[
        *("kept", "half refused", "refused whole", "two days late", "said late", "sent in part", "never sent"),
        *("tells of no parcel", "unanswered", "nothing"),
    ],
)
def test_figures(
    deals: Sequence[Deal], accuracy: float | None, fill: float | None, lead_kept: float | None, late: int
) -> None:
    """With two lead days; what was refused whole is no matter of time, and silence about parcels is no lateness."""
    found = score(deals, 2, TODAY)
    assert (found.accuracy, found.fill, found.lead_kept, found.late) == (accuracy, fill, lead_kept, late)


def test_confirming_is_told_by_the_median() -> None:
    """One slow answer does not hide that most are quick."""
    slow = replace(deal(), answered_at=MADE + timedelta(hours=90))
    assert score([deal(), deal(), slow], 2, TODAY).confirm_hours == 2


@pytest.mark.parametrize(
    ("kept", "asked", "share"),
    [(40, 40, "1"), (30, 40, "0.85"), (20, 40, "0.65"), (0, 40, "0.35"), (0, 400, str(LEAST))],
)
def test_belief_follows_the_record(kept: int, asked: int, share: str) -> None:
    """In steps, with twenty units of credit, never below the least."""
    deals = [deal(asked // 10, kept // 10, 0) for _ in range(10)]
    assert trust(score(deals, None, TODAY)) == Trust(Decimal(share), kept, asked)


def test_a_short_record_says_nothing() -> None:
    """Fewer answered orders than `DEALS_MIN` move nothing."""
    assert trust(score([deal(4, 0, 0)] * (DEALS_MIN - 1), None, TODAY)).share == 1


def test_months() -> None:
    """By when a deal was made; an empty month has no figures, and years turn."""
    assert months_before("2026-02", 4) == ["2025-11", "2025-12", "2026-01", "2026-02"]
    (october, empty), (november, full) = by_month([deal()], ["2026-10", "2026-11"], 2, TODAY)
    assert (october, empty.deals, empty.accuracy) == ("2026-10", 0, None)
    assert (november, full.deals, full.accuracy) == ("2026-11", 1, 1.0)


async def refused(rooms: Rooms, count: int, units: int = 10) -> None:
    """North took nothing of so many purchase orders."""
    for number in range(count):
        bought = Purchase(NORTH, "s-X", Sku("X"), ChannelName("market"), f"l{number}", units, 0)
        now = rooms.clock.now()
        status = PurchaseStatus.REFUSED
        order = PurchaseOrder(f"po{number}", NORTH, f"market:{number}", status, now, (bought,), answered_at=now)
        await rooms.writer.write(*save_purchase_order(order))


async def test_who_often_refuses_is_believed_less_and_his_listings_follow(tmp_path: Path) -> None:
    """After five refusals of ten the listing falls, because its SKU was marked; the receipt says why; a second look
    changes nothing, and switched off his word stands again."""
    policy = SupplierPolicy(NORTH, 9e6)
    async with Rooms(tmp_path, Setup({"market": MARKET}, supplier=policy)) as rooms:
        await rooms.supply("X", 10)
        listing_id = await rooms.offer("market", "X", 0)
        await rooms.settle()
        assert rooms.shops["market"].listings[listing_id].stored == 10
        await refused(rooms, 5)
        learner = ScorecardService(rooms.db, rooms.writer, {NORTH: policy}, learns=True)
        assert await learner.run_once(rooms.clock.now()) == {"learned": 1}
        await rooms.settle()
        assert rooms.shops["market"].listings[listing_id].stored == 3
        async with rooms.db.read() as conn:
            supplies = await read_supplies(conn, [Sku("X")], {NORTH: policy}, rooms.clock.now())
            (offer,) = (await read_offers(conn, skus=[Sku("X")]))[Sku("X")]
        assert offer.trust == Trust(Decimal("0.30"), 0, 50)
        listing = await rooms.listing("market", listing_id)
        receipt = derive(listing, supplies, rooms.policies.channels[ChannelName("market")], rooms.policies.availability)
        assert any("30% believed (he took 0 of 50 ordered)" in term.source for term in receipt.terms)
        assert await learner.run_once(rooms.clock.now()) == {}
        off = ScorecardService(rooms.db, rooms.writer, {NORTH: policy}, learns=False)
        assert await off.run_once(rooms.clock.now()) == {"learned": 1}
        await rooms.settle()
        assert rooms.shops["market"].listings[listing_id].stored == 10


async def test_a_record_is_bounded_by_time(tmp_path: Path) -> None:
    """What lies before or after the stretch is not in it, nor what he never got."""
    async with Rooms(tmp_path, Setup({"market": MARKET}, supplier=SupplierPolicy(NORTH, 9e6))) as rooms:
        await refused(rooms, 2)
        now = rooms.clock.now()
        async with rooms.db.read() as conn:
            assert len((await read_record(conn, NORTH, now - timedelta(hours=1))).deals) == 2
            assert (await read_record(conn, NORTH, now - timedelta(hours=2), now - timedelta(hours=1))).deals == ()
            assert (await read_record(conn, SupplierName("south"), now - timedelta(hours=1))).deals == ()


def a_month(*deals: Deal) -> Month:
    """November with these deals."""
    trend = by_month(deals, months_before("2026-11", 3), 2, TODAY)
    return Month("La Brace", "north", "2026-11", score(deals, 2, TODAY), trend, deals, 2, TODAY)


def test_the_report_says_what_went_wrong_and_no_more() -> None:
    """Its first sentence has the figures; only broken deals are listed."""
    kept, late = replace(deal(), reference="po-kept"), replace(deal(days=5), reference="po-late")
    text = html(a_month(kept, late), Voice("en"))
    assert "north took 8 of 8 units and sent 8; late: 1 of 2." in text
    assert ("po-late" in text, "po-kept" in text) == (True, False)
    assert headline(a_month(), Voice("it")) == "Da north non è stato ordinato nulla."


def test_the_table_has_every_deal_and_no_formulas() -> None:
    """One line each; a reference that a spreadsheet would compute is text."""
    lines = as_csv(a_month(replace(deal(), reference="=1+1"), deal(days=5))).splitlines()
    assert lines[0] == "reference,made,ordered,accepted,sent,due,sent_on,late"
    assert lines[1:] == [
        "'=1+1,2026-11-02,4,4,4,2026-11-04,2026-11-03,False",
        "r,2026-11-02,4,4,4,2026-11-04,2026-11-07,True",
    ]


def test_a_plot_shows_every_panel_on_one_scale_and_breaks_where_nothing_was_seen() -> None:
    """Well-formed; 0 % and 100 % lie at the same heights everywhere; a gap is a gap."""
    panels = [
        Panel("a <b>", [("2026-09", 1.0), ("2026-10", None), ("2026-11", 0.0)]),
        Panel("b", [("2026-09", 0.5), ("2026-10", 1.0), ("2026-11", 1.0)]),
    ]
    drawn = ET.fromstring(small_multiples(panels, "north"))
    space = "{http://www.w3.org/2000/svg}"
    heights = [one.get("cy") for one in drawn.iter(f"{space}circle")]
    assert heights[0] == heights[3] == heights[4]
    assert len(list(drawn.iter(f"{space}polyline"))) == 1
    assert [one.text for one in drawn.iter(f"{space}text") if one.get("font-weight")] == ["a <b>", "0%", "b", "100%"]


def test_nothing_judged_is_a_dash() -> None:
    """A supplier nobody bought from has no figures, not bad ones."""
    assert score([], 2, TODAY) == Score(0, 0, 0, 0, 0, 0, None, None, None, None, 0)

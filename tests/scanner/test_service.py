"""The desk on a real store: what a scan writes, that it writes it once, and what it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.attention.question import Topic
from syncd.db import Database
from syncd.ledger.service import Writer
from syncd.ledger.store import clear_touched, read_touched
from syncd.reservation.hold import HoldStatus
from syncd.reservation.store import read_reservations
from syncd.scanner.judgement import COUNTED_CAUSE, PICKED_CAUSE, SOLD_CAUSE
from syncd.scanner.scan import Scan, ScanVerdict
from syncd.scanner.service import ScanDesk
from syncd.telemetry import Event, counts
from tests.support.doors import BARCODE, CASE, GLOVE, LOCATIONS, House, open_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Ten gloves at main."""
    async with open_house(tmp_path, gloves=10) as opened:
        yield opened


async def test_a_barcode_means_its_sku(house: House) -> None:
    """A scanner reads the label; the desk knows what lies under it, and tells what is left."""
    result = await house.scan("counter_sale", code=BARCODE, quantity=2)
    assert (result.verdict, result.sku) == (ScanVerdict.POSTED, GLOVE)
    assert result.sentence == "sold 2 × GLOVE-X over the counter at main"
    assert result.levels == (await house.level(),)
    assert (await house.level()).available == 8


async def test_an_unknown_code_says_what_to_do(house: House) -> None:
    """Nothing is written for a label nobody knows."""
    before = await house.movements()
    result = await house.scan("receipt", code="0000000000000")
    assert result.verdict is ScanVerdict.UNKNOWN_CODE
    assert result.sentence == (
        "0000000000000 is no SKU and no barcode that syncd knows: check the label, or make it known with: "
        "syncd product add 0000000000000"
    )
    assert await house.movements() == before


async def test_the_same_scan_again_is_told_its_first_result(house: House) -> None:
    """A scanner that heard no answer sends again, later: one sale, and the answer it missed."""
    first = await house.scan("counter_sale", scan_id="till:1")
    await house.scan("receipt", quantity=5)
    house.clock.advance(60)
    again = await house.scan("counter_sale", scan_id="till:1", actor="somebody else")
    assert again.verdict is ScanVerdict.DUPLICATE
    assert (again.sentence, again.levels) == (first.sentence, first.levels)
    assert [m.key for m in await house.movements()].count("scan:till:1") == 1


async def test_another_scan_under_a_used_id_is_a_conflict(house: House) -> None:
    """An id names one scan; another one under it writes nothing and says so."""
    await house.scan("counter_sale", scan_id="till:1")
    before = await house.movements()
    result = await house.scan("counter_sale", scan_id="till:1", quantity=2)
    assert result.verdict is ScanVerdict.CONFLICT
    assert result.sentence == "scan till:1 was posted before with other content; give every scan an id of its own"
    assert await house.movements() == before


async def test_a_refused_scan_may_come_again(house: House) -> None:
    """A refusal is not remembered: after the delivery the same scan goes through."""
    assert (await house.scan("counter_sale", scan_id="till:1", quantity=11)).verdict is ScanVerdict.REFUSED
    await house.scan("receipt")
    assert (await house.scan("counter_sale", scan_id="till:1", quantity=11)).verdict is ScanVerdict.POSTED


async def test_concurrent_repeats_sell_once(house: House) -> None:
    """Twenty copies of three scans at the same time sell three gloves, and all copies hear the same sentence."""
    scans = [house.desk.read({"scan_id": f"t{n}", "kind": "counter_sale", "code": GLOVE}) for n in range(3)]
    copies = [scan for scan in scans for _ in range(20) if isinstance(scan, Scan)]
    results = await asyncio.gather(*(house.desk.post(scan) for scan in copies))
    verdicts = [result.verdict for result in results]
    assert (verdicts.count(ScanVerdict.POSTED), verdicts.count(ScanVerdict.DUPLICATE)) == (3, 57)
    assert (await house.level()).available == 7


async def test_a_second_process_counts_as_the_same_desk(house: House) -> None:
    """The command line beside the daemon: the same scan through another writer is a duplicate there."""
    await house.scan("counter_sale", scan_id="till:1")
    db = Database(f"sqlite:///{house.db.url.database}")
    writer = Writer(db, house.clock)
    writing = asyncio.create_task(writer.run())
    try:
        other = ScanDesk(db, writer, house.clock, LOCATIONS)
        scan = other.read({"scan_id": "till:1", "kind": "counter_sale", "code": GLOVE})
        assert isinstance(scan, Scan)
        assert (await other.post(scan)).verdict is ScanVerdict.DUPLICATE
    finally:
        await writer.stop()
        await writing
        await db.aclose()


async def test_a_sale_over_the_counter_breaks_a_promise_in_one_go(house: House) -> None:
    """All ten are promised, one is carried out: the newest order is short of one, and says why and since when."""
    early, late = await house.sell_on_channel(6), await house.sell_on_channel(4)
    broken = counts()[Event.RESERVATION_BROKEN]
    result = await house.scan("counter_sale")
    assert (result.verdict, result.broken) == (ScanVerdict.POSTED, 1)
    [demand] = await house.short()
    assert (demand.order_key, demand.short, demand.cause) == (f"shop:{late}", 1, SOLD_CAUSE)
    assert demand.short_since == house.clock.now()
    async with house.db.read() as conn:
        held = {one.order_key: one.open for one in await read_reservations(conn, [f"shop:{early}", f"shop:{late}"])}
    assert held == {f"shop:{early}": 6, f"shop:{late}": 3}
    assert (await house.level()).reserved == 9
    assert counts()[Event.RESERVATION_BROKEN] == broken + 1


async def test_an_order_seen_again_does_not_take_the_promise_back(house: House) -> None:
    """The short unit stays short when the same order is imported once more."""
    order_id = await house.sell_on_channel(10, paid=False)
    await house.scan("counter_sale", quantity=4)
    house.shop.pay_order(order_id)
    await house.take_in()
    [demand] = await house.short()
    assert demand.short == 4
    assert (await house.level()).on_hand == 6


async def test_a_count_is_as_of_its_moment(house: House) -> None:
    """Counted ten at eight; a glove sold since does not make the late count wrong (race R13)."""
    counted_at = house.clock.now()
    house.clock.advance(600)
    await house.scan("counter_sale")
    result = await house.scan("count", quantity=10, at=counted_at.isoformat())
    assert result.count is not None
    assert (result.count.expected, result.count.counted, result.count.difference) == (10, 10, 0)
    assert (await house.level()).on_hand == 9


async def test_what_moves_inside_a_location_does_not_disturb_a_count(house: House) -> None:
    """Reserving and setting aside after the count keep everything on the shelf."""
    counted_at = house.clock.now()
    await house.sell_on_channel(3)
    await house.scan("damaged", quantity=2)
    result = await house.scan("count", quantity=10, at=counted_at.isoformat())
    assert result.count is not None
    assert result.count.difference == 0


async def test_what_is_carried_away_counts_for_both_places(house: House) -> None:
    """A transfer after the count leaves the one shelf and reaches the other."""
    counted_at = house.clock.now()
    house.clock.advance(60)
    await house.scan("transfer", quantity=4, to_location="shop-2")
    here = await house.scan("count", quantity=10, at=counted_at.isoformat())
    there = await house.scan("count", quantity=0, location="shop-2", at=counted_at.isoformat())
    assert here.count is not None
    assert there.count is not None
    assert (here.count.difference, there.count.difference) == (0, 0)


async def test_a_count_without_difference_is_remembered_too(house: House) -> None:
    """It moves nothing, and the same count sent again after a loss does not post the loss a second time."""
    counted_at = house.clock.now()
    await house.scan("count", quantity=10, scan_id="c1", at=counted_at.isoformat())
    late = counted_at - timedelta(minutes=30)  # a scanner was offline: its sale happened before the count
    await house.scan("counter_sale", at=late.isoformat())
    assert (await house.scan("count", quantity=10, scan_id="c1", at=counted_at.isoformat())).verdict is (
        ScanVerdict.DUPLICATE
    )
    assert (await house.level()).on_hand == 9


async def test_a_count_posts_the_difference_and_breaks_what_it_must(house: House) -> None:
    """Eight were promised, seven are there: two free ones are written off and one promise is broken."""
    order_id = await house.sell_on_channel(8)
    posted = counts()[Event.COUNT_POSTED]
    result = await house.scan("count", quantity=7)
    assert result.count is not None
    assert (result.count.difference, result.broken) == (-3, 1)
    [demand] = await house.short()
    assert (demand.order_key, demand.short, demand.cause) == (f"shop:{order_id}", 1, COUNTED_CAUSE)
    level = await house.level()
    assert (level.on_hand, level.available, level.reserved) == (7, 0, 7)
    assert counts()[Event.COUNT_POSTED] == posted + 1


async def test_a_surplus_becomes_available(house: House) -> None:
    """More on the shelf than in the books can be sold from this moment."""
    await house.scan("count", quantity=12)
    assert (await house.level()).available == 12


async def test_a_count_that_a_machine_must_not_post_asks_once_and_is_closed_by_a_good_one(house: House) -> None:
    """Damaged pieces are missing: a person is asked, nothing moves; a count that fits closes the question."""
    await house.scan("damaged", quantity=4)
    before = await house.movements()
    for number in range(2):
        result = await house.scan("count", quantity=1, scan_id=f"c{number}")
        assert result.verdict is ScanVerdict.REFUSED
    assert await house.movements() == before
    assert [(one.topic, one.subject) for one in await house.questions()] == [(Topic.COUNT, "GLOVE-X@main")]
    await house.scan("count", quantity=9)
    assert await house.questions() == []


async def test_every_scan_marks_its_sku(house: House) -> None:
    """What a scan moves makes the planner look: the mark is written with the movement."""
    async with house.db.read() as conn:
        seen = await read_touched(conn, 10)
    await house.writer.write(clear_touched(seen))
    await house.scan("receipt")
    async with house.db.read() as conn:
        assert set(await read_touched(conn, 10)) == {GLOVE}


async def test_a_scanned_case_counts_what_is_in_it(house: House) -> None:
    """A case of twelve is one scan and twelve gloves, whatever is done with it; the answer says so."""
    result = await house.scan("receipt", code=CASE, quantity=2)
    assert result.sentence == "received 24 × GLOVE-X at main (a pack of 12, 2 times)"
    assert (await house.level()).available == 34
    counted = await house.scan("count", code=CASE, quantity=3)
    assert counted.count is not None
    assert (counted.count.expected, counted.count.counted) == (34, 36)
    again = await house.scan("receipt", code=CASE, quantity=2, scan_id=result.scan_id)
    assert again.verdict is ScanVerdict.DUPLICATE


async def test_a_pallet_of_packs_is_not_a_million(house: House) -> None:
    """A quantity that a pack makes larger than any scan may move is refused, and nothing moves."""
    before = await house.movements()
    result = await house.scan("receipt", code=CASE, quantity=100_000)
    assert (result.verdict, await house.movements()) == (ScanVerdict.REFUSED, before)
    assert "more than 1000000 units" in result.sentence


async def test_units_are_carried_between_known_places_only(house: House) -> None:
    """A transfer moves free units; a place that syncd.toml does not name is refused with the nearest one."""
    await house.scan("transfer", quantity=4, to_location="shop-2")
    assert ((await house.level()).available, (await house.level("shop-2")).available) == (6, 4)
    transfer = {"scan_id": "t", "kind": "transfer", "code": GLOVE, "to_location": "shop-3"}
    [sentence] = house.problems(transfer)
    assert sentence.startswith("to_location: there is no location shop-3 in syncd.toml")
    assert sentence.endswith("did you mean shop-2?")


async def test_units_set_aside_come_back_or_go_for_good(house: House) -> None:
    """Quarantine in both directions: three aside, one mended, one thrown away, one still there, no more than that."""
    await house.scan("damaged", quantity=3)
    await house.scan("restock")
    await house.scan("discard")
    level = await house.level()
    assert (level.available, level.unavailable, level.on_hand) == (8, 1, 9)
    result = await house.scan("discard", quantity=2)
    assert result.verdict is ScanVerdict.REFUSED
    assert result.sentence.startswith("main holds 1 × GLOVE-X set aside, 2 are wanted")


async def test_an_order_is_picked_in_parts(house: House) -> None:
    """What is picked has left for the customer, what is not yet picked stays held; then the promise is fulfilled."""
    order_id = await house.sell_on_channel(3)
    key = f"shop:{order_id}"
    first = await house.scan("pick", quantity=2, order=order_id)
    assert first.sentence == f"sent 2 × GLOVE-X from main for order {key}; 1 more to pick"
    [held] = await house.reservations(key)
    assert (held.open, held.fulfilled, held.status) == (1, 2, HoldStatus.HELD)
    await house.scan("pick", order=key)
    [held] = await house.reservations(key)
    assert (held.open, held.fulfilled, held.status) == (0, 3, HoldStatus.FULFILLED)
    level = await house.level()
    assert (level.available, level.reserved, level.on_hand) == (7, 0, 7)
    late = await house.scan("pick", order=key)
    assert (late.verdict, late.sentence) == (
        ScanVerdict.REFUSED,
        f"order {key} waits for 0 × GLOVE-X at main, not 1",
    )


async def test_a_picked_order_that_the_channel_calls_sent_is_not_sent_again(house: House) -> None:
    """The channel's word that the order was shipped ends only what was not picked yet."""
    order_id = await house.sell_on_channel(3)
    await house.scan("pick", quantity=2, order=order_id)
    house.shop.ship_order(order_id)
    await house.take_in()
    [held] = await house.reservations(f"shop:{order_id}")
    assert (held.fulfilled, held.released, held.status) == (3, 0, HoldStatus.FULFILLED)
    assert (await house.level()).on_hand == 7


async def test_a_pick_that_finds_nothing_breaks_the_promise(house: House) -> None:
    """The order is short of what is missing, other orders keep theirs, and what the books call free is not sold."""
    other, order_id = await house.sell_on_channel(1), await house.sell_on_channel(4)
    await house.scan("pick", quantity=1, order=order_id)
    result = await house.scan("pick", quantity=0, order=order_id)
    assert (result.verdict, result.broken) == (ScanVerdict.POSTED, 3)
    [demand] = await house.short()
    assert (demand.order_key, demand.short, demand.cause) == (f"shop:{order_id}", 3, PICKED_CAUSE)
    [kept] = await house.reservations(f"shop:{other}")
    assert kept.open == 1
    level = await house.level()
    assert (level.available, level.reserved, level.unavailable) == (0, 1, 5)
    [question] = await house.questions()
    assert (question.topic, question.subject) == (Topic.COUNT, "GLOVE-X@main")
    await house.scan("restock", quantity=5)
    await house.scan("count", quantity=6)
    assert await house.questions() == []


async def test_a_pick_for_nobody_is_refused(house: House) -> None:
    """An order nobody knows, or one whose units are held elsewhere, is told and moves nothing."""
    unknown = await house.scan("pick", order="4711")
    assert unknown.sentence == "there is no order 4711: scan its number, or its key as `syncd orders` shows it"
    order_id = await house.sell_on_channel(1)
    before = await house.movements()
    elsewhere = await house.scan("pick", order=order_id, location="shop-2")
    assert elsewhere.sentence.endswith("at shop-2, not 1; more is held for it at main: pick it there")
    nothing = await house.scan("pick", order=order_id, location="shop-2", quantity=0)
    assert {unknown.verdict, elsewhere.verdict, nothing.verdict} == {ScanVerdict.REFUSED}
    assert await house.movements() == before


async def test_a_blind_count_that_differs_tells_nothing_and_writes_nothing(house: House) -> None:
    """Whoever counts does not know what the books say; the second count, not blind, is posted."""
    before = await house.movements()
    first = await house.scan("count", quantity=8, blind=True)
    assert (first.verdict, first.levels, first.count) == ("recount", (), None)
    assert "10" not in first.sentence
    assert await house.movements() == before
    second = await house.scan("count", quantity=8)
    assert second.count is not None
    assert (second.verdict, second.count.expected) == ("posted", 10)


async def test_a_blind_count_that_agrees_is_posted(house: House) -> None:
    """One count is enough then."""
    assert (await house.scan("count", quantity=10, blind=True)).verdict == "posted"


async def test_a_case_label_means_as_many_as_it_says(house: House) -> None:
    """(02) names the glove, (37) says how many lie in the case; signs no other text may hold are read."""
    told = await house.scan("receipt", code=f"]C102{BARCODE.zfill(14)}3724\x1d10LOT")
    assert (told.verdict, (await house.level()).available) == ("posted", 34)

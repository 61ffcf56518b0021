"""Races R10 to R18 of the protocol, each told twice: it ends right, and without its defence it ends wrong.

A defence is taken away by putting another part in the place of the one that holds it, never by a switch in the rooms.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from syncd.app import Rooms, build_rooms
from syncd.channel.port import ChannelOrder, OrderPage, OrderStatus
from syncd.identity import ListingKey
from syncd.ledger.count import compare
from syncd.listing.listing import Listing
from syncd.listing.store import read_listings
from syncd.orders import intake as orders_intake
from syncd.orders import need as orders_need
from syncd.orders.need import Intake, IntakePolicy, Situation
from syncd.orders.service import IntakeService
from syncd.orders.store import save_cursor
from syncd.push.plan import Intent, Move, intend
from syncd.scanner.scan import Scan
from syncd.supply.offer import usable
from syncd.supply.port import OfferRow
from syncd.testkit.simulation.house import House, Story
from syncd.testkit.simulation.truth import standing
from tests.simulation.stage import DEFENDED, LATE, LATE_BOTH, buy_out, ended, judge, play, put_in_place


@DEFENDED
def test_r10_an_unpaid_order_reserves_everywhere(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Units a webshop holds for an unpaid order, without lowering its number, are not sold on the market meanwhile.

    Defence: unpaid orders reserve, and what the webshop holds itself is not taken from it twice.
    """
    if not defended:

        def paid_only(told: ChannelOrder, situation: Situation, policy: IntakePolicy, now: datetime) -> Intake:
            if told.status is OrderStatus.UNPAID:
                return Intake(f"{policy.channel}:{told.order_id}", False)
            return orders_intake.decide(told, situation, policy, now)

        put_in_place(monkeypatch, orders_intake.decide, paid_only)

    async def tale(house: House) -> list[str]:
        market, listing = await house.both(5)
        order_id = house.shops["shop"].sell(listing, 2, paid=False)
        await house.quiet(60)
        offered = house.shops["shop"].offered(listing)
        wrong = [] if offered == 3 else [f"the webshop offers {offered} of 3"]
        buy_out(house, "market", market)
        house.shops["shop"].pay_order(order_id)
        return wrong + await ended(house)

    judge(play(tale), defended, "2 × X oversold")


@DEFENDED
def test_r11_a_repair_does_not_undo_a_fresh_sale(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number found lower than it had to be is a sale whose order is not in yet, until the orders up to then are in.

    Defence: upward repair waits for the order watermark.
    """
    if not defended:

        def at_once(*known: Any, **more: Any) -> Intent:
            intent = intend(*known, **more)
            rises = intent.expected is not None and intent.quantity > intent.expected
            return replace(intent, move=Move.SEND) if rises else intent

        put_in_place(monkeypatch, intend, at_once)

    async def tale(house: House) -> list[str]:
        _, listing = await house.both(5)
        house.shops["shop"].sell(listing, 1)
        await house.look("shop", listing)
        await house.settle()
        buy_out(house, "shop", listing)
        return await ended(house)

    judge(play(tale, LATE_BOTH), defended, "1 × X oversold")


ACME = Story(suppliers={"acme": {"stale_after_seconds": 86_400, "fetch_interval_seconds": 60}})
"""A shop that also sells what its supplier says he has."""


@DEFENDED
def test_r12_a_feed_that_does_not_know_our_orders_yet(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A supplier's list of this morning still counts what we ordered of it since: it is not sold again.

    Defence: our purchase orders since the snapshot are taken off the offer.
    """
    if not defended:
        forgetful = lambda offer, policy, now: usable(replace(offer, ordered_since=0), policy, now)  # noqa: E731
        put_in_place(monkeypatch, usable, forgetful)

    async def tale(house: House) -> list[str]:
        house.suppliers["acme"].publish([OfferRow("X", 3)])
        await house.stock("X", 1)
        await house.offer("market", "X", 1)
        listing = await house.offer("shop", "X", 1)
        await house.quiet(120)
        wrong = [] if house.shown("shop", listing) == 4 else ["the supplier's 3 are not offered"]
        house.shops["shop"].sell(listing, 3)
        await house.quiet(200)
        sold = 3 + buy_out(house, "shop", listing)
        wrong += [f"{sold} sold of 4"] if sold != 4 else []
        return wrong + await ended(house)

    judge(play(tale, ACME), defended, "sold of 4")


@DEFENDED
def test_r13_a_count_is_as_of_the_moment_of_counting(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five were counted, one was sent, then the count was entered: four are there.

    Defence: what moved since the counting is added before the books are compared.
    """
    if not defended:

        def as_of_now(counted: int, *, on_hand_now: int, moved_since: int, available_now: int) -> Any:
            return compare(counted, on_hand_now=on_hand_now, moved_since=0, available_now=available_now)

        put_in_place(monkeypatch, compare, as_of_now)

    async def tale(house: House) -> list[str]:
        _, listing = await house.both(5)
        counted_at = house.clock.now()
        await house.clock.sleep(10)
        house.shops["shop"].ship_order(house.shops["shop"].sell(listing, 1))
        await house.quiet(60)
        payload = {"scan_id": "c1", "kind": "count", "code": "X", "quantity": 5, "at": counted_at.isoformat()}
        scan = house.rooms.desk.read(payload)
        assert isinstance(scan, Scan), scan
        await house.rooms.desk.post(scan)
        buy_out(house, "shop", listing)
        await house.quiet(60)
        wrong = await ended(house)
        total = buy_out(house, "shop", listing)
        return wrong + ([f"{total} more sold than there were"] if total else [])

    judge(play(tale), defended, "more sold than there were")


@DEFENDED
def test_r14_a_webhook_and_a_poll_bring_the_same_order(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two webhooks and two polls tell of one sale: it takes its units once.

    Defence: an order is judged by what is known of its lines; behind it, the ledger posts no key twice.
    """
    if not defended:
        serial = itertools.count()

        def as_if_new(told: ChannelOrder, situation: Situation, policy: IntakePolicy, now: datetime) -> Intake:
            fresh = replace(situation, order=None, lines={}, demands={}, reservations=[])
            return orders_intake.decide(told, fresh, policy, now)

        put_in_place(monkeypatch, orders_intake.decide, as_if_new)
        monkeypatch.setattr(orders_need, "part_key", lambda stem, _part: f"{stem}:{next(serial)}")

    async def tale(house: House) -> list[str]:
        _, listing = await house.both(5)
        order_id = house.shops["shop"].sell(listing, 2)
        for _ in range(2):
            await house.hint("shop", order_id)
            await house.settle()
        wrong = await ended(house, 100)
        held = (await standing(house)).held()
        return wrong + ([] if held == {"available": 3, "reserved": 2} else [f"of 5 units the books hold {held}"])

    judge(play(tale), defended, "of 5 units the books hold")


class EagerCursor(IntakeService):
    """An intake that remembers how far it has read before it has taken in what it read."""

    async def _fetch(self, cursor: Any) -> OrderPage:
        page = await super()._fetch(cursor)
        await self._writer.write(save_cursor(replace(cursor, cursor=page.cursor, watermark_at=page.watermark_at)))
        await self._clock.sleep(1)
        return page


class SlowIntake(IntakeService):
    """An intake that takes its time between reading and taking in."""

    async def _fetch(self, cursor: Any) -> OrderPage:
        page = await super()._fetch(cursor)
        await self._clock.sleep(1)
        return page


@DEFENDED
def test_r15_no_order_falls_through_a_hole_between_windows(defended: bool) -> None:
    """The process dies between reading a page of orders and taking it in: the next one reads it again.

    Defence: the cursor moves only after the page is committed, and windows overlap.
    """
    part = SlowIntake if defended else EagerCursor

    def build(config: Any, db: Any, writer: Any, clock: Any) -> Rooms:
        rooms = build_rooms(config, db, writer, clock)
        intakes = {
            name: part(db, writer, rooms.lines[name], options=one._options, clock=clock)
            for name, one in rooms.intakes.items()
        }
        return replace(rooms, intakes=intakes)

    async def tale(house: House) -> list[str]:
        _, listing = await house.both(5)
        await house.start()
        await house.pass_time(30)
        for _ in range(2):
            house.shops["shop"].sell(listing, 1)
        await house.until_under_way("shop", "fetch_orders")
        await house.pass_time(0.5)
        await house.restart()
        return await ended(house)

    judge(play(tale, Story(build=build)), defended, "customers were promised 2, the books say 1")


@DEFENDED
def test_r16_a_sale_moves_every_listing_of_the_unit(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A single, a pack of three and a bundle share nine units: whichever sells, all three show what is left.

    Defence: what is touched is the SKU, and every listing that holds it follows.
    """
    if not defended:

        async def plain_ones(conn: Any, **choice: Any) -> Mapping[ListingKey, Listing]:
            found = await read_listings(conn, **choice)
            return found if "skus" not in choice else {k: v for k, v in found.items() if v.components[0].units == 1}

        monkeypatch.setattr("syncd.push.service_planner.read_listings", plain_ones)

    async def tale(house: House) -> list[str]:
        await house.stock("X", 9)
        await house.stock("Y", 9)
        single = await house.offer("market", "X", 9)
        pack = await house.offer("shop", "X3", 3, units={"X": 3})
        bundle = await house.offer("shop", "XY", 9, units={"X": 1, "Y": 1})
        await house.quiet(60)
        house.shops["market"].sell(single, 2)
        house.shops["shop"].sell(bundle, 2)
        await house.quiet(60)
        shown = (house.shown("market", single), house.shown("shop", pack), house.shown("shop", bundle))
        wrong = [] if shown == (5, 1, 5) else [f"5 X are left and the listings show {shown}"]
        return wrong + await ended(house)

    judge(play(tale), defended, "5 X are left and the listings show (5, 3, 5)")


@DEFENDED
def test_r17_a_cap_is_filled_up_again_after_a_sale(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten units behind a cap of five: after a sale the listing shows five again, and ten are sold in the end, not more.

    Defence: the number is min(cap, what is free); it is a rule about stock, not "never raise after a sale".
    """
    if not defended:

        def never(*known: Any, **more: Any) -> Intent:
            intent = intend(*known, **more)
            return replace(intent, move=Move.WAIT) if intent.raises else intent

        put_in_place(monkeypatch, intend, never)

    async def tale(house: House) -> list[str]:
        await house.stock("X", 10)
        market = await house.offer("market", "X", 5)
        await house.quiet(60)
        sold = 0
        for _ in range(12):
            if house.shops["market"].offered(market):
                house.shops["market"].sell(market, 1)
                sold += 1
            await house.quiet(200)
        return ([] if sold == 10 else [f"{sold} of 10 were sold"]) + await ended(house)

    capped = replace(LATE, options={"market": {"cap": 5}})
    judge(play(tale, capped), defended, "5 of 10 were sold")


@DEFENDED
@pytest.mark.parametrize("units", [1, 5])
def test_r18_an_order_edited_after_import(units: int, defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seller changes an order of three to one, or to five: the books and every listing follow by the difference.

    Defence: an order known already is judged again, and its difference posted under a revision of its own.
    """
    if not defended:

        def once(told: ChannelOrder, situation: Situation, policy: IntakePolicy, now: datetime) -> Intake:
            if situation.order is not None:
                return Intake(situation.order.order_key, False)
            return orders_intake.decide(told, situation, policy, now)

        put_in_place(monkeypatch, orders_intake.decide, once)

    async def tale(house: House) -> list[str]:
        _, listing = await house.both(9)
        order_id = house.shops["shop"].sell(listing, 3)
        await house.quiet(60)
        house.shops["shop"].change_order(order_id, units)
        return await ended(house)

    judge(play(tale), defended, f"customers were promised {units}, the books say 3")

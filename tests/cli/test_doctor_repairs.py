"""A store damaged by hand: doctor finds it, and the commands it names, typed as printed, put it right."""

from __future__ import annotations

import shlex
import sqlite3

import pytest
from sqlalchemy import Connection, text

from syncd.identity import Sku
from syncd.ledger.movement import Movement, Reason, available, in_flight
from syncd.ledger.store import Command, Plan, RecordedMovement, read_movements
from syncd.listing.belief import Belief
from syncd.shortage.resolution import ShortageConfig
from syncd.shortage.service import ShortageService, rules_of
from tests.support.cli import EBAY, MOMENT, Session, Shop, held, listing_key

ROUNDS_MAX = 4
"""How often doctor is asked again: one repair may bring the next finding to light."""

LISTING = listing_key(EBAY, "110")


def busy(shop: Shop) -> None:
    """Free, promised, partly sent, set aside and in flight: something of everything, and doctor finds nothing."""
    shop.stocked("GLOVE-X", 9)
    shop.stocked("TONGS", 4, "Tongs")
    held(shop, 3)
    held(shop, 2, order_id="1002")
    shop.done("stock", "pick", "1002", "GLOVE-X", "1")
    shop.done("stock", "transfer", "GLOVE-X", "1", "main", "garage")
    shop.done("stock", "post", "GLOVE-X", "1", "--damaged")
    shop.done("product", "barcode", "add", "TONGS", "4006381333931")
    shop.listed(LISTING, "GLOVE-X", shown=3, belief=Belief(shown=3, shown_at=MOMENT, in_flight=1))

    async def fly(session: Session) -> None:
        moved = Movement("f", Sku("GLOVE-X"), 1, available("main"), in_flight("main"), Reason.SALE, MOMENT)
        await session.submit(Command(lambda _: Plan(None, (moved,)), ("f",), frozenset({moved.sku})))

    shop.within(fly)
    assert shop.told("doctor")["ok"] is True


def damage(shop: Shop, *statements: str) -> None:
    """Do something to the store past syncd."""

    def spoil(conn: Connection) -> None:
        for one in statements:
            conn.execute(text(one))

    shop.within(lambda session: session.db.transact(spoil))


def repaired(shop: Shop) -> list[str]:
    """Type what doctor names, as it is printed, until it names nothing; what was typed."""
    typed: list[str] = []
    for _ in range(ROUNDS_MAX):
        findings = shop.syncd("doctor", "--json").json["findings"]
        if not findings:
            return typed
        for repair in dict.fromkeys(one["repair"] for one in findings):
            program, *words = shlex.split(repair)
            assert program == "syncd", repair
            typed.append(repair)
            if words == ["run"]:
                shop.within(open_cases)
                continue
            said = shop.syncd(*words)
            assert said.code == 0 or words[0] == "doctor", (repair, said)
    raise AssertionError(f"not sound after {typed}: {findings}")


async def open_cases(session: Session) -> None:
    """What the daemon does about it, without the daemon."""
    rules = rules_of(session.config.room(ShortageConfig))
    service = ShortageService(session.db, session.writer, policies=session.policies, rules=rules, clock=session.clock)
    await service.run_once(session.clock.now())


BALANCE = "UPDATE balance SET quantity = quantity + {} WHERE sku = 'GLOVE-X' AND account = '{}'"
PROMISE = "WHERE order_key = 'shop:1001'"
DAMAGES = {
    "balance_more": [BALANCE.format(2, "main/available")],
    "balance_less": [BALANCE.format(-1, "main/available")],
    "balance_reserved_more": [BALANCE.format(2, "main/reserved")],
    "balance_gone": ["DELETE FROM balance WHERE sku = 'GLOVE-X' AND account = 'garage/available'"],
    "balances_gone": ["DELETE FROM balance WHERE sku = 'GLOVE-X'"],
    "balance_moved": ["UPDATE balance SET account = 'garage/reserved' WHERE account = 'garage/available'"],
    "balance_of_nothing": ["INSERT INTO balance VALUES ('GHOST', 'main/available', 7, 1)"],
    "balance_position_ahead": ["UPDATE balance SET position = 9999 WHERE sku = 'TONGS'"],
    "balance_position_behind": ["UPDATE balance SET position = 0 WHERE sku = 'GLOVE-X'"],
    "movement_lost": ["DELETE FROM movement WHERE reason = 'transfer'"],
    "movement_of_promise_lost": ["DELETE FROM movement WHERE key = 'shop:1001'"],
    "movement_of_flight_lost": ["DELETE FROM movement WHERE key = 'f'"],
    "movement_of_pick_lost": ["DELETE FROM movement WHERE reason = 'shipment'"],
    "movement_of_receipt_lost": ["DELETE FROM movement WHERE reason = 'receipt' AND sku = 'GLOVE-X'"],
    "movement_more": ["UPDATE movement SET quantity = 5 WHERE key = 'shop:1001'"],
    "movement_elsewhere": ["UPDATE movement SET destination = 'cellar/available' WHERE reason = 'transfer'"],
    "movement_elsewhere_and_balance": [
        "UPDATE movement SET destination = 'cellar/available' WHERE reason = 'transfer'",
        "UPDATE balance SET account = 'cellar/available' WHERE account = 'garage/available'",
    ],
    "promise_gone": [f"DELETE FROM reservation {PROMISE}"],
    "promise_larger": [f"UPDATE reservation SET quantity = 8 {PROMISE}"],
    "promise_smaller": [f"UPDATE reservation SET quantity = 1 {PROMISE}"],
    "promise_ended": [f"UPDATE reservation SET status = 'fulfilled' {PROMISE}"],
    "promise_oversent": [f"UPDATE reservation SET fulfilled = 5 {PROMISE}"],
    "promise_held_of_nothing": [f"UPDATE reservation SET released = 3 {PROMISE}"],
    "promise_elsewhere": [f"UPDATE reservation SET location = 'garage' {PROMISE}"],
    "promise_of_another_sku": [f"UPDATE reservation SET sku = 'TONGS' {PROMISE}"],
    "promise_of_a_sku_nobody_knows": [f"UPDATE reservation SET sku = 'GHOST' {PROMISE}"],
    "demand_gone": [f"DELETE FROM demand {PROMISE}"],
    "demand_larger": [f"UPDATE demand SET need = 5 {PROMISE}"],
    "demand_smaller": [f"UPDATE demand SET need = 1 {PROMISE}"],
    "demand_short": [f"UPDATE demand SET short = 2 {PROMISE}"],
    "order_gone": ["DELETE FROM customer_order WHERE order_key = 'shop:1001'"],
    "flight_more": ["UPDATE listing SET in_flight = 3"],
    "flight_more_than_there_is": ["UPDATE listing SET in_flight = 90"],
    "flight_none": ["UPDATE listing SET in_flight = 0"],
    "listing_unlinked": ["DELETE FROM listing_component"],
    "component_larger": ["UPDATE listing_component SET units = 3"],
    "product_gone": ["DELETE FROM product WHERE sku = 'GLOVE-X'"],
    "product_of_stock_alone_gone": ["DELETE FROM product WHERE sku = 'TONGS'", "DELETE FROM barcode"],
    "product_of_barcode_gone": ["DELETE FROM product WHERE sku = 'TONGS'"],
    "barcode_spelt_otherwise": [
        "INSERT INTO barcode VALUES ('4006381333931', 'GLOVE-X', 1)",
    ],
    "mark_lost_and_shown_wrong": ["DELETE FROM touched", "UPDATE listing SET shown = 7"],
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_doctor_names_repairs(shop: Shop, name: str) -> None:
    """Whatever was damaged is found, and the commands named put it right by themselves, in movements of their own."""
    busy(shop)
    damage(shop, *DAMAGES[name])
    before = log_of(shop)
    assert shop.syncd("doctor").code == 1
    assert repaired(shop)
    assert log_of(shop)[: len(before)] == before


TOGETHER = (
    "balance_moved",
    "movement_of_receipt_lost",
    "promise_oversent",
    "flight_more_than_there_is",
    "product_gone",
)


@pytest.mark.both_stores
def test_much_at_once_is_repaired(shop: Shop) -> None:
    """Several damages together are put right too, on both stores."""
    busy(shop)
    damage(shop, *(one for name in TOGETHER for one in DAMAGES[name]))
    assert len(repaired(shop)) >= 3
    assert shop.told("doctor")["ok"] is True


def test_a_balance_below_zero(shop: Shop) -> None:
    """What the store itself would have refused is found and rebuilt, also where the log says the same."""
    busy(shop)
    with sqlite3.connect(shop.folder / "syncd.db") as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute("UPDATE balance SET quantity = -4 WHERE sku = 'TONGS' AND account = 'main/available'")
        db.execute(
            "UPDATE movement SET source = 'main/available', destination = 'outside/supplier' WHERE sku = 'TONGS'"
        )
        db.execute("UPDATE balance SET quantity = 4 WHERE sku = 'TONGS' AND account = 'outside/supplier'")
    db.close()
    assert repaired(shop) == ["syncd doctor --rebuild-balances"]
    assert shop.told("stock", "show", "TONGS")[0]["on_hand"] == 0


def log_of(shop: Shop) -> list[RecordedMovement]:
    """The log as it stands."""

    async def work(session: Session) -> list[RecordedMovement]:
        async with session.db.read() as conn:
            return await read_movements(conn)

    return shop.within(work)

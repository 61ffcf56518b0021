"""doctor: nothing found is exit code 0, anything found is 1, and balances can be made the fold of the log again."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, update

from syncd.identity import Sku
from syncd.ledger.store import Write, balance, movement
from syncd.orders.store import drop_order, save_order
from syncd.reservation.hold import Demand
from syncd.reservation.store import reservation, save_demands
from tests.support.cli import EBAY, MOMENT, Shop, an_order, held


def test_a_sound_store(shop: Shop) -> None:
    """Nothing is found: said in one line, exit code 0."""
    shop.stocked("GLOVE-X", 3)
    assert shop.done("doctor").startswith("Nothing found: all ")
    told = shop.told("doctor")
    assert (told["ok"], told["findings"], told["rebuilt"]) == (True, [], [])


@pytest.mark.both_stores
def test_a_finding_is_exit_code_1(shop: Shop) -> None:
    """What does not hold is named with what to type; standard output has the table, and the data says the same."""
    demand = Demand(EBAY, "L-1", Sku("GLOVE-X"), "ebay:1", need=1, short=1)
    order = save_order(EBAY, an_order("1", "GLOVE-X", 1), "ebay:1", before_start=False, now=MOMENT)
    shop.within(lambda session: session.writer.write(order, save_demands([demand])))
    said = shop.syncd("doctor")
    assert said.code == 1
    assert said.out.startswith("1 finding.")
    assert "syncd run" in said.out
    told = shop.syncd("doctor", "--json")
    assert (told.code, told.json["ok"]) == (1, False)
    assert told.json["findings"][0]["check"] == "shortages_have_a_case"


@pytest.mark.both_stores
def test_balances_are_rebuilt_from_the_log(shop: Shop) -> None:
    """A wrong, a missing and a made-up balance are found, put right and named; the log stays as it is."""
    shop.stocked("GLOVE-X", 3)
    shop.stocked("TONGS", 4, "Tongs")
    c = balance.c
    shop.within(
        lambda session: session.writer.write(
            Write(update(balance).where(c.sku == "GLOVE-X", c.account == "main/available").values(quantity=9)),
            Write(delete(balance).where(c.sku == "TONGS", c.account == "outside/supplier")),
            Write(insert(balance), {"sku": "GHOST", "account": "main/available", "quantity": 7, "position": 1}),
        )
    )
    assert shop.syncd("doctor").code == 1
    before = shop.told("stock", "history", "GLOVE-X")
    told = shop.told("doctor", "--rebuild-balances")
    assert told["ok"] is True
    assert told["rebuilt"] == [
        {"sku": "GHOST", "account": "main/available", "kept": 7, "folded": 0},
        {"sku": "GLOVE-X", "account": "main/available", "kept": 9, "folded": 3},
        {"sku": "TONGS", "account": "outside/supplier", "kept": 0, "folded": -4},
    ]
    assert shop.told("stock", "show", "GLOVE-X")[0]["available"] == 3
    assert shop.told("stock", "history", "GLOVE-X") == before
    assert "Every balance was right already" in shop.done("doctor", "--rebuild-balances")


@pytest.mark.both_stores
def test_a_log_that_goes_below_zero_is_corrected_beside_it(shop: Shop) -> None:
    """Where the movements themselves are wrong what is missing is posted beside them, and said."""
    shop.stocked("GLOVE-X", 3)
    c = movement.c
    wrong = Write(update(movement).where(c.sku == "GLOVE-X").values(source="main/available", destination="garage/x"))
    shop.within(lambda session: session.writer.write(wrong))
    said = shop.syncd("doctor", "--rebuild-balances")
    assert "3 × GLOVE-X: outside/loss → main/available" in said.out
    assert (said.code, "and is no account" in said.out) == (1, True)
    assert "3 × GLOVE-X: garage/x → garage/unavailable" in shop.done("doctor", "--rebuild-balances")
    newest = shop.told("stock", "history", "GLOVE-X")[0]
    assert (newest["actor"], newest["reference"]) == ("doctor", "doctor --rebuild-balances")


@pytest.mark.both_stores
def test_promises_are_settled(shop: Shop) -> None:
    """What the doctor finds wrong with promises, the command it names puts right, in the log and not over it."""
    shop.stocked("GLOVE-X", 5)
    key = held(shop, 3)
    r, sku = reservation.c, Sku("GLOVE-X")
    lost = Write(update(reservation).where(r.order_key == key).values(quantity=1))
    shop.within(lambda session: session.writer.write(lost))
    found = shop.syncd("doctor", "--json").json["findings"]
    assert {one["check"] for one in found} == {"reservations_are_held", "demands_are_covered"}
    assert {one["repair"] for one in found} == {f"syncd doctor --settle {sku}"}
    before = shop.told("stock", "history", sku)
    said = shop.syncd("doctor", "--settle", sku)
    assert "2 × GLOVE-X: main/reserved → main/available" in said.out
    [finding] = shop.syncd("doctor", "--json").json["findings"]
    assert finding["check"] == "shortages_have_a_case"  # which the daemon opens
    newest, *older = shop.told("stock", "history", sku)
    assert (newest["actor"], newest["reference"], older) == ("doctor", "doctor --settle", before)
    assert shop.told("stock", "show")[0]["reserved"] == 1
    assert "agreed with its stock already" in shop.syncd("doctor", "--settle", sku).out


@pytest.mark.both_stores
def test_a_promise_to_no_order_is_given_back(shop: Shop) -> None:
    """An order that is not in the books any more holds nothing once its SKU is settled."""
    shop.stocked("GLOVE-X", 5)
    key = held(shop, 3)
    shop.within(lambda session: session.writer.write(drop_order(key)))
    [found] = shop.syncd("doctor", "--json").json["findings"]
    assert (found["check"], key in found["sentence"]) == ("promises_have_an_order", True)
    assert shop.told("doctor", "--settle", "GLOVE-X")["ok"] is True
    assert shop.told("stock", "show")[0]["available"] == 5


@pytest.mark.both_stores
def test_wrong_positions_and_moments_are_found(shop: Shop) -> None:
    """A balance ahead of the log is rebuilt; movements with impossible moments are named."""
    shop.stocked("GLOVE-X", 3)
    ahead = Write(update(balance).where(balance.c.account == "main/available").values(position=99))
    shop.within(lambda session: session.writer.write(ahead))
    [found] = shop.syncd("doctor", "--json").json["findings"]
    assert found["check"] == "balances_hold_known_movements"
    assert shop.told("doctor", "--rebuild-balances")["ok"] is True
    shop.done("stock", "post", "GLOVE-X", "1", "--sale")
    m, now = movement.c, datetime.now(UTC)
    first = update(movement).where(m.position == 1).values(recorded_at=now + timedelta(minutes=4))
    second = (
        update(movement)
        .where(m.position == 2)
        .values(recorded_at=now - timedelta(days=1), happened_at=now + timedelta(days=1))
    )
    shop.within(lambda session: session.writer.write(Write(first), Write(second)))
    found = shop.syncd("doctor", "--json").json["findings"]
    assert [(one["check"], one["subject"]) for one in found] == [("times_can_be_right", "movement 2")] * 2


def test_stock_at_a_place_nobody_names_any_more(shop: Shop) -> None:
    """A place that left syncd.toml and still holds stock is found, and emptied by the command named."""
    shop.stocked("GLOVE-X", 3)
    shop.done("stock", "transfer", "GLOVE-X", "2", "main", "garage")
    toml = shop.config.read_text(encoding="utf-8")
    shop.config.write_text(toml.replace('locations = ["main", "garage"]\n', ""), encoding="utf-8")
    [found] = shop.syncd("doctor", "--json").json["findings"]
    assert (found["check"], found["subject"]) == ("stock_lies_at_known_places", "GLOVE-X garage/available")
    shop.done(*shlex.split(found["repair"])[1:])
    assert shop.told("doctor")["ok"] is True
    assert [row["location"] for row in shop.told("stock", "show") if row["on_hand"]] == ["main"]

"""doctor: nothing found is exit code 0, anything found is 1, and balances can be made the fold of the log again."""

from __future__ import annotations

from sqlalchemy import delete, insert, update

from syncd.identity import Sku
from syncd.ledger.store import Write, balance, movement
from syncd.reservation.hold import Demand
from syncd.reservation.store import save_demands
from tests.support.cli import EBAY, Shop


def test_a_sound_store(shop: Shop) -> None:
    """Nothing is found: said in one line, exit code 0."""
    shop.stocked("GLOVE-X", 3)
    assert shop.done("doctor").startswith("Nothing found: all ")
    told = shop.told("doctor")
    assert (told["ok"], told["findings"], told["rebuilt"]) == (True, [], [])


def test_a_finding_is_exit_code_1(shop: Shop) -> None:
    """What does not hold is named with what to type; standard output has the table, and the data says the same."""
    demand = Demand(EBAY, "L-1", Sku("GLOVE-X"), "ebay:1", need=1, short=1)
    shop.within(lambda session: session.writer.write(save_demands([demand])))
    said = shop.syncd("doctor")
    assert said.code == 1
    assert said.out.startswith("1 finding.")
    assert "syncd run" in said.out
    told = shop.syncd("doctor", "--json")
    assert (told.code, told.json["ok"]) == (1, False)
    assert told.json["findings"][0]["check"] == "shortages_have_a_case"


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


def test_a_log_that_goes_below_zero_is_not_folded(shop: Shop) -> None:
    """Where the movements themselves are wrong nothing is rebuilt, and it says which SKU."""
    shop.stocked("GLOVE-X", 3)
    c = movement.c
    wrong = Write(update(movement).where(c.sku == "GLOVE-X").values(source="main/available", destination="garage/x"))
    shop.within(lambda session: session.writer.write(wrong))
    assert "take main/available to -3" in shop.refused("doctor", "--rebuild-balances")

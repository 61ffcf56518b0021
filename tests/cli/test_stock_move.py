"""stock transfer and pick, and the places stock may lie at."""

from __future__ import annotations

import pytest

from tests.support.cli import Shop, held


@pytest.mark.both_stores
def test_transfer_carries_free_units(shop: Shop) -> None:
    """Units leave one place and reach the other in one movement; the same key again carries nothing."""
    shop.stocked("GLOVE-X", 5)
    told = shop.told("stock", "transfer", "GLOVE-X", "2", "main", "garage", "--key", "van-1")
    assert told["verdict"] == "posted"
    assert shop.told("stock", "transfer", "GLOVE-X", "2", "main", "garage", "--key", "van-1")["verdict"] == "duplicate"
    assert {row["location"]: row["available"] for row in shop.told("stock", "show")} == {"garage": 2, "main": 3}
    assert shop.told("stock", "history", "GLOVE-X", "-n", "1")[0]["reason"] == "transfer"


@pytest.mark.both_stores
def test_transfer_takes_nothing_that_is_promised(shop: Shop) -> None:
    """What an order waits for stays where it is promised from; exit code 1 and the number that is free."""
    shop.stocked("GLOVE-X", 5)
    held(shop, 4)
    said = shop.syncd("stock", "transfer", "GLOVE-X", "2", "main", "garage")
    assert said.code == 1
    assert "main holds 1 × GLOVE-X free, 2 are wanted" in " ".join(said.out.split())


def test_a_place_nobody_named_is_refused_everywhere(shop: Shop) -> None:
    """A slip in a place's name is told with the nearest one, by every command that moves stock; nothing moves."""
    shop.stocked("GLOVE-X", 5)
    file = shop.folder / "opening.csv"
    file.write_text("sku,quantity,location\nTONGS,1,garaje\n", encoding="utf-8")
    for words in (
        ("transfer", "GLOVE-X", "1", "main", "garaje"),
        ("count", "GLOVE-X", "1", "--location", "garaje"),
        ("post", "GLOVE-X", "1", "--receipt", "--location", "garaje"),
        ("post", "GLOVE-X", "1", "--receipt", "--to", "garaje/available"),
        ("import", str(file)),
    ):
        complaint = shop.refused("stock", *words)
        assert "there is no location garaje" in complaint
        assert "did you mean garage?" in complaint
    assert [row["location"] for row in shop.told("stock", "show")] == ["main"]


def test_the_daemon_may_name_further_places(shop: Shop) -> None:
    """A place no channel sells from is known once [daemon] locations names it."""
    shop.stocked("GLOVE-X", 5)
    assert "there is no location attic" in shop.refused("stock", "transfer", "GLOVE-X", "1", "main", "attic")
    toml = shop.config.read_text(encoding="utf-8")
    shop.config.write_text(f'[daemon]\nlocations = ["attic"]\n{toml}', encoding="utf-8")
    shop.done("stock", "transfer", "GLOVE-X", "1", "main", "attic")
    shop.config.write_text(f'[daemon]\nlocations = ["a/b"]\n{toml}', encoding="utf-8")
    assert "must be made of letters" in shop.refused("stock", "show", code=3)


@pytest.mark.both_stores
def test_pick_sends_what_an_order_waits_for(shop: Shop) -> None:
    """In parts, by the order's number or key; more than is held is refused."""
    shop.stocked("GLOVE-X", 5)
    key = held(shop, 3)
    assert "1 more to pick" in shop.done("stock", "pick", "1001", "GLOVE-X", "2")
    assert shop.syncd("stock", "pick", key, "GLOVE-X", "2").code == 1
    shop.done("stock", "pick", key, "GLOVE-X", "1")
    [level] = shop.told("stock", "show")
    assert (level["available"], level["reserved"]) == (2, 0)
    newest = shop.told("stock", "history", "GLOVE-X")[0]
    assert (newest["reason"], newest["reference"], newest["destination"]) == ("shipment", key, "outside/customer")
    assert shop.told("doctor")["ok"] is True


@pytest.mark.both_stores
def test_pick_of_nothing_breaks_the_promise(shop: Shop) -> None:
    """0 is said aloud: the order is short, a person is asked to count, and what looked free is set aside."""
    shop.stocked("GLOVE-X", 5)
    key = held(shop, 3)
    told = shop.told("stock", "pick", key, "GLOVE-X", "0")
    assert (told["verdict"], told["broken"]) == ("posted", 3)
    [level] = shop.told("stock", "show")
    assert (level["available"], level["reserved"], level["unavailable"]) == (0, 0, 2)
    [question] = shop.told("questions")
    assert "stock count GLOVE-X N --location main" in question["sentence"]
    shop.done("stock", "post", "GLOVE-X", "1", "--restock")
    shop.done("stock", "post", "GLOVE-X", "1", "--discard")
    [level] = shop.told("stock", "show")
    assert (level["available"], level["unavailable"], level["on_hand"]) == (1, 0, 1)

"""syncd report: in words and as data, with an exit code that says whether something waits."""

from __future__ import annotations

from syncd.identity import ListingId, ListingKey
from tests.support.cli import EBAY, SHOP, Shop


def test_before_going_live(shop: Shop) -> None:
    """What is oversold, what is not linked and what to do next are said; the exit code is 1."""
    shop.stocked("GLOVE-X", 2)
    shop.stocked("TONGS", 4)
    shop.listed(ListingKey(EBAY, ListingId("110")), "GLOVE-X", shown=5)
    shop.listed(ListingKey(SHOP, ListingId("7")), "GLOVE-X", shown=2)
    shop.listed(ListingKey(SHOP, ListingId("8")), None, shown=9)
    said = shop.syncd("report")
    assert said.code == 1
    assert said.out.splitlines()[0] == "2 channels: 1 number would change, 1 of them oversold now."
    assert "ebay: customers can buy what is not there" in said.out
    assert "syncd link LISTING SKU" in said.out
    assert "1 SKU with stock that no channel offers: TONGS." in said.out
    assert "shop: link what can be linked first" in said.out
    told = shop.syncd("report", "--json")
    assert told.code == 1
    ebay, web = told.json["channels"]
    assert (ebay["channel"], ebay["asks"], ebay["linked"], len(ebay["lowered"])) == ("ebay", True, 1, 1)
    assert ebay["oversold"] == [
        {"listing": "ebay:110", "title": "Gloves, heat proof", "shown": 5, "target": 2, "there": 2}
    ]
    assert [one["listing"] for one in web["unlinked"]] == ["shop:8"]
    assert (told.json["nowhere"], told.json["asks"]) == (["TONGS"], True)


def test_nothing_waits(shop: Shop) -> None:
    """With one channel asked for and all of it true the exit code is 0, and the next step is said."""
    shop.stocked("GLOVE-X", 2)
    shop.listed(ListingKey(SHOP, ListingId("7")), "GLOVE-X", shown=2)
    said = shop.done("report", "--channel", "shop")
    assert 'shop: look at syncd plan shop; if you agree, write mode = "live" below [channel.shop]' in said
    assert shop.told("report", "--channel", "shop")["asks"] is False


def test_a_channel_nobody_configured(shop: Shop) -> None:
    """The nearest name is offered."""
    assert "did you mean shop" in shop.refused("report", "--channel", "shpo")

"""supplier and product: whose word counts, and what is stocked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask
from syncd.identity import Sku, SupplierName
from syncd.supply.offer import Offer
from syncd.supply.store import Feed, save_feed, save_offers
from tests.support.cli import MOMENT, Session, Shop

TOOLMAKER = SupplierName("toolmaker")


def feed_read(shop: Shop, *, hours_ago: float, **changes: str) -> None:
    """The toolmaker's feed, read some time ago, with one offer."""

    async def work(session: Session) -> None:
        as_of = session.clock.now() - timedelta(hours=hours_ago)
        feed = replace(Feed(TOOLMAKER, "v1", as_of, as_of), **changes)  # type: ignore[arg-type]
        offers = save_offers([Offer(TOOLMAKER, "T-1", Sku("TOOLKIT"), 5, as_of)])
        await session.writer.write(save_feed(feed), offers)

    shop.within(work)


def test_a_supplier_never_read(shop: Shop) -> None:
    """Before the first reading he counts as doubtful, in words."""
    assert "1 of 1 supplier to look at" in shop.done("supplier", "show")
    [told] = shop.told("supplier", "show")
    assert (told["state"], told["offers"], told["feed"]) == ("never read", 0, None)


@pytest.mark.parametrize(("hours_ago", "state"), [(1, "fresh"), (30, "stale: counts as 0")])
@pytest.mark.both_stores
def test_a_feed_has_its_age(shop: Shop, hours_ago: float, state: str) -> None:
    """A feed younger than stale_after_seconds is fresh; an older one counts as 0."""
    feed_read(shop, hours_ago=hours_ago)
    [told] = shop.told("supplier", "show", "toolmaker")
    assert (told["state"], told["offers"]) == (state, 1)
    assert state in shop.done("supplier", "show")


@pytest.mark.both_stores
def test_a_held_feed_is_released(shop: Shop) -> None:
    """The held version is let in and the question closed; a second release has nothing to do."""
    feed_read(shop, hours_ago=1, held_version="v2")
    held = ask(Question(Topic.FEED_HELD, TOOLMAKER, "not believed", MOMENT))
    shop.within(lambda session: session.writer.write(held))
    assert shop.told("supplier", "show")[0]["state"] == "held: a new feed is not believed"
    assert shop.told("supplier", "release", "toolmaker") == {"supplier": "toolmaker", "released_version": "v2"}
    assert shop.told("supplier", "show")[0]["state"] == "fresh"
    assert shop.told("questions") == []
    assert "no feed of toolmaker is held" in shop.refused("supplier", "release", "toolmaker")


def test_a_supplier_nobody_knows(shop: Shop) -> None:
    """A wrong name is refused with the nearest."""
    for words in (("supplier", "show", "toolmaster"), ("supplier", "release", "toolmaster")):
        assert "did you mean toolmaker?" in shop.refused(*words)


@pytest.mark.both_stores
def test_product_add_and_list(shop: Shop) -> None:
    """A product is renamed by adding it again, and keeps its barcodes and kind."""
    assert "No product is known yet" in shop.done("product", "list")
    words = ("product", "add", "GLOVE-X", "--title", "Gloves", "--barcode", "4006381333931", "--category", "gloves")
    assert shop.told(*words)["was_known"] is False
    said = shop.done("product", "add", "GLOVE-X", "--title", "Barbecue gloves", "-b", "A-12")
    assert "It was called Gloves." in said
    assert shop.told("product", "list") == [
        {
            "sku": "GLOVE-X",
            "title": "Barbecue gloves",
            "category": "gloves",
            "brand": "",
            "barcodes": ["4006381333931", "A-12"],
        }
    ]
    assert "4006381333931" in shop.done("product", "list")


@pytest.mark.both_stores
def test_a_barcode_that_changes_hands_is_said(shop: Shop) -> None:
    """A code belongs to one SKU: taking it from another is told, and so is a wrong check digit."""
    shop.done("product", "add", "GLOVE-X", "--title", "Gloves", "--barcode", "A-12")
    notes = shop.told("product", "add", "GLOVE-Y", "--title", "Gloves", "-b", "A-12", "-b", "4006381333932")["notes"]
    assert notes == [
        "A-12 meant 1 unit of GLOVE-X until now.",
        "A-12 is no GTIN: it is kept as plain text, and found only exactly as written.",
        "4006381333932 has the length of a GTIN and a wrong check digit: is it typed rightly? Kept as text.",
    ]


@pytest.mark.both_stores
def test_barcodes_of_packs(shop: Shop) -> None:
    """A code may mean a case: it is added, listed, counted in cases and forgotten again."""
    shop.stocked("GLOVE-X", 0)
    told = shop.told("product", "barcode", "add", "GLOVE-X", "14006381333938", "--units", "12")
    assert told == {"sku": "GLOVE-X", "code": "14006381333938", "units": 12, "notes": []}
    shop.done("product", "barcode", "add", "GLOVE-X", "036000291452")
    listed = [
        {"sku": "GLOVE-X", "code": "0036000291452", "units": 1},
        {key: told[key] for key in ("sku", "code", "units")},
    ]
    assert shop.told("product", "barcode", "list") == shop.told("product", "barcode", "list", "0036000291452") == listed
    assert "14006381333938 (× 12)" in shop.done("product", "list")
    assert shop.told("stock", "post", "14006381333938", "2", "--receipt")["quantity"] == 24
    assert shop.told("stock", "count", "14006381333938", "3")["count"]["counted"] == 36
    assert "means nothing any more" in shop.done("product", "barcode", "remove", "0036000291452")
    assert "no barcode that syncd knows" in shop.refused("product", "barcode", "remove", "036000291452")
    assert "meant 12 units of GLOVE-X until now" in shop.done("product", "barcode", "add", "GLOVE-X", "14006381333938")


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        ((" ", "--title", "T"), 1, "is not a SKU"),
        (("GLOVE-X",), 2, "--title"),
        (("GLOVE-X", "--title", "T", "--barcode", " "), 2, "is no barcode"),
    ],
)
def test_product_add_typed_wrongly(shop: Shop, words: tuple[str, ...], code: int, complaint: str) -> None:
    """What cannot be a SKU or a barcode is refused."""
    assert complaint in shop.refused("product", "add", *words, code=code)
    assert shop.told("product", "list") == []


@pytest.mark.both_stores
def test_a_supplier_without_a_record(shop: Shop, tmp_path: Path) -> None:
    """His word stands; the report says that nothing was ordered, and goes into the file that was named."""
    assert "Every supplier's word stands." in shop.done("supplier", "scorecard")
    (card,) = shop.told("supplier", "scorecard", "toolmaker")
    assert (card["supplier"], card["believed"], card["score"]["accuracy"]) == ("toolmaker", "1", None)
    page, sheet = tmp_path / "report.html", tmp_path / "report.csv"
    told = shop.told("supplier", "report", "toolmaker", "--month", "2026-11", "-o", str(page), "--language", "en")
    assert (told["month"], told["headline"]) == ("2026-11", "Nothing was ordered from toolmaker.")
    assert "Nothing was ordered from toolmaker." in page.read_text("utf-8")
    shop.done("supplier", "report", "toolmaker", "-o", str(sheet))
    assert sheet.read_text("utf-8").startswith("reference,made,")


def test_a_report_is_refused_for_what_is_no_month_or_no_page(shop: Shop) -> None:
    """Both say what to write instead."""
    assert "write a month such as 2026-11" in shop.refused("supplier", "report", "toolmaker", "--month", "2026-13")
    assert "must end in .html or .csv" in shop.refused("supplier", "report", "toolmaker", "-o", "report.pdf")

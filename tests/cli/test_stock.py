"""stock show, post, count, history and why: each in words and as data, and every way they can be typed wrongly."""

from __future__ import annotations

import pytest

from syncd.ledger.movement import OPENING, Movement, Reason, available, reserved
from syncd.ledger.store import post
from tests.support.cli import EBAY, MOMENT, Session, Shop, listing_key

LEVEL = {"sku", "title", "location", "on_hand", "available", "reserved", "in_flight", "unavailable"}


def test_show_of_an_empty_store_says_what_to_do(shop: Shop) -> None:
    """Nothing is known: the answer says so and names the two ways in; as data it is an empty list."""
    said = shop.done("stock", "show")
    assert "No product is known yet" in said
    assert "syncd stock import" in said
    assert shop.told("stock", "show") == []


def test_show_answers_first(shop: Shop) -> None:
    """The first line is the answer, the table with every state comes after it."""
    shop.stocked("GLOVE-X", 3)
    shop.done("stock", "post", "GLOVE-X", "1", "--damaged")
    first, heads, row = shop.done("stock", "show", "GLOVE-X").splitlines()
    assert first == "GLOVE-X, Barbecue gloves: 2 free to promise, 3 on hand."
    assert heads.split("  ")[0] == "SKU"
    assert row.split() == ["GLOVE-X", "Barbecue", "gloves", "main", "2", "0", "0", "1", "3"]


@pytest.mark.both_stores
def test_show_as_data(shop: Shop) -> None:
    """One row for each SKU and location; a product nothing was posted of has no location."""
    shop.stocked("GLOVE-X", 3)
    shop.stocked("TONGS", 0, "Tongs")
    gloves, tongs = shop.told("stock", "show")
    assert set(gloves) == set(tongs) == LEVEL
    assert (gloves["location"], gloves["available"], gloves["on_hand"]) == ("main", 3, 3)
    assert (tongs["location"], tongs["on_hand"]) == (None, 0)
    assert "nothing posted yet" in shop.done("stock", "show")


@pytest.mark.both_stores
def test_show_knows_barcodes_and_near_names(shop: Shop) -> None:
    """A barcode stands for its SKU; an unknown SKU is refused with the nearest one."""
    shop.done("product", "add", "GLOVE-X", "--title", "Gloves", "--barcode", "4006381333931")
    assert [row["sku"] for row in shop.told("stock", "show", "4006381333931")] == ["GLOVE-X"]
    assert "did you mean GLOVE-X?" in shop.refused("stock", "show", "GLOVEX")


@pytest.mark.parametrize(
    ("flag", "source", "destination", "reason"),
    [
        ("--receipt", "outside/supplier", "main/available", "receipt"),
        ("--return", "outside/customer", "main/available", "return"),
        ("--correction", "outside/loss", "main/available", "correction"),
        ("--damaged", "main/available", "main/unavailable", "damaged"),
        ("--shrinkage", "main/available", "outside/loss", "shrinkage"),
        ("--sale", "main/available", "outside/customer", "sale"),
    ],
)
def test_post_goes_the_reasons_way(shop: Shop, flag: str, source: str, destination: str, reason: str) -> None:
    """Each reason has its accounts; the movement is posted and the stock after it shown."""
    shop.stocked("GLOVE-X", 5)
    told = shop.told("stock", "post", "GLOVE-X", "2", flag)
    assert (told["verdict"], told["source"], told["destination"], told["reason"]) == (
        "posted",
        source,
        destination,
        reason,
    )
    assert sum(level["on_hand"] for level in told["stock"]) == sum(
        level["on_hand"] for level in shop.told("stock", "show")
    )


@pytest.mark.both_stores
def test_post_between_named_accounts(shop: Shop) -> None:
    """With --from and --to anything free goes anywhere; a correction from a shelf is a loss."""
    shop.stocked("GLOVE-X", 5)
    way = ("--from", "main/available", "--to", "garage/available", "--reason", "transfer")
    shop.done("stock", "post", "GLOVE-X", "2", *way)
    lost = shop.told("stock", "post", "GLOVE-X", "1", "--correction", "--from", "garage/available")
    assert lost["destination"] == "outside/loss"
    assert {row["location"]: row["available"] for row in shop.told("stock", "show")} == {"garage": 1, "main": 3}


@pytest.mark.both_stores
def test_post_twice_with_one_key_moves_once(shop: Shop) -> None:
    """The same key again is a duplicate; for something else it is a conflict and exit code 1; both name the first."""
    shop.stocked("GLOVE-X", 0)
    first, again = ("stock", "post", "GLOVE-X", "2", "--receipt"), ("--key", "note-42")
    assert shop.told(*first)["positions"] == [1]
    assert "Posted as movement 2: 2 × GLOVE-X" in shop.done(*first, *again)
    shop.done(*first)
    assert "Posted before as movement 2, nothing moved" in shop.done(*first, *again)
    assert shop.told(*first, *again)["positions"] == [2]
    other = ("stock", "post", "GLOVE-X", "3", "--receipt", *again)
    assert "with other content, movement 2." in shop.syncd(*other).out
    said = shop.syncd(*other, "--json")
    assert (said.code, said.json["verdict"], said.json["positions"]) == (1, "conflict", [2])
    refused = shop.syncd("stock", "post", "GLOVE-X", "99", "--sale", "--json")
    assert (refused.json["verdict"], refused.json["positions"]) == ("refused", [])
    assert shop.told("stock", "show")[0]["available"] == 6


def test_post_without_a_key_shows_the_one_it_made(shop: Shop) -> None:
    """Each command makes a key of its own and says it, so that it can be repeated without harm."""
    shop.stocked("GLOVE-X", 0)
    first = shop.told("stock", "post", "GLOVE-X", "1", "--receipt")
    second = shop.told("stock", "post", "GLOVE-X", "1", "--receipt")
    assert first["key"] != second["key"]
    assert shop.told("stock", "post", "GLOVE-X", "1", "--receipt", "--key", first["key"])["verdict"] == "duplicate"


@pytest.mark.both_stores
def test_post_below_zero_is_refused(shop: Shop) -> None:
    """More than there is: nothing moves, the reason is said, the exit code is 1."""
    shop.stocked("GLOVE-X", 1)
    said = shop.syncd("stock", "post", "GLOVE-X", "2", "--sale")
    assert said.code == 1
    assert "main/available holds 1, 2 are wanted" in said.out
    assert shop.told("stock", "show")[0]["available"] == 1


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (("GLOVE-X", "0", "--receipt"), 2, "QUANTITY"),
        (("GLOVE-X", "--receipt", "--", "-3"), 2, "QUANTITY"),
        (("GLOVE-X", "two", "--receipt"), 2, "QUANTITY"),
        (("GLOVE-X", "1000001", "--receipt"), 2, "1000000"),
        (("GLOVE-X", "1"), 2, "Say why"),
        (("GLOVE-X", "1", "--receipt", "--sale"), 2, "Say why, once"),
        (("NOPE", "1", "--receipt"), 1, "there is no SKU NOPE"),
        (("GLOVE-X", "1", "--receipt", "--to", "main"), 1, "not an account"),
        (("GLOVE-X", "1", "--receipt", "--to", "main/reserved"), 1, "belongs to orders"),
        (("GLOVE-X", "1", "--reason", "other"), 1, "no usual way"),
        (("GLOVE-X", "1", "--receipt", "--location", "outside"), 1, "not an account"),
        (("GLOVE-X", "1", "--receipt", "--key", "a#2"), 1, "may not contain"),
    ],
)
def test_post_typed_wrongly(shop: Shop, words: tuple[str, ...], code: int, complaint: str) -> None:
    """Each wrong word is one complaint; what was typed wrongly is exit code 2, what cannot be is 1."""
    shop.stocked("GLOVE-X", 5)
    assert complaint in shop.refused("stock", "post", *words, code=code)
    assert shop.told("stock", "show")[0]["on_hand"] == 5


@pytest.mark.both_stores
def test_count_posts_the_difference(shop: Shop) -> None:
    """Fewer than the books say: the shelf is believed, by the same desk that scanners use."""
    shop.stocked("GLOVE-X", 5)
    told = shop.told("stock", "count", "GLOVE-X", "3", "--key", "shelf-1")
    assert told["count"] == {"expected": 5, "counted": 3, "difference": -2}
    assert shop.told("stock", "show")[0]["on_hand"] == 3
    assert shop.told("stock", "count", "GLOVE-X", "3", "--key", "shelf-1")["verdict"] == "duplicate"
    assert "GLOVE-X" in shop.done("stock", "count", "GLOVE-X", "4", "--location", "garage").splitlines()[0]


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (("GLOVE-X", "--", "-1"), 2, "N"),
        (("GLOVE-X", "many"), 2, "N"),
        (("GLOVE-X", "3", "--at", "yesterday"), 1, "at: must be a moment"),
        (("GLOVE-X", "3", "--location", "a/b"), 1, "location: must be made of"),
    ],
)
def test_count_typed_wrongly(shop: Shop, words: tuple[str, ...], code: int, complaint: str) -> None:
    """A count that cannot be read changes nothing."""
    shop.stocked("GLOVE-X", 5)
    assert complaint in shop.refused("stock", "count", *words, code=code)
    assert shop.told("stock", "show")[0]["on_hand"] == 5


def test_count_of_an_unknown_code(shop: Shop) -> None:
    """What nobody knows is told as the scanner is told, with exit code 1."""
    said = shop.syncd("stock", "count", "NOPE", "3", "--json")
    assert (said.code, said.json["verdict"]) == (1, "unknown_code")


@pytest.mark.both_stores
def test_history_is_newest_first(shop: Shop) -> None:
    """The last movement comes first, with who, why and for what; the limit holds."""
    shop.stocked("GLOVE-X", 5)
    shop.done("stock", "post", "GLOVE-X", "1", "--sale", "--reference", "counter")
    sale, receipt = shop.told("stock", "history", "GLOVE-X")
    assert (sale["reason"], sale["reference"], receipt["reason"]) == ("sale", "counter", "receipt")
    assert sale["actor"].startswith("cli")
    assert len(shop.told("stock", "history", "GLOVE-X", "--limit", "1")) == 1
    assert "main/available → outside/customer" in shop.done("stock", "history", "GLOVE-X")
    assert "there is no SKU NOPE" in shop.refused("stock", "history", "NOPE")


def test_history_of_what_never_moved(shop: Shop) -> None:
    """A product without movements has an empty history, said in words."""
    shop.stocked("GLOVE-X", 0)
    assert "nothing ever moved" in shop.done("stock", "history", "GLOVE-X")
    assert shop.told("stock", "history", "GLOVE-X") == []


@pytest.mark.both_stores
def test_why_is_a_receipt(shop: Shop) -> None:
    """Every term with its source, the total, and how far the number has come."""
    shop.stocked("GLOVE-X", 2)
    key = shop.listed(listing_key("ebay", "110"), "GLOVE-X", shown=5)
    told = shop.told("stock", "why", str(key))
    assert told["derivation"]["target"] == 2
    assert told["derivation"]["terms"][0]["source"] == "GLOVE-X at main, ledger"
    assert told["belief"]["expected"] == 5
    said = shop.done("stock", "why", str(key))
    assert said.splitlines()[0].startswith("ebay:110 must be showing 5; it should show 2")
    assert "acknowledged" in said
    assert "never" in said


@pytest.mark.parametrize(
    ("listing", "complaint"), [("ebay:111", "did you mean ebay:110?"), ("110", "write it as CHANNEL:LISTING_ID")]
)
def test_why_of_no_listing(shop: Shop, listing: str, complaint: str) -> None:
    """A listing nobody knows, or what is none, is one sentence."""
    shop.listed(listing_key(EBAY, "110"), None, shown=1)
    assert complaint in shop.refused("stock", "why", listing)


def test_reserved_units_are_shown_apart(shop: Shop) -> None:
    """What is promised is not free, and is on hand."""
    shop.stocked("GLOVE-X", 0)

    async def reserve(session: Session) -> None:
        sku = await session.sku("GLOVE-X")
        opening = Movement("o", sku, 3, OPENING, available("main"), Reason.CORRECTION, MOMENT)
        promise = Movement("p", sku, 1, available("main"), reserved("main"), Reason.SALE, MOMENT)
        await session.submit(post([opening, promise]))

    shop.within(reserve)
    [level] = shop.told("stock", "show")
    assert (level["available"], level["reserved"], level["on_hand"]) == (2, 1, 3)


def test_tables_fit_100_columns(shop: Shop) -> None:
    """However long a title is, no line passes 100 columns and no number is lost."""
    shop.stocked("GLOVE-X", 3, "Gloves " * 40)
    answer, *lines = shop.done("stock", "show").splitlines()
    assert answer.endswith("[...]: 3 free to promise, 3 on hand.")
    assert max(map(len, lines)) <= 100
    assert lines[1].split()[-5:] == ["3", "0", "0", "0", "3"]

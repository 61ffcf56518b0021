"""What is offered where nobody named a substitute: of the same kind and family, alike by name, and never cheaper."""

from __future__ import annotations

from decimal import Decimal

import pytest

from syncd.identity import Money, Sku
from syncd.shortage.similar import Article, Likeness, likeness_of, similar


def article(sku: str, title: str, price: str | None = "20", **told: str) -> Article:
    """Something sold in euro unless said otherwise."""
    worth = Money(Decimal(price), told.pop("currency", "EUR")) if price else None
    return Article(Sku(sku), title, told.pop("category", "gloves"), told.pop("brand", ""), worth)


WANTED = article("X", "Barbecue gloves leather Xandar", brand="Xandar")
FAMILY = Likeness((("Xandar", "Yuma"),), least=60, most=2)


@pytest.mark.parametrize(
    ("other", "offered"),
    [
        (article("Y", "Yuma leather barbecue gloves", "24", brand="Yuma"), True),
        (article("Y", "Yuma leather barbecue gloves", "20", brand="yuma"), True),
        (article("Y", "Yuma leather barbecue gloves", "19.99", brand="Yuma"), False),
        (article("Y", "Zeta leather barbecue gloves", "24", brand="Zeta"), False),
        (article("Y", "leather barbecue gloves", "24"), True),
        (article("Y", "Yuma leather barbecue gloves", "24", brand="Yuma", category="aprons"), False),
        (article("Y", "Yuma leather barbecue gloves", "24", brand="Yuma", category=""), False),
        (article("Y", "Yuma leather barbecue gloves", None, brand="Yuma"), False),
        (article("Y", "Yuma leather barbecue gloves", "24", brand="Yuma", currency="USD"), False),
        (article("Y", "Yuma charcoal starter 12 l", "24", brand="Yuma"), False),
    ],
    ids=[
        *("dearer", "as dear, brand in lower case", "cheaper", "another family", "no brand said"),
        *("another kind", "no kind said", "price unknown", "other currency", "another thing"),
    ],
)
def test_what_counts_as_alike(other: Article, offered: bool) -> None:
    """Each of the conditions alone decides."""
    assert similar(WANTED, [other], FAMILY) == ((Sku("Y"),) if offered else ())


def test_the_likest_come_first_and_only_so_many() -> None:
    """Best first, at most `most`; the article itself is never its own substitute, and ties fall the same way always."""
    others = [
        article("C", "Barbecue gloves leather", "30"),
        article("B", "Barbecue gloves leather", "25"),
        article("D", "Barbecue gloves leather long cuffs", "25"),
        WANTED,
    ]
    assert similar(WANTED, others, FAMILY) == ("B", "C")
    assert similar(WANTED, reversed(others), FAMILY) == ("B", "C")
    assert similar(WANTED, others, Likeness(most=0)) == ()


def test_brand_case_and_word_order_make_no_difference() -> None:
    """The same words are the same thing, whoever makes it."""
    other = article("Y", "LEATHER gloves, barbecue (Yuma)", brand="Yuma")
    assert likeness_of(WANTED, other) == 100

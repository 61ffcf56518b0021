"""What may stand in for something that ran out when nobody has named a substitute: of its kind, and never cheaper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, utils

from syncd.identity import Money, Sku


@dataclass(frozen=True, slots=True)
class Article:
    """Something sold: its name, kind and brand ('' where nobody said), and the price of one piece where it is known."""

    sku: Sku
    title: str
    category: str = ""
    brand: str = ""
    price: Money | None = None


@dataclass(frozen=True, slots=True)
class Likeness:
    """What counts as alike: brands that stand for each other, the least likeness of titles (0 to 100), how many."""

    families: Sequence[Sequence[str]] = ()
    least: int = 60
    most: int = 2


def similar(wanted: Article, others: Iterable[Article], likeness: Likeness) -> tuple[Sku, ...]:
    """Those of the same category and brand family that are not cheaper, the likest title first.

    Without a category nothing is alike: a title alone tells too little. A piece whose price is not known, or in another
    currency, is not offered: it might be cheaper.
    """
    found = [
        (-likeness_of(wanted, one), one.sku)
        for one in others
        if one.sku != wanted.sku and _of_a_kind(wanted, one, likeness.families) and _not_cheaper(wanted, one)
    ]
    return tuple(sku for score, sku in sorted(found) if -score >= likeness.least)[: likeness.most]


def likeness_of(one: Article, other: Article) -> float:
    """How alike two titles are, 0 to 100, whatever their brands, their case and the order of their words."""
    return float(fuzz.token_sort_ratio(_bare(one), _bare(other)))


def _bare(one: Article) -> str:
    brand = set(_words(one.brand))
    return " ".join(word for word in _words(one.title) if word not in brand)


def _words(text: str) -> list[str]:
    return str(utils.default_process(text)).split()


def _of_a_kind(one: Article, other: Article, families: Sequence[Sequence[str]]) -> bool:
    if not one.category or one.category.casefold() != other.category.casefold():
        return False
    ours, theirs = one.brand.casefold(), other.brand.casefold()
    if not ours or not theirs or ours == theirs:
        return True
    return any({ours, theirs} <= {name.casefold() for name in family} for family in families)


def _not_cheaper(one: Article, other: Article) -> bool:
    if one.price is None or other.price is None or one.price.currency != other.price.currency:
        return False
    return other.price.amount >= one.price.amount

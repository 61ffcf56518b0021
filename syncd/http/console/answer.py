"""The one answer an agent wants with the customer on the phone: can I sell it, where is it, since when do we know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.availability.derivation import Derivation
from syncd.identity import Sku
from syncd.ledger.balance import StockLevel
from syncd.listing.listing import Listing
from syncd.product.product import Product
from syncd.push.plan import PushState
from syncd.reservation.hold import Reservation
from syncd.shortage.similar import Article, likeness_of
from syncd.supply.offer import UsableOffer
from syncd.why.standing import Standing, standing

INSTEAD_MAX = 6
"""Most other products shown."""

ALIKE_MIN = 30.0
"""How alike titles must be, of 100, to be shown to staff; who offers it to a customer judges himself."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One listing of the SKU with its receipt."""

    listing: Listing
    push: PushState | None
    derivation: Derivation

    @property
    def standing(self) -> Standing:
        """The one word about it."""
        return standing(self.listing, self.push)

    @property
    def is_true(self) -> bool:
        """Whether it shows what it should."""
        return self.derivation.target is not None and self.listing.belief.expected == self.derivation.target


@dataclass(frozen=True, slots=True)
class Other:
    """Another product there is, and how alike."""

    sku: Sku
    title: str
    available: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything about one SKU, the answer first. `known_at`: when the books last changed, None for never."""

    sku: Sku
    title: str
    product: Product | None
    levels: tuple[StockLevel, ...]
    offers: tuple[UsableOffer, ...]
    listings: tuple[Shown, ...]
    promised: tuple[Reservation, ...]
    instead: tuple[Other, ...]
    known_at: datetime | None

    @property
    def available(self) -> int:
        """Free units on our shelves."""
        return sum(one.available for one in self.levels)

    @property
    def places(self) -> tuple[StockLevel, ...]:
        """Where they lie, most first."""
        return tuple(sorted((one for one in self.levels if one.available), key=lambda one: -one.available))

    @property
    def orderable(self) -> int:
        """Units suppliers have and may be promised."""
        return sum(one.units for one in self.offers)

    @property
    def is_known(self) -> bool:
        """Whether anything at all was ever said of this SKU."""
        return bool(self.product or self.levels or self.listings or self.offers)


def alike(wanted: Product, others: Iterable[Product], stock: Mapping[Sku, int]) -> tuple[Other, ...]:
    """What else there is, in stock now: of its category first, then by how alike the titles are."""
    article = _article(wanted)
    scored = [
        (not _same_kind(wanted, one), -likeness_of(article, _article(one)), one.sku, one)
        for one in others
        if one.sku != wanted.sku and stock.get(one.sku, 0) > 0
    ]
    close = [entry for entry in sorted(scored, key=lambda entry: entry[:3]) if not entry[0] or -entry[1] >= ALIKE_MIN]
    return tuple(Other(one.sku, one.title, stock[one.sku]) for *_, one in close[:INSTEAD_MAX])


def waiting_first(listings: Sequence[Shown]) -> tuple[Shown, ...]:
    """Listings that need somebody before those that are true."""
    return tuple(sorted(listings, key=lambda one: (one.is_true, one.listing.key)))


def _same_kind(one: Product, other: Product) -> bool:
    return bool(one.category) and one.category.casefold() == other.category.casefold()


def _article(product: Product) -> Article:
    return Article(product.sku, product.title, product.category, product.brand)

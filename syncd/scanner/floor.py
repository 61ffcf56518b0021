"""What a person on the floor asks before he scans: what is this, and what is to be picked. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from syncd.identity import Sku
from syncd.product.product import Coded
from syncd.reservation.hold import Reservation


@dataclass(frozen=True, slots=True)
class Thing:
    """What a code means: so many units of something that has a name."""

    sku: Sku
    title: str
    units: int = 1


@dataclass(frozen=True, slots=True)
class PickLine:
    """Units of one SKU that an order waits for at a place."""

    sku: Sku
    title: str
    units: int


@dataclass(frozen=True, slots=True)
class PickOrder:
    """An order with something to pick at a place; never who bought."""

    order_key: str
    number: str
    lines: tuple[PickLine, ...]


def thing(coded: Coded, titles: Mapping[Sku, str]) -> Thing:
    """A code's meaning with the name of the thing, which may be the SKU itself."""
    return Thing(coded.sku, titles.get(coded.sku) or coded.sku, coded.units)


def to_pick(
    reservations: Iterable[Reservation], numbers: Mapping[str, str], titles: Mapping[Sku, str]
) -> list[PickOrder]:
    """The orders that open reservations serve, in the order they were given, each SKU once."""
    units: dict[str, dict[Sku, int]] = {}
    for one in reservations:
        if one.open and one.order_key in numbers:
            lines = units.setdefault(one.order_key, {})
            lines[one.sku] = lines.get(one.sku, 0) + one.open
    return [
        PickOrder(
            key,
            numbers[key],
            tuple(PickLine(sku, titles.get(sku) or sku, count) for sku, count in sorted(lines.items())),
        )
        for key, lines in units.items()
    ]

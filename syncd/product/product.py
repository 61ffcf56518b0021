"""A product: a SKU with the words people know it by and the codes scanners read."""

from __future__ import annotations

from dataclasses import dataclass

from syncd.identity import Sku
from syncd.product.barcode import Barcode


@dataclass(frozen=True, slots=True)
class Product:
    """What a SKU is called, what kind of thing it is and whose (for substitutes), and its barcodes."""

    sku: Sku
    title: str
    category: str = ""
    barcodes: tuple[Barcode, ...] = ()
    brand: str = ""


@dataclass(frozen=True, slots=True)
class Coded:
    """What a scanned code means: so many base units of a SKU."""

    sku: Sku
    units: int = 1

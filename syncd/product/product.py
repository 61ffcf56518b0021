"""A product: a SKU with the words people know it by and the codes scanners read."""

from __future__ import annotations

from dataclasses import dataclass

from syncd.identity import Sku


@dataclass(frozen=True, slots=True)
class Product:
    """What a SKU is called, what kind of thing it is (for substitutes), and its barcodes (GTINs)."""

    sku: Sku
    title: str
    category: str = ""
    barcodes: tuple[str, ...] = ()

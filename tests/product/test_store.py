"""Products are known by their SKU and their barcodes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from syncd.identity import Sku
from syncd.product.barcode import barcode
from syncd.product.product import Product
from syncd.product.store import mention, read_code, read_products, save
from tests.support.store import GLOVES, KIT, Store, opened_store

GTIN, OTHER_GTIN = "4006381333931", "4006381333948"
PRODUCT = Product(GLOVES, "Barbecue gloves X", "gloves", (barcode(GTIN), barcode(OTHER_GTIN)))


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A new store."""
    async with opened_store(store_url) as opened:
        yield opened


async def products(store: Store, *skus: Sku) -> dict[Sku, Product]:
    """Products as written; all without SKUs."""
    async with store.db.read() as conn:
        return await read_products(conn, skus or None)


async def meaning(store: Store, code: str) -> Sku | None:
    """The SKU a code stands for."""
    async with store.db.read() as conn:
        coded = await read_code(conn, code)
    return coded.sku if coded else None


async def test_a_product_comes_back_as_it_was_saved(store: Store) -> None:
    """Title, category and barcodes survive, whether all products are read or some."""
    kit = Product(KIT, "Tool kit")
    await store.writer.write(*save([PRODUCT, kit]))
    assert await products(store) == {GLOVES: PRODUCT, KIT: kit}
    assert await products(store, GLOVES, Sku("unknown")) == {GLOVES: PRODUCT}


async def test_saving_again_renames_and_adds_barcodes(store: Store) -> None:
    """A second save changes the words and forgets no barcode."""
    await store.writer.write(*save([PRODUCT]))
    await store.writer.write(*save([Product(GLOVES, "Gloves", "garden", (barcode("123"),))]))
    assert await products(store) == {
        GLOVES: Product(GLOVES, "Gloves", "garden", (barcode(GTIN), barcode(OTHER_GTIN), barcode("123")))
    }


async def test_a_barcode_belongs_to_the_sku_that_named_it_last(store: Store) -> None:
    """A code means one thing, never two."""
    await store.writer.write(*save([PRODUCT, Product(KIT, "Tool kit", barcodes=(barcode(GTIN),))]))
    assert await meaning(store, GTIN) == KIT
    assert (await products(store))[GLOVES] == replace(PRODUCT, barcodes=(barcode(OTHER_GTIN),))


async def test_a_mention_never_renames(store: Store) -> None:
    """A title from elsewhere makes a SKU known and leaves a known one alone."""
    await store.writer.write(*save([PRODUCT]), mention([(GLOVES, "glovez"), (KIT, "kit"), (KIT, "kit again")]))
    found = await products(store)
    assert {sku: one.title for sku, one in found.items()} == {GLOVES: "Barbecue gloves X", KIT: "kit"}


async def test_a_scanned_code_is_a_barcode_or_the_sku_itself(store: Store) -> None:
    """A barcode goes before a SKU of the same text; what nobody knows is None."""
    await store.writer.write(*save([PRODUCT, Product(Sku(GTIN), "a SKU that looks like a barcode")]))
    assert await meaning(store, OTHER_GTIN) == GLOVES
    assert await meaning(store, GTIN) == GLOVES
    assert await meaning(store, "GLOVES-X") == GLOVES
    assert await meaning(store, "gloves-x") is None
    assert await meaning(store, "") is None

"""Products and their barcodes, as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement, Row, Select, bindparam, case, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.db import chunks, table_of, upsert
from syncd.identity import Sku
from syncd.ledger.store import Write
from syncd.prepared import Prepared, among
from syncd.product.barcode import Barcode, known_as
from syncd.product.product import Coded, Product

WORDS_MAX = 8
"""Words of a search that are looked for; further ones only make it dear."""


class ProductRow(SQLModel, table=True):
    """What a SKU is called."""

    __tablename__ = "product"

    sku: str = Field(primary_key=True)
    title: str
    category: str = Field(index=True)
    brand: str


class BarcodeRow(SQLModel, table=True):
    """A code a scanner reads; each means so many units of one SKU."""

    __tablename__ = "barcode"

    code: str = Field(primary_key=True)
    sku: str = Field(index=True)
    units: int

    __table_args__ = (CheckConstraint("units > 0", name="barcode_units_positive"),)


product = table_of(ProductRow)
barcode = table_of(BarcodeRow)


def save(products: Sequence[Product]) -> tuple[Write, ...]:
    """Add products or rename them; barcodes are added, and move to the SKU that names them last."""
    rows = [{"sku": p.sku, "title": p.title, "category": p.category, "brand": p.brand} for p in products]
    codes = [{"code": one.code, "sku": p.sku, "units": one.units} for p in products for one in p.barcodes]
    return (
        Write(upsert(product, ("sku",), ("title", "category", "brand")), rows),
        Write(upsert(barcode, ("code",), ("sku", "units")), codes),
    )


def save_barcode(sku: Sku, one: Barcode) -> Write:
    """Say what a code means, whatever it meant before."""
    return Write(upsert(barcode, ("code",), ("sku", "units")), {"code": one.code, "sku": sku, "units": one.units})


def forget_barcode(code: str) -> Write:
    """A code means nothing any more, as it is known or as it stands there."""
    return Write(delete(barcode).where(barcode.c.code.in_([known_as(code), code])))


def mention(rows: Sequence[tuple[Sku, str]]) -> Write:
    """Make SKUs known by (SKU, title) without renaming those already known."""
    named = [{"sku": s, "title": title, "category": "", "brand": ""} for s, title in rows]
    return Write(upsert(product, ("sku",), ()), named)


async def read_products(conn: AsyncConnection, skus: Sequence[Sku] | None = None) -> dict[Sku, Product]:
    """Products by SKU; all of them without `skus`."""
    codes: dict[str, list[Barcode]] = {}
    for row in await _rows(conn, select(barcode).order_by(barcode.c.code), barcode.c.sku, skus):
        codes.setdefault(row.sku, []).append(Barcode(row.code, row.units))
    return {
        Sku(row.sku): Product(Sku(row.sku), row.title, row.category, tuple(codes.get(row.sku, ())), row.brand)
        for row in await _rows(conn, select(product), product.c.sku, skus)
    }


async def read_kind(conn: AsyncConnection, categories: Collection[str], limit: int) -> list[Product]:
    """Products of some categories, at most `limit`; without their barcodes."""
    c = product.c
    wanted = select(product).where(c.category.in_(sorted(categories)), c.category != "").order_by(c.sku).limit(limit)
    rows = await conn.execute(wanted)
    return [Product(Sku(row.sku), row.title, row.category, brand=row.brand) for row in rows]


async def search_products(conn: AsyncConnection, text: str, limit: int) -> list[Product]:
    """Products whose SKU or title holds every word of a text, whatever the case; those that begin with it first.

    Looks through every product: some 40 ms for 100,000. Without their barcodes.
    """
    c = product.c
    words = text.split()[:WORDS_MAX]
    if not words:
        return []
    holds = [or_(c.title.icontains(word, autoescape=True), c.sku.icontains(word, autoescape=True)) for word in words]
    begins = or_(c.sku.istartswith(text, autoescape=True), c.title.istartswith(text, autoescape=True))
    statement = select(product).where(*holds).order_by(case((begins, 0), else_=1), c.title, c.sku).limit(limit)
    return [Product(Sku(row.sku), row.title, row.category, brand=row.brand) for row in await conn.execute(statement)]


async def _rows(
    conn: AsyncConnection, statement: Select[Any], owner: ColumnElement[str], skus: Sequence[Sku] | None
) -> list[Row[Any]]:
    """Rows of these SKUs, or all."""
    parts = [statement] if skus is None else [statement.where(owner.in_(part)) for part in chunks(skus)]
    return [row for part in parts for row in await conn.execute(part)]


_BARCODES = Prepared(select(barcode).where(among(barcode.c.code, name="codes")))
_ITSELF = Prepared(select(product.c.sku).where(product.c.sku == bindparam("sku")))


async def read_owners(conn: AsyncConnection, codes: Sequence[str]) -> dict[str, Coded]:
    """What these codes mean, as they are known; those that mean nothing are left out."""
    return {row["code"]: Coded(Sku(row["sku"]), row["units"]) for row in await _BARCODES.rows(conn, codes=codes)}


async def read_code(conn: AsyncConnection, code: str) -> Coded | None:
    """What a scanned code means: a barcode, a code kept under its plain text, or the SKU itself."""
    known = known_as(code)
    owners = await read_owners(conn, [known, code])
    if owners:
        return owners.get(known) or owners[code]
    itself = await _ITSELF.rows(conn, sku=code)
    return Coded(Sku(itself[0]["sku"])) if itself else None

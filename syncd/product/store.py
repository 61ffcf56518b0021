"""Products and their barcodes, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from syncd.db import chunks, table_of, upsert
from syncd.identity import Sku
from syncd.ledger.store import Write
from syncd.product.product import Product


class ProductRow(SQLModel, table=True):
    """What a SKU is called."""

    __tablename__ = "product"

    sku: str = Field(primary_key=True)
    title: str
    category: str


class BarcodeRow(SQLModel, table=True):
    """A code a scanner reads; each belongs to one SKU."""

    __tablename__ = "barcode"

    code: str = Field(primary_key=True)
    sku: str = Field(index=True)


product = table_of(ProductRow)
barcode = table_of(BarcodeRow)


def save(products: Sequence[Product]) -> tuple[Write, ...]:
    """Add products or rename them; barcodes are added, and move to the SKU that names them last."""
    rows = [{"sku": p.sku, "title": p.title, "category": p.category} for p in products]
    codes = [{"code": code, "sku": p.sku} for p in products for code in p.barcodes]
    return (
        Write(upsert(product, ("sku",), ("title", "category")), rows),
        Write(upsert(barcode, ("code",), ("sku",)), codes),
    )


def mention(rows: Sequence[tuple[Sku, str]]) -> Write:
    """Make SKUs known by (SKU, title) without renaming those already known."""
    return Write(upsert(product, ("sku",), ()), [{"sku": s, "title": title, "category": ""} for s, title in rows])


async def read_products(conn: AsyncConnection, skus: Sequence[Sku] | None = None) -> dict[Sku, Product]:
    """Products by SKU; all of them without `skus`."""
    codes: dict[str, list[str]] = {}
    for row in await _rows(conn, select(barcode).order_by(barcode.c.code), barcode.c.sku, skus):
        codes.setdefault(row.sku, []).append(row.code)
    return {
        Sku(row.sku): Product(Sku(row.sku), row.title, row.category, tuple(codes.get(row.sku, ())))
        for row in await _rows(conn, select(product), product.c.sku, skus)
    }


async def _rows(
    conn: AsyncConnection, statement: Select[Any], owner: ColumnElement[str], skus: Sequence[Sku] | None
) -> list[Row[Any]]:
    """Rows of these SKUs, or all."""
    parts = [statement] if skus is None else [statement.where(owner.in_(part)) for part in chunks(skus)]
    return [row for part in parts for row in await conn.execute(part)]


async def read_barcodes(conn: AsyncConnection) -> dict[str, Sku]:
    """Every barcode with the SKU it means."""
    statement = select(barcode.c.code, barcode.c.sku).order_by(barcode.c.code)
    return {code: Sku(sku) for code, sku in await conn.execute(statement)}


async def sku_of_code(conn: AsyncConnection, code: str) -> Sku | None:
    """The SKU a scanned code means: a barcode, or the SKU itself."""
    by_code = (await conn.execute(select(barcode.c.sku).where(barcode.c.code == code))).scalar_one_or_none()
    if by_code is not None:
        return Sku(by_code)
    itself = (await conn.execute(select(product.c.sku).where(product.c.sku == code))).scalar_one_or_none()
    return None if itself is None else Sku(itself)

